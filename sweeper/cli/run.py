"""`sweeper run`: a sweep, and the summary of its end."""

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from sweeper.cli.arguments import (
    BudgetText,
    Cache,
    Mirror,
    OnlyParts,
    Settings,
    SpaceName,
    Store,
    budget_of,
    changed_space,
    part_of,
    run_of,
)
from sweeper.cli.options import run_options
from sweeper.cli.output import out, verbosity
from sweeper.errors import ExitCode, MachineError

if TYPE_CHECKING:
    from sweeper.space import Space
    from sweeper.tuning.halt import Halt
    from sweeper.tuning.options import Options
    from sweeper.tuning.sweep import SweepResult

MAX_LISTED = 20
"""Trials that the summary of a sweep lists for each kind of failure."""


Folder = Annotated[
    str | None, typer.Option("--out", metavar="RUN", help="Run folder, a path or s3://... (runs/SPACE).")
]
NumWorkers = Annotated[
    int | None, typer.Option(min=1, help="Trials at a time (as many as usable CPUs and GPUs allow).")
]
Cpus = Annotated[float | None, typer.Option(help="CPUs of one trial.")]
Gpus = Annotated[float | None, typer.Option(help="GPUs of one trial, up to 1; 0.5 shares a GPU.")]
Address = Annotated[str, typer.Option(help="`local`; on a Ray cluster `auto` or HOST:PORT.")]
Nice = Annotated[
    int, typer.Option(min=0, max=19, help="Nice level of local trials; a high one leaves CPUs to other programs.")
]
CheckpointSeconds = Annotated[float, typer.Option(min=0, help="Seconds between two checkpoints of a training.")]
PatienceMinutes = Annotated[
    float,
    typer.Option(
        min=0,
        metavar="MINUTES",
        help="Time in which a remote store that cannot be reached is tried again; then the sweep stops.",
    ),
]
RetryFailed = Annotated[
    bool,
    typer.Option(
        help="Run trials again that failed because memory was short or because their worker died three times. "
        "Other failures, such as a loss that is not finite, would repeat and are kept."
    ),
]
TrackerNames = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", help="wandb, mlflow, tensorboard, trackio or MODULE:CLASS. Can be repeated."),
]


def run(
    context: typer.Context,
    space: SpaceName,
    mirror: Mirror = None,
    run_folder: Folder = None,
    setting: Settings = None,
    only: OnlyParts = None,
    budget: BudgetText = None,
    store: Store = None,
    cache: Cache = None,
    workers: NumWorkers = None,
    cpus_per_trial: Cpus = None,
    gpus_per_trial: Gpus = None,
    address: Address = "local",
    nice: Nice = 0,
    checkpoint_every: CheckpointSeconds = 60.0,
    store_patience: PatienceMinutes = 1.0,
    retry_failed: RetryFailed = False,
    tracker: TrackerNames = None,
) -> None:
    """Run a space, or continue a run folder with the options that it was run with. The same command resumes it."""
    # First of all: the other imports take seconds, in which a stop request would have no message.
    from sweeper.tuning.halt import STOPPED, halting, leave
    from sweeper.tuning.output import tolerant_output

    with tolerant_output(), halting() as halt:
        try:
            chosen = changed_space(space, setting)
            options, messages = run_options(context, chosen, run_of(space))
            for message in messages if not verbosity.quiet else ():
                out.print(message, markup=False, highlight=False)
            options = replace(options, only=part_of(chosen, only), budget=budget_of(budget))
            options = replace(options, verbose=verbosity.verbose, quiet=verbosity.quiet)
            result = _checked_run(chosen, options, halt)
            _print_summary(result, options)
        except BaseException:
            if not halt.requested:
                raise
            out.print(STOPPED)
            leave(ExitCode.INTERRUPTED)
        if halt.requested:
            leave(result.exit_code)
    raise typer.Exit(result.exit_code)


def _checked_run(space: "Space", options: "Options", halt: "Halt") -> "SweepResult":
    """Run a space after quick checks of its options, which come before the imports that take seconds."""
    from sweeper.tuning.precheck import check_run
    from sweeper.tuning.trackers.table import check_tracker

    for tracker in options.trackers:
        check_tracker(tracker)
    check_run(space, options)
    # A path on the driver can be a different folder, or none, on another machine.
    if not options.workers.is_local and "://" not in options.run:
        out.print(
            f"All machines of the cluster must reach {options.run} at this path (NFS). Otherwise use --out s3://..."
        )
    from sweeper.tuning.sweep import run_sweep

    try:
        return run_sweep(space, options, out, halt)
    except OSError as error:
        raise MachineError(
            f"{error}. Finished trials are in the ledger of {options.run}; the same command continues."
        ) from error


def _print_summary(result: "SweepResult", options: "Options") -> None:
    limits = [str(limit) for limit in (options.only if options.only.names else None, options.budget) if limit]
    folder, part = options.run, f" of {' '.join(limits)}" if limits else ""
    counts = f"{result.num_done} of {result.num_slots} trials{part}"
    out.print(f"{counts} are in the ledger of {folder}.", markup=False, highlight=False)
    failures = (("failed", result.failed), ("lost to machine failures", result.lost), ("blocked", result.blocked))
    for title, reasons in failures:
        if reasons:
            out.print(f"{len(reasons)} {title}:")
        for name, reason in list(reasons.items())[:MAX_LISTED]:
            out.print(f"  {name}: {reason}", markup=False)
        if len(reasons) > MAX_LISTED:
            out.print(f"  and {len(reasons) - MAX_LISTED} more (sweeper status {folder})")
    if result.fatal:
        out.print(
            f"Stopped: {result.fatal}. Remove the cause (a full disk: free some space; a store: its connection; "
            "another `sweeper run`: wait for its end); the same command continues.",
            markup=False,
        )
    if result.interrupted:
        from sweeper.tuning.halt import STOPPED

        out.print(STOPPED)
    elif result.lost:
        out.print("The same command tries the lost trials again.")
    if result.exit_code == ExitCode.SUCCESS:
        command = f"run {folder}, which runs the rest" if part else f"report {folder}"
        out.print(f"Next: sweeper {command}", markup=False)
