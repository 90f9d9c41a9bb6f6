"""GPUs of a Ray that pretends to have some: shares of a GPU, and several GPUs for one trial."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from shutil import which

import pytest

from sweeper.errors import UserError
from sweeper.plan.measurement import Measurement, TypeMeasurement, default_file, write_measurement
from sweeper.records.record import TrainingRecord, TrialResult
from sweeper.records.spec import TrialSpec
from sweeper.run.ledger import Ledger
from sweeper.space import ResourceOverrides, Resources
from sweeper.tuning.agenda import Agenda
from sweeper.tuning.packed import placement
from sweeper.tuning.shares import Shares, first_shares
from sweeper.tuning.sweep import _shares
from tests.plan.test_specs import SMALL, specs_of, training_of
from tests.runs import PATIENCE, ROOT, shared_cache
from tests.session import session_folder

NAMES = ("half", "pair")
FOUR_GPUS = """
import sys
from dataclasses import replace

import ray
from rich.console import Console

from search_spaces.load import load_space
from sweeper.space import Resources
from sweeper.space.settings import apply_settings
from sweeper.tuning.sweep import Options, run_sweep

ray.init(address="local", num_cpus=4, num_gpus=4, include_dashboard=False, object_store_memory=200 * 2**20)
space = apply_settings(load_space("tiny"), ["recipes=baseline", "targets=names", "seeds=2"])
[model] = space.models
shares = {"half": Resources(gpus=0.5), "pair": Resources(cpus=2, gpus=2, processes=2)}
models = tuple(replace(model, name=name, resources=resources) for name, resources in shares.items())
run, cache = sys.argv[1:]
sys.exit(run_sweep(replace(space, models=models), Options(run=run, cache=cache), Console()).exit_code)
"""


def with_gpus(script: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    """Run a script that pretends to have GPUs. Its arguments are a run folder and a cache."""
    return subprocess.run(
        [sys.executable, "-c", script, str(folder / "run"), shared_cache()],
        cwd=session_folder(),
        env={**os.environ, "PYTHONPATH": str(ROOT), "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"},
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.faults
@pytest.mark.timeout(3 * PATIENCE)
@pytest.mark.skipif(which("nvidia-smi") is not None, reason="the four GPUs are pretended: here are real ones")
def test_two_models_get_the_shares_of_gpus_that_they_request(tmp_path: Path) -> None:
    done = with_gpus(FOUR_GPUS, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    records = list(Ledger.at(f"{tmp_path}/run/ledger").trainings().values())
    owned = {name: [r.machine["cuda_visible_devices"] for r in records if r.spec.model.name == name] for name in NAMES}
    assert len(owned["half"]) == len(owned["pair"]) > 0
    assert all(len(devices.split(",")) == 1 for devices in owned["half"])
    assert all(len(set(devices.split(","))) == 2 for devices in owned["pair"])


CROWDS = {
    "training": """
def crowd():
    import torch
    from sweeper.training import stage

    usual = stage.train

    def train(net, schedule, micro_tokens, context, *rest):
        if context.shares_gpu:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return usual(net, schedule, micro_tokens, context, *rest)

    stage.train = train
""",
    "evaluation": """
def crowd():
    import torch
    from sweeper.training import predict, trial

    run, usual, specs = trial._run, predict.Predictor._all, []

    def run_known(spec, *rest):
        specs.append(spec)
        return run(spec, *rest)

    def evaluate(*given):
        if specs[-1].resources.shares_gpu:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return usual(*given)

    trial._run, predict.Predictor._all = run_known, evaluate
""",
}
"""What has too little memory -> the hook of a worker that makes it so on a share of a GPU."""
ONE_CROWDED_GPU = """
import sys
from dataclasses import replace

import ray
from rich.console import Console

from search_spaces.load import load_space
from sweeper.space import Resources
from sweeper.space.settings import apply_settings
from sweeper.tuning.sweep import Options, run_sweep


CROWD

