"""The table of scorers: the metrics of each, the main metric of a matrix, and the properties that other modules use."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sweeper.tasks.spec import Task

Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Scored:
    """The result of scoring the predictions of one language."""

    metrics: Mapping[str, float]
    """Metric -> value as a fraction of 1."""
    trivial: Mapping[str, float]
    """The same metrics for the best constant answer (majority class) or a random choice, depending on the format."""
    outcomes: Sequence[Row]
    """One row per example: example, group, prediction (JSON text if it is not a string), and additive counts."""


@dataclass(frozen=True, kw_only=True)
class Scorer:
    """The metrics of a scorer and its properties. Other modules test a property, never the name of a scorer."""

    main: str
    """The metric shown in a matrix and maximised by selection (minimised if `higher_is_better` is false)."""
    metrics: tuple[str, ...]
    higher_is_better: bool = True
    fits_threshold: bool = False
    """Whether a threshold is fitted before scoring: on dev if dev and test differ, otherwise on half of the pool."""
    compares_sentences: bool = False
    """Whether parallel sentences are compared, so that `Target.similarity` applies."""
    keeps_fillers: bool = False
    """Whether a cap on evaluation items keeps the sentences without a partner, so that a plan counts whole pools."""

    @property
    def label(self) -> str:
        """The main metric as a table names it."""
        return metric_label(self.main, self.metrics)


LABELS: Mapping[str, str] = {"em": "EM", "f1": "F1", "map20": "MAP@20"}
"""Metric -> its name in a table, if the two differ."""


def metric_label(main: str, metrics: Iterable[str]) -> str:
    """A main metric as a table names it. `score` is the mean of the two other `metrics` of its scorer.

    >>> metric_label("score", ("score", "em", "f1"))
    '(EM + F1) / 2'
    """
    parts = [LABELS.get(metric, metric) for metric in metrics if metric != main]
    return f"({' + '.join(parts)}) / {len(parts)}" if main == "score" else LABELS.get(main, main)


SCORERS: Mapping[str, Scorer] = {
    "accuracy": Scorer(main="accuracy", metrics=("accuracy",)),
    "accuracy_f1": Scorer(main="score", metrics=("score", "accuracy", "f1")),
    "chunks": Scorer(main="f1", metrics=("f1", "accuracy")),
    "squad": Scorer(main="score", metrics=("score", "em", "f1")),
    "squad2": Scorer(main="score", metrics=("score", "em", "f1")),
    "mlqa": Scorer(main="score", metrics=("score", "em", "f1")),
    "neighbours": Scorer(main="accuracy", metrics=("accuracy",), compares_sentences=True),
    "mining": Scorer(main="f1", metrics=("f1", "precision", "recall"), fits_threshold=True, keeps_fillers=True),
    "ranking": Scorer(main="map20", metrics=("map20",)),
    "loss": Scorer(main="loss", metrics=("loss",), higher_is_better=False),
    "masked_accuracy": Scorer(main="accuracy", metrics=("accuracy", "loss")),
}
"""`Task.scorer` -> the scorer."""


def fits_on_dev(task: Task) -> bool:
    """Whether the task's threshold is fitted on all of its dev pools, which differ from the test pools."""
    has_both_splits = bool(task.dev and task.test) and not task.single_split
    return SCORERS[task.scorer].fits_threshold and has_both_splits
