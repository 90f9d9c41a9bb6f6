"""Steps that the scores of all formats share: checks, the outcome row of an example, the lookup of the scorer."""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeVar

from sweeper.errors import DataError, unknown
from sweeper.formats.interface import Example
from sweeper.tasks.spec import Task

S = TypeVar("S")


def check_scorable(examples: Sequence[Example], predictions: Sequence[Any], task: Task, language: str) -> None:
    """Raise DataError for an empty split, or if the number of predictions differs from the number of examples."""
    if not examples:
        raise DataError(f"Task {task.name!r} has no labelled example in {language!r}: an empty split cannot be scored.")
    if len(examples) != len(predictions):
        raise DataError(
            f"Task {task.name!r} in {language!r} needs one prediction per example, "
            f"got {len(predictions)} for {len(examples)}."
        )


def outcome(example: Example, prediction: Any, counts: Mapping[str, float]) -> dict[str, Any]:
    """The row of an example: example, group, prediction (JSON text if it is not a string) and its additive counts."""
    text = prediction if isinstance(prediction, str) else json.dumps(prediction, ensure_ascii=False)
    return {"example": example.id, "group": example.group, "prediction": text, **counts}


def check_scorer(task: Task, scorers: Collection[str]) -> None:
    """Raise UserError, with the nearest name, if the scorer of the task is not among those of its format."""
    if task.scorer not in scorers:
        raise unknown(f"scorer of format {task.format!r} (task {task.name!r})", task.scorer, scorers)


def scorer_of(task: Task, scorers: Mapping[str, S]) -> S:
    """The format's entry for the scorer of the task. Raises UserError as `check_scorer` does."""
    check_scorer(task, scorers)
    return scorers[task.scorer]
