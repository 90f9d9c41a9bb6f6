"""The simulated searches of `benchmarks/search.py`."""

from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from benchmarks.search import METHODS, NUM, RUNGS, best_of, outcome, record_of, trials_of
from benchmarks.simulations import tiny
from benchmarks.simulations.response import HIGHEST, Response, Trial, draw_cell, draw_response

RESPONSE = Response(optimum=-4.0, decades=3.0, noise=1.0)


def test_a_rate_that_is_too_high_costs_more_than_one_that_is_too_low() -> None:
    scores = [RESPONSE.top - RESPONSE.score(10**power) for power in (-4.0, -5.0, -3.0, -9.0)]
    assert scores == pytest.approx([0.0, 8.0, 30.0, 40.0])


def test_the_optimum_of_a_response_is_in_the_middle_half_of_its_range() -> None:
    optima = [draw_response(4.0, 1.0, Random(seed)).optimum for seed in range(200)]
    assert -6 <= min(optima) < -5.9 and -4.1 < max(optima) <= -4
    assert draw_cell(RESPONSE, 0.0, Random(1)).optimum == RESPONSE.optimum


def test_a_training_with_the_value_0_is_not_the_best_one() -> None:
    values = [trial.value for trial in trials_of([record_of(0, Trial(1e-2, 0.0)), record_of(1, Trial(1e-3, 70.0))])]
    assert values == [0.0, 70.0]


@pytest.mark.parametrize("name", METHODS)
def test_each_method_has_the_trainings_that_its_name_says(name: str) -> None:
    search, replicates = METHODS[name]
    trials = search(RESPONSE, Random(0)).trials
    if "rungs" in name:
        # 24, 12 and 6 different dials; the sampler may suggest the same dials twice.
        assert 24 + 2 <= len(trials) <= 24 + 12 + 6
    else:
        # A race of 2 or 3 dials on 2 seeds replaces 4 or 6 trials of the search.
        assert len(trials) == (9 if "9" in name else NUM)
    assert all(RESPONSE.low <= trial.rate <= HIGHEST for trial in trials)
    assert replicates == (3 if "3" in name else 0)


def test_rungs_cost_as_many_steps_as_the_other_searches() -> None:
    sizes = [RUNGS.trials, *RUNGS.rung_sizes(RUNGS.trials)]
    assert sum(size * RUNGS.rung_share(level) for level, size in enumerate(sizes)) == pytest.approx(NUM)


def test_a_short_training_prefers_a_higher_rate_by_the_assumed_shift() -> None:
    shifted = replace(RESPONSE, shift=0.5)
    assert shifted.score(10**-3.5, share=0.1) == pytest.approx(RESPONSE.top)
    assert shifted.score(1e-4) == pytest.approx(RESPONSE.top)


def test_the_outcome_of_a_study_is_that_of_its_highest_value() -> None:
    trials = [Trial(1e-4, 74.0), Trial(1e-5, 76.0)]
    found = outcome(RESPONSE, best_of(trials), Random(0))
    assert found == pytest.approx((8.0, 0.0, 9.0, 9.0))
    assert outcome(RESPONSE, best_of(trials), Random(0), replicates=100_000).reported == pytest.approx(0.0, abs=0.02)


@pytest.mark.slow
def test_real_trainings_in_the_world_have_the_interface_of_a_simulated_response(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiny, "NUM_RATES", 2)
    world = tiny.TinyTrainings(tmp_path, num_seeds=1)
    first, again = (world.train(3e-3, Random(1)) for _ in range(2))
    assert first == again
    assert 0 <= first.value <= 100
    assert world.train(3e-3, Random(1), share=0.25) != first
    assert world.score(world.low) == pytest.approx(next(iter(world.reference().values())))
    assert world.top == max(world.reference().values())
    assert world.num == 3 + 2
