"""What a study suggests: the same for the same history, knowing only its own search trials of earlier batches."""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from sweeper.records.record import TrainingRecord
from sweeper.records.spec import TrialSpec
from sweeper.space import Choice, LogUniform, Search, Value
from sweeper.tuning.journal import Journal
from sweeper.tuning.search import barrier, distribution, suggest
from tests.tuning.imaginary import SMALL as SPACE
from tests.tuning.imaginary import agenda_of, badly, well

ROOT = Path(__file__).parents[2]
DIALS = {"learning_rate": LogUniform(low=1e-5, high=1e-2, first=(1e-3, 2e-3)), "batch_size": Choice(values=(8, 16, 32))}
SEARCH = Search(trials=12, batch=4)


def spec_of(number: int, dials: Mapping[str, Value]) -> TrialSpec:
    spec = agenda_of(SPACE).next()
    assert spec is not None
    return replace(spec, number=number, dials=dials)


def history(num: int, search: Search = SEARCH) -> list[TrainingRecord]:
    """The first trials of a study in which a larger learning rate is better."""
    found: list[TrainingRecord] = []
    for number in range(num):
        dials = suggest("study", number, DIALS, found, search)
        found.append(replace(well(spec_of(number, dials)), value=float(dials["learning_rate"])))
    return found


@pytest.mark.parametrize("sampler", ["tpe", "gp", "random"])
def test_the_same_study_number_and_history_give_the_same_dials_in_another_process(sampler: str) -> None:
    search = replace(SEARCH, sampler=sampler)  # type: ignore[arg-type]
    past = history(8, search)
    values = [(record.spec.number, dict(record.spec.dials), record.value) for record in past]
    code = f"""
import json
from dataclasses import replace
from tests.tuning.test_search import DIALS, spec_of
from tests.tuning.imaginary import well
from sweeper.space import Search
from sweeper.tuning.search import suggest
past = [replace(well(spec_of(number, dials)), value=value) for number, dials, value in {values!r}]
search = Search(trials=12, batch=4, sampler={sampler!r})
print(json.dumps([suggest("study", number, DIALS, past, search) for number in (3, 8, 9)]))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [suggest("study", number, DIALS, past, search) for number in (3, 8, 9)]


def test_the_order_in_which_trials_ended_changes_nothing() -> None:
    past = history(8)
    assert suggest("study", 9, DIALS, past, SEARCH) == suggest("study", 9, DIALS, reversed(past), SEARCH)


def test_the_declared_first_points_come_first() -> None:
    rates = [suggest("study", number, DIALS, [], SEARCH)["learning_rate"] for number in range(4)]
    assert rates[:2] == [1e-3, 2e-3]
    assert len(set(rates)) == 4


def test_two_numbers_of_a_batch_and_two_studies_are_suggested_different_dials() -> None:
    past = history(8)
    asked = [("study", 8), ("study", 9), ("other", 8)]
    assert len({json.dumps(suggest(study, number, DIALS, past, SEARCH)) for study, number in asked}) == 3


def test_a_trial_of_the_same_batch_or_a_later_one_has_no_say() -> None:
    past = history(12)
    assert suggest("study", 6, DIALS, past, SEARCH) == suggest("study", 6, DIALS, past[:4], SEARCH)
    assert [barrier(number, SEARCH) for number in (0, 3, 4, 7, 8)] == [0, 0, 4, 4, 8]


def test_the_sampler_learns_from_what_it_is_told() -> None:
    past = history(8)
    turned = [replace(record, value=-(record.value or 0.0)) for record in past]
    assert suggest("study", 8, DIALS, past, SEARCH) != suggest("study", 8, DIALS, turned, SEARCH)


def test_a_failed_trial_is_told_as_failed_rather_than_as_a_value() -> None:
    past = history(11)
    failed = [badly(record.spec) if record.spec.number == 5 else record for record in past]
    worst = [replace(record, value=-1e9) if record.spec.number == 5 else record for record in past]
    unknown = [record for record in past if record.spec.number != 5]
    with_failed = suggest("study", 11, DIALS, failed, SEARCH)
    assert with_failed == suggest("study", 11, DIALS, unknown, SEARCH)
    assert with_failed != suggest("study", 11, DIALS, worst, SEARCH)


def test_suggestions_stay_inside_the_bounds() -> None:
    for record in history(12):
        assert 1e-5 <= float(record.spec.dials["learning_rate"]) <= 1e-2
        assert record.spec.dials["batch_size"] in (8, 16, 32)


def test_dials_become_the_distributions_of_optuna() -> None:
    assert distribution(DIALS["learning_rate"]) == optuna.distributions.FloatDistribution(1e-5, 1e-2, log=True)
    assert distribution(DIALS["batch_size"]) == optuna.distributions.CategoricalDistribution([8, 16, 32])


def test_the_journal_opens_in_optuna_and_shows_replicates_with_their_seed(tmp_path: Path) -> None:
    path = tmp_path / "optuna.journal"
    journal = Journal(path, 0)
    best = history(2)[1]
    replicate = replace(best, spec=replace(best.spec, role="replicate", seed=7, recipe="parts"))
    for record in (best, badly(spec_of(2, best.spec.dials)), replicate):
        journal.add("tiny/baseline -> names", DIALS, record)
    study = optuna.load_study(
        study_name="tiny/baseline -> names", storage=JournalStorage(JournalFileBackend(str(path)))
    )
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE, TrialState.FAIL, TrialState.COMPLETE]
    assert [trial.params["seed"] for trial in study.trials] == [0, 0, 7]
    assert study.trials[2].user_attrs["role"] == "replicate"
    assert study.best_trial.params["learning_rate"] == best.spec.dials["learning_rate"]


def test_a_journal_is_gone_on_with_rather_than_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "optuna.journal"
    record = history(1)[0]
    first = Journal(path, 0)
    assert first.empty
    first.add("study", DIALS, record)
    second = Journal(path, 1)
    second.add("study", DIALS, record)
    assert not second.empty
    study = optuna.load_study(study_name="study", storage=JournalStorage(JournalFileBackend(str(path))))
    assert len(study.trials) == 2


@pytest.mark.parametrize("damage", [lambda text: text[:-20], lambda text: "", lambda text: text + "{"])
def test_a_journal_that_is_torn_or_lacks_trials_starts_anew(tmp_path: Path, damage: Callable[[str], str]) -> None:
    path = tmp_path / "optuna.journal"
    Journal(path, 0).add("study", DIALS, history(1)[0])
    path.write_text(damage(path.read_text()))
    again = Journal(path, 2)
    assert again.empty
    again.add("study", DIALS, history(1)[0])
    study = optuna.load_study(study_name="study", storage=JournalStorage(JournalFileBackend(str(path))))
    assert len(study.trials) == 1
