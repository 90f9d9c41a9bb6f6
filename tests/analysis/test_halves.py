"""Correlations across disjoint halves of the seeds, on arrays."""

import numpy as np
import pytest
from scipy import stats

from analysis.results.halves import MAX_SPLITS, MIN_N, half_correlations, half_means, inflation, splits


@pytest.mark.parametrize(("num_seeds", "num"), [(0, 0), (1, 0), (2, 1), (3, 3), (4, 3), (5, 10), (10, MAX_SPLITS)])
def test_every_division_of_the_seeds_is_used_once_up_to_fifty(num_seeds, num):
    correlated = splits(num_seeds)
    assert correlated.shape == (num, num_seeds)
    assert all(row.sum() == num_seeds // 2 for row in correlated)
    assert len({tuple(row) for row in correlated.tolist()} | {tuple(~row) for row in correlated}) == 2 * num


def test_half_means_are_means_over_disjoint_seeds():
    values = np.arange(6.0).reshape(2, 3)
    first, second = half_means(values)
    assert first.shape == (3, 2)
    assert (first + 2 * second).tolist() == [[3.0, 12.0]] * 3


def test_without_noise_the_correlation_is_that_of_pearson():
    values = np.random.default_rng(1).normal(size=(2, 9))
    correlated = half_correlations(np.repeat(values[..., None], 4, axis=-1))
    expected = stats.pearsonr(values[0], values[1])
    assert correlated.rho[0, 1] == pytest.approx(expected.statistic)
    assert correlated.rho[0, 0] == pytest.approx(1)
    permuted = stats.permutation_test(
        (values[1],), lambda y: stats.pearsonr(values[0], y).statistic, permutation_type="pairings", n_resamples=2000
    )
    assert correlated.p[0, 1] == pytest.approx(permuted.pvalue, abs=0.05)


def test_the_interval_is_the_jackknife_on_fishers_scale():
    values = np.random.default_rng(2).normal(size=(2, 8))
    correlated = half_correlations(np.repeat(values[..., None], 2, axis=-1))
    z = [np.arctanh(stats.pearsonr(*np.delete(values, number, axis=1)).statistic) for number in range(8)]
    error = np.sqrt(7 / 8 * ((np.array(z) - np.mean(z)) ** 2).sum())
    centre = np.arctanh(correlated.rho[0, 1])
    half = stats.t.ppf(0.975, 7) * error
    assert np.arctanh([correlated.low[0, 1], correlated.high[0, 1]]) == pytest.approx([centre - half, centre + half])


def test_noise_that_two_variables_share_does_not_correlate_them():
    random = np.random.default_rng(3)
    shared = random.normal(size=(200, 1, 10, 5))
    values = shared + 0.1 * random.normal(size=(200, 2, 10, 5))
    plain = [stats.pearsonr(*one.mean(axis=-1)).statistic for one in values]
    halves = [half_correlations(one).rho[0, 1] for one in values]
    assert np.mean(plain) > 0.9
    assert abs(np.mean(halves)) < 0.1


def test_shared_noise_widens_the_null_distribution_as_predicted():
    random = np.random.default_rng(4)
    shared = random.normal(size=(1000, 1, 10, 2))
    values = shared + random.normal(size=(1000, 2, 10, 2))

    def sums(pairs):
        return [a[:, 0] @ b[:, 1] + a[:, 1] @ b[:, 0] for a, b in pairs]

    observed = np.std(sums(zip(values[:, 0], values[:, 1], strict=True)))
    other = np.std(sums(zip(values[:, 0], np.roll(values[:, 1], 1, axis=1), strict=True)))
    predicted = np.mean([inflation(one)[0, 1] for one in values])
    assert observed / other == pytest.approx(predicted, rel=0.05)


def test_fewer_than_six_values_or_two_seeds_give_no_correlation():
    random = np.random.default_rng(5)
    few, one_seed = random.normal(size=(3, MIN_N - 1, 4)), random.normal(size=(3, 9, 1))
    for correlated, n in ((half_correlations(few), MIN_N - 1), (half_correlations(one_seed), 0)):
        assert np.isnan(correlated.rho).all()
        assert np.isnan(correlated.p).all()
        assert (correlated.n == n).all()


def test_a_missing_value_is_left_out_for_its_pairs_only():
    values = np.random.default_rng(6).normal(size=(3, 8, 4))
    holed = values.copy()
    holed[2, 3, 0] = np.nan
    whole, correlated = half_correlations(values), half_correlations(holed)
    assert correlated.rho[0, 1] == pytest.approx(whole.rho[0, 1])
    assert (correlated.n[0, 1], correlated.n[0, 2]) == (8, 7)
    without = half_correlations(np.delete(values, 3, axis=1))
    assert correlated.rho[0, 2] == pytest.approx(without.rho[0, 2])


def test_a_variable_without_differences_has_no_correlation():
    values = np.random.default_rng(7).normal(size=(2, 8, 4))
    values[1] = 0.25
    correlated = half_correlations(values)
    assert np.isnan(correlated.rho[0, 1])
    assert np.isnan(correlated.p[0, 1])


def test_a_perfect_correlation_has_no_interval():
    values = np.random.default_rng(8).normal(size=(1, 8, 1))
    correlated = half_correlations(np.repeat(np.concatenate([values, 3 * values, -values]), 4, axis=2))
    assert correlated.rho[0, 1:].tolist() == pytest.approx([1, -1])
    assert np.isnan(correlated.low[0, 1:]).all() and np.isnan(correlated.high[0, 1:]).all()
