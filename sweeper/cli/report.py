"""`sweeper report`: the results of a run as a report."""

from typing import Annotated

import typer

from sweeper.cli.arguments import RunFolder
from sweeper.cli.output import err, out


def report(
    run_folder: RunFolder,
    folder: Annotated[
        str | None,
        typer.Option("--out", metavar="DIR", help="Folder to write (RUN/report, or RUN/report-against-RECIPE)."),
    ] = None,
    against: Annotated[
        str, typer.Option(metavar="RECIPE", help="Recipe that gains are measured against (the baseline).")
    ] = "",
    order: Annotated[
        str,
        typer.Option(
            metavar="ORDER",
            help="Order of the heatmap (`given`, or `clustered` by similar gains), of the languages (by `family` or "
            "`distance` from English), or both: `clustered,distance`.",
        ),
    ] = "given",
) -> None:
    """Write report.html, report.md, figures, CSV and LaTeX tables."""
    from sweeper import analysis

    written = analysis.write_report(run_folder, folder, against, order)
    for warning in written.warnings:
        err.print(warning, markup=False)
    if written.cost:
        err.print(written.cost, markup=False)
    # Without markup: findings contain names in brackets, which rich would read as styles.
    for number, finding in enumerate(written.findings, 1):
        out.print(f"{number}. {finding}", markup=False)
    out.print(f"Report: {written.path}", markup=False)
