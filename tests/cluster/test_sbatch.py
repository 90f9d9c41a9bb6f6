"""`deploy/slurm/sweep.sbatch` with small programs in the place of Slurm, Ray and the sweep."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sweeper.tuning.connect import ROTATION
from tests.runs import PATIENCE, ROOT

pytestmark = [
    pytest.mark.seconds,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Slurm and GNU tools run on Linux"),
]
MAKE = '[ -z "${MAKES:-}" ] || { mkdir -p "$(dirname "$MAKES")"; touch "$MAKES"; };'
"""Writes a file of the run folder, if a test asks for one."""
PROGRAMS = {
    "python": f'PYTHONPATH={ROOT} exec {sys.executable} "$@"',
    "squeue": 'case "$*" in *%l*) echo "${LIMIT:-8:00:00}" ;; *) echo RUNNING ;; esac',
    "scontrol": 'echo "scontrol $*"',
    "hostname": 'if [ "${1:-}" = -I ]; then echo "$ADDRESSES"; else echo node1; fi',
    "srun": 'while [ "${1#-}" != "$1" ]; do shift; done; echo "CPUs ${SRUN_CPUS_PER_TASK:-all}";'
    ' SLURM_CPUS_ON_NODE=${CPUS_HERE:-$SLURM_CPUS_ON_NODE} exec "$@"',
    "ray": 'echo "ray $* (${RAY_SYMMETRIC_RUN_CLUSTER_WAIT_TIMEOUT:-}s)"; env | grep ^RAY_ROTATION; trap "exit 1" TERM;'
    ' [ -z "${SECONDS_LEFT:-}" ] || { echo $$ > "$SWEEPER_STATE/pid"; touch started; };'
    ' for _ in $(seq "${SECONDS_LEFT:-0}"); do sleep 1; done',
    "sweeper": 'echo "cache $SWEEPER_CACHE, temporary $TMPDIR, ray $RAY_TMPDIR"; trap "exit $CODE" TERM;'
    f"{MAKE}"
    ' touch started; for _ in $(seq "${SECONDS_LEFT:-0}"); do sleep 1; done; exit "${CODE:-0}"',
}


@pytest.fixture
def job(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of a job on one node, submitted from a folder with a virtual environment."""
    programs = tmp_path / ".venv/bin"
    programs.mkdir(parents=True)
    for name, text in PROGRAMS.items():
        (programs / name).write_text(f"#!/bin/bash\n{text}\n")
        (programs / name).chmod(0o755)
    (programs / "activate").write_text(f"PATH={programs}:$PATH\n")
    number = str(10**8 + os.getpid())
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG")}
    home = tmp_path / "home/.ray"
    home.mkdir(parents=True)
    (home / "auth_token").write_text("token")
    yield {
        **kept,
        "PATH": f"{programs}:{kept['PATH']}",
        "HOME": str(home.parent),
        "SLURM_SUBMIT_DIR": str(tmp_path),
        "SLURM_JOB_ID": number,
        "SLURM_JOB_NUM_NODES": "1",
        "SLURM_CPUS_ON_NODE": "4",
        "SWEEPER_SCRATCH": str(tmp_path / "scratch"),
    }
    shutil.rmtree(f"/tmp/ray-{number}", ignore_errors=True)


def start(job: dict[str, str]) -> "subprocess.Popen[str]":
    command = ["bash", str(ROOT / "deploy/slurm/sweep.sbatch"), "tiny", "--out", "run"]
    return subprocess.Popen(command, env=job, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def run(job: dict[str, str]) -> tuple[int, str]:
    process = start(job)
    output, _ = process.communicate(timeout=PATIENCE)
    return process.returncode, output


def stop(job: dict[str, str], folder: Path) -> tuple[int, str]:
    """Run a job that receives SIGTERM while the sweep runs."""
    process = start({**job, "SECONDS_LEFT": "60"})
    deadline = time.monotonic() + PATIENCE
    while not (folder / "started").exists():
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=PATIENCE)
    return process.returncode, output


def test_cache_and_folders_of_ray_belong_to_the_user_alone(job: dict[str, str], tmp_path: Path) -> None:
    code, output = run(job)
    assert code == 0, output
    scratch, ray = tmp_path / "scratch", f"/tmp/ray-{job['SLURM_JOB_ID']}"
    assert f"cache {scratch}/sweeper-cache-{os.getuid()}, temporary {scratch}, ray {ray}\n" in output
    assert Path(ray).stat().st_mode & 0o777 == 0o700
    assert not (scratch / f"sweeper-cache-{os.getuid()}").exists(), "the sweep creates it and makes it private"


def test_a_cache_and_a_folder_of_ray_that_the_user_names_are_kept(job: dict[str, str], tmp_path: Path) -> None:
    _, output = run({**job, "SWEEPER_CACHE": "/data/cache", "RAY_TMPDIR": f"{tmp_path}/r"})
    assert f"cache /data/cache, temporary {tmp_path}/scratch, ray {tmp_path}/r\n" in output


