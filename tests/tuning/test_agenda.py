"""The agenda: its trials do not depend on timing, and every trial that cannot run has a reason."""

import time
from dataclasses import replace
from typing import Any

import pytest

from search_spaces.tiny import SPACE as TINY
from sweeper.records.record import TrainingRecord
from sweeper.records.spec import Role, TrialSpec
from sweeper.space import Choice, Recipe, Space, Stage, Target
from sweeper.tasks.spec import Rows, Task
from sweeper.tuning.agenda import Agenda
from sweeper.tuning.search import Studies
from tests.spaces import MATRIX
from tests.tuning.imaginary import (
    DIALS,
    SEARCHED,
    SMALL,
    FakeLedger,
    agenda_of,
    drain,
    fail,
    run_all,
    succeed,
    unless,
    with_chain,
)

ROLES: tuple[Role, ...] = ("search", "replicate")


def keys(ledger: FakeLedger) -> dict[str, Any]:
    return {key: record.spec.dials for key, record in ledger.trainings.items()}


@pytest.mark.parametrize("space", [TINY, with_chain(SMALL), MATRIX], ids=["tiny", "a search a cell", "matrix"])
def test_the_trials_do_not_depend_on_the_order_of_results_or_the_number_of_workers(space: Space) -> None:
    _, alone = run_all(space, workers=1)
    for seed, workers in [(1, 2), (2, 7), (3, 10**6)]:
        agenda, ledger = run_all(space, seed=seed, workers=workers)
        assert keys(ledger) == keys(alone)
        assert ledger.scores == alone.scores
        assert len(agenda.done) == len(list(agenda.slots))


def test_the_choice_of_a_study_is_its_best_search_trial() -> None:
    agenda, ledger = run_all(SMALL)
    for unit in agenda.plan.units:
        if not unit.searches:
            continue
        names = {role: {unit.trial_name(role, n) for r, n in agenda.plan.trials(unit) if r == role} for role in ROLES}
        records = [r for r in ledger.trainings.values() if r.spec.name in names["search"]]
        best = max(records, key=lambda record: record.value or 0.0)
        assert len(records) == SMALL.search.trials
        replicates = [r for r in ledger.trainings.values() if r.spec.name in names["replicate"]]
        assert {r.spec.dials["learning_rate"] for r in replicates} == {best.spec.dials["learning_rate"]}


def test_a_replicate_starts_from_the_encoder_with_its_own_seed() -> None:
    _, ledger = run_all(with_chain(SMALL))
    for record in ledger.trainings.values():
        assert {stage.seed for stage in record.spec.chain} <= {record.spec.seed}


def test_the_row_of_the_baseline_is_offered_first() -> None:
    agenda = agenda_of(MATRIX)
    started = drain(agenda, FakeLedger(), workers=1)
    rows = [agenda.plan.unit(spec.name.rsplit("/", 1)[0]).row for spec in started]
    assert rows == sorted(rows)


def test_a_failed_preparation_blocks_only_its_cells_with_the_same_seed() -> None:
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


def test_a_study_without_a_successful_trial_blocks_the_units_that_need_its_dials() -> None:
    agenda, _ = run_all(TINY, unless(lambda spec: spec.name.startswith("tiny/baseline -> names/search")))
    blocked = {agenda.name(slot): reason for slot, reason in agenda.blocked.items()}
    assert set(blocked) == {f"tiny/{row} -> names/seed {seed}" for row in ("baseline", "parts") for seed in (1, 2)}
    assert set(blocked.values()) == {
        "no trial of the study of tiny/baseline -> names that could be chosen has a value; "
        "the first failure: its loss was NaN"
    }


def test_a_study_with_one_successful_trial_chooses_it() -> None:
    agenda, ledger = run_all(SEARCHED, unless(lambda spec: spec.role == "search" and spec.number == 0))
    assert not agenda.blocked
    chosen = {r.spec.dials["learning_rate"] for r in ledger.trainings.values() if r.spec.role == "replicate"}
    assert chosen == {0.001}


def test_a_failed_trial_is_final_and_not_offered_again() -> None:
    _, ledger = run_all(TINY, unless(lambda spec: spec.name == "tiny/parts/seed 2"))
    again = agenda_of(TINY, ledger)
    assert again.finished
    assert [agenda_name for agenda_name in map(again.name, again.blocked) if "seed 1" in agenda_name] == []


