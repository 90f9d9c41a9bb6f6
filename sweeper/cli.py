"""The command line: arguments become function calls, results become output, errors become messages and exit codes."""

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

import sweeper
from sweeper.errors import SweeperError, unknown

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sweeper.space import Space
    from sweeper.tasks.spec import RowsByLanguage, Split, Task
    from sweeper.tuning.sweep import SweepResult

# The commands import the project themselves, so that `sweeper --help` does not wait for pandas, torch or ray.

SPLITS: "tuple[Split, ...]" = ("train", "dev", "test")
PIPE_WIDTH = 160
"""Columns of output that goes to a file or a pipe, where rich would assume 80 and fold long names."""
MAX_LISTED = 20
"""Trials that the summary of a sweep lists for each kind of failure."""

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

INSPECT, RUN, READ = "Inspect", "Run", "Read results"
app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, help=HELP)
out = Console(soft_wrap=True, width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else PIPE_WIDTH)
err = Console(stderr=True, soft_wrap=True)

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


@app.command(rich_help_panel=INSPECT)
def tasks(
    name: Annotated[str | None, typer.Argument(help="Show everything about one task.", metavar="TASK")] = None,
    licences: Annotated[bool, typer.Option("--licences", help="Show the licence of each task's data instead.")] = False,
) -> None:
    """List the tasks with format, metric, languages and data set, or show one task."""
    from sweeper.tasks.catalog import CATALOG

    if name is not None:
        if name not in CATALOG:
            raise unknown("task", name, CATALOG)
        out.print(_task_facts(CATALOG[name]))
    else:
        out.print(_licence_table(CATALOG.values()) if licences else _task_table(CATALOG.values()))
        out.print("`sweeper tasks TASK` shows splits, columns, labels and notes of one task.")


