"""Finds intermediate tasks that share training data with a target, so that tables and figures can flag the cell."""

from collections.abc import Iterable, Mapping

from sweeper.tasks.spec import Rows, Task

Location = tuple[str, str | None, str, str]
"""Id, config, split and id prefix of rows, without the revision: another version has mostly the same rows."""


def shares_training_data(
    recipe_tasks: Iterable[str], target: Task, catalog: Mapping[str, Task], before: Iterable[str] = ()
) -> tuple[str, ...]:
    """The names in `recipe_tasks` whose training rows overlap with those of the target.

    Two tasks overlap if one contains the other or both contain a third (`contains`, at any depth), or if both read the
    same rows in any revision. `before` are tasks that the target is trained on before its own. A target that trains
    nothing overlaps with no task.
    """
    tasks = {**catalog, target.name: target}
    trained = [name for name in (*before, target.training_task) if name]
    target_tasks = frozenset[str]().union(*(_contained(name, tasks) for name in trained))
    target_locations = _locations(target_tasks, tasks)

    def overlaps(name: str) -> bool:
        contained = _contained(name, tasks)
        return bool(contained & target_tasks or _locations(contained, tasks) & target_locations)

    return tuple(filter(overlaps, dict.fromkeys(recipe_tasks)))


def _contained(name: str, tasks: Mapping[str, Task]) -> frozenset[str]:
    """The task and all tasks that it contains, at any depth; an unknown name contains only itself."""
    contained: set[str] = set()
    pending = [name]
    while pending:
        current = pending.pop()
        if current not in contained:  # two tasks may contain each other
            contained.add(current)
            pending.extend(tasks[current].contains if current in tasks else ())
    return frozenset(contained)


def _locations(names: Iterable[str], tasks: Mapping[str, Task]) -> frozenset[Location]:
    """Locations of the training rows of the named tasks."""
    trained_rows = (tasks[name].train.values() for name in names if name in tasks)
    return frozenset(_location(rows) for by_language in trained_rows for rows_list in by_language for rows in rows_list)


def _location(rows: Rows) -> Location:
    return rows.id, rows.config, rows.split, rows.id_prefix
