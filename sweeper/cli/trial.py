"""`sweeper trial`: one trial of a run."""

from typing import Annotated

import typer

from sweeper.cli.arguments import AsJson, OtherMirror, RunFolder
from sweeper.cli.output import out, print_json
from sweeper.errors import ExitCode, UserError


def trial(
    run_folder: RunFolder,
    name: Annotated[
        str,
        typer.Argument(help="Name such as 'mnli -> xnli/seed 1', with or without the model, or key.", metavar="TRIAL"),
    ],
    again: Annotated[
        bool, typer.Option("--again", help="Repeat the trial in this process and compare it with the ledger.")
    ] = False,
    mirror: OtherMirror = None,
    as_json: AsJson = False,
) -> None:
    """Show settings, curves, scores, times, log and traceback of one trial.

    Changes nothing, except that --again stores encoders that the run has lost.
    """
    from sweeper.plan.inspect import view_trial
    from sweeper.plan.trial_tables import trial_tables
    from sweeper.run.run import Run

    view = view_trial(Run.open(run_folder), name)
    if again:
        if view.trial.record is None:
            raise UserError(f"{name!r} has no record to compare with: its state is {view.state!r}.")
        _repeat(run_folder, view.trial.key, mirror)
    elif as_json:
        print_json(view.as_json())
    else:
        for table in trial_tables(view):
            out.print(table)


def _repeat(run_folder: str, key: str, mirror: str | None) -> None:
    from sweeper.training.again import run_again

    comparison = run_again(run_folder, key, mirror)
    for line in comparison.lines:
        out.print(line, markup=False)
    raise typer.Exit(0 if comparison.same else ExitCode.FAILED_TRIALS)
