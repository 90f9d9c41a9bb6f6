"""The command line: arguments to calls, errors to messages and exit codes, and the only place that prints."""

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from search_spaces.load import load_space
from sweeper.errors import SweeperError, unknown
from sweeper.scoring.scorers import SCORERS
from sweeper.space import Space
from sweeper.space.settings import apply_settings
from sweeper.tasks.catalog import CATALOG
from sweeper.tasks.spec import RowsByLanguage, Split, Task

SPLITS: tuple[Split, ...] = ("train", "dev", "test")
WIDTH = 160
"""Columns of what is piped: tables would be cut to 80."""
app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
out = Console(soft_wrap=True, width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else WIDTH)
err = Console(stderr=True, soft_wrap=True)

SpaceName = Annotated[str, typer.Argument(help="A space that ships, or a Python file with SPACE.", metavar="SPACE")]
RunFolder = Annotated[str, typer.Argument(help="A run folder.", metavar="RUN")]
Settings = Annotated[list[str] | None, typer.Option("--set", help="key=value; may be repeated: seeds=3, trials=4 ...")]
Mirror = Annotated[str | None, typer.Option(help="Folder with datasets/ID and models/ID, as downloaded from the Hub.")]
AsJson = Annotated[bool, typer.Option("--json", help="For machines.")]


def main() -> None:
    """Run the command line. Exit codes: 0 good, 1 some trials failed, 2 the user's mistake, 130 stopped by Ctrl-C."""
    try:
        app()
    except SweeperError as error:
        err.print(f"error: {error}", markup=False, highlight=False)
        sys.exit(2)
    except OSError as error:
        err.print(f"error: {error}. What is in the ledger is safe; the same command goes on.", markup=False)
        sys.exit(1)


@app.command()
def tasks(name: Annotated[str | None, typer.Argument(help="One task, whole.", metavar="TASK")] = None) -> None:
    """Every task: format, metric, languages, data set, licence; or one task with its note and its columns."""
    if name is not None:
        _print_task(name)
        return
    table = Table("task", "format", "metric", "trains on", "languages", "data set", "licence", box=box.SIMPLE_HEAD)
    for task in CATALOG.values():
        metric = SCORERS[task.scorer].main if task.scorer != "loss" else "loss"
        trains_on = task.training_task or "nothing"
        table.add_row(
            task.name, task.format, f"{metric} ({task.scorer})" if metric != task.scorer else metric,
            "itself" if trains_on == task.name else trains_on, str(len(task.test or task.dev or task.train)),
            ", ".join(_repositories(task)), task.licence,
        )  # fmt: skip
    out.print(table)
    out.print("`sweeper tasks TASK` shows one whole: title, note, splits, columns, labels.")


def _repositories(task: Task) -> list[str]:
    splits = (task.train, task.dev, task.test)
    ids = (rows.id for split in splits for rows_list in split.values() for rows in rows_list)
    return list(dict.fromkeys(ids))


def _print_task(name: str) -> None:
    if name not in CATALOG:
        raise unknown("task", name, CATALOG)
    task = CATALOG[name]
    table = Table.grid(padding=(0, 2))
    facts = {"title": task.title, "group": task.group, "format": task.format, "scorer": task.scorer}
    facts |= {"trains on": task.training_task or "nothing", "published training examples": f"{task.train_size:,}"}
    facts |= {split: _languages(task.rows(split)) for split in SPLITS}
    facts |= {"labels": " ".join(task.labels), "licence": task.licence, "note": task.note}
    facts |= {f"column of {field}": str(place) for field, place in task.columns.items()}
    facts |= {"flagged with": ", ".join(task.contains), "data sets": ", ".join(_repositories(task))}
    for title, text in facts.items():
        if text:
            table.add_row(title, escape(text))
    out.print(table)


def _languages(rows_by_language: RowsByLanguage) -> str:
    first = next(iter(rows_by_language.values()), ())
    where = ", ".join(f"{rows.id} {rows.config or ''} [{rows.split}]" for rows in first)
    if not rows_by_language:
        return ""
    return f"{len(rows_by_language)} languages ({' '.join(rows_by_language)}); the first from {where}"


