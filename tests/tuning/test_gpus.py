"""GPUs of a Ray that pretends to have four: shares of a GPU, and several GPUs for one trial."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from shutil import which

import pytest

from sweeper.errors import UserError
from sweeper.run.ledger import Ledger
from sweeper.space import ResourceOverrides, Resources
from sweeper.tuning.packed import placement
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


@pytest.mark.slow
@pytest.mark.faults
@pytest.mark.timeout(3 * PATIENCE)
@pytest.mark.skipif(which("nvidia-smi") is not None, reason="the four GPUs are pretended: here are real ones")
def test_two_models_get_the_shares_of_gpus_that_they_request(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FOUR_GPUS, str(tmp_path / "run"), shared_cache()],
        cwd=session_folder(),
        env={**os.environ, "PYTHONPATH": str(ROOT), "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"},
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    records = list(Ledger.at(f"{tmp_path}/run/ledger").trainings().values())
    owned = {name: [r.machine["cuda_visible_devices"] for r in records if r.spec.model.name == name] for name in NAMES}
    assert len(owned["half"]) == len(owned["pair"]) > 0
    assert all(len(devices.split(",")) == 1 for devices in owned["half"])
    assert all(len(set(devices.split(","))) == 2 for devices in owned["pair"])


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
