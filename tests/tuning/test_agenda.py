"""What runs next: the same trials whatever ends first, and a reason for each that cannot run."""

import time
from dataclasses import replace
from typing import Any

import pytest

from search_spaces.tiny import SPACE as TINY
from sweeper.records.record import TrainingRecord
from sweeper.records.spec import Role, TrialSpec
from sweeper.space import Choice, Recipe, Space, Stage, Target
from sweeper.tasks.spec import Rows, Task
from tests.spaces import MATRIX
from tests.tuning.imaginary import (
    DIALS,
    SEARCHED,
    SMALL,
    Shelf,
    agenda_of,
    badly,
    drain,
    run_all,
    unless,
    well,
    with_chain,
)

ROLES: tuple[Role, ...] = ("search", "replicate")


def keys(shelf: Shelf) -> dict[str, Any]:
    return {key: record.spec.dials for key, record in shelf.trainings.items()}


@pytest.mark.parametrize("space", [TINY, with_chain(SMALL), MATRIX], ids=["tiny", "a search a cell", "matrix"])
def test_any_order_of_ending_and_any_number_of_workers_give_the_same_trials(space: Space) -> None:
    _, alone = run_all(space, workers=1)
    for seed, workers in [(1, 2), (2, 7), (3, 10**6)]:
        agenda, shelf = run_all(space, seed=seed, workers=workers)
        assert keys(shelf) == keys(alone)
        assert shelf.scores == alone.scores
        assert len(agenda.done) == len(list(agenda.slots()))


def test_the_choice_of_a_study_is_its_best_search_trial() -> None:
    agenda, shelf = run_all(SMALL)
    for unit in agenda.plan.units:
        if not unit.searches:
            continue
        names = {role: {unit.trial_name(role, n) for r, n in agenda.plan.trials(unit) if r == role} for role in ROLES}
        records = [r for r in shelf.trainings.values() if r.spec.name in names["search"]]
        best = max(records, key=lambda record: record.value or 0.0)
        assert len(records) == SMALL.search.trials
        replicates = [r for r in shelf.trainings.values() if r.spec.name in names["replicate"]]
        assert {r.spec.dials["learning_rate"] for r in replicates} == {best.spec.dials["learning_rate"]}


def test_a_replicate_starts_from_the_encoder_with_its_own_seed() -> None:
    _, shelf = run_all(with_chain(SMALL))
    for record in shelf.trainings.values():
        assert {stage.seed for stage in record.spec.chain} <= {record.spec.seed}


def test_the_row_of_the_baseline_is_offered_first() -> None:
    agenda = agenda_of(MATRIX)
    started = drain(agenda, Shelf(), workers=1)
    rows = [agenda.plan.unit(spec.name.rsplit("/", 1)[0]).row for spec in started]
    assert rows == sorted(rows)


def test_a_failed_preparation_blocks_its_own_cells_of_that_seed_and_nothing_else() -> None:
    agenda, _ = run_all(with_chain(TINY), unless(lambda spec: spec.name == "tiny/parts/seed 2"))
    blocked = {agenda.name(slot): reason for slot, reason in agenda.blocked.items()}
    assert set(blocked) == {
        "tiny/parts -> names/seed 2",
        "tiny/parts -> few_questions/seed 2",
        "tiny/longer/seed 2",
        "tiny/longer -> names/seed 2",
        "tiny/longer -> few_questions/seed 2",
    }
    assert blocked["tiny/parts -> names/seed 2"] == "tiny/parts/seed 2 failed: its loss was NaN"
    assert "its loss was NaN" in blocked["tiny/longer -> names/seed 2"]


def test_a_study_whose_every_trial_failed_blocks_what_waits_for_its_dials() -> None:
    agenda, _ = run_all(TINY, unless(lambda spec: spec.name.startswith("tiny/baseline -> names/search")))
    blocked = {agenda.name(slot): reason for slot, reason in agenda.blocked.items()}
    assert set(blocked) == {f"tiny/{row} -> names/seed {seed}" for row in ("baseline", "parts") for seed in (1, 2)}
    assert set(blocked.values()) == {
        "every search trial of tiny/baseline -> names failed, the first one: its loss was NaN"
    }


