"""Accuracy, and for paraphrase data sets (QQP, MRPC) also the F1 of the positive class."""

from collections.abc import Mapping, Sequence
from typing import Any

from sweeper.scoring.counts import precision_recall_f1

Counts = Mapping[str, int]


def accuracy_counts(gold: Any, predicted: Any) -> Counts:
    """`correct`, 1 if a prediction equals the gold label, otherwise 0."""
    return {"correct": int(gold == predicted)}


def binary_counts(gold: str, predicted: str, positive: str) -> Counts:
    """The counts of one prediction for accuracy and for the F1 of the positive class.

    `positive_correct`, `positive_predicted` and `positive_gold` are 0 or 1, like `correct`.
    """
    return {
        "correct": int(gold == predicted),
        "positive_correct": int(gold == predicted == positive),
        "positive_predicted": int(predicted == positive),
        "positive_gold": int(gold == positive),
    }


def accuracy(rows: Sequence[Counts]) -> dict[str, float]:
    """`accuracy`, the share of correct rows as a fraction of 1. `rows` must not be empty."""
    return {"accuracy": sum(row["correct"] for row in rows) / len(rows)}


def accuracy_and_f1(rows: Sequence[Counts]) -> dict[str, float]:
    """`accuracy`, `f1` of the positive class, and `score`, their mean, as defined by GLUE for QQP and MRPC."""
    share = accuracy(rows)["accuracy"]
    correct, predicted, gold = (
        sum(row[name] for row in rows) for name in ("positive_correct", "positive_predicted", "positive_gold")
    )
    f1 = precision_recall_f1(correct, predicted, gold)[2]  # of the positive class alone, not the macro average
    return {"score": (share + f1) / 2, "accuracy": share, "f1": f1}
