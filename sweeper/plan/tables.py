"""Tables and sentences that `sweeper plan` and `sweeper status` print. Tables fit 80 columns."""

from collections import Counter
from collections.abc import Iterator

from rich import box
from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table

from sweeper.data.survey import Survey
from sweeper.plan.check import Check, label_counts
from sweeper.plan.disk import Disk
from sweeper.plan.find import left_out
from sweeper.plan.forecast import Forecast, Row
from sweeper.plan.matrix import Matrix
from sweeper.plan.measurement import FORWARD
from sweeper.plan.measurement_tables import speed_tables
from sweeper.plan.numbers import clock, compact, data_size
from sweeper.plan.pace import no_measurement
from sweeper.plan.running import progress_text, silence_text
from sweeper.plan.status import Status
from sweeper.plan.units import TRIAL_KINDS

COLUMNS = {
    "unit": "left",
    "starts\nfrom": "left",
    "dials\nfrom": "left",
    "search": "right",
    "seeds": "right",
    "left": "right",
    "tokens\nper seed": "right",
}
"""Column of the plan -> alignment. Short headers leave room for the names of units."""
MOST_LABELS = 12
"""Labels whose counts are printed."""


def forecast_tables(forecast: Forecast) -> Iterator[RenderableType]:
    """A table of units for each model, then the totals as sentences."""
    for model in dict.fromkeys(row.model for row in forecast.rows):
        yield _unit_table(model, [row for row in forecast.rows if row.model == model])
    yield (
        "A unit waits for the unit that it starts from, for the search of the recipe that its dials are from, and with "
        "`search.prior` for the searches from which its own starts. "
        "Columns: search trials, seeds (replicates), trials left, training tokens of one replicate."
    )
    counts = ", ".join(f"{number} {TRIAL_KINDS[key]}" for key, number in forecast.trials.items())
    num_left = sum(row.left for row in forecast.rows)
    yield f"Trials: {counts}; {forecast.trainings} trainings in all. Trials left: {num_left}."
    yield _tokens(forecast)
    if forecast.measurement:
        yield from speed_tables(forecast.measurement)
    for name, speed in forecast.speeds.items():
        yield escape(f"{name}: {speed.throughput:,.0f} training tokens per second of a worker, {speed.source}.")
    yield _time(forecast)
    yield _saving(forecast)
    yield escape(_disk(forecast.disk))
    yield from map(escape, forecast.notes)


def _unit_table(model: str, rows: list[Row]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, title=f"Model {escape(model)}", title_justify="left", padding=(0, 1, 0, 0))
    is_shown = {name: name != "dials\nfrom" or any(row.dials_from for row in rows) for name in COLUMNS}
    for name, justify in COLUMNS.items():
        if is_shown[name]:
            # Long names continue on the next line: an ellipsis would make different units look the same.
            table.add_column(name, justify=justify, overflow="fold")  # type: ignore[arg-type]
    for row in rows:
        tokens = compact(row.tokens) if row.tokens else ""
        cells = (row.label, row.starts_from, row.dials_from, row.search, row.replicates, row.left, tokens)
        shown = [str(cell) for name, cell in zip(COLUMNS, cells, strict=True) if is_shown[name]]
        table.add_row(*(escape(cell) for cell in shown))
    return table


def _tokens(forecast: Forecast) -> str:
    unknown = f" (not counted, because their size is unknown: {', '.join(forecast.uncounted)})"
    return (
        f"Training tokens left: {forecast.tokens_left:,}. Evaluation tokens left: {forecast.evaluation_left:,}"
        f"{unknown if forecast.uncounted else ''}."
    )


def _time(forecast: Forecast) -> str:
    """The hours that are left, or the options that would give them."""
    if forecast.hours is None or forecast.worker_hours is None:
        run = forecast.pace.measured_in
        reason = f" ({no_measurement(run)})" if run else ""
        return (
            f"Hours are unknown, because the speed of {', '.join(forecast.paceless)} is not known{reason}. Give it "
            "with --throughput N (training tokens per second of a worker; MODEL=N for one of several models) or "
            "--throughput-of RUN (a run that has trained it), or measure it: sweeper pace SPACE."
        )
    return (
        f"{_hours(forecast.hours)} h on {forecast.pace.workers} workers, {_hours(forecast.worker_hours)} worker-hours, "
        f"{_gpus(forecast)}{_cost(forecast)}. {''.join(f'{text} ' for text in _assumptions(forecast))}"
        "Options: --workers, --throughput, --throughput-of, --price."
    )


def _assumptions(forecast: Forecast) -> Iterator[str]:
    """The values in the hours that were not measured, and the difference between hours and token counts."""
    if not forecast.measurement:
        yield f"Evaluation is assumed to be {FORWARD} times as fast as training."
        return
    num_left = sum(row.left > 0 for row in forecast.rows)
    lengths = forecast.num_assumed("lengths")
    if lengths < num_left:
        yield "Hours are computed from measured lengths; the token counts above assume half of max_length."
    if number := forecast.num_assumed("type"):
        yield f"{number} of {num_left} units have a type that was not measured: medians of their model."
    if lengths:
        yield f"{lengths} of {num_left} units have examples whose length was not measured: half of max_length."
    if number := forecast.num_assumed("evaluation"):
        yield f"Evaluation is assumed to be {FORWARD} times as fast as training in {number} of {num_left} units."


def _hours(hours: float) -> str:
    """Hours with one decimal, and more below one hour."""
    return f"{hours:,.1f}" if hours >= 1 or not hours else f"{hours:.2g}"


def _gpus(forecast: Forecast) -> str:
    owned = {row.model: f"{row.gpus:g} per trial of {row.model}" for row in forecast.rows if row.gpus}
    return f"{_hours(forecast.gpu_hours or 0)} GPU-hours ({', '.join(owned.values())})" if owned else "no GPU"


