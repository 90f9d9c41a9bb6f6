"""Correlations over a matrix whose ranks can be seen."""

import math

import pytest

from analysis.results.correlate import as_square, correlate
from analysis.results.load import load
from analysis.results.matrix import transfer_matrix


@pytest.fixture
def found(full_run):
    study = load(full_run.url)
    return correlate(study, transfer_matrix(study, "tiny"))


def predictor(found, trait, target):
    table = found.predictors
    return table[(table["trait"] == trait) & (table["target"] == target)].iloc[0]


def test_the_mean_gain_is_over_the_targets_that_no_row_shares_data_with(found):
    assert found.mean_over == ("tags", "search")
    assert found.traits["mean"].to_dict() == pytest.approx({"small_nli": 0.085, "large_nli": -0.05, "middle_qa": 0.0})


def test_gain_is_set_against_size_and_own_dev_score(found):
    size, own = predictor(found, "train_size", "mean"), predictor(found, "own_dev", "mean")
    assert (size["rho"], size["n"], size["p"]) == (pytest.approx(-1.0), 3, pytest.approx(2 / 6))
    assert (own["rho"], own["n"], own["p"]) == (pytest.approx(-0.5), 3, pytest.approx(1.0))


def test_seen_examples_are_the_mean_over_seeds_of_the_preparation(found):
    assert found.traits["seen"].tolist() == [75, 75, 75]


def test_flagged_cells_take_no_part(found):
    # Only one row of `pairs` is free of the target's own data, so that no pair of three is left.
    pairs = found.targets.set_index(["a", "b"])
    assert pairs.loc[("tags", "pairs"), "n"] == 1
    assert math.isnan(pairs.loc[("tags", "pairs"), "rho"])
    assert pairs.loc[("tags", "search"), "n"] == 3
    assert pairs.loc[("tags", "search"), "rho"] == pytest.approx(0.5)


def test_pairs_make_a_symmetric_square(found):
    square = as_square(found.targets, ["tags", "pairs", "search"], "n")
    assert square[0, 2] == square[2, 0] == 3
    assert math.isnan(square[1, 1])