def test_a_study_with_one_good_trial_goes_on_with_it() -> None:
    agenda, shelf = run_all(SEARCHED, unless(lambda spec: spec.role == "search" and spec.number == 0))
    assert not agenda.blocked
    chosen = {r.spec.dials["learning_rate"] for r in shelf.trainings.values() if r.spec.role == "replicate"}
    assert chosen == {0.001}


def test_a_failed_trial_is_final_and_not_offered_again() -> None:
    _, shelf = run_all(TINY, unless(lambda spec: spec.name == "tiny/parts/seed 2"))
    again = agenda_of(TINY, shelf)
    assert again.finished
    assert [agenda_name for agenda_name in map(again.name, again.blocked) if "seed 1" in agenda_name] == []


def test_every_slot_is_done_lost_or_blocked_with_a_reason_when_an_agenda_ends() -> None:
    space = with_chain(SMALL)
    for seed in range(20):
        unlucky = lambda spec, seed=seed: (int(spec.key, 16) + seed) % 11 == 0  # noqa: E731
        fate = unless(unlucky, lambda spec: badly(spec) if int(spec.key, 16) % 2 else "its worker died")
        agenda, _ = run_all(space, fate, seed=seed)
        settled = [*agenda.done, *agenda.lost, *agenda.blocked]
        assert sorted(settled) == sorted(agenda.slots())
        assert all({**agenda.lost, **agenda.blocked}.values())


def test_a_trial_lost_from_a_batch_blocks_the_batches_after_it_by_name() -> None:
    agenda, _ = run_all(
        SMALL, unless(lambda spec: spec.name == "tiny/baseline -> names/search 1", lambda _: "its worker died")
    )
    blocked = {agenda.name(slot): reason for slot, reason in agenda.blocked.items()}
    assert blocked["tiny/baseline -> names/search 3"] == ("tiny/baseline -> names/search 1 is missing: its worker died")
    assert "its worker died" in blocked["tiny/baseline -> names/seed 1"]


def test_lost_trials_are_offered_again_by_the_next_agenda_which_ends_as_one_left_alone() -> None:
    _, alone = run_all(SMALL)
    shelf = Shelf()
    lost_once = unless(lambda spec: int(spec.key, 16) % 5 == 0, lambda _: "its worker died")
    first = agenda_of(SMALL)
    drain(first, shelf, lost_once)
    assert first.lost
    drain(agenda_of(SMALL, shelf), shelf)
    assert keys(shelf) == keys(alone)


@pytest.mark.parametrize("cuts", [(1, 5, 3), (8, 2, 20), (4, 4, 4)])
def test_a_sweep_stopped_three_times_ends_as_one_left_alone(cuts: tuple[int, ...]) -> None:
    space = with_chain(SMALL)
    _, alone = run_all(space)
    shelf = Shelf()
    for number, cut in enumerate(cuts):
        drain(agenda_of(space, shelf), shelf, seed=number, stop_after=cut)
    drain(agenda_of(space, shelf), shelf, seed=99)
    assert keys(shelf) == keys(alone)
    assert shelf.scores == alone.scores


def test_a_finished_sweep_has_nothing_left() -> None:
    _, shelf = run_all(MATRIX)
    again = agenda_of(MATRIX, shelf)
    assert again.finished
    assert again.next() is None


def test_scores_missing_from_a_finished_training_are_offered_again() -> None:
    _, shelf = run_all(TINY)
    gone = min(shelf.scores)
    shelf.scores.remove(gone)
    started = drain(agenda_of(TINY, shelf), shelf)
    assert len(started) == 1
    assert gone in shelf.scores


def with_few_dials(space: Space) -> Space:
    """Studies of six trials over two values: dials repeat."""
    dials = {"batch_size": Choice(values=(8, 16))}
    return replace(space, targets=tuple(replace(target, dials=dials) for target in space.targets))


