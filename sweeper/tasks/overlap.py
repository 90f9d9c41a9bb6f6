"""Which intermediate tasks repeat a target's own training data, so that tables and figures can flag the cell."""

from collections.abc import Iterable, Mapping

from sweeper.tasks.spec import Rows, Task

Place = tuple[str, str | None, str, str]


def shares_training_data(
    recipe_tasks: Iterable[str], target: Task, catalog: Mapping[str, Task], before: Iterable[str] = ()
) -> tuple[str, ...]:
    """Names among `recipe_tasks` whose training rows are, at least in part, those that the target is trained on.

    Two tasks share when one stands in the other's `contains`, at any depth, or when both name the same rows
    (revisions aside). `before` are tasks that the target is trained on before its own. A target that trains nothing
    shares nothing.
    """
    known = {**catalog, target.name: target}
    trained = [name for name in (*before, target.training_task) if name]
    own = frozenset[str]().union(*(_contained(name, known) for name in trained))
    own_places = _places(own, known)
    return tuple(name for name in dict.fromkeys(recipe_tasks) if _meets(name, own, own_places, known))


def _meets(name: str, own: frozenset[str], own_places: frozenset[Place], known: Mapping[str, Task]) -> bool:
    inside = _contained(name, known)
    return bool(inside & own) or bool(_places(inside, known) & own_places)


def _contained(name: str, known: Mapping[str, Task]) -> frozenset[str]:
    """The task and all that it contains, transitively; a name that nobody knows contains only itself."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        current = waiting.pop()
        if current not in found:
            found.add(current)
            waiting.extend(known[current].contains if current in known else ())
    return frozenset(found)


def _places(names: Iterable[str], known: Mapping[str, Task]) -> frozenset[Place]:
    tasks = (known[name] for name in names if name in known)
    return frozenset(_place(rows) for task in tasks for several in task.train.values() for rows in several)


def _place(rows: Rows) -> Place:
    return rows.id, rows.config, rows.split, rows.id_prefix