def _cost(forecast: Forecast) -> str:
    return "" if forecast.cost is None else f", cost {forecast.cost:,.2f} at {forecast.pace.price:g} an hour"


def _saving(forecast: Forecast) -> str:
    text = f"Training every cell from scratch would cost {forecast.saving:.1f} times the tokens of the replicates"
    if not forecast.scratch_gpu_hours or not forecast.replicate_gpu_hours:
        return f"{text}."
    return f"{text}: {_hours(forecast.scratch_gpu_hours)} GPU-hours instead of {_hours(forecast.replicate_gpu_hours)}."


def _disk(disk: Disk) -> str:
    """The size of the run folder while the sweep runs, with both values of `keep_encoders`."""
    other = "needed" if disk.keep_encoders == "all" else "all"
    encoders = disk.encoders if disk.keep_encoders == "all" else disk.encoders_needed
    parts = {"encoders": encoders, "trained targets": disk.targets, "checkpoints": disk.checkpoints}
    parts |= {"outcomes": disk.outcomes, "records and logs": disk.records, "tokenised data": disk.data}
    listed = ", ".join(f"{name} {data_size(size)}" for name, size in parts.items() if size)
    names = ", ".join(disk.unsized)
    unsized = f" Not counted: encoders and checkpoints of {names}, whose sizes are not known on this machine."
    return (
        f"Run folder or bucket: at most {data_size(disk.peak[disk.keep_encoders])} ({listed}), "
        f"{data_size(disk.end[disk.keep_encoders])} at the end; {data_size(disk.peak[other])} with "
        f"keep_encoders={other}.{unsized if disk.unsized else ''}"
    )


def check_tables(check: Check) -> Iterator[RenderableType]:
    """A table of the data that were read, then messages, and a last sentence if nothing prevents a run."""
    table = Table("task", "split", "rows by language", "examples", "labels", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for task, split in dict.fromkeys(part[:2] for part in check.surveys):
        found = {part.language: each for part, each in check.surveys.items() if part[:2] == (task, split)}
        rows = ", ".join(f"{language} {each.rows:,}" for language, each in found.items())
        table.add_row(
            escape(task),
            split,
            escape(rows),
            _examples(list(found.values())),
            escape(label_text(label_counts(found.values()))),
        )
    yield table
    yield from map(escape, check.messages)
    if not check.problems:
        yield "Check: all data can be read, and every column, label and language of the space exists."


def _examples(surveys: list[Survey]) -> str:
    dropped = sum(each.dropped for each in surveys)
    text = f"{sum(each.examples for each in surveys):,}"
    return f"{text} ({dropped:,} rows without a label)" if dropped else text


def label_text(counts: Counter[str]) -> str:
    """The most frequent labels with their counts.

    >>> label_text(Counter({"yes": 3, "no": 1000}))
    'no 1,000, yes 3'
    """
    # Equal counts in the order of the labels, so that the output does not depend on the order of the rows.
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    shown = ", ".join(f"{label} {number:,}" for label, number in ordered[:MOST_LABELS])
    more = len(counts) - MOST_LABELS
    return f"{shown} and {more} more labels" if more > 0 else shown


def status_tables(status: Status) -> Iterator[RenderableType]:
    """Finished trials, the matrix, running trials, rate and time left, then failures."""
    table = Table("trials", "finished", "all", title=escape(status.run), title_justify="left", box=None)
    for key, (done, total) in status.counts.items():
        table.add_row(TRIAL_KINDS[key], str(done), str(total))
    yield table
    if status.cells.scores:
        yield Matrix(status.cells)
    if status.running:
        yield _running_table(status)
    yield from (escape(sentence) for sentence in _sentences(status))
    yield from (escape(f"Failed: {name}: {reason}") for name, reason in status.failed.items())


def _running_table(status: Status) -> Table:
    table = Table(title="running trials", title_justify="left", box=None, padding=(0, 1, 0, 0), show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    table.add_column(overflow="fold")
    for progress in status.running:
        text = silence_text(progress, status.now) or progress_text(progress)
        table.add_row(clock(progress.seconds), escape(progress.name), escape(text))
    return table


def _sentences(status: Status) -> Iterator[str]:
    """Sentences about rate, time left, failures and the next command."""
    if status.alive:
        speeds = [f"{status.trials_per_hour:,.0f} trials an hour" if status.trials_per_hour else ""]
        speeds.append(f"{compact(round(status.tokens_per_second))} tokens/s" if status.tokens_per_second else "")
        left = "unknown" if status.seconds_left is None else f"about {clock(status.seconds_left)}"
        yield f"Rate: {', '.join(speed for speed in speeds if speed) or 'unknown'}. Time left: {left}."
    else:
        ended = "" if status.last_end is None else f" The last trial ended {clock(status.now - status.last_end)} ago."
        yield f"No trial is running.{ended}"
    if status.failures:
        kinds = ", ".join(f"{number} by {kind}" for kind, number in status.failures.items())
        yield f"{len(status.failed)} failed: {kinds}. `sweeper trial {status.run} TRIAL` shows a trial with its log."
    if status.lost:
        yield f"Lost, to be tried again: {', '.join(status.lost)} (keys; their tracebacks are in the ledger)."
    if status.damaged:
        yield left_out(status.damaged, status.run)
    if status.unsealed:
        yield f"Records without a digest, because an earlier version wrote them: {status.unsealed}."
    if not status.is_complete and not status.alive:
        yield f"Unless a sweep is just starting, `sweeper run {status.run}` continues it."
    elif status.is_complete:
        yield f"Complete. Next: sweeper report {status.run}"
