"""Average precision at 20, computed by hand, and the expected value of a random order."""

from itertools import permutations

import pytest

from sweeper.scoring.ranking import DEPTH, average_precision, expected_average_precision


def test_each_correct_candidate_adds_the_precision_at_its_rank() -> None:
    # Three correct candidates at the ranks 1, 3 and 6: (1/1 + 2/3 + 3/6) / 3.
    assert average_precision([1, 3, 6], 3) == pytest.approx((1 + 2 / 3 + 3 / 6) / 3)


def test_a_correct_candidate_that_is_not_found_counts_in_the_divisor() -> None:
    assert average_precision([2], 4) == pytest.approx((1 / 2) / 4)


def test_none_in_the_first_twenty_is_zero() -> None:
    assert average_precision([], 3) == 0
    assert average_precision([21, 30], 2) == 0


def test_with_one_correct_candidate_the_result_is_the_reciprocal_rank() -> None:
    assert [average_precision([rank], 1) for rank in (1, 2, 20)] == [1, 1 / 2, 1 / 20]


def test_more_than_twenty_correct_candidates_can_score_one() -> None:
    assert average_precision(list(range(1, DEPTH + 1)), 50) == 1


def test_a_query_without_a_correct_candidate_scores_zero() -> None:
    assert average_precision([], 0) == expected_average_precision(0, 10) == 0


@pytest.mark.parametrize(("num_right", "num_candidates", "depth"), [(1, 5, 3), (2, 5, 3), (3, 6, 2), (2, 2, 20)])
def test_the_expected_value_of_a_random_order_is_the_mean_over_all_orders(
    num_right: int, num_candidates: int, depth: int
) -> None:
    scores = [
        average_precision(
            [rank for rank, number in enumerate(order[:depth], 1) if number < num_right], num_right, depth
        )
        for order in permutations(range(num_candidates))
    ]
    assert expected_average_precision(num_right, num_candidates, depth) == pytest.approx(sum(scores) / len(scores))
