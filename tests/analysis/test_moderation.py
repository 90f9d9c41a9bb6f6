"""Moderated variances, on fixed cases: against statsmodels, scipy, and calculations by hand."""

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, special, stats

from analysis.results.moderation import (
    CAP,
    MIN_SHARING,
    are_bimodal,
    fitted_prior,
    gain_variances,
    moderated,
    row_variances,
    score_variances,
    summed,
)
from analysis.results.seed_part import KEYS, seed_part
from analysis.results.stats import adjusted, t_intervals


def noise(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def additive_residuals(scores):
    """Residuals of the additive model of rows and seeds, by the least squares of statsmodels."""
    from statsmodels.regression.linear_model import OLS

    rows, seeds = np.nonzero(~np.isnan(scores))
    design = np.hstack([np.eye(scores.shape[0])[rows], np.eye(scores.shape[1])[seeds][:, 1:]])
    computed = np.full(scores.shape, np.nan)
    computed[rows, seeds] = OLS(scores[rows, seeds], design).fit().resid
    return computed


def test_variances_with_seed_effects_are_those_of_the_additive_model_of_statsmodels():
    scores = noise(9, 4) + noise(1, 4, seed=1)
    variances, df = row_variances(scores)
    squares = (additive_residuals(scores) ** 2).sum(axis=1)
    assert df.tolist() == pytest.approx([3 * 8 / 9] * 9)
    assert df.sum() == pytest.approx(9 * 4 - 9 - 4 + 1)
    assert variances == pytest.approx(squares / df)


def test_variances_of_a_column_with_missing_scores_are_those_of_the_additive_model_of_statsmodels():
    scores = noise(9, 5) + 3 * noise(1, 5, seed=1)
    scores[[2, 2, 5], [0, 3, 4]] = np.nan
    variances, df = row_variances(scores)
    assert variances * df == pytest.approx(np.nansum(additive_residuals(scores) ** 2, axis=1), abs=1e-6)


def test_variances_without_seed_effects_are_those_of_numpy():
    scores = noise(3, 4)
    variances, df = row_variances(scores, blocks=False)
    assert variances == pytest.approx(scores.var(axis=1, ddof=1))
    assert df.tolist() == [3, 3, 3]


def test_a_row_with_one_seed_has_no_variance_and_changes_no_other():
    scores = noise(9, 3)
    with_one = np.vstack([scores, [5.0, np.nan, np.nan]])
    variances, df = row_variances(with_one)
    assert np.isnan([variances[-1], df[-1]]).all()
    assert variances[:-1] == pytest.approx(row_variances(scores)[0])


def test_the_prior_solves_the_equations_of_smyth():
    df = np.array([2.0, 2, 3, 3, 4, 4, 5, 5, 6, 6])
    variances = np.exp(1.5 * noise(10, seed=3))
    logs = np.log(variances) - special.digamma(df / 2) + np.log(df / 2)
    excess = logs.var(ddof=1) - special.polygamma(1, df / 2).mean()
    prior_df = 2 * optimize.brentq(lambda x: special.polygamma(1, x) - excess, 1e-3, 1e3)
    scale = np.exp(logs.mean() + special.digamma(prior_df / 2) - np.log(prior_df / 2))
    assert [float(value) for value in fitted_prior(variances, df)] == pytest.approx([scale, prior_df])


def test_variances_that_differ_by_less_than_chance_have_an_infinite_prior_at_their_pooled_value():
    variances, df = np.array([1.0, 1.1, 0.9, 1.0]), np.array([2.0, 2, 2, 4])
    scale, prior_df = fitted_prior(variances, df)
    assert np.isinf(prior_df)
    assert scale == pytest.approx((2 * 1.0 + 2 * 1.1 + 2 * 0.9 + 4 * 1.0) / 10)


def test_a_moderated_variance_is_the_weighted_mean_of_its_own_and_the_prior():
    variances, df = np.exp(1.5 * noise(1, 10, seed=3)), np.full((1, 10), 4.0)
    scale, prior_df = fitted_prior(variances, df)
    values, degrees = moderated(variances, df)
    assert prior_df < (CAP - 1) * 4
    assert values == pytest.approx((prior_df * scale + 4 * variances) / (prior_df + 4))
    assert degrees == pytest.approx(np.broadcast_to(prior_df + 4, (1, 10)))


def test_the_degrees_of_freedom_are_capped_so_that_a_row_keeps_a_share_of_its_own_variance():
    variances, df = np.array([[1.0, 1.1, 0.9, 1.0, 1.2, 0.8, 1.0, 1.05]]), np.full((1, 8), 2.0)
    values, degrees = moderated(variances, df)
    assert degrees == pytest.approx(np.full((1, 8), CAP * 2))
    assert values == pytest.approx(variances / CAP + variances.mean() * (1 - 1 / CAP))


def test_small_columns_share_the_prior_of_the_whole_matrix_and_a_small_matrix_has_none():
    variances, df = np.exp(noise(3, 4)), np.full((3, 4), 2.0)
    values, _ = moderated(variances, df)
    scale = variances.mean(axis=1, keepdims=True)
    together, _ = moderated((variances / scale).reshape(1, 12), np.full((1, 12), 2.0))
    assert values / scale == pytest.approx(together.reshape(3, 4))
    assert MIN_SHARING == 8
    assert np.isnan(moderated(variances[:1], df[:1])[0]).all()
    assert np.isnan(moderated(np.exp(noise(9, 3)), np.full((9, 3), 2.0))[0]).all()


@pytest.mark.parametrize("num_seeds", [2, 3, 5])
def test_quiet_and_noisy_targets_of_a_small_matrix_have_intervals_that_cover_the_truth_equally_often(num_seeds):
    scales = np.exp(np.linspace(-1.5, 1.5, 6))[:, None, None]  # the noise of targets differs by a factor of 20
    scores = noise(1000, 6, 6, num_seeds) * scales
    variance, df, _ = gain_variances(scores, 0)
    gains = (scores - scores[:, :, :1]).mean(axis=-1)
    half = stats.t.ppf(0.975, df) * np.sqrt(variance / num_seeds)
    coverage = (np.abs(gains) <= half)[..., 1:].mean(axis=(0, 2))
    assert (coverage > 0.93).all() and (coverage < 0.975).all()


def test_the_sum_of_two_variances_has_the_degrees_of_freedom_of_welchs_test():
    first, second = noise(5), 3 * noise(8, seed=1)
    total, df = summed(np.var(first, ddof=1) / 5, np.array(4.0), np.var(second, ddof=1) / 8, np.array(7.0))
    welch = stats.ttest_ind(first, second, equal_var=False)
    assert df == pytest.approx(welch.df)
    assert (first.mean() - second.mean()) / np.sqrt(total) == pytest.approx(welch.statistic)


def test_intervals_and_p_are_those_of_scipy():
    values = noise(6)
    error = values.std(ddof=1) / np.sqrt(6)
    expected = stats.ttest_1samp(values, 0)
    assert t_intervals(values.mean(), error, 5) == pytest.approx((*expected.confidence_interval(0.95), expected.pvalue))


def test_corrected_p_values_are_those_of_statsmodels():
    from statsmodels.stats.multitest import multipletests

    p = [0.001, 0.2, 0.03, 0.04, 0.6, 0.0004]
    assert adjusted(p) == pytest.approx(multipletests(p, method="fdr_bh")[1])


def test_a_gain_has_the_variance_of_its_row_and_of_the_reference():
    scores = noise(1, 9, 3)
    values, df = moderated(*row_variances(scores))
    total, total_df, _ = gain_variances(scores, 0)
    row, base = values[0, 4], values[0, 0]
    assert total[0, 4] == pytest.approx(row + base)
    assert total_df[0, 4] == pytest.approx((row + base) ** 2 / (row**2 / df[0, 4] + base**2 / df[0, 0]))


def test_a_reference_without_a_seed_adds_no_variance_and_seed_effects_stay_in():
    scores = noise(1, 10, 3) + 5 * noise(1, 1, 3, seed=2)
    scores[:, 0] = np.nan
    total, df, _ = gain_variances(scores, 0)
    values, degrees = moderated(*row_variances(scores, blocks=False))
    assert total[0, 1:] == pytest.approx(values[0, 1:])
    assert df[0, 1:] == pytest.approx(degrees[0, 1:])


def test_a_seed_effect_on_all_rows_changes_no_variance_of_a_gain():
    scores = noise(2, 9, 4)
    shifted = scores + 10 * noise(2, 1, 4, seed=1)
    assert gain_variances(shifted, 0)[0] == pytest.approx(gain_variances(scores, 0)[0])


def test_a_row_with_collapsed_seeds_is_bimodal_and_so_is_every_gain_over_it():
    scores = noise(1, 9, 5)
    assert not are_bimodal(scores).any()
    scores[0, 3, 1] -= 25
    assert np.flatnonzero(are_bimodal(scores)[0]).tolist() == [3]
    assert gain_variances(scores, 3)[2].all()
    assert gain_variances(scores, 0)[2].sum() == 1
    assert gain_variances(scores, 0)[0][0, 1] < 6


def test_a_collapse_of_two_seeds_or_among_few_rows_is_never_called_bimodal():
    scores = noise(1, 9, 2)
    scores[0, 3, 1] -= 25
    assert not are_bimodal(scores).any()
    scores = noise(1, 7, 5)
    scores[0, 3, 1] -= 25
    assert not are_bimodal(scores).any()


def column(scores):
    """A table of the scores of one target (rows x seeds) with gains over the first row."""
    rows = [
        ("clean", "en", "t", f"r{row}", seed, value, value - scores[0][seed])
        for row, values in enumerate(scores)
        for seed, value in enumerate(values)
    ]
    return pd.DataFrame(rows, columns=[*KEYS, "seed", "score", "gain"]).dropna(subset="score")


def test_a_table_of_scores_gives_the_variances_of_its_array():
    scores = noise(9, 3)
    table = seed_part(column(scores), "r0").reset_index()
    total, df, _ = gain_variances(scores[None], 0)
    assert table["recipe"].tolist() == [f"r{row}" for row in range(1, 9)]
    assert table["variance"].tolist() == pytest.approx(total[0, 1:] / 3)
    assert table["df"].tolist() == pytest.approx(df[0, 1:])
    assert table["gain"].tolist() == pytest.approx((scores[1:] - scores[0]).mean(axis=1))


def test_few_rows_have_the_variance_of_their_paired_differences():
    scores = noise(3, 4)
    table = seed_part(column(scores), "r0")
    differences = scores[1:] - scores[0]
    assert table["variance"].tolist() == pytest.approx(differences.var(axis=1, ddof=1) / 4)
    assert table["df"].tolist() == [3, 3]


def test_a_row_with_gains_over_other_languages_than_its_score_has_the_variance_of_its_differences():
    scores = noise(9, 3)
    table = column(scores)
    is_other = table["recipe"] == "r4"
    table.loc[is_other, "gain"] = [0.1, 0.4, 0.2]
    computed = seed_part(table, "r0").reset_index().set_index("recipe")
    assert computed.loc["r4", "variance"] == pytest.approx(np.var([0.1, 0.4, 0.2], ddof=1) / 3)
    assert computed.loc["r4", "df"] == 2
    expected, _, _ = gain_variances(np.delete(scores, 4, axis=0)[None], 0)
    assert computed.loc["r5", "variance"] == pytest.approx(expected[0, 4] / 3)


def test_a_row_that_lacks_seeds_has_the_variance_of_the_seeds_that_it_shares():
    scores = noise(9, 4)
    scores[5, 2:] = np.nan
    computed = seed_part(column(scores), "r0").reset_index().set_index("recipe")
    total, _, _ = gain_variances(scores[None], 0)
    assert computed.loc["r5", "num_seeds"] == 2
    assert computed.loc["r5", "variance"] == pytest.approx(total[0, 5] / 2)


def test_a_table_without_gains_has_no_variances():
    assert seed_part(column(noise(1, 2)), "r0").empty


def test_collapsed_rows_have_no_variance_and_change_no_other():
    scores = noise(2, 10, 4)
    scores[0, 3, 1] -= 30
    variances, df, bimodal = score_variances(scores)
    assert np.argwhere(bimodal).tolist() == [[0, 3]]
    assert np.isnan(variances[0, 3])
    alone, alone_df = moderated(*row_variances(np.delete(scores[:1], 3, axis=1)))
    assert np.delete(variances[0], 3) == pytest.approx(alone[0])
    assert np.delete(df[0], 3) == pytest.approx(alone_df[0])


def test_a_score_has_the_variance_of_its_own_row_where_there_is_no_prior():
    scores = noise(1, 3, 4)
    assert np.isnan(moderated(*row_variances(scores))[0]).all()
    assert score_variances(scores)[0] == pytest.approx(row_variances(scores)[0])


@pytest.mark.parametrize("shape", [(2, 9, 0), (0, 9, 3), (2, 0, 3)])
def test_a_matrix_without_scores_has_no_variances_and_no_bimodal_row(shape):
    variances, df, bimodal = score_variances(np.full(shape, np.nan))
    assert np.isnan(variances).all() and np.isnan(df).all() and not bimodal.any()
    assert variances.shape == bimodal.shape == shape[:-1]