def test_dials_that_a_study_suggests_twice_are_trained_once_under_the_first_number() -> None:
    space = with_few_dials(SMALL)
    ledgers = []
    for seed, workers in [(0, 1), (1, 5), (2, 10**6)]:
        shelf = Shelf()
        started = drain(agenda_of(space), shelf, seed=seed, workers=workers)
        assert len({spec.key for spec in started}) == len(started)
        ledgers.append({key: record.spec.name for key, record in shelf.trainings.items()})
    assert ledgers[0] == ledgers[1] == ledgers[2]
    assert agenda_of(space, shelf).finished
    searched = [name for name in ledgers[0].values() if name.startswith("tiny/baseline -> names/search")]
    assert len(searched) == 2


def test_a_study_that_repeats_itself_is_stopped_and_gone_on_with_like_any_other() -> None:
    space = with_few_dials(SMALL)
    _, alone = run_all(space)
    shelf = Shelf()
    for seed in range(4):
        drain(agenda_of(space, shelf), shelf, seed=seed, stop_after=5)
    agenda = agenda_of(space, shelf)
    drain(agenda, shelf)
    assert {key: r.spec.name for key, r in shelf.trainings.items()} == {
        key: r.spec.name for key, r in alone.trainings.items()
    }
    assert sorted(agenda.done) == sorted(agenda.slots())


def test_a_lost_trial_is_lost_for_every_number_that_it_answers() -> None:
    agenda, _ = run_all(with_few_dials(SMALL), unless(lambda spec: "names/search" in spec.name, lambda _: "it died"))
    assert sorted([*agenda.done, *agenda.lost, *agenda.blocked]) == sorted(agenda.slots())


def later_is_better(spec: TrialSpec) -> TrainingRecord:
    """More search trials of a preparation change its choice, and so what the searches after it start from."""
    found = well(spec)
    return replace(found, value=float(spec.number)) if spec.kind == "prepare" else found


def test_a_search_on_another_encoder_than_before_takes_nothing_over_from_the_old_one() -> None:
    old = replace(SMALL, search=replace(SMALL.search, trials=9))
    new = replace(SMALL, search=replace(SMALL.search, trials=12))
    _, shelf = run_all(old, later_is_better)
    drain(agenda_of(new, shelf), shelf, later_is_better)
    _, fresh = run_all(new, later_is_better)
    assert {key: keys(shelf).get(key) for key in keys(fresh)} == keys(fresh)


def names_added(old: Space, new: Space) -> set[str]:
    """Trials that the grown space starts in the old one's folder; nothing that was there may change or go."""
    _, shelf = run_all(old)
    before = keys(shelf)
    started = drain(agenda_of(new, shelf), shelf)
    assert {key: keys(shelf)[key] for key in before} == before
    _, fresh = run_all(new)
    assert {key: keys(shelf).get(key) for key in keys(fresh)} == keys(fresh)
    return {spec.name for spec in started}


def test_more_seeds_add_replicates_alone() -> None:
    added = names_added(TINY, replace(TINY, seeds=(1, 2, 3)))
    assert added == {
        "tiny/baseline -> names/seed 3",
        "tiny/baseline -> few_questions/seed 3",
        "tiny/parts/seed 3",
        "tiny/parts -> names/seed 3",
        "tiny/parts -> few_questions/seed 3",
    }


def test_another_target_adds_its_own_column_alone() -> None:
    target = next(target for target in MATRIX.targets if target.task == "words")
    added = names_added(TINY, replace(TINY, targets=(*TINY.targets, target)))
    assert all("-> words" in name for name in added)
    assert len(added) == 2 + 2 + 2


def test_another_recipe_adds_its_own_row_alone() -> None:
    added = names_added(TINY, with_chain(TINY))
    assert all(name.startswith("tiny/longer") for name in added)


@pytest.mark.parametrize("space", [SEARCHED, with_chain(SMALL)], ids=["search on the baseline", "search in each cell"])
def test_more_search_trials_come_to_what_a_fresh_run_with_so_many_comes_to(space: Space) -> None:
    more = replace(space, search=replace(space.search, trials=space.search.trials + 3))
    added = names_added(space, more)
    assert f"tiny/parts/search {space.search.trials}" in added


