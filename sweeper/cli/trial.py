"""`sweeper trial`: one trial of a run."""

from typing import Annotated

import typer

from sweeper.cli.arguments import Mirror, RunFolder
from sweeper.cli.output import out


def trial(
    run_folder: RunFolder,
    key: Annotated[str, typer.Argument(help="Key of a training record, or its first digits.", metavar="KEY")],
    mirror: Mirror = None,
) -> None:
    """Repeat one recorded trial in this process, for a debugger, and compare it with the ledger. Changes nothing."""
    from sweeper.training.again import run_again

    comparison = run_again(run_folder, key, mirror)
    for line in comparison.lines:
        out.print(line, markup=False)
    raise typer.Exit(0 if comparison.same else 1)
