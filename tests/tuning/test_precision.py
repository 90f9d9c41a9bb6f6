"""bf16 on a CPU without bf16 instructions: the driver and each worker warn once, and shipped spaces avoid it."""

from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from search_spaces.load import load_space, shipped
from sweeper.plan.units import make_plan
from sweeper.space import ResourceOverrides, Resources, Space
from sweeper.space.settings import apply_settings
from sweeper.training import runtime
from sweeper.training.runtime import slow_bf16
from sweeper.training.trial import run_trial
from sweeper.tuning.pending import warn_of_bf16
from tests.tuning.imaginary import SMALL, FakeLedger, agenda_of
from tests.worlds import TRAINING, TrialFolders, stage, trial

AVX2 = "processor : 0\nflags\t\t: fpu sse2 avx2 fma\nbogomips : 5000\n"
CPUS = {
    "an AVX2 CPU": (AVX2, True),
    "AVX-512 without bf16": (AVX2.replace("fma", "fma avx512f avx512_vnni"), True),
    "AVX-512 with bf16": (AVX2.replace("fma", "fma avx512f avx512_bf16"), False),
    "AMX": (AVX2.replace("fma", "fma amx_bf16 amx_tile"), False),
    "an ARM CPU": ("processor : 0\nFeatures : fp asimd crc32\n", True),
    "an ARM CPU with bf16": ("processor : 0\nFeatures : fp asimd i8mm bf16\n", False),
    "an unknown CPU": ("", False),
}
BF16 = apply_settings(SMALL, ["precision=bf16"])


@pytest.fixture(autouse=True)
def cpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that describes the CPU; at first one without bf16 instructions."""
    facts = tmp_path / "cpuinfo"
    facts.write_text(AVX2)
    monkeypatch.setattr(runtime, "CPU_FACTS", facts)
    return facts


@pytest.mark.parametrize("name", CPUS)
def test_a_cpu_without_bf16_instructions_is_recognised_by_its_flags(name: str, cpu: Path) -> None:
    facts, is_slow = CPUS[name]
    cpu.write_text(facts)
    warning = slow_bf16()
    assert ("--set precision=fp32" in warning) == is_slow
    assert bool(warning) == is_slow


def test_without_a_description_of_the_cpu_there_is_no_warning(cpu: Path) -> None:
    cpu.unlink()
    assert slow_bf16() == ""


def printed(space: Space, resources: ResourceOverrides | None = None) -> list[str]:
    """The lines that the driver prints about the precision of a sweep."""
    output = StringIO()
    agenda = agenda_of(space, FakeLedger())
    if resources:
        agenda.specs = replace(agenda.specs, resources=resources)
    warn_of_bf16(agenda, Console(file=output, width=1000))
    return output.getvalue().splitlines()


def test_the_driver_warns_once_of_bf16_on_a_slow_cpu_and_names_the_remedy() -> None:
    [line] = printed(BF16)
    assert line == slow_bf16()
    assert "precision = 'bf16' on a CPU without bf16 instructions" in line
    assert "Use --set precision=fp32" in line
    assert printed(SMALL) == []


def test_the_driver_does_not_warn_of_trials_on_gpus() -> None:
    model = replace(BF16.models[0], resources=Resources(gpus=0.5))
    assert printed(replace(BF16, models=(model,))) == []
    assert len(printed(replace(BF16, models=(model,)), ResourceOverrides(gpus=0))) == 1


def test_a_worker_warns_once_for_all_its_trials(demo_world: Path, tmp_path: Path, shared_cache: Path) -> None:
    messages: list[str] = []
    bench = TrialFolders(demo_world, tmp_path, shared_cache).bench(notify=messages.append)
    for seed in (1, 2):
        for precision in ("fp32", "bf16"):
            training = replace(TRAINING, precision=precision)
            run_trial(trial(stage("claims", seed=seed, training=training)), bench)
            assert messages == ([] if (seed, precision) == (1, "fp32") else [slow_bf16()])


@pytest.mark.parametrize("name", shipped())
def test_shipped_spaces_without_gpus_train_in_fp32(name: str) -> None:
    space = load_space(name)
    if any(model.resources.gpus for model in space.models):
        return
    units = make_plan(space).units
    assert {unit.stage.training.precision for unit in units if unit.trains} == {"fp32"}
