"""Arguments that several commands have."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sweeper.cli.output import err
from sweeper.errors import UserError, unknown

if TYPE_CHECKING:
    from sweeper.plan.budget import Budget
    from sweeper.plan.only import Only
    from sweeper.run.run import Run
    from sweeper.space import Space

SpaceName = Annotated[
    str,
    typer.Argument(
        help="A shipped space, a Python file with SPACE, or a run folder (a shipped name wins).", metavar="SPACE"
    ),
]
RunFolder = Annotated[str, typer.Argument(help="Run folder, a path or a URL such as s3://...", metavar="RUN")]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Change a value: seeds=3, targets.xnli.training.epochs=2 ... `sweeper space` shows the keys. Repeatable.",
    ),
]
Mirror = Annotated[
    str | None,
    typer.Option(
        metavar="DIR", envvar="SWEEPER_MIRROR", help="Folder with downloads from the Hub: datasets/ID and models/ID."
    ),
]
OtherMirror = Annotated[
    str | None, typer.Option("--mirror", metavar="DIR", help="Mirror to read instead of that of the run.")
]
"""Without an environment variable, which must not change the data of a finished trial."""
Store = Annotated[
    str | None,
    typer.Option(metavar="DIR", envvar="SWEEPER_STORE", help="Encoder store that several sweeps share (RUN)."),
]
Cache = Annotated[
    str | None,
    typer.Option(
        metavar="DIR", envvar="SWEEPER_CACHE", help="Local folder of each node for tokenised data (RUN/cache)."
    ),
]
OnlyParts = Annotated[
    list[str] | None,
    typer.Option(
        "--only",
        metavar="KEY=NAME,...",
        help="Run this part of the space first: recipes, targets, models or seeds. Can be repeated.",
    ),
]
BudgetText = Annotated[
    str | None,
    typer.Option(
        "--budget",
        metavar="N",
        help="Run only what N trainings of the chosen part pay for, or 2e9tokens of training: the baseline first, then "
        "one seed of each cell, a second one, and further seeds where selection values vary most.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def changed_space(name: str, settings: list[str] | None) -> "Space":
    """The space of that name, file or run folder, with the values of `--set`."""
    from sweeper import search_spaces
    from sweeper.space.settings import apply_settings

    run = run_of(name)
    chosen = run.space if run else search_spaces.load_space(name)
    return apply_settings(chosen, settings or [], partial(err.print, markup=False, highlight=False))


def part_of(space: "Space", texts: list[str] | None) -> "Only":
    """The part of a space that `--only` selects."""
    from sweeper.plan.only import parse_only

    return parse_only(texts or (), space)


def budget_of(text: str | None) -> "Budget | None":
    """The budget of `--budget`."""
    from sweeper.plan.budget import parse_budget

    return parse_budget(text) if text is not None else None


def run_of(name: str) -> "Run | None":
    """The run folder that an argument SPACE names, by itself or by its space.json; None for other spaces."""
    from sweeper import search_spaces
    from sweeper.run.run import Run

    # A shipped space has priority over a folder of its name.
    if name in search_spaces.shipped():
        return None
    run, path = Run.named(name), Path(name)
    is_question = path.parts[:1] == (search_spaces.QUESTIONS,) and not path.parent.is_dir()
    if run is None and not is_question and path.name != name and path.suffix != ".py" and not path.is_file():
        folders = sorted(str(folder) for folder in path.parent.glob("*/") if folder.is_dir())
        raise UserError(f"{unknown('run folder or file', name, folders)} (Looked up in {Path.cwd()}.)")
    return run


def typed_values(context: typer.Context) -> dict[str, Any]:
    """Name -> value of each option that the command line has, without defaults and environment variables."""
    return _values_from(context, "COMMANDLINE")


def variable_values(context: typer.Context) -> dict[str, Any]:
    """Name -> value of each option that an environment variable has, unless the option is typed."""
    return _values_from(context, "ENVIRONMENT")


def _values_from(context: typer.Context, source: str) -> dict[str, Any]:
    # By the name of the source: typer contains its own copy of click's enumeration.
    sources = {name: context.get_parameter_source(name) for name in context.params}
    return {name: value for name, value in context.params.items() if getattr(sources[name], "name", "") == source}


def default_run(space: "Space") -> str:
    """The run folder of a space without `--out`."""
    return f"runs/{space.name}"
