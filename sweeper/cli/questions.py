"""`sweeper questions`: the planned comparisons of a run, a page for each family."""

from typing import Annotated

import typer

from sweeper.cli.arguments import RunFolder
from sweeper.cli.output import out


def questions(
    run_folder: RunFolder,
    folder: Annotated[
        str | None,
        typer.Option("--out", metavar="DIR", help="Folder to write (RUN/questions)."),
    ] = None,
) -> None:
    """Write a page for each family of contrasts of the space, and one about difficulty if it has `null_twins`."""
    from sweeper import analysis

    for path in analysis.write_questions(run_folder, folder):
        out.print(str(path), markup=False, highlight=False, soft_wrap=True)