@app.command()
def plan(
    space: SpaceName,
    mirror: Mirror = None,
    setting: Settings = None,
    out_: Annotated[
        str | None, typer.Option("--out", help="Run folder (runs/SPACE): what it holds is not left.")
    ] = None,
    workers: Annotated[int, typer.Option(help="Trials at a time.")] = 2,
    throughput: Annotated[
        list[str] | None,
        typer.Option(help="Training tokens a second of one worker: N, or MODEL=N; may be repeated. Without, no hours."),
    ] = None,
    throughput_of: Annotated[
        str, typer.Option(help="A run whose trainings say how fast each model is; --throughput for those it lacks.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """What would run, what waits for what, how many tokens; how long, at a pace given or measured. Trains nothing."""
    from sweeper.plan.forecast import forecast
    from sweeper.plan.pace import Pace, parse_throughputs
    from sweeper.plan.tables import forecast_tables

    chosen = _space(space, setting)
    pace = Pace(workers=workers, throughputs=parse_throughputs(throughput or ()), measured_in=throughput_of)
    found = forecast(chosen, mirror=mirror, run=out_ or _run_of(chosen), pace=pace)
    if as_json:
        _print_json(found.as_json())
    else:
        for part in forecast_tables(found):
            out.print(part)


@app.command()
def run(
    space: SpaceName,
    mirror: Mirror = None,
    out_: Annotated[str | None, typer.Option("--out", help="Run folder, a path or s3://... (runs/SPACE).")] = None,
    setting: Settings = None,
    store: Annotated[str | None, typer.Option(help="Encoder store that several sweeps share (the run folder).")] = None,
    cache: Annotated[str | None, typer.Option(help="Node-local folder for tokenised data (RUN/cache).")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Trials at a time (one a CPU).")] = None,
    cpus_per_trial: Annotated[float | None, typer.Option(help="CPUs that an actor owns.")] = None,
    gpus_per_trial: Annotated[float | None, typer.Option(help="GPUs that an actor owns; 0.5 shares one.")] = None,
    address: Annotated[str, typer.Option(help="local, or auto on a cluster.")] = "local",
    checkpoint_every: Annotated[float, typer.Option(help="Seconds between two checkpoints of a training.")] = 60.0,
) -> None:
    """Run a space, or go on with it: the same command resumes."""
    from sweeper.plan.specs import ResourceOverrides
    from sweeper.tuning.halt import halting
    from sweeper.tuning.launch import Workers
    from sweeper.tuning.sweep import Options, run_sweep

    chosen = _space(space, setting)
    folder = out_ or _run_of(chosen)
    if address != "local" and "://" not in folder:
        out.print(f"On a cluster of several machines {folder} must lie where all of them see it (NFS), or be s3://...")
    options = Options(
        run=folder,
        mirror=mirror,
        store=store,
        cache=cache,
        workers=Workers(num=workers, address=address),
        resources=ResourceOverrides(cpus=cpus_per_trial, gpus=gpus_per_trial),
        checkpoint_every=checkpoint_every,
    )
    with halting() as halt:
        try:
            ending = run_sweep(chosen, options, out, halt)
        except KeyboardInterrupt:
            out.print("Stopped before the end. The same command goes on from here.")
            raise
    _tell_ending(ending, folder)
    raise typer.Exit(ending.exit_code)


@app.command()
def status(run_folder: RunFolder, as_json: AsJson = False) -> None:
    """How far a run is, from its ledger alone."""
    from sweeper.plan.status import status_of
    from sweeper.plan.tables import status_tables

    found = status_of(run_folder)
    if as_json:
        _print_json(found.as_json())
    else:
        for part in status_tables(found):
            out.print(part)


@app.command()
def report(
    run_folder: RunFolder,
    out_: Annotated[str | None, typer.Option("--out", help="Folder (RUN/report, or RUN/report-against-ROW).")] = None,
    against: Annotated[str, typer.Option(help="Row that gains are measured against (the baseline).")] = "",
) -> None:
    """Matrices, heatmaps, correlations and a report, from the ledger alone."""
    from analysis.report import write_report

    written = write_report(run_folder, out_, against)
    for number, finding in enumerate(written.findings, 1):
        out.print(f"{number}. {finding}", markup=False, soft_wrap=True)
    out.print(f"Report: {written.place}", markup=False, soft_wrap=True)


@app.command()
def submit(
    run_folder: RunFolder,
    best_per_target: Annotated[
        bool, typer.Option("--best-per-target", help="Each target's best row by English selection, never by test.")
    ] = False,
    recipe: Annotated[str, typer.Option(help="One row for every target instead.")] = "",
    targets: Annotated[str, typer.Option(help="Targets to hold, with commas (all of XTREME's in the run).")] = "",
    model: Annotated[str, typer.Option(help="The model, where the run has several.")] = "",
    out_: Annotated[str | None, typer.Option("--out", help="Folder to write (RUN/submission).")] = None,
) -> None:
    """Write the test predictions as the XTREME leaderboard takes them, checked: whole, or not at all."""
    from analysis.submission import Wish, write_submission

    names = tuple(name for name in targets.split(",") if name)
    wish = Wish(best_per_target=best_per_target, recipe=recipe, model=model, targets=names)
    made = write_submission(run_folder, wish, out_)
    table = Table("folder", "row", "seed", "languages", "items", "row chosen by", box=box.SIMPLE_HEAD)
    for one in made.chosen:
        seed = "–" if one.seed is None else str(one.seed)
        numbers = (str(one.num_languages), f"{one.num_examples:,}")
        table.add_row(one.folder, escape(one.recipe), seed, *numbers, escape(one.by))
    out.print(table)
    if made.absent:
        out.print(f"Not in it, and wanted by the leaderboard: {', '.join(made.absent)}.", markup=False)
    for note in made.notes:
        out.print(note, markup=False)
    out.print(f"Submission: {made.place}", markup=False)


@app.command()
def trial(
    run_folder: RunFolder,
    key: Annotated[str, typer.Argument(help="Key of a training record, or its first digits.")],
    mirror: Mirror = None,
) -> None:
    """One trial again, in this process, for a debugger: in a scratch folder, held against the ledger."""
    from sweeper.training.again import run_again

    found = run_again(run_folder, key, mirror)
    for line in found.lines:
        out.print(line, markup=False)
    raise typer.Exit(0 if found.same else 1)


@app.command()
def export(
    run_folder: RunFolder,
    target: Annotated[str, typer.Option(help="The target it should be best for.")],
    out_: Annotated[str, typer.Option("--out", help="Folder to write.")],
) -> None:
    """Copy the best prepared encoder for a target, with a model card that says how it was made."""
    from sweeper.export import export_best

    out.print(f"Exported: {export_best(run_folder, target, Path(out_))}", markup=False)


def _space(name: str, settings: list[str] | None) -> Space:
    return apply_settings(load_space(name), settings or [])


def _run_of(space: Space) -> str:
    return f"runs/{space.name}"


def _print_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, indent=1) + "\n")


def _tell_ending(ending: Any, folder: str) -> None:
    out.print(f"{ending.num_done} of {ending.num_slots} trials are in the ledger of {folder}.", highlight=False)
    for title, found in (("failed", ending.failed), ("lost to the machines", ending.lost), ("blocked", ending.blocked)):
        if found:
            out.print(f"{len(found)} {title}:")
        for name, reason in list(found.items())[:20]:
            out.print(f"  {name}: {reason}", markup=False)
        if len(found) > 20:
            out.print(f"  and {len(found) - 20} more (sweeper status {folder})")
    if ending.fatal:
        out.print(
            f"Stopped: {ending.fatal}. Mend it (a full disk: free some space), then the same command goes on.",
            markup=False,
        )
    if ending.interrupted:
        out.print("Stopped before the end. The same command goes on from here.")
    elif ending.lost:
        out.print("The same command tries the lost ones again.")
