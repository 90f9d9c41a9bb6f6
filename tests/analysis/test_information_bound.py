"""The bound on usable information of wrong labels, and the verdicts of `benchmarks/information.py`."""

from math import log

import pytest

from analysis.results.difficulty import Information
from benchmarks.information import bound, verdict


def test_the_bound_is_log_3_without_wrong_labels_and_0_if_the_labels_are_random() -> None:
    assert bound(0.0) == pytest.approx(log(3))
    assert bound(2 / 3) == pytest.approx(0)


def test_the_bound_is_that_of_a_model_that_knows_the_right_label_and_the_share_of_wrong_ones() -> None:
    share = 0.3
    best = (1 - share) * log(1 - share) + share * log(share / 2)
    assert bound(share) == pytest.approx(log(3) + best)


@pytest.mark.parametrize(
    ("information", "expected"),
    [(0.55, "ok"), (0.46, "ok"), (0.44, "below 80% of the bound"), (0.65, "above the bound")],
)
def test_a_line_is_ok_between_80_percent_of_the_bound_and_two_standard_errors_above_it(
    information: float, expected: str
) -> None:
    assert verdict(Information(information=information, se=0.02, num_seeds=3, num_items=9), 0.56) == expected


def test_a_recipe_without_a_score_is_not_measured() -> None:
    assert verdict(Information(), 0.56) == "not measured"
