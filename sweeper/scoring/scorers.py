"""The table of scorers: which metrics each yields, which one stands in a matrix, which direction is better."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sweeper.tasks.spec import ScorerName

Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Scored:
    """What a format says of one language's predictions."""

    metrics: Mapping[str, float]
    """Metric -> value as a fraction of 1."""
    trivial: Mapping[str, float]
    """The same metrics for the best constant answer (majority class) or a random choice, whichever the format has."""
    outcomes: Sequence[Row]
    """A row per example: example, group, prediction (JSON text where it is no string), and additive counts."""


@dataclass(frozen=True, kw_only=True)
class Scorer:
    """What a scorer's results are called and how they are read."""

    main: str
    """The metric that stands in a matrix and that selection maximises."""
    metrics: tuple[str, ...]
    higher_is_better: bool = True


SCORERS: Mapping[ScorerName, Scorer] = {
    "accuracy": Scorer(main="accuracy", metrics=("accuracy",)),
    "accuracy_f1": Scorer(main="score", metrics=("score", "accuracy", "f1")),
    "chunks": Scorer(main="f1", metrics=("f1", "accuracy")),
    "squad": Scorer(main="score", metrics=("score", "em", "f1")),
    "squad2": Scorer(main="score", metrics=("score", "em", "f1")),
    "mlqa": Scorer(main="score", metrics=("score", "em", "f1")),
    "neighbours": Scorer(main="accuracy", metrics=("accuracy",)),
    "mining": Scorer(main="f1", metrics=("f1", "precision", "recall")),
    "ranking": Scorer(main="map20", metrics=("map20",)),
    "loss": Scorer(main="loss", metrics=("loss",), higher_is_better=False),
}
