"""`sweeper spaces`: the spaces of the package."""

from typing import TYPE_CHECKING, Any

from rich import box
from rich.markup import escape
from rich.table import Table

from sweeper.cli.arguments import AsJson
from sweeper.cli.output import out, print_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sweeper.space import Space


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
    from sweeper.space import APERTIUM
    from sweeper.tasks.spec import LOCAL_PREFIX

    if any(model.resources.gpus for model in chosen.models):
        yield "a GPU"
    if chosen.world:
        yield "no data (synthetic world)"
        return
    yield "the Hub or a mirror"
    # An id without a namespace is a folder, or a model of a mirror.
    yield from (f"the encoder {model.id}" for model in chosen.models if "/" not in model.id)
    tasks = map(chosen.task, chosen.read_tasks)
    by_language = [rows for task in tasks for rows in (task.train, task.dev, task.test)]
    ids = {rows.id for languages in by_language for rows_list in languages.values() for rows in rows_list}
    yield from sorted(id_ for id_ in ids if id_.startswith(LOCAL_PREFIX))
    if any(stage.translation and stage.translation.by == APERTIUM for stage in chosen.stages):
        yield "Apertium"
