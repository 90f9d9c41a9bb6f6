"""Intervals and permutation tests against hand-computed values."""

import math

import pytest

from analysis.results.stats import adjusted, paired_interval, spearman


def test_the_interval_of_three_seeds_is_that_of_students_t():
    interval = paired_interval([1.0, 2.0, 3.0])
    # t(0.975, 2) = 4.3027 and the standard error is 1 / sqrt(3); p of t = 2 sqrt(3) with 2 degrees of freedom.
    assert (interval.mean, interval.sd, interval.n) == (2.0, 1.0, 3)
    assert interval.high - interval.mean == pytest.approx(4.30265 / math.sqrt(3), abs=1e-4)
    assert interval.p == pytest.approx(1 - math.sqrt(12 / 14), abs=1e-9)


def test_two_seeds_have_a_standard_deviation_and_no_interval():
    interval = paired_interval([1.0, 3.0])
    assert interval.sd == pytest.approx(math.sqrt(2))
    assert math.isnan(interval.p) and math.isnan(interval.low) and math.isnan(interval.high)


def test_equal_gains_have_no_interval():
    assert math.isnan(paired_interval([0.5, 0.5, 0.5]).p)


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
