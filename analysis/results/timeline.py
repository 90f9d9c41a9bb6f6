"""When and where each training of a run was computed."""

from collections.abc import Iterable
from datetime import datetime

import pandas as pd

from sweeper.records.record import TrainingRecord

ROLES = {"prepare": "preparation", "target": "target", "score": "score", "predict": "predictors"}
"""Kind of the unit of a replicate -> its role in the table."""
OTHER = "other models"
"""Role of the trials of other models."""
COLUMNS = ("name", "role", "state", "worker", "device", "start", "hours")
"""Columns of the table of trials, see `timeline`."""


def timeline(trainings: Iterable[TrainingRecord], model: str) -> pd.DataFrame:
    """One row for each trial of a run, sorted by start; empty if the model has no trial.

    Columns: name, role (`search` for the trials of a search, its rungs and its race, OTHER for trials of other models,
    else a value of ROLES), state, worker (host and process), device, start (hours after the first trial of the run) and
    hours (nan for a failed trial without a duration). The models of a run share its workers. `hours` covers only
    the last attempt of a resumed training. Records without a start time, as of older versions, are left out.
    """
    rows = [_row(record, model) for record in trainings if record.machine.get("started")]
    if all(row[1] == OTHER for row in rows):
        rows = []
    table = pd.DataFrame(rows, columns=list(COLUMNS)).sort_values(["start", "name"], ignore_index=True)
    table["start"] -= table["start"].min()
    return table


def _row(record: TrainingRecord, model: str) -> tuple[object, ...]:
    spec, machine = record.spec, record.machine
    role = OTHER if spec.model.name != model else ROLES[spec.kind] if spec.role == "replicate" else "search"
    worker = f"{machine.get('host', '?')} {machine.get('pid', '')}".strip()
    start = datetime.fromisoformat(machine["started"]).timestamp() / 3600
    hours = record.timing.get("total", float("nan")) / 3600
    return (spec.name, role, record.state, worker, machine.get("device", ""), start, hours)
