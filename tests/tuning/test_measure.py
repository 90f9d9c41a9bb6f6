"""Measured trials: real short trials of each type of a tiny space, and what they leave."""

import math
import re
from dataclasses import replace
from pathlib import Path

import pytest

from search_spaces.tiny import SPACE as TINY
from sweeper.errors import ShortageError, UserError
from sweeper.plan.measurement import Measurement
from sweeper.plan.only import parse_only
from sweeper.plan.resolve import Resolver
from sweeper.plan.specs import Specs
from sweeper.plan.units import make_plan
from sweeper.records.record import TrialResult
from sweeper.records.spec import TrialSpec
from sweeper.space import ResourceOverrides
from sweeper.training.workbench import Workbench
from sweeper.tuning.measure import Size, _cut_spec, _grown, _whole_spec, measure, units_by_type
from sweeper.tuning.options import Options
from tests.runs import shared_cache
from tests.tuning.imaginary import succeed

pytestmark = pytest.mark.seconds
BASELINE = "tiny/baseline -> names"


@pytest.fixture(scope="module")
def messages() -> list[str]:
    return []


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pace") / "run"


@pytest.fixture(scope="module")
def measurement(folder: Path, messages: list[str]) -> Measurement:
    only = parse_only(["recipes=baseline", "targets=names"], TINY)
    options = Options(run=str(folder), cache=shared_cache(), only=only)
    events = list(measure(TINY, options, 0.005))
    messages += [event for event in events if isinstance(event, str)]
    (measured,) = [event for event in events if isinstance(event, Measurement)]
    return measured


def test_each_type_has_its_speed_its_fixed_seconds_and_its_memory(measurement: Measurement) -> None:
    (names,) = measurement.types
    assert (names.model, names.model_id, names.unit) == ("tiny", "demo/tiny", BASELINE)
    assert names.training is not None
    assert names.evaluation is not None
    assert min(names.training, names.evaluation) > 10
    assert 0 < names.rest < 100
    assert names.memory["process"] > 2**24
    assert measurement.device.startswith("cpu x")
    assert set(measurement.versions) == {"sweeper", "torch", "transformers"}
    # Examples of the synthetic world are much shorter than max_length.
    assert set(measurement.lengths) == {"names train 128", "names scored 128"}
    assert all(0.03 < share < 0.3 for share in measurement.lengths.values())


def test_a_measurement_writes_nothing_to_the_run_folder(
    measurement: Measurement, folder: Path, messages: list[str]
) -> None:
    assert not folder.exists()
    assert f"[1/1] tiny, {measurement.types[0].type}: measuring {BASELINE} ..." in messages


def specs() -> Specs:
    return Specs(plan=make_plan(TINY), resolver=Resolver(space=TINY, sources=None))


def test_units_of_one_type_are_measured_once() -> None:
    units = [unit.name for unit in units_by_type(specs()).values()]
    assert units == [BASELINE, "tiny/baseline -> few_questions", "tiny/parts"]


def test_a_measured_trial_has_the_options_of_the_space_and_its_own_number_of_steps_and_examples() -> None:
    tiny_specs = specs()
    whole = _whole_spec(tiny_specs, tiny_specs.plan.unit(BASELINE))
    cut = _cut_spec(whole, Size(steps=5, examples=6))
    trained, usual = cut.chain[0].training, whole.chain[0].training
    same = {"learning_rate": usual.learning_rate, "epochs": usual.epochs, "max_steps": usual.max_steps}
    assert (trained.max_steps, replace(trained, **same)) == (5, usual)  # type: ignore[arg-type]
    assert [data.cap_examples for data in (*cut.select, *(score.data for score in cut.scores))] == [6, 6]
    assert cut.chain[0].data[0].cap_examples == 64
    assert cut.key != whole.key


@pytest.mark.parametrize(("seconds", "number"), [(60, 4), (30, 4), (20, 12), (0.5, 480), (0.0, 240_000)])
def test_the_next_trial_is_as_long_as_the_given_time(seconds: float, number: int) -> None:
    assert _grown(4, seconds, 60) == number


def test_a_machine_without_the_gpus_of_a_trial_is_refused(tmp_path: Path) -> None:
    options = Options(run=str(tmp_path), resources=ResourceOverrides(gpus=0.5))
    with pytest.raises(UserError, match=r"needs 0\.5 GPUs, and this machine has 0\. Measure on a machine such as"):
        next(measure(TINY, options, 1.0))


@pytest.mark.parametrize("minutes", [0.0, -1.0, math.nan, math.inf])
def test_a_time_that_is_not_finite_and_positive_is_refused(tmp_path: Path, minutes: float) -> None:
    with pytest.raises(UserError, match=rf"a finite number of minutes > 0, got {minutes:g}\."):
        next(measure(TINY, Options(run=str(tmp_path)), minutes))


def test_a_measured_trial_has_a_whole_gpu_because_it_runs_alone() -> None:
    shared = replace(specs(), resources=ResourceOverrides(gpus=0.25))
    assert _whole_spec(shared, shared.plan.unit(BASELINE)).resources.gpus == 1
    assert _whole_spec(specs(), specs().plan.unit(BASELINE)).resources.gpus == 0


def run_with_failures(spec: TrialSpec, _: Workbench) -> TrialResult:
    """A trial without a training; preparations have too little memory, and evaluations take no measurable time."""
    if spec.name.startswith("tiny/parts"):
        raise ShortageError("Out of memory. Other processes used 90% of the memory.")
    facts = dict.fromkeys(("host", "device", "torch", "transformers"), "x")
    timing = {"total": 9.0, "train": 5.0, "evaluate": 0.0}
    return TrialResult(training=replace(succeed(spec), timing=timing, machine=facts))


def test_a_type_that_fails_is_named_and_the_others_are_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sweeper.tuning.measure.run_trial", run_with_failures)
    only = parse_only(["recipes=parts,baseline"], TINY)
    events = list(measure(TINY, Options(run=str(tmp_path), cache=shared_cache(), only=only), 0.005))
    last = [event for event in events if isinstance(event, Measurement)][-1]
    assert [each.unit for each in last.types] == [BASELINE, "tiny/baseline -> few_questions"]
    assert "names train 128" in last.lengths
    ((name, reason),) = last.failed.items()
    assert name.startswith("tiny, preparation, ")
    assert re.match(r"tiny/parts/.* cannot be measured now: Out of memory\. Other processes", reason)
    assert all(each.evaluation is None for each in last.types), "no division by a time of zero"


def test_the_failure_of_the_only_type_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> TrialResult:
        raise ShortageError("Out of memory.")

    monkeypatch.setattr("sweeper.tuning.measure.run_trial", fail)
    only = parse_only(["recipes=baseline", "targets=names"], TINY)
    with pytest.raises(ShortageError, match=r"cannot be measured now: Out of memory\."):
        list(measure(TINY, Options(run=str(tmp_path), cache=shared_cache(), only=only), 0.005))
