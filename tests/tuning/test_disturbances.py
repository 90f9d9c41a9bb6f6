"""Disturbances of the machine: kills at random moments, a lost node, a clock set back, full disks, full memory."""

import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from shutil import which

import pytest

from tests.runs import (
    CORNER,
    PATIENCE,
    ROOT,
    content,
    ended,
    is_contained_in_tiny,
    num_records,
    run_arguments,
    shared_cache,
    start,
    sweeper,
    tiny_run,
    wait_for,
    workers_at_work,
)
from tests.session import session_folder

pytestmark = [pytest.mark.slow, pytest.mark.faults, pytest.mark.timeout(3 * PATIENCE)]

NUM_TRIALS = 14
"""Trials of `tiny`."""


def moments(seed: int) -> Iterator[tuple[int, float]]:
    """Ten moments: the number of records, and further seconds. Two are before the first record."""
    generator = random.Random(seed)
    for number in [0, 0, *sorted(generator.sample(range(1, NUM_TRIALS - 2), 8))]:
        yield number, generator.uniform(0.0, 0.5)


def test_a_driver_that_is_killed_at_ten_random_moments_leaves_an_equal_ledger(tmp_path: Path) -> None:
    run, between = tmp_path / "run", 0
    for number, delay in moments(5):
        driver = start(*run_arguments(run, "--checkpoint-every", "0.1"))
        wait_for(lambda number=number, pid=driver.pid: num_records(run) >= number and workers_at_work(pid), driver)
        time.sleep(delay)
        os.kill(driver.pid, signal.SIGKILL)
        ended(driver)
        between += 0 < num_records(run) < NUM_TRIALS
    assert between >= 6
    done = sweeper(*run_arguments(run))
    assert done.returncode == 0, done.stdout + done.stderr
    assert content(run) == content(tiny_run())


LOST_NODE = """
import sys
import threading
import time
from pathlib import Path

import ray
from ray.cluster_utils import Cluster
from rich.console import Console

from search_spaces.load import load_space
from sweeper.run.run import Run
from sweeper.space.settings import apply_settings
from sweeper.tuning.options import Options, Workers
from sweeper.tuning.sweep import run_sweep

run, cache = sys.argv[1:]
SMALL = {"object_store_memory": 100 * 2**20}
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False, **SMALL})
nodes = [cluster.add_node(num_cpus=1, **SMALL) for _ in range(2)]
ray.init(address=cluster.address, log_to_driver=False)


def lose_the_node():
    while not list(Path(run, "checkpoints").glob("*.pt")):
        time.sleep(0.05)
    [trial] = Run.at(run).progress.read_all()
    raylet = int(Path(f"/proc/{trial.pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
    [node] = [node for node in nodes if node.all_processes["raylet"][0].process.pid == raylet]
    cluster.remove_node(node, allow_graceful=False)
    print("The node was lost.", flush=True)


threading.Thread(target=lose_the_node, daemon=True).start()
space = apply_settings(load_space("tiny"), ["recipes=baseline", "targets=names", "seeds=1"])
options = Options(run=run, cache=cache, workers=Workers(num=1), checkpoint_every=0.0)
result = run_sweep(space, options, Console())
ray.shutdown()
cluster.shutdown()
sys.exit(result.exit_code)
"""


def test_a_trial_on_a_lost_node_runs_again_on_another_one_with_the_same_result(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOST_NODE, str(tmp_path / "run"), shared_cache()],
        cwd=session_folder(),
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "The node was lost." in done.stdout
    assert "Its worker died, and it runs again." in done.stdout
    assert is_contained_in_tiny(tmp_path / "run")


SET_BACK = """
import os, time
clock, clock_ns, begin = time.time, time.time_ns, time.monotonic()
by, later = float(os.environ["SET_BACK_BY"]), float(os.environ["SET_BACK_AFTER"])
behind = lambda: by if time.monotonic() - begin >= later else 0
time.time = lambda: clock() - behind()
time.time_ns = lambda: clock_ns() - behind() * 10**9
"""


def set_back(folder: Path, *, by: int, after: int) -> dict[str, str]:
    """Variables with which the clock of all Python processes goes back `by` seconds, `after` seconds from their start.

    Python reads the real clock for `datetime.now`, whose times are only shown.
    """
    (folder / "sitecustomize.py").write_text(SET_BACK)
    return {"PYTHONPATH": f"{folder}:{ROOT}", "SET_BACK_BY": str(by), "SET_BACK_AFTER": str(after)}


