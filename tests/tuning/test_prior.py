"""Studies that start from the results of other studies (`Search.prior`)."""

import math
from collections.abc import Mapping
from dataclasses import replace

import pytest

from search_spaces.xtreme import INTERMEDIATES, NINE
from search_spaces.xtreme import SPACE as XTREME
from sweeper.plan.forecast import forecast
from sweeper.plan.only import narrowed, parse_only
from sweeper.plan.pace import Pace
from sweeper.plan.units import make_plan
from sweeper.records.record import TrainingRecord
from sweeper.records.spec import TrialSpec
from sweeper.space import Choice, LogUniform, Search, Space, Value
from sweeper.tuning.agenda import Agenda
from sweeper.tuning.prior import best_dials, levelled
from tests.tuning.imaginary import SMALL, FakeLedger, agenda_of, drain, fail, run_all, succeed, unless, with_chain

BASELINE = replace(with_chain(SMALL), search=Search(trials=6, batch=3, prior="baseline"))
COLUMN = replace(BASELINE, search=Search(trials=6, batch=3, prior="column", wave=("baseline", "longer")))
CELL, BASE = "tiny/parts -> names", "tiny/baseline -> names"


def respond(spec: TrialSpec) -> TrainingRecord:
    """A result that falls with the distance of the learning rate from 2e-3; other encoders reach other levels."""
    level = 0.5 + len(spec.recipe) / 100
    return replace(succeed(spec), value=level - abs(math.log10(float(spec.dials["learning_rate"]) / 2e-3)))


def dials_of(agenda: Agenda, name: str) -> list[Mapping[str, Value]]:
    return [record.spec.dials for record in agenda.results.search_records(agenda.plan.unit(name))]


def specs_of(ledger: FakeLedger) -> dict[str, TrialSpec]:
    return {key: record.spec for key, record in ledger.trainings.items()}


def test_the_study_of_a_cell_starts_with_the_best_dials_of_the_baseline_and_has_half_the_trials() -> None:
    agenda, _ = run_all(BASELINE, respond)
    best = agenda.results.choice(agenda.plan.unit(BASE))
    assert best is not None
    cell = dials_of(agenda, CELL)
    assert (len(cell), cell[0]) == (3, best.spec.dials)
    assert len(dials_of(agenda, BASE)) == len(dials_of(agenda, "tiny/parts")) == 6


@pytest.mark.parametrize("space", [BASELINE, COLUMN], ids=["baseline", "column"])
def test_trials_with_a_prior_depend_neither_on_timing_nor_on_interruptions(space: Space) -> None:
    _, alone = run_all(space, respond, workers=1)
    for seed, workers in ((1, 2), (2, 10**6)):
        _, other = run_all(space, respond, seed=seed, workers=workers)
        assert specs_of(other) == specs_of(alone)
    ledger = FakeLedger()
    for seed in range(3):
        drain(agenda_of(space, ledger), ledger, respond, seed=seed, stop_after=9)
    drain(agenda_of(space, ledger), ledger, respond)
    assert specs_of(ledger) == specs_of(alone)
    assert agenda_of(space, ledger).finished


def test_the_first_wave_of_a_column_runs_first_and_its_studies_start_from_none() -> None:
    plan = make_plan(COLUMN)
    rows = {unit.recipe: unit.row for unit in plan.units if unit.task}
    assert rows == {"baseline": 0, "longer": 1, "parts": 2}
    assert plan.unit(CELL).prior == (BASE, "tiny/longer -> names")
    assert plan.unit(BASE).prior == plan.unit("tiny/longer -> names").prior == plan.unit("tiny/parts").prior == ()


def test_a_lost_trial_of_the_prior_blocks_the_studies_that_start_from_it() -> None:
    agenda, _ = run_all(BASELINE, unless(lambda spec: spec.name == f"{BASE}/search 4", lambda _: "its worker died"))
    blocked = {agenda.name(slot): reason for slot, reason in agenda.blocked.items()}
    assert blocked[f"{CELL}/search 0"] == f"{BASE}/search 4 is missing: its worker died"
    assert sorted([*agenda.done, *agenda.lost, *agenda.blocked]) == sorted(agenda.slots)