def test_a_folder_of_ray_that_is_a_link_is_refused(job: dict[str, str], tmp_path: Path) -> None:
    link = Path(f"/tmp/ray-{job['SLURM_JOB_ID']}")
    link.symlink_to(tmp_path)
    try:
        code, output = run(job)
    finally:
        link.unlink()
    assert code == 2 and f"{link} belongs to another user. Set RAY_TMPDIR." in output


@pytest.mark.parametrize("limit", ["0:30", "4:00", "5:00"])
def test_a_limit_that_would_put_the_job_back_for_ever_is_refused(job: dict[str, str], limit: str) -> None:
    code, output = run({**job, "LIMIT": limit})
    assert code == 2 and "The time limit must be longer than 5 minutes." in output


@pytest.mark.parametrize("limit", ["6:00", "15:00", "1-05:00:00", "UNLIMITED"])
def test_a_longer_limit_is_accepted(job: dict[str, str], limit: str) -> None:
    assert run({**job, "LIMIT": limit})[0] == 0


@pytest.mark.parametrize(("driver", "requeued"), [("130", True), ("143", True), ("0", False), ("1", False)])
def test_only_a_driver_that_was_interrupted_puts_the_job_back(
    job: dict[str, str], tmp_path: Path, driver: str, *, requeued: bool
) -> None:
    code, output = stop({**job, "CODE": driver}, tmp_path)
    assert code == int(driver), output
    assert (f"scontrol requeue {job['SLURM_JOB_ID']}" in output) == requeued


RECORD, CHECKPOINT = "run/ledger/trainings/new.json", "run/checkpoints/new.pt"


@pytest.mark.parametrize(
    ("restarts", "made", "requeued"),
    [("", "", True), ("2", "", True), ("3", "", False), ("3", RECORD, True), ("3", CHECKPOINT, True)],
)
def test_a_job_that_starts_a_fourth_time_and_makes_nothing_is_not_put_back(
    job: dict[str, str], tmp_path: Path, restarts: str, made: str, *, requeued: bool
) -> None:
    old = tmp_path / "run/ledger/trainings/old.json"
    old.parent.mkdir(parents=True)
    old.touch()
    variables = {"CODE": "130", "MAKES": made, **({"SLURM_RESTART_COUNT": restarts} if restarts else {})}
    code, output = stop({**job, **variables}, tmp_path)
    assert code == 130, output
    assert ("scontrol requeue" in output) == requeued, output
    assert ("without a new record or checkpoint, after 3 restarts" in output) == (not requeued)


def test_each_node_reports_its_own_number_of_cpus(job: dict[str, str]) -> None:
    _, output = run({**job, "SLURM_JOB_NUM_NODES": "2", "ADDRESSES": "10.1.2.3", "CPUS_HERE": "7"})
    assert "--min-nodes 2 --num-cpus 7 -- bash -c " in output, output


def test_a_stopped_driver_that_leaves_no_code_puts_the_job_back(job: dict[str, str], tmp_path: Path) -> None:
    code, output = stop({**job, "SLURM_JOB_NUM_NODES": "2", "ADDRESSES": "10.1.2.3"}, tmp_path)
    assert code == 1 and f"scontrol requeue {job['SLURM_JOB_ID']}" in output, output


def test_several_nodes_use_an_address_that_other_nodes_can_reach(job: dict[str, str]) -> None:
    job |= {"SLURM_JOB_NUM_NODES": "2", "SLURM_CPUS_PER_TASK": "3", "ADDRESSES": "127.0.1.1 fd00::2 10.1.2.3 10.9.9.9"}
    code, output = run(job)
    port = 20000 + int(job["SLURM_JOB_ID"]) % 10000
    assert f"ray symmetric-run --address 10.1.2.3:{port} --min-nodes 2 " in output, output
    assert "(600s)" in output and "CPUs 3\n" in output
    assert code == 1, "the driver has left no code"


def test_several_nodes_limit_the_output_of_workers_like_a_local_sweep_unless_the_user_has_set_a_limit(
    job: dict[str, str],
) -> None:
    job |= {"SLURM_JOB_NUM_NODES": "2", "SLURM_CPUS_PER_TASK": "3", "ADDRESSES": "10.1.2.3"}
    _, output = run(job)
    assert {f"{name}={value}" for name, value in ROTATION.items()} <= set(output.splitlines())
    _, output = run({**job, "RAY_ROTATION_MAX_BYTES": "1000"})
    assert "RAY_ROTATION_MAX_BYTES=1000" in output.splitlines()


def test_several_nodes_without_an_address_are_refused(job: dict[str, str]) -> None:
    code, output = run({**job, "SLURM_JOB_NUM_NODES": "2", "ADDRESSES": "127.0.1.1 fd00::2"})
    assert code == 2 and "has no IPv4 address that other nodes can reach" in output