def test_a_clock_that_is_set_back_by_an_hour_changes_no_result(tmp_path: Path) -> None:
    env = set_back(tmp_path, by=3600, after=12)
    done = sweeper(*run_arguments(tmp_path / "run", *CORNER, "--checkpoint-every", "0"), env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    assert is_contained_in_tiny(tmp_path / "run")


def test_a_killed_sweep_that_continues_with_a_clock_one_day_back_makes_the_same_ledger(tmp_path: Path) -> None:
    run = tmp_path / "run"
    arguments = run_arguments(run, *CORNER, "--workers", "1", "--checkpoint-every", "0")
    driver = start(*arguments)
    wait_for(lambda: num_records(run) and list((run / "checkpoints").glob("*.pt")), driver)
    os.kill(driver.pid, signal.SIGKILL)
    ended(driver)
    # All files of the first part are now one day younger than the clock says.
    done = sweeper(*arguments, env=set_back(tmp_path, by=86400, after=0))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    logs = "".join(path.read_text() for path in (run / "logs").glob("*.log"))
    assert len(set(re.findall(r"^\d{4}-\d\d-\d\d", logs, flags=re.MULTILINE))) > 1  # the clock was one day back
    assert is_contained_in_tiny(run)


def in_namespace(script: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run a shell script in a mount namespace of its own. Skips the test without the privilege to do so."""
    if (
        which("unshare") is None
        or subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode
    ):
        pytest.skip("only root can mount in a namespace of its own")
    command = ["unshare", "-m", "sh", "-c", script, "sh", sys.executable, "-m", "sweeper", *arguments]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"}
    return ended(
        subprocess.Popen(
            command,
            cwd=session_folder(),
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
    )


def test_a_full_shared_memory_gives_the_same_ledger_or_a_message(tmp_path: Path) -> None:
    full = 'mount -t tmpfs -o size=64k none /dev/shm && head -c 65536 /dev/zero > /dev/shm/full; exec "$@"'
    arguments = run_arguments(tmp_path / "run", *CORNER)
    done = in_namespace(full, *arguments)
    assert "Traceback" not in done.stdout + done.stderr
    if done.returncode:
        assert done.returncode == 3, done.stdout + done.stderr
        assert "Ray could not start on this machine. It needs free space in /dev/shm" in done.stderr
        again = sweeper(*arguments)
        assert again.returncode == 0, again.stdout + again.stderr
    assert is_contained_in_tiny(tmp_path / "run")


FILLED_LATER = """
mount -t tmpfs -o size=256m none /dev/shm
(until ls "$RECORDS"/*.json; do sleep 0.1; done; cat /dev/zero > /dev/shm/full) >/dev/null 2>&1 &
exec "$@"
"""


def test_a_shared_memory_that_fills_during_a_sweep_changes_no_result(tmp_path: Path) -> None:
    run = tmp_path / "run"
    script = f'RECORDS="{run}/ledger/trainings"\n{FILLED_LATER}'
    done = in_namespace(script, *run_arguments(run, *CORNER, "--workers", "1"))
    assert "Traceback" not in done.stdout + done.stderr
    assert done.returncode == 0, done.stdout + done.stderr
    assert is_contained_in_tiny(run)


def in_full_temporary_folder(folder: Path, script: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run a command as `in_namespace`, after a script and with a temporary folder on a disk that is full."""
    folder.mkdir()
    full = f'mount -t tmpfs -o size=4k,nr_inodes=2 none "{folder}" && head -c 4096 /dev/zero > "{folder}/full"'
    return in_namespace(f'{full}; export TMPDIR="{folder}"; {script} exec "$@"', *arguments)


def test_a_full_temporary_folder_stops_the_sweep_with_a_message_and_the_same_command_continues(tmp_path: Path) -> None:
    folder = tmp_path / "temporary"
    arguments = run_arguments(tmp_path / "run", *CORNER)
    done = in_full_temporary_folder(folder, "", *arguments)
    assert "Traceback" not in done.stdout + done.stderr
    assert done.returncode == 3, done.stdout + done.stderr
    assert "No space left on device" in done.stdout + done.stderr
    assert str(folder) in done.stdout + done.stderr
    again = sweeper(*arguments)
    assert again.returncode == 0, again.stdout + again.stderr
    assert is_contained_in_tiny(tmp_path / "run")


def test_a_full_temporary_folder_changes_no_result_if_ray_has_another_one(tmp_path: Path) -> None:
    arguments = run_arguments(tmp_path / "run", *CORNER)
    done = in_full_temporary_folder(tmp_path / "temporary", "export RAY_TMPDIR=/tmp;", *arguments)
    assert "Traceback" not in done.stdout + done.stderr
    assert done.returncode == 0, done.stdout + done.stderr
    assert is_contained_in_tiny(tmp_path / "run")


def test_a_full_disk_under_the_logs_of_trials_does_not_end_the_sweep(tmp_path: Path) -> None:
    logs = tmp_path / "run" / "logs"
    logs.mkdir(parents=True)
    full = f'mount -t tmpfs -o size=4k none "{logs}" && head -c 4096 /dev/zero > "{logs}/full"'
    done = in_namespace(f'{full}; exec "$@"', *run_arguments(tmp_path / "run", *CORNER))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Logs of trials cannot be written" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert is_contained_in_tiny(tmp_path / "run")


PLACES = {
    "cache": ("cache", ("--cache", "{}")),
    "store": ("store", ("--store", "{}")),
    "checkpoints": ("run/checkpoints", ()),
    "records": ("run/ledger", ()),
}
"""Place -> the folder on a small disk, and the options that name it."""


@pytest.mark.parametrize("place", PLACES)
def test_a_full_disk_in_any_place_stops_the_sweep_with_a_message_and_the_same_command_continues(
    tmp_path: Path, place: str
) -> None:
    folder, options = PLACES[place]
    disk = tmp_path / folder
    disk.mkdir(parents=True)
    target = ("--set", "targets=names", "--set", "seeds=1") if place == "store" else CORNER
    more = tuple(option.format(disk) for option in options)
    arguments = run_arguments(tmp_path / "run", *target, "--checkpoint-every", "0", *more)
    # The namespace ends with the command, so that the next one has the disk of the machine.
    done = in_namespace(f'mount -t tmpfs -o size=16k none "{disk}" && exec "$@"', *arguments)
    assert done.returncode == 3, done.stdout + done.stderr
    assert "No space left on device" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    again = sweeper(*arguments)
    assert again.returncode == 0, again.stdout + again.stderr
    assert is_contained_in_tiny(tmp_path / "run")
