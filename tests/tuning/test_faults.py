"""Faults in a sweep: dead workers, full disks, missing GPUs, diverging trainings. Each has a record or a reason."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from shutil import which

import pytest

from sweeper.run.ledger import Ledger
from sweeper.run.run import Run
from tests.runs import (
    CORNER,
    PATIENCE,
    ROOT,
    ended,
    is_contained_in_tiny,
    num_records,
    run_arguments,
    shared_cache,
    start,
    sweeper,
    wait_for,
    workers_at_work,
)
from tests.session import session_folder

pytestmark = [pytest.mark.slow, pytest.mark.faults, pytest.mark.timeout(3 * PATIENCE)]


def test_a_trial_whose_worker_is_killed_runs_again_with_the_same_result(tmp_path: Path) -> None:
    run = tmp_path / "run"
    driver = start(*run_arguments(run, *CORNER, "--workers", "1", "--checkpoint-every", "0.1"))
    victim = wait_for(lambda: workers_at_work(driver.pid), driver)[0]
    wait_for(lambda: list((run / "checkpoints").glob("*")), driver)
    os.kill(victim, signal.SIGKILL)
    done = ended(driver)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""  # Tune logs the traceback of a dead worker
    records = Ledger.at(f"{run}/ledger").trainings().values()
    assert str(victim) not in {record.machine["pid"] for record in records}
    assert is_contained_in_tiny(run)


def test_a_trial_whose_worker_is_killed_three_times_has_failed_and_can_be_retried(tmp_path: Path) -> None:
    run = tmp_path / "run"
    driver = start(*run_arguments(run, *CORNER, "--workers", "1", "--checkpoint-every", "1000"))
    killed: list[int] = []
    while len(killed) < 3:
        found = wait_for(lambda: [t for t in Run.at(str(run)).progress.read_all() if t.pid not in killed], driver)
        killed.append(found[0].pid)
        os.kill(killed[-1], signal.SIGKILL)
    done = ended(driver)
    assert done.returncode == 1, done.stdout + done.stderr
    failed = [record for record in Ledger.at(f"{run}/ledger").trainings().values() if record.state == "failed"]
    assert [record.key for record in failed] == [found[0].key]
    assert failed[0].reason.startswith("Its worker died 3 times, although its node was alive.")
    again = sweeper("run", str(run), "--retry-failed")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "Failed trials that run again: 1." in again.stdout
    assert Ledger.at(f"{run}/ledger").training(failed[0].key).state == "done"


DIVERGING = """
from dataclasses import replace
from search_spaces.tiny import SPACE as TINY
from sweeper.space import Choice

TARGET = replace(TINY.targets[0], dials={"learning_rate": Choice(values=(1e30, 1e31), first=(1e30, 1e31))})
SPACE = replace(TINY, name="diverging", recipes=TINY.recipes[:1], targets=(TARGET,), seeds=(1,))
"""


def test_trainings_that_diverge_have_a_record_with_a_reason_and_are_in_the_summary(tmp_path: Path) -> None:
    (tmp_path / "diverging.py").write_text(DIVERGING)
    arguments = run_arguments(tmp_path / "run", space=str(tmp_path / "diverging.py"))
    done = sweeper(*arguments)
    assert done.returncode == 1, done.stderr
    records = Ledger.at(f"{tmp_path}/run/ledger").trainings().values()
    assert {record.state for record in records} == {"failed"}
    assert all(record.reason for record in records)
    assert "2 failed:" in done.stdout
    assert "1 blocked:" in done.stdout
    assert "no trial of the study of tiny/baseline -> " in done.stdout
    again = sweeper(*arguments)
    assert again.returncode == 1
    assert "2 failed:" in again.stdout
    assert num_records(tmp_path / "run") == 2


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with 64 kilobytes."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "sweeper-tests", str(disk)]
    if which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small file system can only be mounted by root")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_full_disk_stops_the_sweep_with_advice_and_the_same_command_continues(small_disk: Path) -> None:
    run = small_disk / "run"
    done = sweeper(*run_arguments(run, *CORNER))
    assert done.returncode == 3, done.stdout + done.stderr
    assert "No space left on device" in done.stdout + done.stderr
    assert "the same command continues" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    subprocess.run(["mount", "-o", "remount,size=20m", str(small_disk)], check=True)
    again = sweeper(*run_arguments(run, *CORNER))
    assert again.returncode == 0, again.stdout + again.stderr
    assert is_contained_in_tiny(run)


def test_a_log_on_a_full_disk_and_a_state_that_cannot_be_written_do_not_end_the_sweep(tmp_path: Path) -> None:
    run = tmp_path / "run"
    (run / "live.json").mkdir(parents=True)  # a folder where the file should be
    with Path("/dev/full").open("w") as full:
        done = ended(start(*run_arguments(run, *CORNER), stdout=full))
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("Output cannot be written ([Errno 28] No space left on device)") == 1
    assert len(done.stderr.splitlines()) == 1
    assert is_contained_in_tiny(run)


TWO_GPUS = """
import sys
from pathlib import Path

import ray
from rich.console import Console

from search_spaces.load import load_space
from sweeper.space.settings import apply_settings
from sweeper.tuning.connect import Workers
from sweeper.plan.specs import ResourceOverrides
from sweeper.tuning.sweep import Options, run_sweep

ray.init(address="local", num_cpus=2, num_gpus=2, include_dashboard=False, object_store_memory=200 * 2**20)
space = apply_settings(load_space("tiny"), ["recipes=baseline", "targets=names", "seeds=1"])
workers = Workers(num=2)
run, cache = sys.argv[1:]
options = Options(run=run, cache=cache, workers=workers, resources=ResourceOverrides(gpus=1.0))
result = run_sweep(space, options, Console())
sys.exit(result.exit_code if ray.is_initialized() else 99)
"""


@pytest.mark.skipif(which("nvidia-smi") is not None, reason="the two GPUs are pretended: here are real ones")
def test_two_actors_own_a_gpu_each_in_a_ray_that_runs_already(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", TWO_GPUS, str(tmp_path / "run"), shared_cache()],
        cwd=session_folder(),
        env={**os.environ, "PYTHONPATH": str(ROOT), "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    records = Ledger.at(f"{tmp_path}/run/ledger").trainings().values()
    owned = {(record.machine["pid"], record.machine["cuda_visible_devices"]) for record in records}
    assert {devices for _, devices in owned} == {"0", "1"}
    assert len({pid for pid, _ in owned}) == len(owned)
    assert is_contained_in_tiny(tmp_path / "run")


def test_a_relative_store_is_the_same_folder_for_all_workers(tmp_path: Path) -> None:
    corner = ("--set", "targets=names", "--set", "seeds=1", "--store", f"store-{tmp_path.name}")
    done = sweeper(*run_arguments(tmp_path / "run", *corner))
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(list((session_folder() / f"store-{tmp_path.name}" / "encoders").glob("*/manifest.json"))) == 1
    assert "trained again" not in done.stdout
