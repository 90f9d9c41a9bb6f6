"""`sweeper compare`: the same cells of two runs or models."""

from typing import Annotated

import typer

from sweeper.cli.output import out


def compare(
    runs: Annotated[list[str], typer.Argument(help="Two run folders, or one with two models.", metavar="RUN...")],
    models: Annotated[
        list[str] | None,
        typer.Option("--model", metavar="MODEL", help="Model to compare; give it twice for two models."),
    ] = None,
    file: Annotated[str | None, typer.Option("--out", metavar="FILE", help="CSV file to write.")] = None,
) -> None:
    """Compare the same cells of two runs or models."""
    from sweeper import analysis

    # Without markup: names can contain brackets, which rich would read as styles.
    out.print(analysis.compare_runs(runs, models or (), file), markup=False, highlight=False, soft_wrap=True)
