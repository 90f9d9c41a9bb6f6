"""The program: its commands, its exit codes, and messages instead of tracebacks."""

import sys
from itertools import pairwise
from typing import Annotated, Any

import typer

import sweeper
from sweeper.cli.align import align
from sweeper.cli.compare import compare
from sweeper.cli.dashboard import dashboard
from sweeper.cli.doctor import doctor
from sweeper.cli.export import export
from sweeper.cli.output import err, out, set_verbosity
from sweeper.cli.pace import pace
from sweeper.cli.plan import plan
from sweeper.cli.questions import questions
from sweeper.cli.report import report
from sweeper.cli.run import run
from sweeper.cli.show import show
from sweeper.cli.space import space
from sweeper.cli.spaces import spaces
from sweeper.cli.status import status
from sweeper.cli.submit import submit
from sweeper.cli.tasks import tasks
from sweeper.cli.trial import trial
from sweeper.errors import ExitCode, SweeperError, UserError

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

\b
Exit codes:
""" + "\n".join(f"  {code:<4} {code.meaning}" for code in ExitCode)

UsageError: Any = typer.BadParameter.__mro__[1]
"""Base class of typer's errors about options and arguments, which has no public name."""

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, help=HELP)
COMMANDS = {
    "Inspect": (spaces, space, tasks, show, align, plan, pace, status, trial),
    "Run": (doctor, run),
    "Read results": (report, questions, compare, dashboard, submit, export),
}
"""Group of the help -> its commands, in order."""
for _group, _commands in COMMANDS.items():
    for _command in _commands:
        app.command(rich_help_panel=_group)(_command)


def main() -> None:
    """Run the command line, and end the process with a code of ExitCode."""
    sys.exit(_exit_code())


def _exit_code() -> int:
    """Run a command, and print its error as one message without a traceback. Returns the exit code."""
    try:
        # An exit code if the command has raised typer.Exit, else the value that it returns, which is None.
        return int(app(standalone_mode=False) or ExitCode.SUCCESS)
    except SweeperError as error:
        _print_error(error)
        return error.exit_code
    except UsageError as error:
        return _usage_error(error)
    except OSError as error:
        _print_error(f"{error}. Check the path, its permissions, the free space and the connection.")
        return ExitCode.MACHINE_ERROR
    except (KeyboardInterrupt, typer.Abort):
        return ExitCode.INTERRUPTED


def _usage_error(error: Any) -> int:
    """Print a mistake in the options and arguments, and where to read about them."""
    if type(error).__name__ == "NoArgsIsHelpError":  # its message is the whole help
        error.show()
        return ExitCode.USER_ERROR
    _print_error(f"{error.format_message()}{_given_value(error)}")
    if error.ctx is not None:
        err.print(f"Help: {error.ctx.command_path} --help", markup=False, highlight=False)
    return ExitCode.USER_ERROR


def _given_value(error: Any) -> str:
    """The value of an option that is not valid: the message of its type does not always contain it."""
    names = getattr(getattr(error, "param", None), "opts", ())
    values = (value for name, value in pairwise(sys.argv) if name in names)
    return next((f", got {value!r}." for value in values), "")


def _print_error(message: object) -> None:
    err.print(f"error: {message}", markup=False, highlight=False)


def _print_version(is_requested: bool) -> None:
    if is_requested:
        out.print(f"sweeper {sweeper.__version__}", highlight=False)
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
    verbose: Annotated[
        bool, typer.Option("-v", "--verbose", help="Print log messages to stderr; debug messages in logs of trials.")
    ] = False,
    quiet: Annotated[
        bool, typer.Option("-q", "--quiet", help="Print only warnings, failures and the summary of a sweep.")
    ] = False,
) -> None:
    """Options of the program itself."""
    if verbose and quiet:
        raise UserError("-v prints more and -q prints less: use only one of them.")
    set_verbosity(verbose=verbose, quiet=quiet)
