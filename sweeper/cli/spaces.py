"""`sweeper spaces`: the spaces of the package. `sweeper space`: the values of one space, with their paths."""

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich import box
from rich.markup import escape
from rich.table import Table

from sweeper.cli.arguments import AsJson, Settings, SpaceName, changed_space
from sweeper.cli.output import out, print_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sweeper.space import Space
    from sweeper.space.paths import Leaf


def spaces(as_json: AsJson = False) -> None:
    """List the shipped spaces: their size, and what they need."""
    from sweeper import search_spaces

    facts = [_facts(search_spaces.load_space(name)) for name in search_spaces.shipped()]
    if as_json:
        print_json(facts)
        return
    table = Table("space", "models", "recipes x targets", "seeds", "needs", "title", box=box.SIMPLE_HEAD)
    for fact in facts:
        size = f"{fact['recipes']} x {fact['targets']}"
        texts = (fact["name"], ", ".join(fact["models"]), size, str(fact["seeds"]), fact["needs"], fact["title"])
        table.add_row(*map(escape, texts))
    out.print(table)
    out.print("`sweeper space SPACE` shows the values of a space, `sweeper plan SPACE` its trials.", highlight=False)


def space(
    name: SpaceName,
    path: Annotated[
        str, typer.Argument(metavar="PATH", help="Show only values below this path, such as targets.xnli.training.")
    ] = "",
    setting: Settings = None,
    as_json: AsJson = False,
) -> None:
    """Show the values of a space, in the form that --set accepts."""
    from sweeper.space import Space
    from sweeper.space.paths import Leaf, matches

    chosen = changed_space(name, setting)
    found = list(matches(Leaf("", chosen, Space), path))
    if as_json:
        from sweeper.files.serialize import plain

        print_json({leaf.path: plain(leaf.value) for leaf in found} if path else plain(chosen))
        return
    for leaf in found:
        for line in _lines(leaf, is_overview=not path):
            out.print(line, markup=False, highlight=False)
    if not path:
        tasks = f"{len(chosen.tasks)} tasks of its own (path tasks) and " if chosen.tasks else ""
        out.print(
            f"\nLeft out: {tasks}values at their defaults. `sweeper space {name} PATH` shows all values below a path; "
            "in a path, * means all items.",
            markup=False,
            highlight=False,
        )


def _lines(leaf: "Leaf", *, is_overview: bool) -> "Iterator[str]":
    """`PATH = VALUE` for every value below a leaf. An overview leaves out defaults, and tasks, which are long."""
    from sweeper.space.paths import leaves
    from sweeper.space.texts import write_text

    for inner in leaves(leaf, with_defaults=not is_overview):
        first, _, rest = inner.path.partition(".")
        if not (is_overview and first == "tasks" and rest):
            yield f"{inner.path} = {write_text(inner.value, inner.hint, inner.path.rpartition('.')[2])}"


def _facts(chosen: "Space") -> dict[str, Any]:
    return {
        "name": chosen.name,
        "title": chosen.title,
        "models": [model.name for model in chosen.models],
        "recipes": len(chosen.recipes),
        "targets": len(chosen.targets),
        "seeds": len(chosen.seeds),
        "needs": ", ".join(_needs(chosen)),
    }


def _needs(chosen: "Space") -> "Iterator[str]":
    """What a space needs besides the package."""
    from sweeper.space import APERTIUM, tasks_of
    from sweeper.tasks.spec import LOCAL_PREFIX

    if any(model.resources.gpus for model in chosen.models):
        yield "a GPU"
    if chosen.world:
        yield "no data (synthetic world)"
        return
    yield "the Hub or a mirror"
    # An id without a namespace is a folder, or a model of a mirror.
    yield from (f"the encoder {model.id}" for model in chosen.models if "/" not in model.id)
    stages = [stage for recipe in chosen.recipes for stage in recipe.stages]
    names = {*tasks_of(stages), *(name for target in chosen.targets for name in chosen.trained_tasks(target))}
    tasks = [chosen.task(name) for name in (*names, *(target.task for target in chosen.targets))]
    by_language = [rows for task in tasks for rows in (task.train, task.dev, task.test)]
    ids = {rows.id for languages in by_language for rows_list in languages.values() for rows in rows_list}
    yield from sorted(id_ for id_ in ids if id_.startswith(LOCAL_PREFIX))
    if any(stage.translation and stage.translation.by == APERTIUM for stage in stages):
        yield "Apertium"