def test_every_slot_is_done_lost_or_blocked_with_a_reason_when_an_agenda_ends() -> None:
    space = with_chain(SMALL)
    for seed in range(20):
        unlucky = lambda spec, seed=seed: (int(spec.key, 16) + seed) % 11 == 0  # noqa: E731
        fate = unless(unlucky, lambda spec: fail(spec) if int(spec.key, 16) % 2 else "its worker died")
        agenda, _ = run_all(space, fate, seed=seed)
        settled = [*agenda.done, *agenda.lost, *agenda.blocked]
        assert sorted(settled) == sorted(agenda.slots)
        assert all({**agenda.lost, **agenda.blocked}.values())


def test_a_lost_trial_blocks_the_later_batches_and_is_named_in_the_reason() -> None:
    agenda, _ = run_all(
        SMALL, unless(lambda spec: spec.name == "tiny/baseline -> names/search 1", lambda _: "its worker died")
    )
    blocked = {agenda.name(slot): reason for slot, reason in agenda.blocked.items()}
    assert blocked["tiny/baseline -> names/search 3"] == ("tiny/baseline -> names/search 1 is missing: its worker died")
    assert "its worker died" in blocked["tiny/baseline -> names/seed 1"]


def test_the_next_agenda_offers_lost_trials_again_and_ends_like_an_undisturbed_one() -> None:
    _, alone = run_all(SMALL)
    ledger = FakeLedger()
    lost_once = unless(lambda spec: int(spec.key, 16) % 5 == 0, lambda _: "its worker died")
    first = agenda_of(SMALL)
    drain(first, ledger, lost_once)
    assert first.lost
    drain(agenda_of(SMALL, ledger), ledger)
    assert keys(ledger) == keys(alone)


@pytest.mark.parametrize("cuts", [(1, 5, 3), (8, 2, 20), (4, 4, 4)])
def test_a_sweep_that_is_stopped_three_times_ends_like_an_undisturbed_one(cuts: tuple[int, ...]) -> None:
    space = with_chain(SMALL)
    _, alone = run_all(space)
    ledger = FakeLedger()
    for number, cut in enumerate(cuts):
        drain(agenda_of(space, ledger), ledger, seed=number, stop_after=cut)
    drain(agenda_of(space, ledger), ledger, seed=99)
    assert keys(ledger) == keys(alone)
    assert ledger.scores == alone.scores


def test_the_agenda_of_a_finished_sweep_is_finished() -> None:
    _, ledger = run_all(MATRIX)
    again = agenda_of(MATRIX, ledger)
    assert again.finished
    assert again.next() is None


def test_scores_missing_from_a_finished_training_are_offered_again() -> None:
    _, ledger = run_all(TINY)
    gone = min(ledger.scores)
    ledger.scores.remove(gone)
    started = drain(agenda_of(TINY, ledger), ledger)
    assert len(started) == 1
    assert gone in ledger.scores


