"""The line about the GPU memory of the first training of each model."""

from dataclasses import replace

from sweeper.records.record import TrialResult
from sweeper.records.spec import TrialSpec
from sweeper.tuning.memory_watch import MemoryWatch
from tests.tuning.imaginary import SMALL, agenda_of, fail, succeed

MEMORY = {"process": 2**30, "allocated": 2**30, "reserved": 2**31, "device": 80 * 2**30}


def spec_of() -> TrialSpec:
    spec = agenda_of(SMALL).next()
    assert spec is not None
    return spec


def test_the_first_finished_training_of_each_model_on_a_gpu_has_a_line() -> None:
    lines: list[str] = []
    watch, first = MemoryWatch(lines.append), spec_of()
    other = replace(first, model=replace(first.model, name="other"))
    watch.finished(first, TrialResult(training=replace(fail(first), memory=MEMORY)))
    for spec in (first, first, other):
        watch.finished(spec, TrialResult(training=replace(succeed(spec), memory=MEMORY)))
    text = f"2.00 GiB of the 80.0 GiB of a GPU at the peak of {first.name}."
    assert lines == [f"{first.model.name}: {text}", f"other: {text}"]


def test_a_training_on_a_cpu_and_a_pass_through_an_encoder_have_no_line() -> None:
    lines: list[str] = []
    watch, trained = MemoryWatch(lines.append), spec_of()
    scored = replace(trained, kind="score")
    watch.finished(trained, TrialResult(training=replace(succeed(trained), memory={"process": 2**30})))
    watch.finished(scored, TrialResult(training=replace(succeed(scored), memory=MEMORY)))
    assert lines == []