def big_space() -> Space:
    """About 10,000 trials: 80 recipes x 6 trained targets, five seeds, searched in every cell."""
    template = replace(next(recipe for recipe in MATRIX.recipes if recipe.stages).stages[0], dials=DIALS)
    rates = [2e-3 + 1e-6 * number for number in range(80)]
    stages = [replace(template, training=replace(template.training, learning_rate=rate)) for rate in rates]
    recipes = tuple(Recipe(name=f"row{number}", stages=(stage,)) for number, stage in enumerate(stages))
    return replace(
        MATRIX,
        recipes=(MATRIX.recipes[0], *recipes),
        targets=tuple(replace(target, dials=DIALS) for target in MATRIX.targets),
        seeds=tuple(range(1, 6)),
        search=replace(MATRIX.search, scope="cell", trials=12, sampler="random"),
    )


def timed_drain(agenda: Any, shelf: Shelf) -> tuple[list[TrialSpec], float]:
    begin = time.perf_counter()
    started = drain(agenda, shelf, workers=64)
    return started, time.perf_counter() - begin


@pytest.mark.slow
def test_a_plan_of_ten_thousand_trials_is_drained_in_less_than_a_few_milliseconds_a_trial() -> None:
    space, shelf = big_space(), Shelf()
    begin = time.perf_counter()
    agenda = agenda_of(space)
    made = time.perf_counter() - begin
    started, drained = timed_drain(agenda, shelf)
    begin = time.perf_counter()
    again = agenda_of(space, shelf)
    resumed = time.perf_counter() - begin
    print(f"{len(started)} trials: agenda {made:.1f} s, drained in {drained:.1f} s, resumed in {resumed:.1f} s")
    assert len(started) > 9_000
    assert again.finished
    assert drained < 20e-3 * len(started)


def test_a_stage_without_dials_takes_part_with_its_own_values() -> None:
    bare = Recipe(name="bare", stages=(Stage(tasks=("parts",)),))
    _, shelf = run_all(replace(SMALL, recipes=(SMALL.recipes[0], bare), targets=SMALL.targets[:1]))
    assert [r.spec.dials for r in shelf.trainings.values() if r.spec.name == "tiny/bare/seed 1"] == [{}]


def test_a_stage_that_nothing_is_selected_on_leads_to_the_searches_behind_it() -> None:
    far = Task(
        name="far", title="", format="classify", scorer="accuracy", train={"xf": (Rows(id="own/far", split="train"),)}
    )
    row = Recipe(name="far", stages=(Stage(tasks=("far",), languages=("xf",)),))
    space = replace(SMALL, recipes=(SMALL.recipes[0], row), tasks=(*SMALL.tasks, far))
    agenda, shelf = run_all(space, lambda spec: well(spec) if spec.select else replace(well(spec), value=None))
    assert {record.value for record in shelf.trainings.values() if record.spec.task == "far"} == {None}
    assert len(agenda.done) == len(list(agenda.slots()))


def test_a_trial_in_flight_keeps_an_agenda_from_being_finished() -> None:
    agenda = agenda_of(replace(TINY, targets=TINY.targets[:1], recipes=TINY.recipes[:1], seeds=(1,)))
    first, second = agenda.next(), agenda.next()
    assert first is not None
    assert second is not None
    assert agenda.next() is None
    assert not agenda.finished
    agenda.mark_lost(first.name, "its worker died")
    agenda.mark_lost(second.name, "its worker died")
    assert agenda.finished
    assert well(first).key != well(second).key


def test_a_layer_added_to_a_finished_sweep_leaves_only_scores() -> None:
    retrieval = Target(task="twins", layer=1 / 3)
    space = replace(with_chain(TINY), targets=(*TINY.targets, retrieval))
    _, shelf = run_all(space)
    more = replace(space, targets=(*TINY.targets, replace(retrieval, also_layers=(0.0, 1 / 3, 1.0))))
    started = drain(agenda_of(more, shelf), shelf)
    assert {spec.kind for spec in started} == {"score"}
    assert {len(spec.scores) for spec in started} == {3}
    assert agenda_of(more, shelf).finished
