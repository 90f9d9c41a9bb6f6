"""Trials, searches, failures and cost of a run as tables of JSON values."""

import math
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from sweeper.records.record import TrainingRecord

from ..results.load import RunData

Table = dict[str, list[Any]]
"""Name of a column -> its values."""
TRIAL_COLUMNS = (
    *("key", "name", "kind", "role", "model", "recipe", "task", "seed", "study", "number", "state", "dials", "value"),
    *("steps", "tokens", "seconds", "host", "device", "started"),
)


def trials(data: RunData) -> Table:
    """One row for each finished trial, in the order of their names: identity, dials, selection value, cost."""
    return _table(TRIAL_COLUMNS, (_trial(record) for record in data.trainings))


def _trial(record: TrainingRecord) -> tuple[Any, ...]:
    spec, machine = record.spec, record.machine
    return (
        *(record.key, spec.name, spec.kind, spec.role, spec.model.name, spec.recipe, spec.task, spec.seed),
        *(spec.study, spec.number, record.state, dict(spec.dials), _rounded(record.value)),
        *(record.steps, record.tokens, _rounded(record.timing.get("total"))),
        *(machine.get("host", ""), machine.get("device", ""), machine.get("started", "")),
    )


def studies(data: RunData) -> Table:
    """One row for each study: what it searches, its dials, and what it has chosen.

    `chosen` is the key of the search trial with the chosen dials ("" without one), `value_name` says what the value of
    a search trial is: with `Search.rungs`, search trials end before the last step.
    """
    columns = ("study", "model", "recipe", "task", "dials", "chosen", "value_name")
    share = data.space.search.rung_share(0)
    value_name = "selection value" if share == 1 else f"selection value after {100 * share:g} % of the steps"
    searched: dict[str, list[TrainingRecord]] = defaultdict(list)
    for record in data.trainings:
        if record.spec.role == "search" and record.spec.study:
            searched[record.spec.study].append(record)
    rows = []
    for key, chosen in data.chosen.items():
        spec = searched[key][0].spec
        dials = sorted({name for record in searched[key] for name in record.spec.dials})
        trial = next((record.key for record in searched[key] if chosen and record.spec.dials == chosen.spec.dials), "")
        rows.append((key, spec.model.name, spec.recipe, spec.task, dials, trial, value_name))
    return _table(columns, sorted(rows, key=lambda row: row[1:4]))


def failures(data: RunData) -> Table:
    """One row for each failed trial, with the reason."""
    columns = ("key", "name", "model", "recipe", "task", "kind", "reason")
    return _table(
        columns,
        (
            (r.key, r.spec.name, r.spec.model.name, r.spec.recipe, r.spec.task, r.spec.kind, r.reason)
            for r in data.failed
        ),
    )


def hardware(data: RunData) -> Table:
    """One row for each kind of device: trials, hours of all of them, training tokens and tokens per second."""
    groups: dict[str, list[TrainingRecord]] = defaultdict(list)
    for record in data.trainings:
        groups[record.machine.get("device", "")].append(record)
    return _table(("device", "num_trials", "hours", "tokens", "tokens_per_second"), map(_cost, groups.items()))


def _cost(group: tuple[str, list[TrainingRecord]]) -> tuple[Any, ...]:
    device, records = group
    # The tokens of a resumed training cover all attempts, and its seconds only the last one.
    measured = [record for record in records if record.timing.get("train") and "resumed_at" not in record.machine]
    seconds = sum(record.timing["train"] for record in measured)
    speed = sum(record.tokens for record in measured) / seconds if seconds else None
    hours = sum(record.timing.get("total", 0.0) for record in records) / 3600
    return device, len(records), _rounded(hours), sum(record.tokens for record in records), _rounded(speed)


def _rounded(value: float | None) -> float | None:
    """Five significant digits, or None for a missing value and for nan."""
    return None if value is None or math.isnan(value) else float(f"{value:.5g}")


def _table(columns: Iterable[str], rows: Iterable[tuple[Any, ...]]) -> Table:
    table: Table = {name: [] for name in columns}
    for row in rows:
        for name, value in zip(table, row, strict=True):
            table[name].append(value)
    return table
