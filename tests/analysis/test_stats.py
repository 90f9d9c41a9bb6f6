"""Intervals and permutation tests against values worked out by hand."""

import math

import pytest

from analysis.results.stats import adjusted, paired_interval, spearman


def test_the_interval_of_three_seeds_is_students():
    found = paired_interval([1.0, 2.0, 3.0])
    # t(0.975, 2) = 4.3027 and the standard error is 1 / sqrt(3); p of t = 2 sqrt(3) with 2 degrees of freedom.
    assert (found.mean, found.sd, found.n) == (2.0, 1.0, 3)
    assert found.high - found.mean == pytest.approx(4.30265 / math.sqrt(3), abs=1e-4)
    assert found.p == pytest.approx(1 - math.sqrt(12 / 14), abs=1e-9)


def test_two_seeds_have_a_spread_but_claim_nothing():
    found = paired_interval([1.0, 3.0])
    assert found.sd == pytest.approx(math.sqrt(2))
    assert math.isnan(found.p) and math.isnan(found.low) and math.isnan(found.high)


def test_seeds_without_any_difference_claim_nothing():
    assert math.isnan(paired_interval([0.5, 0.5, 0.5]).p)


def test_corrected_p_values_grow_with_the_number_of_cells_and_skip_unknown_ones():
    assert adjusted([0.01, math.nan, 0.04])[::2] == pytest.approx([0.02, 0.04])
    assert math.isnan(adjusted([0.01, math.nan, 0.04])[1])
    assert adjusted([]) == []


def test_a_perfect_order_of_four_is_matched_by_two_of_twenty_four_orders():
    found = spearman([1, 2, 3, 4], [10, 20, 30, 40])
    assert (found.rho, found.n) == (pytest.approx(1.0), 4)
    assert found.p == pytest.approx(2 / 24)


def test_up_to_eight_pairs_every_order_is_counted():
    assert spearman(range(8), [-x for x in range(8)]).p == pytest.approx(2 / math.factorial(8))


def test_nine_pairs_are_tested_by_seeded_draws_and_p_is_never_zero():
    found = spearman(range(9), range(9))
    assert found.rho == pytest.approx(1.0)
    assert 1e-4 <= found.p < 1e-3
    assert spearman(range(9), range(9)) == found


def test_tied_values_share_their_rank():
    assert spearman([1, 1, 2], [1, 2, 3]).rho == pytest.approx(math.sqrt(3) / 2)


def test_a_pair_with_a_missing_value_is_left_out():
    assert spearman([1, 2, 3, math.nan], [1, 2, 3, 0]).n == 3


@pytest.mark.parametrize(("first", "second"), [([1, 2], [1, 2]), ([1, 1, 1], [1, 2, 3]), ([], [])])
def test_too_few_pairs_or_a_constant_have_no_correlation(first, second):
    found = spearman(first, second)
    assert math.isnan(found.rho) and math.isnan(found.p)
    assert found.n == len(first)
