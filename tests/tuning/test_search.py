"""Suggestions of a study: they depend only on its key, the number and the trials of earlier batches."""

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import optuna
import pytest

from sweeper.records.record import TrainingRecord
from sweeper.records.spec import TrialSpec
from sweeper.space import Choice, Dials, LogUniform, Search, Value
from sweeper.tuning.search import Request, Studies, distribution, rounded
from tests.tuning.imaginary import SMALL as SPACE
from tests.tuning.imaginary import agenda_of, fail, succeed

ROOT = Path(__file__).parents[2]
DIALS = {"learning_rate": LogUniform(low=1e-5, high=1e-2, first=(1e-3, 2e-3)), "batch_size": Choice(values=(8, 16, 32))}
SEARCH = Search(trials=12, batch=4)


def suggest(study: str, number: int, dials: Dials, past: Iterable[TrainingRecord], search: Search) -> dict[str, Value]:
    """A suggestion of a study that is filled for it alone."""
    return Studies().suggest(request(study, number, dials, past, search))


def request(study: str, number: int, dials: Dials, past: Iterable[TrainingRecord], search: Search) -> Request:
    return Request(study=study, number=number, dials=dials, finished=past, search=search)


def spec_of(number: int, dials: Mapping[str, Value]) -> TrialSpec:
    spec = agenda_of(SPACE).next()
    assert spec is not None
    return replace(spec, number=number, dials=dials)


def history(num: int, search: Search = SEARCH, dials: Dials = DIALS) -> list[TrainingRecord]:
    """The first trials of a study in which a larger learning rate is better."""
    records: list[TrainingRecord] = []
    for number in range(num):
        point = suggest("study", number, dials, records, search)
        records.append(replace(succeed(spec_of(number, point)), value=float(point["learning_rate"])))
    return records


@pytest.mark.parametrize("sampler", ["tpe", "gp", "random"])
def test_a_study_that_is_kept_suggests_the_same_as_one_that_is_filled_again(sampler: str) -> None:
    search = replace(SEARCH, sampler=sampler, trials=16)  # type: ignore[arg-type]
    past = [fail(record.spec) if record.spec.number == 6 else record for record in history(16, search)]
    kept = Studies()
    for number in range(16):
        known = past[: search.barrier(number)]
        assert kept.suggest(request("study", number, DIALS, known, search)) == suggest(
            "study", number, DIALS, known, search
        )


def test_a_kept_study_is_filled_again_if_its_trials_have_changed() -> None:
    past, kept = history(8), Studies()
    changed = [replace(past[0], value=1.0), *past[1:]]
    kept.suggest(request("study", 8, DIALS, past, SEARCH))
    assert kept.suggest(request("study", 9, DIALS, changed, SEARCH)) == suggest("study", 9, DIALS, changed, SEARCH)
    assert kept.suggest(request("study", 6, DIALS, past, SEARCH)) == suggest("study", 6, DIALS, past, SEARCH)


def test_suggested_numbers_have_four_significant_digits_and_declared_ones_all_of_theirs() -> None:
    dials = {"learning_rate": LogUniform(low=1e-5, high=1e-2, first=(1.23456e-3,))}
    rates = [float(suggest("study", number, dials, [], SEARCH)["learning_rate"]) for number in range(12)]
    assert rates[0] == 1.23456e-3
    assert [float(f"{rate:.4g}") for rate in rates[1:]] == rates[1:]


def test_a_rounded_number_stays_within_the_bounds() -> None:
    dial = LogUniform(low=1.23444e-5, high=9.87651e-3)
    assert [rounded(value, dial) for value in (1.23444e-5, 2.34567e-4, 9.87651e-3)] == [
        1.23444e-5,
        2.346e-4,
        9.87651e-3,
    ]
    assert rounded(0.123456, Choice(values=(0.123456, 0.2))) == 0.123456


