"""The set of best rows and the correction of the named gain, on arrays."""

import math

import numpy as np
import pytest
from scipy import stats

from analysis.results.best_rows import NEVER, best_rows, seeds_to_separate
from analysis.results.selection import corrected_gains

MANY = 1e6
"""Degrees of freedom of a variance that is known."""


def sets(means, variance=1.0, df=MANY, items=None):
    num = len(means)
    return best_rows(np.array(means, float), np.full(num, variance), np.full(num, df), items).tolist()


def test_with_known_variances_the_set_is_that_of_tukeys_range_test():
    limit = stats.studentized_range.ppf(0.95, 4, math.inf)
    assert sets([0.0, 0.0, 0.0, 0.97 * limit]) == [True] * 4
    assert sets([0.0, 0.0, 0.0, 1.03 * limit]) == [False, False, False, True]


def test_a_row_without_a_variance_is_in_the_set_and_a_row_without_a_score_is_not():
    variances = np.array([1.0, np.nan, 1.0, 1.0])
    found = best_rows(np.array([0.0, -50.0, np.nan, 50.0]), variances, np.full(4, MANY))
    assert found.tolist() == [False, True, False, True]


def test_the_best_row_is_always_in_the_set():
    random = np.random.default_rng(3)
    for _ in range(20):
        means = random.normal(size=6)
        assert sets(means.tolist(), variance=1e-9)[int(means.argmax())]


def test_few_degrees_of_freedom_and_uncertain_items_make_the_set_larger():
    means = [0.0, 1.0, 2.0, 3.0, 4.5]
    items = 4.0 * (1 - np.eye(5))
    assert sum(sets(means, 1.0)) < sum(sets(means, 1.0, df=2.0))
    assert sum(sets(means, 0.1)) < sum(sets(means, 0.1, items=items))


def test_rows_without_any_variance_between_them_cannot_be_distinguished_if_they_are_equal():
    assert sets([1.0, 1.0, 0.0], variance=0.0) == [True, True, True]


def interval_excludes_zero(difference, variance, items, num):
    half = stats.t.ppf(0.975, 2 * (num - 1)) * math.sqrt(2 * variance / num + items)
    return difference > half


@pytest.mark.parametrize("items", [0.0, 0.01])
def test_the_seeds_needed_are_the_fewest_whose_interval_excludes_zero(items):
    needed = seeds_to_separate((0.9, 0.3), (0.4, 0.4), 3, items)
    assert needed > 0
    assert interval_excludes_zero(0.6, 0.4, items, 3 + int(needed))
    assert not interval_excludes_zero(0.6, 0.4, items, 2 + int(needed))


def test_no_number_of_seeds_separates_rows_that_items_cannot_separate():
    assert seeds_to_separate((0.5, 0.4), (0.1, 0.1), 3, items=1.0) == NEVER
    assert seeds_to_separate((0.5, 0.5), (0.1, 0.1), 3) == NEVER
    assert seeds_to_separate((0.9, 0.1), (1e-6, 1e-6), 3) == 0
    assert math.isnan(seeds_to_separate((0.9, math.nan), (0.1, 0.1), 3))


def test_gains_like_noise_are_corrected_to_almost_nothing_and_large_ones_stay():
    random = np.random.default_rng(5)
    gains = random.normal(size=(9, 10)) * math.sqrt(2)
    gains[4, 4] = 30.0
    corrected = corrected_gains(gains, np.ones((9, 10)), np.ones(9))
    rest = np.delete(corrected.ravel(), 44)
    assert np.abs(rest).max() < 0.5 * np.abs(gains).max(where=np.arange(90).reshape(9, 10) != 44, initial=0)
    assert corrected[4, 4] == pytest.approx(30.0, rel=0.1)


def test_the_correction_is_the_posterior_mean_of_the_mixture():
    random = np.random.default_rng(6)
    truth = np.where(random.random((200, 20)) < 0.3, random.normal(0, 3, (200, 20)), 0.0)
    gains = truth + random.normal(size=truth.shape)
    corrected = corrected_gains(gains, np.ones(truth.shape), np.zeros(200))
    for value in (0.5, 2.0, 3.5):
        weight = (
            0.3
            * stats.norm.pdf(value, 0, math.sqrt(10))
            / (0.3 * stats.norm.pdf(value, 0, math.sqrt(10)) + 0.7 * stats.norm.pdf(value))
        )
        near = int(np.abs(gains - value).argmin())
        assert corrected.ravel()[near] == pytest.approx(weight * 0.9 * value, abs=0.12)


def test_an_error_of_the_reference_that_all_rows_share_is_not_taken_for_effects():
    random = np.random.default_rng(8)
    gains = random.normal(size=(9, 10)) * 0.1
    gains[0] += 2.0  # the reference of one column was unlucky
    shared = corrected_gains(gains, np.full((9, 10), 0.01), np.ones(9))
    alone = corrected_gains(gains, np.full((9, 10), 0.01), np.zeros(9))
    assert np.abs(shared[0]).max() < 0.5
    assert np.abs(alone[0]).min() > 1.5


def test_too_few_gains_are_not_corrected():
    assert np.isnan(corrected_gains(np.ones((1, 7)), np.ones((1, 7)), np.zeros(1))).all()
    gains = np.ones((2, 5))
    gains[0, 0] = np.nan
    corrected = corrected_gains(gains, np.ones((2, 5)), np.zeros(2))
    assert np.isnan(corrected[0, 0])
    assert np.isfinite(corrected[1]).all()
