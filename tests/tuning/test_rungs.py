"""`Search.rungs`: the worse half of the dials of a study stops after a share of the steps."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from analysis.report.protocol import search_sentence, selection_sentences
from sweeper.errors import UserError
from sweeper.plan.forecast import forecast
from sweeper.plan.only import narrowed, parse_only
from sweeper.plan.pace import Pace
from sweeper.plan.tokens import training_tokens
from sweeper.plan.units import make_plan
from sweeper.records.counting import valid_replicates, winners
from sweeper.records.ended import EndedTrial
from sweeper.records.record import TrainingRecord
from sweeper.records.spec import TrialSpec
from sweeper.run.growth import check_growth
from sweeper.run.run import Run
from sweeper.space import Choice, Search
from sweeper.tuning.agenda import Agenda
from tests.tokenizers_tiny import save_tiny_encoder
from tests.tuning.imaginary import FakeLedger, agenda_of, drain, fail, run_all, succeed, unless
from tests.tuning.test_no_leak import SPACE, write_mirror
from tests.tuning.test_no_leak import run_all as run_trials
from tests.tuning.test_race import CELL, RACE, records_of, specs_of

RUNGS = replace(RACE, search=Search(trials=6, batch=3, rungs=(0.25, 0.5)))
BOTH = replace(RUNGS, search=replace(RUNGS.search, race=2, race_seeds=(7,)))


def respond(spec: TrialSpec) -> TrainingRecord:
    """Short trainings prefer learning rates near 3e-3, long ones those near 1e-3."""
    best = 3e-3 if spec.chain and spec.chain[-1].stop < 0.5 else 1e-3
    distance = abs(math.log10(float(spec.dials["learning_rate"]) / best)) if spec.dials else 0.0
    return replace(succeed(spec), value=0.9 - distance - spec.seed / 1e6)


def by_value(records: list[TrainingRecord]) -> list[object]:
    return [record.spec.dials for record in sorted(records, key=lambda record: -(record.value or 0.0))]


def test_the_better_half_of_the_dials_continues_after_each_rung_and_the_last_one_chooses() -> None:
    agenda, ledger = run_all(RUNGS, respond)
    search, later = records_of(ledger, f"{CELL}/search"), records_of(ledger, f"{CELL}/rung")
    assert [record.spec.chain[-1].stop for record in (*search, *later)] == [0.25] * 6 + [0.5] * 3 + [1.0] * 2
    assert [record.spec.dials for record in later[:3]] == by_value(search)[:3]
    assert [record.spec.dials for record in later[3:]] == by_value(later[:3])[:2]
    chosen = agenda.results.choice(agenda.plan.unit(CELL))
    assert chosen is not None
    assert chosen.spec.dials == by_value(later[3:])[0]
    replicates = records_of(ledger, f"{CELL}/seed")
    assert [(record.spec.dials, record.spec.chain[-1].stop) for record in replicates] == [(chosen.spec.dials, 1.0)] * 2


def test_another_search_starts_from_an_encoder_that_was_trained_to_the_end() -> None:
    _, ledger = run_all(RUNGS, respond)
    first = next(record for record in records_of(ledger, f"{CELL}/search") if record.spec.chain)
    assert [stage.stop for stage in first.spec.chain] == [1.0, 0.25]
    kept = [record.spec for record in records_of(ledger, "tiny/parts/") if record.spec.role != "replicate"]
    assert {(spec.role, spec.chain[-1].stop) for spec in kept if spec.keep} == {("rung", 1.0)}
    assert first.spec.chain[:1] in [spec.chain for spec in kept if spec.keep]


@pytest.mark.parametrize("space", [RUNGS, BOTH], ids=["rungs", "rungs and race"])
def test_rungs_depend_neither_on_timing_nor_on_interruptions(space) -> None:
    _, alone = run_all(space, respond, workers=1)
    _, other = run_all(space, respond, seed=1, workers=10**6)
    assert specs_of(other) == specs_of(alone)
    ledger = FakeLedger()
    for seed in range(3):
        drain(agenda_of(space, ledger), ledger, respond, seed=seed, stop_after=13)
    drain(agenda_of(space, ledger), ledger, respond)
    assert specs_of(ledger) == specs_of(alone)
    assert agenda_of(space, ledger).finished
    assert len(agenda_of(space, ledger).done) == len(list(agenda_of(space, ledger).slots))


def test_the_best_dials_of_the_last_rung_race() -> None:
    agenda, ledger = run_all(BOTH, respond)
    last, race = records_of(ledger, f"{CELL}/rung")[3:], records_of(ledger, f"{CELL}/race")
    assert [record.spec.dials for record in race] == by_value(last)
    assert {record.spec.chain[-1].stop for record in race} == {1.0}
    chosen = agenda.results.choice(agenda.plan.unit(CELL))
    assert chosen is not None and chosen.spec.dials == by_value(race)[0]


def test_the_rung_is_a_part_of_the_keys_of_trainings_and_studies() -> None:
    without = replace(RUNGS, search=replace(RUNGS.search, rungs=()))
    records = [
        records_of(run_all(space, respond)[1], "tiny/baseline -> names/search 0")[0] for space in (RUNGS, without)
    ]
    assert records[0].spec.dials == records[1].spec.dials
    assert records[0].key != records[1].key
    assert records[0].spec.study != records[1].spec.study


def test_dials_that_fail_at_a_rung_do_not_continue_and_a_failed_rung_blocks_the_rest() -> None:
    _, ledger = run_all(RUNGS, unless(lambda spec: spec.name == f"{CELL}/search 2", fail))
    failed = next(record for record in records_of(ledger, f"{CELL}/search") if record.state == "failed")
    assert failed.spec.dials not in [record.spec.dials for record in records_of(ledger, f"{CELL}/rung")]
    agenda, _ = run_all(RUNGS, unless(lambda spec: spec.name.startswith(f"{CELL}/rung"), fail))
    blocked = {agenda.name(slot): reason for slot, reason in agenda.blocked.items()}
    assert f"no trial of the study of {CELL} that could be chosen has a value" in blocked[f"{CELL}/rung 3"]
    assert f"{CELL}/seed 1" in blocked
    assert sorted([*agenda.done, *agenda.blocked]) == sorted(agenda.slots)


def test_a_lost_trial_of_a_rung_blocks_what_depends_on_it() -> None:
    agenda, _ = run_all(RUNGS, unless(lambda spec: spec.name == f"{CELL}/rung 1", lambda _: "its worker died"))
    blocked = {agenda.name(slot) for slot in agenda.blocked}
    assert blocked == {f"{CELL}/rung 3", f"{CELL}/rung 4", *(f"{CELL}/seed {seed}" for seed in RUNGS.seeds)}


def test_a_study_with_few_different_dials_trains_none_twice() -> None:
    dials = {"learning_rate": Choice(values=(1e-3, 2e-3))}
    space = replace(RUNGS, targets=tuple(replace(target, dials=dials) for target in RUNGS.targets))
    agenda, ledger = run_all(space)
    assert sorted(agenda.done) == sorted(agenda.slots)
    assert len(records_of(ledger, f"{CELL}/rung")) == 2 + 2


def test_the_plan_counts_the_trials_of_rungs_and_their_tokens() -> None:
    agenda, ledger = run_all(RUNGS, respond)
    prediction = forecast(RUNGS, mirror=None, run="no such run", pace=Pace(workers=1))
    assert prediction.trainings == len(ledger.trainings) == sum(1 for _ in agenda.slots)
    row = next(row for row in prediction.rows if row.unit == CELL)
    assert row.search == 6 + 3 + 2
    tokens = training_tokens(RUNGS, agenda.plan.unit(CELL), "replicate")
    assert row.search_tokens * row.search == pytest.approx(tokens * (6 / 4 + 3 / 2 + 2), rel=0.01)
    part = narrowed(make_plan(RUNGS), parse_only(["recipes=parts", "targets=names"], RUNGS)).part
    assert part is not None and (CELL, "rung", 4) in part


def test_the_plan_counts_the_tokens_of_the_rungs_that_are_left(tmp_path: Path) -> None:
    agenda, ledger = run_all(RUNGS, respond)
    run = Run.at(str(tmp_path))
    for record in records_of(ledger, f"{CELL}/search"):
        run.ledger.write_training(record)
    prediction = forecast(RUNGS, mirror=None, run=run.url, pace=Pace(workers=1))
    row, unit = next(row for row in prediction.rows if row.unit == CELL), agenda.plan.unit(CELL)
    tokens = {role: training_tokens(RUNGS, unit, role) for role, _ in agenda.plan.trials(unit)}
    assert row.search_left == 5
    assert row.tokens_left == 5 * tokens["rung"] + row.replicates * tokens["replicate"]


def test_the_analysis_keeps_the_replicates_with_the_dials_that_the_last_rung_chose() -> None:
    for space in (RUNGS, BOTH):
        _, ledger = run_all(space, respond)
        replicates = {key for key, record in ledger.trainings.items() if record.spec.role == "replicate"}
        assert set(valid_replicates(ledger.trainings, space.search)) == replicates


@pytest.mark.parametrize("options", [{"rungs": (0.5,)}, {"rungs": (0.5,), "race": 2}, {"race": 2}])
def test_dials_that_lost_their_place_to_those_of_a_repeated_trial_are_not_chosen(options: dict[str, Any]) -> None:
    space = replace(RACE, search=Search(trials=4, batch=4, race_seeds=(7,), **options))
    first = f"{CELL}/search 0"
    numbers: dict[float, int] = {}

    def ranked(spec: TrialSpec) -> TrainingRecord:
        """The search prefers low numbers of search trials, the rungs and the race high ones."""
        if not spec.dials:
            return succeed(spec)
        rate = float(spec.dials["learning_rate"])
        if spec.role == "search":
            numbers[rate] = spec.number
        return replace(succeed(spec), value=0.5 + numbers[rate] * (-0.1 if spec.role == "search" else 0.1))

    def chosen_numbers() -> set[int]:
        return {numbers[float(record.spec.dials["learning_rate"])] for record in records_of(ledger, f"{CELL}/seed")}

    _, ledger = run_all(space, lambda spec: fail(spec) if spec.name == first else ranked(spec))
    assert chosen_numbers() == {2}
    failed = next(record for record in ledger.trainings.values() if record.spec.name == first)
    numbers[float(failed.spec.dials["learning_rate"])] = 0
    del ledger.trainings[failed.key]
    trainings, scores = ledger.ended(), set(ledger.scores)
    agenda = Agenda(specs=agenda_of(space).specs, trainings=trainings, scores=scores, retried=[EndedTrial.of(failed)])
    drain(agenda, ledger, ranked)
    chosen = agenda.results.choice(agenda.plan.unit(CELL))
    assert chosen is not None and numbers[float(chosen.spec.dials["learning_rate"])] == 1
    assert chosen_numbers() == {1, 2}
    winner = winners(ledger.trainings.values(), space.search)[chosen.spec.study]
    assert winner is not None and winner.spec.dials == chosen.spec.dials
    counted = [record.spec for record in valid_replicates(ledger.trainings, space.search).values()]
    replicates = [spec for spec in counted if spec.name.startswith(f"{CELL}/seed")]
    assert [spec.dials for spec in replicates] == [chosen.spec.dials] * len(space.seeds)


def test_the_report_describes_the_rungs() -> None:
    assert search_sentence(RUNGS).endswith("; the better half of the dials continues after 25 % and 50 % of the steps")
    assert "A search trial ends early unless its dials are among the better half" in " ".join(
        selection_sentences(RUNGS)
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Search(rungs=(0.5, 0.25)), r"rungs between 0 and 1 in ascending order, got \(0.5, 0.25\)"),
        (lambda: Search(rungs=(0.5, 1.0)), r"rungs between 0 and 1 in ascending order, got \(0.5, 1.0\)"),
        (
            lambda: check_growth(RUNGS, replace(RUNGS, search=replace(RUNGS.search, trials=7)), "run"),
            r"search.rungs = \(0.25, 0.5\) and 6 trials per study, got 7",
        ),
    ],
)
def test_mistakes_in_rungs_are_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        make()


@pytest.mark.parametrize("keep", ["last", "best"])
def test_a_real_training_ends_at_its_rung_with_the_bytes_of_the_longer_one_up_to_there(keep, tmp_path: Path) -> None:
    save_tiny_encoder(tmp_path / "encoder")
    mirror = write_mirror(tmp_path / "mirror", tmp_path / "encoder", set())
    target = replace(SPACE.targets[0], training=replace(SPACE.targets[0].training, keep=keep))
    search = replace(SPACE.search, rungs=(0.5,))
    space = replace(SPACE, recipes=SPACE.recipes[:1], targets=(target,), search=search)
    records, _ = run_trials(space, mirror, tmp_path / "run")
    short = [record for name, record in records.items() if "/search " in name]
    full = [record for name, record in records.items() if "/rung " in name]
    assert (len(short), len(full)) == (3, 2)
    for record in short:
        assert record.steps == round(record.planned_steps / 2)
        assert record.value is not None
    for record in full:
        first = next(other for other in short if other.spec.dials == record.spec.dials)
        assert record.steps == record.planned_steps == first.planned_steps
        # The learning rate is planned for all steps, so that the first evaluations are the same.
        assert record.evaluations[:1] == first.evaluations[:1]
