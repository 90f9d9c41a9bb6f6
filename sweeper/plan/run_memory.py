"""The peak memory of the trials of a run folder, by model and kind of trial."""

from collections import defaultdict

from sweeper.plan.measurement import TypeMeasurement
from sweeper.plan.trial_types import KINDS
from sweeper.records.record import TrainingRecord
from sweeper.run.run import Run


def types_of_run(run: str) -> tuple[TypeMeasurement, ...]:
    """For each model and kind, the trial with the largest peak. Records of earlier versions have none."""
    groups: dict[tuple[str, str], list[TrainingRecord]] = defaultdict(list)
    for record in Run.open(run).ledger.trainings(damaged=[]).values():
        if record.memory:
            groups[record.spec.model.name, record.spec.kind].append(record)
    largest = {group: max(records, key=_peak) for group, records in groups.items()}
    return tuple(
        TypeMeasurement(
            model=model,
            model_id=record.spec.model.id,
            layers=record.spec.model.layers,
            type=f"{KINDS[record.spec.kind]}, largest of {len(groups[model, kind])}",
            unit=record.spec.name,
            memory=record.memory,
        )
        for (model, kind), record in sorted(largest.items())
    )


def _peak(record: TrainingRecord) -> int:
    return record.memory.get("reserved", record.memory["process"])
