"""The text that `sweeper trial` prints about one trial."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from sweeper.plan.find import left_out
from sweeper.plan.inspect import Curve, TrialView
from sweeper.plan.numbers import memory_text
from sweeper.plan.running import progress_text
from sweeper.records.record import ScoreRecord, TrainingRecord
from sweeper.scoring.scorers import metric_label

BARS = "▁▂▃▄▅▆▇█"
LOG_LINES = 15
"""Number of lines of the log that are printed, from its end."""


def trial_tables(view: TrialView) -> Iterator[RenderableType]:
    """Settings, curves, scores by language, times, machine, the end of the log, and the traceback."""
    trial = view.trial
    yield Text(f"{trial.name or 'A trial without a record'}: {view.state}", style="bold")
    yield _facts(view)
    if view.curves:
        yield _curve_table(view.curves)
    yield from (_score_table(score) for score in view.scores)
    if view.log:
        yield Text(f"Log: {view.log_path}, its end:")
        yield Text("\n".join(view.log.rstrip().splitlines()[-LOG_LINES:]), style="dim")
    if view.traceback:
        yield Text("Traceback of the last attempt without a record:")
        yield Text(view.traceback.rstrip(), style="dim")
    if view.damaged:
        yield Text(left_out(view.damaged, view.run))


def _facts(view: TrialView) -> Table:
    record, progress = view.trial.record, view.trial.progress
    facts = {"key": view.trial.key, "now": progress_text(progress) if progress else ""}
    if view.state == "waiting":
        causes = ["It has not started", "its dials are those of an earlier search trial"]
        facts["note"] = f"{', or '.join([*causes, *(['its record is damaged'] if view.damaged else [])])}."
    if record is not None:
        facts |= _record_facts(record)
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for title, text in facts.items():
        if text:
            table.add_row(title, Text(text))
    return table


def _record_facts(record: TrainingRecord) -> dict[str, str]:
    spec = record.spec
    steps = f"{record.steps:,} of {record.planned_steps:,}, {record.tokens:,} tokens" if record.steps else ""
    return {
        "reason": record.reason,
        "recipe": spec.recipe,
        "trained on": spec.task,
        "seed": f"{spec.seed} ({spec.role})",
        "dials": _pairs(spec.dials),
        "training": _pairs(vars(spec.chain[-1].training)) if spec.chain else "",
        "steps": steps + (f", weights after step {record.kept_step:,}" if record.kept_step else ""),
        "examples": _pairs(record.examples),
        "selection": "; ".join(f"{task}: {_pairs(metrics)}" for task, metrics in record.selection.items()),
        "predictors": "; ".join(f"{target}: {_pairs(found.values)}" for target, found in record.predictors.items()),
        "seconds": ", ".join(f"{activity} {seconds:.1f}" for activity, seconds in record.timing.items()),
        "peak memory": memory_text(record.memory),
        "machine": _pairs(record.machine),
    }


def _pairs(values: Mapping[str, Any]) -> str:
    """Names and values as `learning_rate=3e-05, epochs=3`, without those that are not set."""
    return ", ".join(f"{name}={_number(value)}" for name, value in values.items() if value not in (None, ""))


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _curve_table(curves: Mapping[str, Curve]) -> Table:
    table = Table("curve", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in ("first", "last", "lowest", "highest"):
        table.add_column(name, justify="right")
    table.add_column("by step", no_wrap=True)
    for name, curve in curves.items():
        values = [value for value in curve.values if value is not None]
        if values:
            ends = (values[0], values[-1], min(values), max(values))
            table.add_row(name, *(f"{value:.4g}" for value in ends), sparkline(curve.values))
    return table


def sparkline(values: Sequence[float | None]) -> str:
    """One bar for each value, from the lowest to the highest; a blank for None.

    >>> sparkline([0.0, None, 3.5, 7.0])
    '▁ ▄█'
    """
    known = [value for value in values if value is not None]
    low, size = min(known, default=0.0), max(known, default=0.0) - min(known, default=0.0)
    top = len(BARS) - 1
    return "".join(" " if v is None else BARS[int(top * (v - low) / size) if size else 0] for v in values)


def _score_table(score: ScoreRecord) -> Table:
    layer = f", layer {score.layer:g} of the depth" if score.scores_encoder else ""
    metric = metric_label(score.main, next(iter(score.metrics.values()), {}))
    title = f"{score.target}, {score.split}{layer}: {metric} x 100"
    table = Table("language", title=Text(title), title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in ("score", "trivial", "examples"):
        table.add_column(name, justify="right")
    for language, metrics in score.metrics.items():
        trivial = score.trivial.get(language, {}).get(score.main)
        shown = "" if trivial is None else f"{100 * trivial:.1f}"
        table.add_row(language, f"{100 * metrics[score.main]:.1f}", shown, f"{score.counts.get(language, 0):,}")
    return table