ray.init(
    address="local", num_cpus=4, num_gpus=1, include_dashboard=False, object_store_memory=200 * 2**20,
    runtime_env={"worker_process_setup_hook": crowd},
)
space = apply_settings(load_space("tiny"), ["recipes=baseline", "targets=names", "seeds=2"])
[model] = space.models
run, cache = sys.argv[1:]
space = replace(space, models=(replace(model, resources=Resources(gpus=0.25)),))
sys.exit(run_sweep(space, Options(run=run, cache=cache), Console(width=200)).exit_code)
"""


@pytest.mark.slow
@pytest.mark.faults
@pytest.mark.timeout(3 * PATIENCE)
@pytest.mark.skipif(which("nvidia-smi") is not None, reason="the GPU is pretended: here is a real one")
@pytest.mark.parametrize("crowd", CROWDS.values(), ids=CROWDS.keys())
def test_a_trial_without_memory_on_a_share_of_a_gpu_gets_a_larger_share(tmp_path: Path, crowd: str) -> None:
    done = with_gpus(ONE_CROWDED_GPU.replace("CROWD\n", crowd), tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Out of memory on 0.25 of a GPU. Trials of tiny reserve 0.5 of a GPU from now on." in done.stdout
    assert "tokens per" not in done.stdout  # no pass became smaller
    records = [r for r in Ledger.at(f"{tmp_path}/run/ledger").trainings().values() if r.spec.trains]
    assert {record.state for record in records} == {"done"}
    assert {record.spec.resources.gpus for record in records} == {1.0}
    assert all(record.micro_tokens == record.spec.chain[-1].training.micro_tokens for record in records)


def shared(gpus: float) -> TrialSpec:
    """A training of a model whose trials have a share of a GPU."""
    [model] = SMALL.models
    return training_of(specs_of(replace(SMALL, models=(replace(model, resources=Resources(gpus=gpus)),))))


def measured(spec: TrialSpec, reserved: int) -> TrainingRecord:
    """The record of a trial on a GPU of 80 GiB."""
    memory = {"process": 2**30, "allocated": reserved, "reserved": reserved, "device": 80 * 2**30}
    return TrainingRecord(key=spec.key, spec=spec, state="done", memory=memory)


def test_a_share_doubles_up_to_a_whole_gpu() -> None:
    spec, shares = shared(0.3), Shares()
    seen = []
    for _ in range(3):
        shares.enlarge(shares.resized(spec))
        seen.append(shares.resized(spec).resources.gpus)
    assert seen == [0.6, 1.0, 1.0]
    assert shares.resized(spec).key == spec.key


@pytest.mark.parametrize(("reserved", "share"), [(5, 0.25), (19, 0.25), (20, 1 / 3), (30, 0.5), (60, 1.0), (90, 1.0)])
def test_a_share_grows_to_what_the_peak_of_a_trial_needs(reserved: int, share: float) -> None:
    spec, shares = shared(0.25), Shares()
    message = shares.measure(spec, measured(spec, reserved * 2**30))
    assert shares.resized(spec).resources.gpus == pytest.approx(share)
    assert bool(message) == (share > 0.25)
    assert shares.measure(spec, measured(spec, reserved * 2**30)) == ""  # told once


def ended_agenda(gpus: float, reserved: int) -> tuple[Agenda, TrialSpec]:
    """An agenda of which one trial has ended with this peak, and its next trial."""
    [model] = SMALL.models
    space = replace(SMALL, models=(replace(model, resources=Resources(gpus=gpus)),))
    agenda = Agenda(specs=specs_of(space), trainings={}, scores=set())
    first = agenda.next()
    assert first
    agenda.complete(first.name, TrialResult(training=measured(first, reserved * 2**30)))
    second = agenda.next()
    assert second
    return agenda, second


@pytest.mark.parametrize(("reserved", "share"), [(5, 0.25), (30, 0.5), (90, 1.0)])
def test_a_sweep_that_continues_starts_with_the_share_that_its_ended_trials_need(reserved: int, share: float) -> None:
    agenda, spec = ended_agenda(0.25, reserved)
    shares = first_shares(agenda, None)
    assert shares.resized(spec).resources.gpus == share
    assert len(list(shares)) == (share > 0.25)


@pytest.mark.parametrize(("measured_peak", "share"), [(5, 0.5), (60, 1.0)])
def test_a_sweep_starts_with_the_largest_share_of_its_trials_and_of_pace(measured_peak: int, share: float) -> None:
    agenda, spec = ended_agenda(0.25, 30)
    memory = measured(spec, measured_peak * 2**30).memory
    of_model = TypeMeasurement(model="x", model_id=spec.model.id, layers=0, type="x", unit="x", memory=memory)
    fields = dict.fromkeys(("space", "date", "host", "device"), "x")
    measurement = Measurement(**fields, versions={}, memory=0, types=(of_model, replace(of_model, model_id="other")))
    assert first_shares(agenda, measurement).resized(spec).resources.gpus == share


def test_a_share_that_pace_has_measured_is_reported_with_its_file_and_its_gpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    agenda, spec = ended_agenda(0.25, 30)
    memory = measured(spec, 60 * 2**30).memory
    of_model = TypeMeasurement(model="x", model_id=spec.model.id, layers=0, type="x", unit="x", memory=memory)
    fields = dict.fromkeys(("space", "date", "host"), "x")
    file = default_file(agenda.plan.space.name)
    write_measurement(Measurement(**fields, device="NVIDIA A10G", versions={}, memory=0, types=(of_model,)), file)
    reports: list[str] = []
    _shares(agenda, reports.append)
    Path(file).unlink()
    _shares(agenda, reports.append)
    [of_pace, of_trials] = reports
    assert f"`sweeper pace` has measured on NVIDIA A10G that they need it ({file}). If this" in of_pace
    assert of_trials.endswith("reserve 0.5 of a GPU, because ended trials of this run have measured that they need it.")


@pytest.mark.parametrize("gpus", [0.0, 1.0])
def test_a_sweep_without_shares_of_gpus_starts_with_the_resources_of_its_models(gpus: float) -> None:
    agenda, spec = ended_agenda(gpus, 90)
    assert first_shares(agenda, None).resized(spec) == spec


MEASURED = """
def crowd():
    from sweeper.training import trial

    trial.peaks = lambda _: {"process": 2**30, "allocated": 2**34, "reserved": 30 * 2**30, "device": 80 * 2**30}
