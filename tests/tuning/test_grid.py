"""The sampler `grid`: every combination of the listed values of the dials, each trained once."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from analysis.report.protocol import search_sentence
from sweeper.errors import UserError
from sweeper.plan.forecast import forecast
from sweeper.plan.pace import Pace
from sweeper.records.counting import valid_replicates
from sweeper.space import Choice, LogUniform, Model, Search, Space, grid_point
from tests.tuning.imaginary import SMALL, FakeLedger, agenda_of, drain, run_all

DIALS = {
    "learning_rate": LogUniform(low=1e-5, high=1e-2, first=(1e-3, 2e-3, 1e-3)),
    "batch_size": Choice(values=(8, 16, 32), first=(16,)),
}
GRID = replace(
    SMALL,
    targets=tuple(replace(target, dials=DIALS) for target in SMALL.targets),
    search=Search(sampler="grid", trials=2, batch=2),
)
"""The recipe `parts` searches two learning rates, every cell six combinations."""
CELL = "tiny/parts -> names"


def points(space: Space) -> list[dict[str, object]]:
    """The dials of the search trials of one cell, in order of their numbers."""
    agenda, _ = run_all(space)
    return [dict(record.spec.dials) for record in agenda.results.search_records(agenda.plan.unit(CELL))]


def test_a_grid_study_trains_every_combination_once_and_first_values_first() -> None:
    rates, sizes = (1e-3, 2e-3), (16, 8, 32)
    assert points(GRID) == [{"learning_rate": rate, "batch_size": size} for size in sizes for rate in rates]


def test_the_plan_counts_exactly_the_trials_that_a_grid_trains() -> None:
    prediction = forecast(GRID, mirror=None, run="no such run", pace=Pace(workers=1))
    agenda, ledger = run_all(GRID)
    assert sum(1 for _ in agenda.slots) == len(ledger.trainings) == len(agenda.done)
    searched = {unit.name: agenda.plan.num_search(unit) for unit in agenda.plan.units}
    assert (searched[CELL], searched["tiny/parts"]) == (6, 2)
    assert prediction.trials["search"] == sum(searched.values())


def test_the_number_of_trials_and_the_batch_change_nothing_in_a_grid() -> None:
    assert points(replace(GRID, search=replace(GRID.search, trials=9, batch=9))) == points(GRID)


def test_all_trials_of_a_grid_can_run_at_the_same_time() -> None:
    agenda = agenda_of(replace(GRID, recipes=GRID.recipes[:1], targets=GRID.targets[:1]))
    names = []
    while (spec := agenda.next()) is not None:
        names.append(spec.name)
    assert len(names) == 6


def test_a_stopped_grid_ends_like_an_uninterrupted_one() -> None:
    _, alone = run_all(GRID)
    ledger = FakeLedger()
    for seed in range(6):
        drain(agenda_of(GRID, ledger), ledger, seed=seed, stop_after=7)
    drain(agenda_of(GRID, ledger), ledger, workers=50)
    assert {key: r.spec.name for key, r in ledger.trainings.items()} == {
        key: r.spec.name for key, r in alone.trainings.items()
    }


def test_every_point_of_a_grid_counts_in_the_analysis() -> None:
    _, ledger = run_all(GRID)
    replicates = {record.key for record in ledger.trainings.values() if record.spec.role == "replicate"}
    assert set(valid_replicates(ledger.trainings, GRID.search)) == replicates


def test_the_report_names_the_grid_instead_of_a_number_of_trials() -> None:
    assert search_sentence(GRID) == "scope `cell`, sampler grid: every combination of the listed values, each once"


def test_the_order_of_the_dials_does_not_change_the_points_of_a_grid() -> None:
    turned = dict(reversed(DIALS.items()))
    assert [grid_point(turned, n) for n in range(6)] == [grid_point(DIALS, n) for n in range(6)]


UNLISTED = {"learning_rate": LogUniform(low=1e-5, high=1e-2)}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: replace(GRID, targets=(replace(GRID.targets[0], dials=UNLISTED),)),
            "'learning_rate' of target 'names' lists none: LogUniform",
        ),
        (
            lambda: replace(GRID, models=(Model(name="m", id="m", dials=UNLISTED),)),
            "model 'm': .* 'learning_rate' of recipe 'parts' lists none",
        ),
        (
            lambda: replace(
                GRID, targets=(replace(GRID.targets[0], dials={"max_steps": Choice(values=tuple(range(1, 10_002)))}),)
            ),
            "The grid of target 'names' has 10,001 points; at most 10,000",
        ),
        (lambda: Search(trials=10**9), r"Search needs trials <= 10,000, got 1,000,000,000\."),
    ],
)
def test_a_grid_without_listed_values_or_of_absurd_size_is_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        make()