def test_another_processor_continues_a_study_with_the_recorded_suggestions(monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = FakeLedger()
    drain(agenda_of(SMALL), ledger, stop_after=11, workers=2)
    recorded = {r.spec.name: r.spec.dials for r in ledger.trainings.values() if r.spec.role == "search"}
    suggest = Studies.suggest

    def differently(*arguments: Any) -> dict[str, Any]:
        return {name: value * 1.001 for name, value in suggest(*arguments).items()}

    monkeypatch.setattr(Studies, "suggest", differently)
    drain(agenda_of(SMALL, ledger), ledger)
    searched = [r.spec for r in ledger.trainings.values() if r.spec.role == "search"]
    assert len({spec.name for spec in searched}) == len(searched)
    assert {spec.name: spec.dials for spec in searched if spec.name in recorded} == recorded


def with_few_dials(space: Space) -> Space:
    """The space with six search trials over two values, so that dials repeat."""
    dials = {"batch_size": Choice(values=(8, 16))}
    return replace(space, targets=tuple(replace(target, dials=dials) for target in space.targets))


def test_dials_that_a_study_suggests_twice_are_trained_once_with_the_lower_number() -> None:
    space = with_few_dials(SMALL)
    ledgers = []
    for seed, workers in [(0, 1), (1, 5), (2, 10**6)]:
        ledger = FakeLedger()
        started = drain(agenda_of(space), ledger, seed=seed, workers=workers)
        assert len({spec.key for spec in started}) == len(started)
        ledgers.append({key: record.spec.name for key, record in ledger.trainings.items()})
    assert ledgers[0] == ledgers[1] == ledgers[2]
    assert agenda_of(space, ledger).finished
    searched = [name for name in ledgers[0].values() if name.startswith("tiny/baseline -> names/search")]
    assert len(searched) == 2


def test_a_study_with_repeated_dials_can_be_stopped_and_continued() -> None:
    space = with_few_dials(SMALL)
    _, alone = run_all(space)
    ledger = FakeLedger()
    for seed in range(4):
        drain(agenda_of(space, ledger), ledger, seed=seed, stop_after=5)
    agenda = agenda_of(space, ledger)
    drain(agenda, ledger)
    assert {key: r.spec.name for key, r in ledger.trainings.items()} == {
        key: r.spec.name for key, r in alone.trainings.items()
    }
    assert sorted(agenda.done) == sorted(agenda.slots)


def test_a_lost_trial_is_lost_for_every_number_with_the_same_dials() -> None:
    agenda, _ = run_all(with_few_dials(SMALL), unless(lambda spec: "names/search" in spec.name, lambda _: "it died"))
    assert sorted([*agenda.done, *agenda.lost, *agenda.blocked]) == sorted(agenda.slots)


def later_is_better(spec: TrialSpec) -> TrainingRecord:
    """The last search trial of a preparation is the best, so that more trials change the encoder of later searches."""
    record = succeed(spec)
    return replace(record, value=float(spec.number)) if spec.kind == "prepare" else record


def test_a_search_on_another_encoder_uses_no_trials_of_the_old_search() -> None:
    old = replace(SMALL, search=replace(SMALL.search, trials=9))
    new = replace(SMALL, search=replace(SMALL.search, trials=12))
    _, ledger = run_all(old, later_is_better)
    drain(agenda_of(new, ledger), ledger, later_is_better)
    _, fresh = run_all(new, later_is_better)
    assert {key: keys(ledger).get(key) for key in keys(fresh)} == keys(fresh)


def names_added(old: Space, new: Space) -> set[str]:
    """Names of the trials that a larger space starts in the folder of the old one. No old record may change."""
    _, ledger = run_all(old)
    before = keys(ledger)
    started = drain(agenda_of(new, ledger), ledger)
    assert {key: keys(ledger)[key] for key in before} == before
    _, fresh = run_all(new)
    assert {key: keys(ledger).get(key) for key in keys(fresh)} == keys(fresh)
    return {spec.name for spec in started}


def test_more_seeds_add_only_replicates() -> None:
    added = names_added(TINY, replace(TINY, seeds=(1, 2, 3)))
    assert added == {
        "tiny/baseline -> names/seed 3",
        "tiny/baseline -> few_questions/seed 3",
        "tiny/parts/seed 3",
        "tiny/parts -> names/seed 3",
        "tiny/parts -> few_questions/seed 3",
    }


def test_another_target_adds_only_its_column() -> None:
    target = next(target for target in MATRIX.targets if target.task == "words")
    added = names_added(TINY, replace(TINY, targets=(*TINY.targets, target)))
    assert all("-> words" in name for name in added)
    assert len(added) == 2 + 2 + 2


def test_another_recipe_adds_only_its_row() -> None:
    added = names_added(TINY, with_chain(TINY))
    assert all(name.startswith("tiny/longer") for name in added)


@pytest.mark.parametrize("space", [SEARCHED, with_chain(SMALL)], ids=["search on the baseline", "search in each cell"])
def test_a_run_with_added_search_trials_ends_like_a_new_run_with_that_number(space: Space) -> None:
    more = replace(space, search=replace(space.search, trials=space.search.trials + 3))
    added = names_added(space, more)
    assert f"tiny/parts/search {space.search.trials}" in added


def big_space() -> Space:
    """A space of about 10,000 trials: 80 recipes, 6 trained targets, 5 seeds, a search in every cell."""
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


def timed_drain(agenda: Any, ledger: FakeLedger) -> tuple[list[TrialSpec], float]:
    begin = time.process_time()
    started = drain(agenda, ledger, workers=64)
    return started, time.process_time() - begin


@pytest.mark.slow
def test_an_agenda_of_ten_thousand_trials_needs_a_few_milliseconds_per_trial() -> None:
    space, ledger = big_space(), FakeLedger()
    begin = time.process_time()
    agenda = agenda_of(space)
    created = time.process_time() - begin
    started, drained = timed_drain(agenda, ledger)
    begin = time.process_time()
    again = agenda_of(space, ledger)
    resumed = time.process_time() - begin
    print(f"{len(started)} trials: agenda {created:.1f} s, drained in {drained:.1f} s, resumed in {resumed:.1f} s")
    assert len(started) > 9_000
    assert again.finished
    assert drained < 20e-3 * len(started)


def test_a_stage_without_dials_is_trained_with_its_own_values() -> None:
    bare = Recipe(name="bare", stages=(Stage(tasks=("parts",)),))
    _, ledger = run_all(replace(SMALL, recipes=(SMALL.recipes[0], bare), targets=SMALL.targets[:1]))
    assert [r.spec.dials for r in ledger.trainings.values() if r.spec.name == "tiny/bare/seed 1"] == [{}]


def test_a_stage_without_selection_data_is_the_start_of_later_searches() -> None:
    far = Task(
        name="far", title="", format="classify", scorer="accuracy", train={"xf": (Rows(id="own/far", split="train"),)}
    )
    row = Recipe(name="far", stages=(Stage(tasks=("far",), languages=("xf",)),))
    space = replace(SMALL, recipes=(SMALL.recipes[0], row), tasks=(*SMALL.tasks, far))
    agenda, ledger = run_all(space, lambda spec: succeed(spec) if spec.select else replace(succeed(spec), value=None))
    assert {record.value for record in ledger.trainings.values() if record.spec.task == "far"} == {None}
    assert len(agenda.done) == len(list(agenda.slots))


def test_an_agenda_with_a_running_trial_is_not_finished() -> None:
    agenda = agenda_of(replace(TINY, targets=TINY.targets[:1], recipes=TINY.recipes[:1], seeds=(1,)))
    first, second = agenda.next(), agenda.next()
    assert first is not None
    assert second is not None
    assert agenda.next() is None
    assert not agenda.finished
    agenda.mark_lost(first.name, "its worker died")
    agenda.mark_lost(second.name, "its worker died")
    assert agenda.finished
    assert succeed(first).key != succeed(second).key


def test_a_layer_added_to_a_finished_sweep_needs_only_scores() -> None:
    retrieval = Target(task="twins", layer=1 / 3)
    space = replace(with_chain(TINY), targets=(*TINY.targets, retrieval))
    _, ledger = run_all(space)
    more = replace(space, targets=(*TINY.targets, replace(retrieval, also_layers=(0.0, 1 / 3, 1.0))))
    started = drain(agenda_of(more, ledger), ledger)
    assert {spec.kind for spec in started} == {"score"}
    assert {len(spec.scores) for spec in started} == {3}
    assert agenda_of(more, ledger).finished


def test_a_search_trial_that_runs_again_has_the_dials_of_its_record() -> None:
    def is_third(spec: TrialSpec) -> bool:
        return spec.role == "search" and spec.number == 2

    short = unless(is_third, lambda spec: replace(fail(spec), reason="Out of memory even with 64 tokens per pass"))
    agenda, ledger = run_all(SMALL, short)
    retried = agenda.retriable()
    assert retried and all(ended.can_be_retried for ended in retried.values())
    # Other dials than those that would be suggested now.
    changed = [
        replace(ended, spec=replace(ended.spec, dials={"learning_rate": 1.234e-4})) for ended in retried.values()
    ]
    rest = {key: ended for key, ended in ledger.ended().items() if key not in retried}
    again = Agenda(specs=agenda.specs, trainings=rest, scores=set(ledger.scores), retried=changed)
    started = drain(again, FakeLedger())
    assert [spec.dials for spec in started if is_third(spec)] == [{"learning_rate": 1.234e-4}] * len(changed)


def test_failed_trials_outside_the_plan_are_not_among_those_that_can_run_again() -> None:
    agenda, ledger = run_all(TINY, lambda spec: replace(fail(spec), reason="Out of memory"))
    part = replace(TINY, recipes=TINY.recipes[:1], targets=TINY.targets[:1])
    assert set(agenda_of(part, ledger).retriable()) < set(agenda.retriable())
