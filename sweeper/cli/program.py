"""The program: its commands, its exit codes, and messages instead of tracebacks."""

import sys
from typing import Annotated

import typer

import sweeper
from sweeper.cli.export import export
from sweeper.cli.output import err, out
from sweeper.cli.plan import plan
from sweeper.cli.report import report
from sweeper.cli.run import run
from sweeper.cli.status import status
from sweeper.cli.submit import submit
from sweeper.cli.tasks import tasks
from sweeper.cli.trial import trial
from sweeper.errors import SweeperError

HELP = """Find out which intermediate training helps which target task, in which languages.

A SPACE names the encoders, the recipes (rows of the matrix), the target tasks
(columns), the seeds and the searched hyperparameters. `sweeper run` trains and
scores every cell, on a laptop or on a cluster. `sweeper report` turns the
results into matrices, heatmaps and correlations.

\b
Examples:
  sweeper plan xtreme        show the trainings of a space, without data
  sweeper run demo           run the demo, or resume it
  sweeper report runs/demo   write the report to runs/demo/report
"""

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, help=HELP)
COMMANDS = {
    "Inspect": (tasks, plan, status, trial),
    "Run": (run,),
    "Read results": (report, submit, export),
}
"""Group of the help -> its commands, in order."""
for _group, _commands in COMMANDS.items():
    for _command in _commands:
        app.command(rich_help_panel=_group)(_command)


def main() -> None:
    """Run the command line.

    Exit codes: 0 success, 1 some trials failed or files could not be read or written, 2 the user's mistake, 130 stopped
    by Ctrl-C, SIGTERM or SIGHUP.
    """
    try:
        app()
    except SweeperError as error:
        # Without a traceback: the message names the value that is wrong and the remedy.
        err.print(f"error: {error}", markup=False, highlight=False)
        sys.exit(2)
    except OSError as error:
        err.print(
            f"error: {error}. Finished trials of a sweep are safe in the ledger; the same command continues it.",
            markup=False,
        )
        sys.exit(1)


def _print_version(is_requested: bool) -> None:
    if is_requested:
        out.print(f"sweeper {sweeper.__version__}", highlight=False)
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Options of the program itself."""