def _task_table(catalog: "Iterable[Task]") -> Table:
    from sweeper.scoring.scorers import SCORERS

    table = Table("task", "format", "metric", "languages", "data set", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for task in catalog:
        metric = SCORERS[task.scorer].main
        first, *rest = _repositories(task)
        table.add_row(
            task.name,
            task.format,
            metric,
            str(len(task.test or task.dev or task.train)),
            f"{first} +{len(rest)}" if rest else first,
        )
    return table


def _licence_table(catalog: "Iterable[Task]") -> Table:
    table = Table("task", "licence", box=box.SIMPLE_HEAD)
    for task in catalog:
        table.add_row(task.name, escape(task.licence))
    return table


def _repositories(task: "Task") -> list[str]:
    # Splits and languages of one repository share its id; it is listed once, in the order of the splits.
    ids = (rows.id for split in SPLITS for rows_list in task.rows(split).values() for rows in rows_list)
    return list(dict.fromkeys(ids))


def _task_facts(task: "Task") -> Table:
    facts = {"title": task.title, "group": task.group, "format": task.format, "scorer": task.scorer}
    facts |= {"trains on": task.training_task or "nothing", "published training examples": f"{task.train_size:,}"}
    facts |= {split: _languages(task.rows(split)) for split in SPLITS}
    facts |= {"labels": " ".join(task.labels), "licence": task.licence, "note": task.note}
    facts |= {f"column of {field}": str(column) for field, column in task.columns.items()}
    facts |= {"contains the data of": ", ".join(task.contains), "data sets": ", ".join(_repositories(task))}
    table = Table.grid(padding=(0, 2))
    for title, text in facts.items():
        if text:
            table.add_row(title, escape(text))
    return table


def _languages(rows_by_language: "RowsByLanguage") -> str:
    if not rows_by_language:
        return ""
    first_language, first = next(iter(rows_by_language.items()))
    sources = ", ".join(f"{rows.id} {rows.config or ''} [{rows.split}]" for rows in first)
    plural = "s" if len(rows_by_language) > 1 else ""
    return f"{len(rows_by_language)} language{plural} ({' '.join(rows_by_language)}); {first_language}: {sources}"


@app.command(rich_help_panel=INSPECT)
def plan(
    space: SpaceName,
    mirror: Mirror = None,
    setting: Settings = None,
    run_folder: Annotated[
        str | None,
        typer.Option("--out", metavar="RUN", help="Run folder; its finished trials are not counted (runs/SPACE)."),
    ] = None,
    workers: Annotated[int, typer.Option(help="Trials at a time.")] = 2,
    throughput: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[MODEL=]N", help="Training tokens per second of one worker, for estimates in hours. Repeatable."
        ),
    ] = None,
    throughput_of: Annotated[
        str, typer.Option(metavar="RUN", help="Run folder in which the tokens per second of each model were measured.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Show the trials of a space, their order and their cost, without training. Needs no data."""
    from sweeper.plan.forecast import forecast
    from sweeper.plan.pace import Pace, parse_throughputs
    from sweeper.plan.tables import forecast_tables

    chosen = _load_space(space, setting)
    pace = Pace(workers=workers, throughputs=parse_throughputs(throughput or ()), measured_in=throughput_of)
    prediction = forecast(chosen, mirror=mirror, run=run_folder or _default_run(chosen), pace=pace)
    if as_json:
        _print_json(prediction.as_json())
    else:
        for table in forecast_tables(prediction):
            out.print(table)


@app.command(rich_help_panel=RUN)
def run(
    space: SpaceName,
    mirror: Mirror = None,
    run_folder: Annotated[
        str | None, typer.Option("--out", metavar="RUN", help="Run folder, a path or s3://... (runs/SPACE).")
    ] = None,
    setting: Settings = None,
    store: Annotated[
        str | None, typer.Option(metavar="DIR", help="Encoder store that several sweeps share (RUN).")
    ] = None,
    cache: Annotated[
        str | None, typer.Option(metavar="DIR", help="Local folder of each node for tokenised data (RUN/cache).")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Trials at a time (as many as usable CPUs and GPUs allow).")
    ] = None,
    cpus_per_trial: Annotated[float | None, typer.Option(help="CPUs of one trial.")] = None,
    gpus_per_trial: Annotated[float | None, typer.Option(help="GPUs of one trial, up to 1; 0.5 shares a GPU.")] = None,
    address: Annotated[str, typer.Option(help="`local`; on a Ray cluster `auto` or HOST:PORT.")] = "local",
    nice: Annotated[
        int, typer.Option(min=0, max=19, help="Nice level of local trials; a high one leaves CPUs to other programs.")
    ] = 0,
    checkpoint_every: Annotated[float, typer.Option(help="Seconds between two checkpoints of a training.")] = 60.0,
) -> None:
    """Run a space. The same command resumes it."""
    # First of all: the other imports take seconds, in which a stop request would have no message.
    from sweeper.tuning.halt import EXIT_CODE, STOPPED, halting, leave
    from sweeper.tuning.output import tolerant_output

    with tolerant_output(), halting() as halt:
        try:
            from sweeper.plan.specs import ResourceOverrides
            from sweeper.tuning.connect import Workers
            from sweeper.tuning.sweep import Options, run_sweep

            chosen = _load_space(space, setting)
            folder = run_folder or _default_run(chosen)
            # A path on the driver can be a different folder, or none, on another machine.
            if address != "local" and "://" not in folder:
                out.print(
                    f"All machines of the cluster must reach {folder} at this path (NFS). Otherwise use --out s3://..."
                )
            sweep_options = Options(
                run=folder,
                mirror=mirror,
                store=store,
                cache=cache,
                workers=Workers(num=workers, address=address, nice=nice),
                resources=ResourceOverrides(cpus=cpus_per_trial, gpus=gpus_per_trial),
                checkpoint_every=checkpoint_every,
            )
            result = run_sweep(chosen, sweep_options, out, halt)
            _print_summary(result, folder)
        except BaseException:
            if not halt.requested:
                raise
            out.print(STOPPED)
            leave(EXIT_CODE)
        if halt.requested:
            leave(result.exit_code)
    raise typer.Exit(result.exit_code)


@app.command(rich_help_panel=INSPECT)
def status(run_folder: RunFolder, as_json: AsJson = False) -> None:
    """Show how many trials of a run have finished and which have failed."""
    from sweeper.plan.status import status_of
    from sweeper.plan.tables import status_tables

    progress = status_of(run_folder)
    if as_json:
        _print_json(progress.as_json())
    else:
        for table in status_tables(progress):
            out.print(table)


@app.command(rich_help_panel=READ)
def report(
    run_folder: RunFolder,
    folder: Annotated[
        str | None,
        typer.Option("--out", metavar="DIR", help="Folder to write (RUN/report)."),
    ] = None,
    against: Annotated[
        str, typer.Option(metavar="RECIPE", help="Recipe that gains are measured against (the baseline).")
    ] = "",
) -> None:
    """Write matrices, heatmaps, correlations and a report."""
    from sweeper import analysis

    written = analysis.write_report(run_folder, folder, against)
    # Without markup: findings contain names in brackets, which rich would read as styles.
    for number, finding in enumerate(written.findings, 1):
        out.print(f"{number}. {finding}", markup=False)
    out.print(f"Report: {written.path}", markup=False)


@app.command(rich_help_panel=READ)
def submit(
    run_folder: RunFolder,
    best_per_target: Annotated[
        bool,
        typer.Option("--best-per-target", help="Use the best recipe of each target by English selection data."),
    ] = False,
    recipe: Annotated[str, typer.Option(help="Use this recipe for all targets.")] = "",
    targets: Annotated[str, typer.Option(help="Targets to include, comma-separated (all of the benchmark).")] = "",
    benchmark: Annotated[str, typer.Option(help="xtreme or xtreme-r.")] = "xtreme",
    gold: Annotated[
        str, typer.Option(metavar="DIR", help="Data of `pos` to compare sentences with (local/udpos).")
    ] = "",
    model: Annotated[str, typer.Option(help="The model, if the run has several.")] = "",
    folder: Annotated[
        str | None, typer.Option("--out", metavar="DIR", help="Folder to write (RUN/submission).")
    ] = None,
) -> None:
    """Write test predictions for the leaderboard of XTREME or XTREME-R, and check them. Writes all files or none."""
    from sweeper import analysis

    names = tuple(name for name in targets.split(",") if name)
    submission_options = analysis.SubmissionOptions(
        best_per_target=best_per_target, recipe=recipe, model=model, targets=names, benchmark=benchmark, gold=gold
    )
    submission = analysis.write_submission(run_folder, submission_options, folder)
    table = Table("folder", "recipe", "seed", "languages", "items", "recipe chosen by", box=box.SIMPLE_HEAD)
    for entry in submission.chosen:
        seed = "–" if entry.seed is None else str(entry.seed)
        numbers = (str(entry.num_languages), f"{entry.num_examples:,}")
        table.add_row(entry.folder, escape(entry.recipe), seed, *numbers, escape(entry.by))
    out.print(table)
    if submission.missing:
        out.print(f"Missing for a complete leaderboard entry: {', '.join(submission.missing)}.", markup=False)
    for note in submission.notes:
        out.print(note, markup=False)
    out.print(f"Submission: {submission.path}", markup=False)


@app.command(rich_help_panel=INSPECT)
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


@app.command(rich_help_panel=READ)
def export(
    run_folder: RunFolder,
    target: Annotated[str, typer.Option(help="Target whose best encoder is copied.")],
    folder: Annotated[str, typer.Option("--out", metavar="DIR", help="Folder to write.")],
    recipe: Annotated[
        str, typer.Option(help="Use this recipe instead of the best one by English selection data.")
    ] = "",
    model: Annotated[str, typer.Option(help="The model, if the run has several.")] = "",
) -> None:
    """Copy the best prepared encoder for a target, with a model card. Reported scores take no part in the choice."""
    from sweeper import analysis

    path = analysis.export_best(run_folder, target, Path(folder), recipe, model)
    out.print(f"Exported: {path}", markup=False)


def _load_space(name: str, settings: list[str] | None) -> "Space":
    from sweeper import search_spaces
    from sweeper.space.settings import apply_settings

    return apply_settings(search_spaces.load_space(name), settings or [])


def _default_run(space: "Space") -> str:
    return f"runs/{space.name}"


def _print_json(value: Any) -> None:
    # Not through rich, which would wrap long lines and add colours.
    sys.stdout.write(json.dumps(value, indent=1) + "\n")


def _print_summary(result: "SweepResult", folder: str) -> None:
    out.print(f"{result.num_done} of {result.num_slots} trials are in the ledger of {folder}.", highlight=False)
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
            f"Stopped: {result.fatal}. Remove the cause (a full disk: free some space); the same command continues.",
            markup=False,
        )
    if result.interrupted:
        from sweeper.tuning.halt import STOPPED

        out.print(STOPPED)
    elif result.lost:
        out.print("The same command tries the lost trials again.")
    if result.exit_code == 0:
        out.print(f"Next: sweeper report {folder}", markup=False)