def test_the_sampler_is_a_gaussian_process_if_all_dials_are_continuous_and_tpe_otherwise() -> None:
    rates = {"learning_rate": DIALS["learning_rate"]}
    for dials, sampler in ((rates, "gp"), (DIALS, "tpe")):
        past = history(8, SEARCH, dials)
        chosen = [suggest("study", number, dials, past, SEARCH) for number in (2, 9)]
        assert chosen == [suggest("study", number, dials, past, replace(SEARCH, sampler=sampler)) for number in (2, 9)]


def test_the_first_trials_of_a_gaussian_process_are_spread_over_the_range_of_each_dial() -> None:
    dials = {name: LogUniform(low=1e-5, high=1e-1) for name in ("learning_rate", "weight_decay")}
    points = [suggest("study", number, dials, [], replace(SEARCH, sampler="gp")) for number in range(4)]
    values = [3.162e-5, 3.162e-4, 3.162e-3, 3.162e-2]
    assert [point["learning_rate"] for point in points] == values
    assert [values.index(float(point["weight_decay"])) for point in points] == [1, 3, 0, 2]
    declared = dials | {"learning_rate": LogUniform(low=1e-5, high=1e-1, first=(1e-3,))}
    assert suggest("study", 0, declared, [], SEARCH) == {"learning_rate": 1e-3, "weight_decay": values[1]}


@pytest.mark.slow
@pytest.mark.parametrize("sampler", ["tpe", "gp", "random"])
def test_the_same_study_number_and_history_give_the_same_dials_in_another_process(sampler: str) -> None:
    search = replace(SEARCH, sampler=sampler)  # type: ignore[arg-type]
    past = history(8, search)
    values = [(record.spec.number, dict(record.spec.dials), record.value) for record in past]
    code = f"""
import json
from dataclasses import replace
from tests.tuning.test_search import DIALS, spec_of, suggest
from tests.tuning.imaginary import succeed
from sweeper.space import Search
past = [replace(succeed(spec_of(number, dials)), value=value) for number, dials, value in {values!r}]
search = Search(trials=12, batch=4, sampler={sampler!r})
print(json.dumps([suggest("study", number, DIALS, past, search) for number in (3, 8, 9)]))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [suggest("study", number, DIALS, past, search) for number in (3, 8, 9)]


def test_a_suggestion_does_not_depend_on_the_order_in_which_trials_ended() -> None:
    past = history(8)
    assert suggest("study", 9, DIALS, past, SEARCH) == suggest("study", 9, DIALS, reversed(past), SEARCH)


def test_the_declared_first_points_are_suggested_first() -> None:
    rates = [suggest("study", number, DIALS, [], SEARCH)["learning_rate"] for number in range(4)]
    assert rates[:2] == [1e-3, 2e-3]
    assert len(set(rates)) == 4


def test_suggestions_differ_between_numbers_of_a_batch_and_between_studies() -> None:
    past = history(8)
    numbers = [("study", 8), ("study", 9), ("other", 8)]
    assert len({json.dumps(suggest(study, number, DIALS, past, SEARCH)) for study, number in numbers}) == 3


def test_trials_of_the_same_or_a_later_batch_do_not_change_a_suggestion() -> None:
    past = history(12)
    assert suggest("study", 6, DIALS, past, SEARCH) == suggest("study", 6, DIALS, past[:4], SEARCH)
    assert [SEARCH.barrier(number) for number in (0, 3, 4, 7, 8)] == [0, 0, 4, 4, 8]


def test_the_sampler_learns_from_the_values_of_trials() -> None:
    past = history(8)
    turned = [replace(record, value=-(record.value or 0.0)) for record in past]
    assert suggest("study", 8, DIALS, past, SEARCH) != suggest("study", 8, DIALS, turned, SEARCH)


def test_a_failed_trial_is_given_to_the_sampler_without_a_value() -> None:
    past = history(11)
    failed = [fail(record.spec) if record.spec.number == 5 else record for record in past]
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
