"""`sweeper space`: the values of a space, with their paths."""

from typing import TYPE_CHECKING, Annotated

import typer

from sweeper.cli.arguments import AsJson, Settings, SpaceName, changed_space
from sweeper.cli.output import out, print_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sweeper.space.paths import Leaf


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
