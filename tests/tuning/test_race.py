"""`Search.race`: the best dials of a study are compared on further seeds before one is chosen."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from analysis.report.protocol import search_sentence, selection_sentences
from sweeper.errors import UserError
from sweeper.files.serialize import read_json, write_json
from sweeper.plan.forecast import forecast
from sweeper.plan.only import narrowed, parse_only
from sweeper.plan.pace import Pace
from sweeper.plan.status import finished_names
from sweeper.plan.units import make_plan
from sweeper.records.counting import valid_replicates
from sweeper.records.record import TrainingRecord
from sweeper.records.spec import TrialSpec
from sweeper.run.growth import check_growth
from sweeper.run.ledger import Contents
from sweeper.space import Choice, Search, Space
from tests.tokenizers_tiny import save_tiny_encoder
from tests.tuning.imaginary import SMALL, FakeLedger, agenda_of, drain, fail, run_all, succeed, unless
from tests.tuning.test_no_leak import SPACE, write_mirror
from tests.tuning.test_no_leak import run_all as run_trials

RACE = replace(SMALL, search=Search(trials=6, batch=3, race=2, race_seeds=(7, 8, 9)))
CELL = "tiny/parts -> names"


def respond(spec: TrialSpec) -> TrainingRecord:
    """The search prefers learning rates near 3e-3, the race those near 1e-3."""
    best = 3e-3 if spec.role == "search" else 1e-3
    distance = abs(math.log10(float(spec.dials["learning_rate"]) / best)) if spec.dials else 0.0
    return replace(succeed(spec), value=0.9 - distance - spec.seed / 1e6)


def specs_of(ledger: FakeLedger) -> dict[str, TrialSpec]:
    return {key: record.spec for key, record in ledger.trainings.items()}


def records_of(ledger: FakeLedger, prefix: str) -> list[TrainingRecord]:
    found = [record for record in ledger.trainings.values() if record.spec.name.startswith(prefix)]
    return sorted(found, key=lambda record: record.spec.number)


def test_the_best_dials_of_a_search_race_on_further_seeds_and_the_highest_mean_is_chosen() -> None:
    agenda, ledger = run_all(RACE, respond)
    search, race = records_of(ledger, f"{CELL}/search"), records_of(ledger, f"{CELL}/race")
    best = sorted(search, key=lambda record: -(record.value or 0.0))[:2]
    assert [record.spec.dials for record in race] == [record.spec.dials for record in best for _ in range(3)]
    assert [record.spec.seed for record in race] == [7, 8, 9, 7, 8, 9]
    means = [sum(record.value or 0.0 for record in race[start : start + 3]) for start in (0, 3)]
    chosen = agenda.results.choice(agenda.plan.unit(CELL))
    assert chosen is not None
    assert chosen.spec.dials == best[means.index(max(means))].spec.dials != best[0].spec.dials
    replicates = records_of(ledger, f"{CELL}/seed")
    assert [record.spec.dials for record in replicates] == [chosen.spec.dials] * len(RACE.seeds)


def test_a_race_trains_on_the_data_and_the_encoder_of_the_search() -> None:
    _, ledger = run_all(RACE, respond)
    search = records_of(ledger, f"{CELL}/search")
    for record in records_of(ledger, f"{CELL}/race"):
        contender = next(other for other in search if other.spec.dials == record.spec.dials)
        *earlier, last = record.spec.chain
        assert (*earlier, replace(last, seed=0)) == contender.spec.chain
        assert (record.spec.study, record.spec.select) == (contender.spec.study, contender.spec.select)
        assert not record.spec.scores


def test_a_race_depends_neither_on_timing_nor_on_interruptions() -> None:
    _, alone = run_all(RACE, respond, workers=1)
    _, other = run_all(RACE, respond, seed=1, workers=10**6)
    assert specs_of(other) == specs_of(alone)
    ledger = FakeLedger()
    for seed in range(3):
        drain(agenda_of(RACE, ledger), ledger, respond, seed=seed, stop_after=13)
    drain(agenda_of(RACE, ledger), ledger, respond)
    assert specs_of(ledger) == specs_of(alone)
    assert agenda_of(RACE, ledger).finished


def test_the_record_names_the_phase_of_the_protocol() -> None:
    _, ledger = run_all(RACE, respond)
    phases = [record.spec.phase for record in records_of(ledger, f"{CELL}/search")]
    # Two declared points, and two that are spread over the range.
    assert phases == ["fixed"] * 4 + ["suggested"] * 2
    assert {record.spec.phase for record in records_of(ledger, f"{CELL}/race")} == {"race"}
    assert {record.spec.phase for record in records_of(ledger, f"{CELL}/seed")} == {"replicate"}


def test_a_record_of_an_earlier_version_has_no_phase() -> None:
    _, ledger = run_all(SMALL)
    record = next(iter(ledger.trainings.values()))
    earlier = write_json(record).replace(f'"phase": "{record.spec.phase}",'.encode(), b"")
    assert b'"phase"' not in earlier
    read = read_json(TrainingRecord, earlier, "a record")
    assert read == replace(record, spec=replace(record.spec, phase=""))


def test_a_race_changes_no_key_of_a_search_trial() -> None:
    with_race, without = (
        {record.spec.name: (record.key, record.spec.study) for record in run_all(space)[1].trainings.values()}
        for space in (RACE, SMALL)
    )
    base = [name for name in without if "baseline" in name and "/search" in name]
    assert base
    assert all(with_race[name] == without[name] for name in base)


def test_dials_that_fail_in_a_race_are_not_chosen() -> None:
    agenda, ledger = run_all(RACE, unless(lambda spec: spec.name == f"{CELL}/race 1", fail))
    failed = next(record for record in records_of(ledger, f"{CELL}/race") if record.state == "failed")
    chosen = agenda.results.choice(agenda.plan.unit(CELL))
    assert chosen is not None
    assert chosen.spec.dials != failed.spec.dials


def test_a_search_whose_dials_all_fail_in_the_race_keeps_its_best_trial() -> None:
    agenda, _ = run_all(RACE, unless(lambda spec: spec.role == "race", fail))
    best = max(agenda.results.search_records(agenda.plan.unit(CELL)), key=lambda record: record.value or 0.0)
    assert agenda.results.choice(agenda.plan.unit(CELL)) == best
    assert not agenda.blocked


def test_a_lost_trial_of_a_race_blocks_the_replicates_and_not_the_race() -> None:
    agenda, _ = run_all(RACE, unless(lambda spec: spec.name == f"{CELL}/race 2", lambda _: "its worker died"))
    blocked = {agenda.name(slot): reason for slot, reason in agenda.blocked.items()}
    assert blocked == {f"{CELL}/seed {seed}": f"{CELL}/race 2 is missing: its worker died" for seed in RACE.seeds}


def test_a_failed_search_blocks_its_race() -> None:
    agenda, _ = run_all(RACE, unless(lambda spec: spec.name.startswith(f"{CELL}/search"), fail))
    blocked = {agenda.name(slot): reason for slot, reason in agenda.blocked.items()}
    assert f"no trial of the study of {CELL} that could be chosen has a value" in blocked[f"{CELL}/race 0"]
    assert sorted([*agenda.done, *agenda.blocked]) == sorted(agenda.slots)


def test_a_study_with_fewer_different_dials_than_its_race_has_places_trains_none_twice() -> None:
    dials = {"learning_rate": Choice(values=(1e-3, 2e-3))}
    space = replace(
        RACE,
        targets=tuple(replace(target, dials=dials) for target in RACE.targets),
        search=replace(RACE.search, race=5),
    )
    agenda, ledger = run_all(space)
    assert sorted(agenda.done) == sorted(agenda.slots)
    assert len(records_of(ledger, f"{CELL}/race")) == 2 * 3
    assert agenda_of(space, ledger).finished
    contents = Contents(trainings=ledger.ended(), scores={}, damaged={}, foreign={}, num_unsealed=0)
    race = {f"{CELL}/race {number}" for number in range(15)}
    assert race <= finished_names(contents, agenda.plan)


def test_the_plan_and_a_part_count_the_trials_of_races() -> None:
    agenda, ledger = run_all(RACE)
    prediction = forecast(RACE, mirror=None, run="no such run", pace=Pace(workers=1))
    assert prediction.trainings == len(ledger.trainings) == sum(1 for _ in agenda.slots)
    row = next(row for row in prediction.rows if row.unit == CELL)
    assert row.search == 6 + 2 * 3
    part = narrowed(make_plan(RACE), parse_only(["recipes=parts", "targets=names"], RACE)).part
    assert part is not None
    assert (CELL, "race", 5) in part


def test_the_analysis_keeps_the_replicates_with_the_dials_that_the_race_chose() -> None:
    _, ledger = run_all(RACE, respond)
    replicates = {key for key, record in ledger.trainings.items() if record.spec.role == "replicate"}
    assert set(valid_replicates(ledger.trainings, RACE.search)) == replicates


def test_the_report_describes_the_race() -> None:
    assert search_sentence(RACE).endswith("; a race of the best 2 dials with 3 further seeds")
    words = " ".join(selection_sentences(RACE))
    assert "the best 2 dials of each study run a race: they are trained on the same data" in words
    assert "with the seeds 7, 8 and 9, which are no replicate seeds" in words
    assert "race" not in search_sentence(SMALL) + " ".join(selection_sentences(SMALL))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Search(race=1), "Search needs race >= 2, or 0 for no race, got 1"),
        (lambda: Search(race=2, race_seeds=(0, 5)), r"race_seeds that are different and not 0 .* got \(0, 5\)"),
        (lambda: replace(RACE, seeds=(8, 10)), r"must not be among search.race_seeds.* got \[8\] in both"),
        (
            lambda: check_growth(RACE, replace(RACE, search=replace(RACE.search, trials=7)), "run"),
            r"run has search.race = 2, search.rungs = \(\) and 6 trials per study, got 7",
        ),
    ],
)
def test_mistakes_in_a_race_are_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        make()


def test_real_trainings_race_on_seeds_of_their_own(tmp_path: Path) -> None:
    save_tiny_encoder(tmp_path / "encoder")
    space: Space = replace(
        SPACE, recipes=SPACE.recipes[:1], targets=SPACE.targets[:1], search=replace(SPACE.search, race=2)
    )
    records, _ = run_trials(space, write_mirror(tmp_path / "mirror", tmp_path / "encoder", set()), tmp_path / "run")
    race = [record for name, record in records.items() if "/race " in name]
    assert [record.spec.seed for record in race] == [1001, 1002] * 2
    assert all(record.state == "done" and record.value is not None for record in race)
    assert len({record.loss for record in race}) == 4
    replicate = next(record for record in records.values() if record.spec.role == "replicate")
    totals = {record.spec.dials["learning_rate"]: 0.0 for record in race}
    for record in race:
        totals[record.spec.dials["learning_rate"]] += record.value or 0.0
    assert totals[replicate.spec.dials["learning_rate"]] == max(totals.values())
