"""Correlations over a small matrix with known ranks."""

import math

import pytest

from analysis.results.correlate import as_square
from analysis.results.results import compute_results


@pytest.fixture
def correlations(full_run):
    return compute_results(full_run.url).correlations


def predictor(correlations, trait, target):
    table = correlations.predictors
    return table[(table["trait"] == trait) & (table["target"] == target)].iloc[0]


def test_the_mean_gain_is_over_targets_that_share_data_with_no_recipe(correlations):
    assert correlations.mean_over == ("tags", "search")
    assert correlations.traits["mean"].to_dict() == pytest.approx(
        {"small_nli": 0.085, "large_nli": -0.05, "middle_qa": 0.0}
    )


def test_gains_are_correlated_with_size_and_own_dev_score(correlations):
    size, dev_score = predictor(correlations, "train_size", "mean"), predictor(correlations, "own_dev", "mean")
    assert (size["rho"], size["n"], size["p"]) == (pytest.approx(-1.0), 3, pytest.approx(2 / 6))
    assert (dev_score["rho"], dev_score["n"], dev_score["p"]) == (pytest.approx(-0.5), 3, pytest.approx(1.0))


def test_examples_seen_are_a_mean_over_the_seeds_of_the_recipe(correlations):
    assert correlations.traits["seen"].tolist() == [75, 75, 75]


def test_cells_with_the_same_rows_are_left_out(correlations):
    # Only one recipe shares no data with `pairs`, so that no three values are left for a correlation.
    pairs = correlations.targets.set_index(["a", "b"])
    assert pairs.loc[("tags", "pairs"), "n"] == 1
    assert math.isnan(pairs.loc[("tags", "pairs"), "rho"])
    assert pairs.loc[("tags", "search"), "n"] == 3
    assert pairs.loc[("tags", "search"), "rho"] == pytest.approx(0.5)


def test_pairs_make_a_symmetric_square(correlations):
    square = as_square(correlations.targets, ["tags", "pairs", "search"], "n")
    assert square[0, 2] == square[2, 0] == 3
    assert math.isnan(square[1, 1])