"""
"""Workers whose trials need 30 GiB of a GPU with 80 GiB."""


@pytest.mark.slow
@pytest.mark.faults
@pytest.mark.timeout(5 * PATIENCE)
@pytest.mark.skipif(which("nvidia-smi") is not None, reason="the GPU is pretended: here is a real one")
def test_a_continued_sweep_reserves_the_measured_share_from_its_first_trial_on(tmp_path: Path) -> None:
    script = ONE_CROWDED_GPU.replace("CROWD\n", MEASURED)
    first = with_gpus(script, tmp_path)
    more = with_gpus(script.replace("seeds=2", "seeds=3"), tmp_path)
    assert first.returncode == more.returncode == 0, first.stderr + more.stderr
    assert "further trials of tiny reserve 0.5 of a GPU each" in first.stdout
    assert (
        "Trials of tiny reserve 0.5 of a GPU, because ended trials of this run have measured that they need it."
        in more.stdout
    )
    records = Ledger.at(f"{tmp_path}/run/ledger").trainings().values()
    assert {r.spec.resources.gpus for r in records if r.spec.seed == 3} == {0.5}


@pytest.mark.parametrize("gpus", [0.0, 1.0])
def test_trials_without_a_gpu_and_with_a_whole_gpu_keep_their_resources(gpus: float) -> None:
    spec, shares = shared(gpus), Shares()
    assert shares.measure(spec, measured(spec, 60 * 2**30)) == ""
    assert shares.resized(spec) == spec


@pytest.mark.parametrize("gpus", [0.0, 0.25, 1.0, 4.0])
def test_all_gpus_of_a_trial_are_in_one_bundle_and_therefore_on_one_machine(gpus: float) -> None:
    [bundle] = placement({"cpus": 2.0, "gpus": gpus}).bundles
    assert bundle == {"CPU": 2.0} | ({"GPU": gpus} if gpus else {})


def test_the_command_line_moves_data_parallel_trials_to_cpus_and_keeps_their_key() -> None:
    pair = Resources(cpus=2, gpus=2, processes=2)
    [model] = SMALL.models
    paired = replace(SMALL, models=(replace(model, resources=pair),))
    specs = specs_of(paired)
    on_cpus = training_of(replace(specs, resources=ResourceOverrides(gpus=0)))
    assert on_cpus.resources == Resources(cpus=2, processes=2)
    assert on_cpus.key == training_of(specs).key != training_of(specs_of(SMALL)).key
    assert on_cpus.chain[-1].processes == 2
    with pytest.raises(UserError, match="gpus = processes for several, got gpus=1, processes=2"):
        ResourceOverrides(gpus=1).largest(paired.models)
    assert ResourceOverrides().largest([model, *paired.models]).gpus == 2
