"""The simulated searches of `benchmarks/search.py`."""

from random import Random

import pytest

from benchmarks.search import METHODS, NUM, outcome
from benchmarks.simulations.response import HIGHEST, Response, Trial, draw_cell, draw_response

RESPONSE = Response(optimum=-4.0, decades=3.0, noise=1.0)


def test_a_rate_that_is_too_high_costs_more_than_one_that_is_too_low() -> None:
    scores = [RESPONSE.top - RESPONSE.score(10**power) for power in (-4.0, -5.0, -3.0, -9.0)]
    assert scores == pytest.approx([0.0, 8.0, 30.0, 40.0])


def test_the_optimum_of_a_response_is_in_the_middle_half_of_its_range() -> None:
    optima = [draw_response(4.0, 1.0, Random(seed)).optimum for seed in range(200)]
    assert -6 <= min(optima) < -5.9 and -4.1 < max(optima) <= -4
    assert draw_cell(RESPONSE, 0.0, Random(1)).optimum == RESPONSE.optimum


@pytest.mark.parametrize("name", METHODS)
def test_each_method_has_the_trainings_that_its_name_says(name: str) -> None:
    search, replicates = METHODS[name]
    trials = search(RESPONSE, Random(0))
    assert len(trials) == (9 if "9" in name else NUM)
    assert all(RESPONSE.low <= trial.rate <= HIGHEST for trial in trials)
    assert replicates == (3 if "3" in name else 0)


def test_the_outcome_of_a_study_is_that_of_its_highest_value() -> None:
    trials = [Trial(1e-4, 74.0), Trial(1e-5, 76.0)]
    found = outcome(RESPONSE, trials, Random(0))
    assert found == pytest.approx((8.0, 0.0, 9.0, 9.0))
    assert outcome(RESPONSE, trials, Random(0), replicates=100_000).reported == pytest.approx(0.0, abs=0.02)
