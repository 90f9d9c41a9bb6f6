"""Slopes of language effects: against calculations by hand, in noise, and with a planted slope."""

import numpy as np
import pytest
from scipy import stats

from analysis.results.slopes import language_effects, slope_on

ENGLISH_FIRST = np.concatenate([[0.0], np.linspace(0.3, 0.7, 14)])
"""Distances of fifteen languages from English, whose own distance is 0."""


def noisy_gains(random, trait, slope=0.0, num_cells=8, num_seeds=3):
    """Gains of cells that share a baseline, and so its noise: shape (cells, languages, seeds)."""
    shape = (num_cells, len(trait), num_seeds)
    scores = random.normal(size=shape) + slope * trait[:, None] + random.normal(size=(num_cells, 1, 1))
    return scores - random.normal(size=(1, *shape[1:]))


def test_the_effects_of_a_complete_table_are_its_centred_means():
    gains = noisy_gains(np.random.default_rng(1), ENGLISH_FIRST)
    means = gains.mean(axis=0)
    assert language_effects(gains) == pytest.approx(means - means.mean(axis=0))


def test_a_language_that_only_a_high_cell_has_gets_no_higher_effect():
    cell, language = np.array([0.0, 5.0, 10.0]), np.array([1.0, 0.0, -1.0, 2.0])
    gains = (cell[:, None] + language)[..., None]
    gains[:2, 3] = np.nan  # only the highest cell has the last language
    effects = language_effects(gains)[:, 0]
    assert effects == pytest.approx(language - language.mean())


def test_languages_that_no_cell_connects_with_the_others_have_no_effect():
    gains = np.full((3, 5, 1), np.nan)
    gains[0, :3, 0], gains[1, 1:3, 0], gains[2, 3:, 0] = (1.0, 2.0, 3.0), (5.0, 6.0), (7.0, 9.0)
    effects = language_effects(gains)[:, 0]
    assert effects[:3] == pytest.approx([-1.0, 0.0, 1.0])
    assert np.isnan(effects[3:]).all()


def test_a_cell_with_one_language_and_a_gain_without_all_seeds_do_not_count():
    gains = np.random.default_rng(2).normal(size=(3, 4, 2))
    gains[2, :3] = np.nan
    gains[1, 3, 0] = np.nan
    gains[0, 3] = np.nan
    effects = language_effects(gains)
    assert np.isnan(effects[3]).all()
    assert not np.isnan(effects[:3]).any()


def test_the_slope_and_its_interval_are_those_of_scipy_and_of_a_jackknife_by_hand():
    random = np.random.default_rng(3)
    x, y = random.random(9), random.normal(size=(9, 3))
    fit, mean = slope_on(x, y), y.mean(axis=1)
    assert fit.slope == pytest.approx(stats.linregress(x, mean).slope)
    left = [stats.linregress(np.delete(x, n), np.delete(mean, n)).slope for n in range(9)]
    error = np.sqrt(8 / 9 * np.sum((left - np.mean(left)) ** 2))
    assert fit.high - fit.low == pytest.approx(2 * stats.t.ppf(0.975, 8) * error)
    assert fit.rho == pytest.approx(stats.spearmanr(x, mean).statistic)
    by_seed = [stats.linregress(x, column).slope for column in y.T]
    assert fit.se_seed == pytest.approx(np.std(by_seed, ddof=1) / np.sqrt(3))


@pytest.mark.parametrize("num", [6, 15])
def test_in_noise_one_slope_in_twenty_looks_real_although_all_cells_share_the_noise_of_their_baseline(num):
    random, trait = np.random.default_rng(4), ENGLISH_FIRST[:num]
    slopes = [slope_on(trait, language_effects(noisy_gains(random, trait))) for _ in range(400)]
    assert 0.02 <= np.mean([fit.p < 0.05 for fit in slopes]) <= 0.08
    assert np.mean([fit.low <= 0 <= fit.high for fit in slopes]) >= 0.92


def test_a_planted_slope_is_recovered_and_its_interval_covers_it():
    random = np.random.default_rng(5)
    slopes = [slope_on(ENGLISH_FIRST, language_effects(noisy_gains(random, ENGLISH_FIRST, -4.0))) for _ in range(300)]
    assert np.mean([fit.slope for fit in slopes]) == pytest.approx(-4, abs=0.15)
    assert 0.92 <= np.mean([fit.low <= -4 <= fit.high for fit in slopes]) <= 0.99
    assert np.mean([fit.p < 0.05 for fit in slopes]) > 0.6


def test_five_languages_and_languages_at_one_distance_have_no_slope():
    effects = np.random.default_rng(6).normal(size=(7, 2))
    assert np.isnan(slope_on(np.arange(5.0), effects[:5]).slope)
    assert slope_on(np.arange(5.0), effects[:5]).n == 5
    assert np.isnan(slope_on(np.ones(7), effects).p)


def test_a_language_without_the_property_is_left_out():
    x, effects = np.arange(8.0), np.random.default_rng(7).normal(size=(8, 2))
    missing = np.where(x == 3, np.nan, x)
    assert slope_on(missing, effects) == slope_on(np.delete(x, 3), np.delete(effects, 3, axis=0))


def test_equal_effects_have_neither_an_interval_nor_a_correlation():
    fit = slope_on(np.arange(8.0), np.ones((8, 2)))
    assert fit.slope == 0
    assert np.isnan([fit.low, fit.high, fit.rho, fit.p]).all()
