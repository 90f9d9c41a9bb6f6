"""Intervals and permutation tests against hand-computed values."""

import math

import pytest

from analysis.results.stats import adjusted, are_equal, spearman, t_intervals


def test_the_interval_of_three_seeds_is_that_of_students_t():
    low, high, p = t_intervals(2.0, 1 / math.sqrt(3), 2)
    # t(0.975, 2) = 4.3027; p of t = 2 sqrt(3) with 2 degrees of freedom.
    assert (high - 2.0, 2.0 - low) == pytest.approx((4.30265 / math.sqrt(3),) * 2, abs=1e-4)
    assert p == pytest.approx(1 - math.sqrt(12 / 14), abs=1e-9)


def test_a_standard_error_of_zero_is_no_certainty():
    assert all(map(math.isnan, t_intervals(0.5, 0.0, 2)))


def test_gains_that_differ_in_their_last_bits_are_equal_on_the_scale_of_their_scores():
    assert are_equal(0.04999999999999999, 0.050000000000000044, 0.8)
    assert are_equal(0.0, 5.6e-17, 0.3)
    assert not are_equal(0.05, 0.0501, 0.8)


def test_corrected_p_values_depend_on_the_number_of_tested_cells_only():
    assert adjusted([0.01, math.nan, 0.04])[::2] == pytest.approx([0.02, 0.04])
    assert math.isnan(adjusted([0.01, math.nan, 0.04])[1])
    assert adjusted([]) == []


def test_the_p_value_of_a_perfect_order_of_four_is_two_in_twenty_four():
    correlation = spearman([1, 2, 3, 4], [10, 20, 30, 40])
    assert (correlation.rho, correlation.n) == (pytest.approx(1.0), 4)
    assert correlation.p == pytest.approx(2 / 24)


def test_up_to_eight_pairs_all_orders_are_counted():
    assert spearman(range(8), [-x for x in range(8)]).p == pytest.approx(2 / math.factorial(8))


def test_nine_pairs_are_tested_by_seeded_draws_and_p_is_never_zero():
    correlation = spearman(range(9), range(9))
    assert correlation.rho == pytest.approx(1.0)
    assert 1e-4 <= correlation.p < 1e-3
    assert spearman(range(9), range(9)) == correlation


def test_tied_values_share_their_rank():
    assert spearman([1, 1, 2], [1, 2, 3]).rho == pytest.approx(math.sqrt(3) / 2)


def test_a_pair_with_a_missing_value_is_left_out():
    assert spearman([1, 2, 3, math.nan], [1, 2, 3, 0]).n == 3


@pytest.mark.parametrize(("first", "second"), [([1, 2], [1, 2]), ([1, 1, 1], [1, 2, 3]), ([], [])])
def test_too_few_pairs_or_a_constant_have_no_correlation(first, second):
    correlation = spearman(first, second)
    assert math.isnan(correlation.rho) and math.isnan(correlation.p)
    assert correlation.n == len(first)