def test_a_study_whose_prior_has_no_successful_trial_starts_with_the_declared_points() -> None:
    agenda, _ = run_all(BASELINE, unless(lambda spec: spec.name.startswith(f"{BASE}/search"), fail))
    assert [dials["learning_rate"] for dials in dials_of(agenda, CELL)[:2]] == [3e-3, 1e-3]


def test_a_study_with_a_prior_has_another_key_and_the_other_studies_keep_theirs() -> None:
    studies = []
    for space in (BASELINE, replace(BASELINE, search=Search(trials=6, batch=3))):
        agenda, _ = run_all(space, respond)
        studies.append(
            {name: agenda.results.search_records(agenda.plan.unit(name))[0].spec.study for name in (BASE, CELL)}
        )
    assert studies[0][BASE] == studies[1][BASE]
    assert studies[0][CELL] != studies[1][CELL]


def test_a_part_has_the_searches_from_which_its_own_start() -> None:
    plan = narrowed(make_plan(BASELINE), parse_only(["recipes=parts", "targets=names"], BASELINE))
    assert plan.part is not None
    assert {(BASE, "search", number) for number in range(6)} <= plan.part
    assert (BASE, "replicate", 1) not in plan.part


def test_the_plan_counts_the_trials_of_studies_with_a_prior() -> None:
    prediction = forecast(BASELINE, mirror=None, run="no such run", pace=Pace(workers=1))
    agenda, ledger = run_all(BASELINE, respond)
    assert sum(1 for _ in agenda.slots) == len(ledger.trainings)
    assert prediction.trials["search"] == sum(agenda.plan.num_search(unit) for unit in agenda.plan.units)
    row = next(row for row in prediction.rows if row.unit == CELL)
    assert (row.search, row.waits_for) == (3, ("tiny/parts", BASE))


def test_three_trials_with_a_prior_halve_the_searches_of_the_plain_rows_of_xtreme() -> None:
    plain = {"baseline", *NINE, "multitask"}
    assert len(INTERMEDIATES) == len(NINE) + 1
    space = replace(XTREME, recipes=tuple(recipe for recipe in XTREME.recipes if recipe.name in plain))
    short = replace(space, search=replace(space.search, prior="baseline", trials_with_prior=3))
    counts = [sum(plan.num_search(unit) for unit in plan.units) for plan in map(make_plan, (space, short))]
    assert counts == [608, 308]


def record(value: float | None, number: int = 0, **dials: Value) -> TrainingRecord:
    spec = agenda_of(SMALL).next()
    assert spec is not None
    return replace(succeed(replace(spec, number=number, dials=dials)), value=value)


def test_the_best_dials_of_several_studies_are_the_lower_median_of_each_dial() -> None:
    studies = [
        [record(0.9, 0, learning_rate=rate, batch_size=size), record(0.1, 1, learning_rate=1.0, batch_size=64)]
        for rate, size in ((1e-3, 16), (3e-3, 8), (2e-3, 32), (5e-3, 32))
    ]
    dials = {"learning_rate": LogUniform(low=1e-5, high=1.0), "batch_size": Choice(values=(64, 32, 16, 8))}
    assert best_dials(studies, dials) == {"learning_rate": 2e-3, "batch_size": 32}


def test_the_values_of_a_prior_are_moved_to_the_level_of_the_study() -> None:
    prior = [[record(0.7), record(0.4)], [record(0.2), record(0.1)]]
    own = [record(0.5), record(None), record(0.3)]
    assert [each.value for each in levelled(prior, own)] == pytest.approx([0.5, 0.2, 0.5, 0.4])
    assert [each.value for each in levelled(prior, [])] == pytest.approx([0.0, -0.3, 0.0, -0.1])


def test_a_recipe_that_is_added_later_starts_from_the_same_prior() -> None:
    old = replace(BASELINE, recipes=BASELINE.recipes[:-1])
    _, ledger = run_all(old, respond)
    drain(agenda_of(BASELINE, ledger), ledger, respond)
    _, fresh = run_all(BASELINE, respond)
    assert specs_of(ledger) == specs_of(fresh)
