"""Accuracy and the F1 of the positive class."""

import pytest

from sweeper.scoring.accuracy import accuracy, accuracy_and_f1, accuracy_counts, binary_counts
from sweeper.scoring.counts import precision_recall_f1
from sweeper.scoring.scorers import SCORERS

GOLD = ["yes", "yes", "yes", "no", "no"]
PREDICTED = ["yes", "no", "no", "yes", "no"]


def test_accuracy_is_the_share_of_equal_labels():
    assert accuracy([accuracy_counts(*pair) for pair in zip(GOLD, PREDICTED, strict=True)]) == {"accuracy": 0.4}


def test_the_paraphrase_score_is_the_mean_of_accuracy_and_f1_of_the_positive_class():
    rows = [binary_counts(*pair, positive="yes") for pair in zip(GOLD, PREDICTED, strict=True)]
    # One of two predicted is correct, one of three gold ones is found: p = 1/2, r = 1/3, F1 = 2/5.
    assert accuracy_and_f1(rows) == pytest.approx({"score": 0.4, "accuracy": 0.4, "f1": 0.4})
    mirrored = [binary_counts(*pair, positive="no") for pair in zip(GOLD, PREDICTED, strict=True)]
    # For the other class p = 1/3 and r = 1/2: the same F1 from different counts.
    assert sum(row["positive_predicted"] for row in mirrored) == 3


def test_f1_is_zero_if_nothing_is_correct():
    assert precision_recall_f1(0, 0, 0) == (0.0, 0.0, 0.0)
    assert precision_recall_f1(0, 3, 0) == (0.0, 0.0, 0.0)
    assert precision_recall_f1(2, 4, 8) == (0.5, 0.25, 2 * 0.5 * 0.25 / 0.75)


def test_without_positive_predictions_f1_is_zero_and_the_score_is_half_of_the_accuracy():
    rows = [binary_counts(gold, "no", positive="yes") for gold in GOLD]
    assert accuracy_and_f1(rows) == pytest.approx({"score": 0.2, "accuracy": 0.4, "f1": 0})


def test_a_score_of_two_metrics_is_named_by_its_formula_and_never_score():
    assert SCORERS["accuracy_f1"].label == "(accuracy + F1) / 2"
    assert {SCORERS[name].label for name in ("squad", "squad2", "mlqa")} == {"(EM + F1) / 2"}
    assert (SCORERS["chunks"].label, SCORERS["neighbours"].label, SCORERS["ranking"].label) == (
        *("F1", "accuracy", "MAP@20"),
    )
    assert "score" not in {scorer.label for scorer in SCORERS.values()}
