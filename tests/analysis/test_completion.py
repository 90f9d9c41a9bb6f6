"""Predictions of missing cells, against refits without a cell and against planted effects."""

import numpy as np
import pandas as pd
import pytest

from analysis.results.completion import _fitted, _likelihood, _projection, complete

RECIPES, TARGETS = [f"r{n}" for n in range(10)], [f"t{n}" for n in range(6)]
NOISE = pd.Series(0.02, index=TARGETS)


def additive(seed=0, noise=0.3):
    """Gains with effects of recipes and targets, in units of 0.02, and noise."""
    random = np.random.default_rng(seed)
    effects = random.normal(size=(10, 1)) + random.normal(size=(1, 6)) + noise * random.normal(size=(10, 6))
    return pd.DataFrame(0.02 * effects, RECIPES, TARGETS)


def completed(gains, **predictors):
    return complete(gains, gains.isna(), NOISE, predictors)


def test_leave_one_out_errors_are_those_of_predictions_from_all_other_cells():
    y = additive().to_numpy() / 0.02
    design = np.column_stack([np.ones(60), np.random.default_rng(1).normal(size=60)])
    fit = _fitted(y, np.ones_like(y, dtype=bool), design)
    for cell in (0, 17, 59):
        others = np.delete(np.arange(60), cell)
        inverse = np.linalg.inv(fit.covariance[np.ix_(others, others)])
        x, values = design[others], y.ravel()[others]
        coefficients = np.linalg.solve(x.T @ inverse @ x, x.T @ inverse @ values)
        expected = design[cell] @ coefficients + fit.covariance[cell, others] @ inverse @ (values - x @ coefficients)
        assert fit.errors[cell] * fit.deviations[cell] == pytest.approx(y.ravel()[cell] - expected)


def test_the_restricted_likelihood_without_effects_is_that_of_a_linear_regression():
    random = np.random.default_rng(0)
    x, y = np.column_stack([np.ones(20), random.normal(size=20)]), random.normal(size=20)
    residuals = y - x @ np.linalg.lstsq(x, y, rcond=None)[0]
    scale = y @ _projection(np.eye(20), x) @ y / 18
    assert scale == pytest.approx(residuals @ residuals / 18)
    assert _likelihood(np.eye(20), x, y) == pytest.approx(-(18 * np.log(scale) + np.log(np.linalg.det(x.T @ x))) / 2)


def test_the_intervals_of_missing_cells_contain_their_gains_about_as_often_as_they_say():
    inside, errors, means = [], [], []
    for seed in range(40):
        full = additive(seed)
        hidden = full.mask(np.random.default_rng(seed).random(full.shape) < 0.2)
        prediction = completed(hidden)
        truth = [full.loc[row.recipe, row.target] for row in prediction.cells.itertuples()]
        inside += list((prediction.cells["low"] <= truth) & (truth <= prediction.cells["high"]))
        errors += list(prediction.cells["gain"] - truth)
        means += [hidden[row.target].mean() - full.loc[row.recipe, row.target] for row in prediction.cells.itertuples()]
        assert not prediction.uses_predictors
    assert 0.90 < np.mean(inside) < 0.98
    assert np.std(errors) < 0.6 * np.std(means)


def test_predictors_are_used_if_they_reduce_the_error():
    full = additive(noise=1.0)
    random = np.random.default_rng(3)
    signal = pd.DataFrame(random.normal(size=full.shape), RECIPES, TARGETS)
    prediction = completed(full + 0.06 * signal, logme=signal)
    assert prediction.uses_predictors
    assert prediction.error < 0.6 * completed(full + 0.06 * signal).error
    # A target without the predictor does not prevent it on others.
    assert completed(full + 0.06 * signal, logme=signal.assign(t0=np.nan)).uses_predictors


def test_gains_are_predicted_only_if_the_mean_of_the_target_is_worse():
    shown = []
    for seed in range(20):
        random = np.random.default_rng(seed)
        gains = pd.DataFrame(random.normal(size=6) + 0.02 * random.normal(size=(10, 6)), RECIPES, TARGETS)
        gains.iloc[0, 0] = np.nan
        prediction = completed(gains)
        shown.append(prediction.note == "")
        assert shown[-1] == (prediction.error < prediction.column_error) == (len(prediction.cells) == 1)
    assert 0 < sum(shown) < 20


def test_only_wanted_cells_are_predicted():
    gains = additive()
    gains.iloc[0, :2] = np.nan
    wanted = gains.isna()
    wanted.loc["r0", "t1"] = False  # measured, but not comparable
    prediction = complete(gains, wanted, NOISE, {})
    assert prediction.cells[["recipe", "target"]].values.tolist() == [["r0", "t0"]]
    assert prediction.next_cell == ("r0", "t0")


def test_the_next_cell_is_the_one_that_says_most_about_the_others():
    gains = additive()
    gains.loc["r3", TARGETS[1:]] = np.nan  # one measured gain: every further one says much about the row
    gains.loc["r5", "t2"] = np.nan
    prediction = completed(gains)
    assert prediction.next_cell is not None
    assert prediction.next_cell[0] == "r3"
    wide = (prediction.cells["high"] - prediction.cells["low"]).groupby(prediction.cells["recipe"]).mean()
    assert wide["r3"] > wide["r5"]


def test_a_small_matrix_has_no_predictions_and_says_why():
    prediction = completed(additive().iloc[:4])
    assert prediction.note.startswith("No gain is predicted: at least 6 recipes and 3 targets")
    assert prediction.cells.empty


def test_a_complete_matrix_has_errors_and_no_predictions():
    prediction = completed(additive())
    assert prediction.cells.empty
    assert prediction.next_cell is None
    assert 0 < prediction.error < prediction.column_error


def test_the_errors_of_the_model_and_of_the_mean_of_a_target_are_over_the_same_cells():
    gains = additive()
    gains.loc[RECIPES[1:], "t5"] = np.nan  # the mean of the other cells of t5 does not exist
    prediction = completed(gains)
    y = (gains / NOISE).to_numpy(dtype=float)
    fit = _fitted(y, ~np.isnan(y), np.ones((y.size, 1)))
    is_compared = (np.arange(y.size) % 6 < 5)[fit.measured]
    errors = (fit.errors * fit.deviations)[is_compared]
    assert prediction.error == pytest.approx(np.sqrt(np.mean(errors**2)))
    others = (y[:, :5].sum(axis=0) - y[:, :5]) / 9
    assert prediction.column_error == pytest.approx(np.sqrt(np.mean((y[:, :5] - others) ** 2)))
