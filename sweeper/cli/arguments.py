"""Arguments that several commands have."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sweeper.space import Space

SpaceName = Annotated[str, typer.Argument(help="A shipped space, or a Python file with SPACE.", metavar="SPACE")]
RunFolder = Annotated[str, typer.Argument(help="Run folder, a path or a URL such as s3://...", metavar="RUN")]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change the space: seeds=3, trials=4 ... Can be repeated."),
]
Mirror = Annotated[
    str | None, typer.Option(metavar="DIR", help="Folder with downloads from the Hub: datasets/ID and models/ID.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def changed_space(name: str, settings: list[str] | None) -> "Space":
    """The space of that name or file, with the values of `--set`."""
    from sweeper import search_spaces
    from sweeper.space.settings import apply_settings

    return apply_settings(search_spaces.load_space(name), settings or [])


def default_run(space: "Space") -> str:
    """The run folder of a space without `--out`."""
    return f"runs/{space.name}"
