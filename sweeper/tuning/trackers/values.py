"""The configuration, the curves and the scores of a trial, as flat names and numbers for trackers."""

from collections.abc import Iterator, Mapping
from typing import Any

from sweeper.files.serialize import plain
from sweeper.records.progress import TrialProgress
from sweeper.records.record import TrainingRecord, TrialResult
from sweeper.records.spec import TrialSpec
from sweeper.scoring.sums import mean
from sweeper.tuning.trackers.interface import TrackedTrial

Point = tuple[int, Mapping[str, float]]
"""A step, and the values of curves at this step."""


def tracked(spec: TrialSpec, group: str, project: str) -> TrackedTrial:
    """The trial of a spec, with its configuration."""
    config: dict[str, Any] = {
        "recipe": spec.recipe,
        "task": spec.task,
        "model": spec.model.id,
        "seed": spec.seed,
        "role": spec.role,
        "phase": spec.phase,
        "kind": spec.kind,
        "targets": ", ".join(dict.fromkeys(score.target for score in spec.scores)),
    }
    config |= {f"dial.{name}": value for name, value in spec.dials.items()}
    if spec.chain and spec.trains:
        config |= {f"training.{name}": value for name, value in plain(spec.chain[-1].training).items()}
    # The scoring of an encoder has the key of its training, but it is a trial of another cell.
    key = f"{spec.key}-score" if spec.kind == "score" else spec.key
    return TrackedTrial(key=key, name=spec.name, group=group, project=project, config=config)


def point(progress: TrialProgress) -> Point | None:
    """The values of a running training; None if it has no step yet."""
    if progress.phase != "train" or not progress.step:
        return None
    values = {
        "train/loss": progress.loss,
        "train/learning_rate": progress.learning_rate,
        "train/gradient_norm": progress.gradient_norm,
        "train/tokens": float(progress.tokens),
        "train/tokens_per_second": progress.tokens_per_second,
        "selection/value": progress.value,
    }
    return progress.step, {name: value for name, value in values.items() if value is not None}


def curve(record: TrainingRecord) -> Iterator[Point]:
    """The curve of the training loss in a record: the means of equal ranges of steps, at the last step of each."""
    for number, loss in enumerate(record.loss, start=1):
        yield round(number * record.steps / len(record.loss)), {"train/loss": loss}


def scores(spec: TrialSpec, result: TrialResult) -> dict[str, float]:
    """The final values: selection, scores of each language, the mean of the main metric of each target, seconds.

    Selection and seconds are left out if the record is that of another trial, which trained the scored encoder.
    """
    record = result.training
    values: dict[str, float] = {}
    if is_own(spec, record):
        values |= {} if record.value is None else {"value": record.value}
        for task, metrics in record.selection.items():
            values |= {f"selection/{task}/{metric}": value for metric, value in metrics.items()}
        values |= {f"seconds/{name}": value for name, value in record.timing.items()}
    for score in result.scores:
        # Layers of a retrieval target have scores of their own.
        target = f"score/{score.target}" + (f"/layer {score.layer:.3g}" if score.scores_encoder else "")
        for language, by_metric in score.metrics.items():
            values |= {f"{target}/{language}/{metric}": value for metric, value in by_metric.items()}
        values[f"{target}/mean"] = mean([by_metric[score.main] for by_metric in score.metrics.values()])
    return values


def is_own(spec: TrialSpec, record: TrainingRecord) -> bool:
    """Whether a record is that of this trial, and not of the training of an encoder that the trial only scores."""
    return record.spec.kind == spec.kind
