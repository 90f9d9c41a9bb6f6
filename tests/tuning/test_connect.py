"""The Ray of a local sweep: it listens on loopback alone, and its trials have the nice level of the command."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sweeper.tuning.connect import ROTATION
from tests.runs import (
    CORNER,
    PATIENCE,
    ROOT,
    ended,
    nice_level,
    run_arguments,
    session_members,
    start,
    sweeper,
    wait_for,
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3 * PATIENCE)]


def sockets_of(pid: int) -> Iterator[str]:
    """The inodes of the sockets of a process."""
    for link in Path(f"/proc/{pid}/fd").glob("*"):
        try:
            found = re.fullmatch(r"socket:\[(\d+)\]", str(link.readlink()))
        except OSError:
            continue  # closed meanwhile
        if found:
            yield found[1]


def listening(leader: int) -> dict[str, str]:
    """Command and port of each socket on which a process of the session accepts connections -> its address in hex."""
    owners = {inode: command for pid, command in session_members(leader).items() for inode in sockets_of(pid)}
    addresses = {}
    for table in ("tcp", "tcp6"):
        for line in Path("/proc/net", table).read_text().splitlines()[1:]:
            _, local, _, state, *rest = line.split()
            address, port = local.split(":")
            inode = rest[5]
            if state == "0A" and inode in owners:
                addresses[f"{owners[inode]} {port}"] = address
    return addresses


LOOPBACK = {"0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000"}
"""127.0.0.1, the same as an IPv6 address, and ::1, as /proc/net/tcp and /proc/net/tcp6 write them."""


PROCESSES = ("gcs_server", "raylet", "Agent", "ray::ResourceTrainable", "-m sweeper run")
"""Parts of the commands of processes that accept connections."""


def complete(addresses: dict[str, str]) -> dict[str, str]:
    """The addresses, or an empty dictionary until each of the processes has one."""
    return addresses if all(any(name in command for command in addresses) for name in PROCESSES) else {}


def test_all_of_a_local_ray_listens_on_loopback_and_trials_have_the_nice_level_of_the_command(tmp_path: Path) -> None:
    driver = start(*run_arguments(tmp_path / "run", *CORNER, "--nice", "7"))
    found = wait_for(lambda: complete(listening(driver.pid)), driver)
    # Between two trials, the command of a worker has another name.
    names = ("ray::ResourceTrainable", "ray::TrialActor")
    workers = [pid for pid, command in session_members(driver.pid).items() if command.startswith(names)]
    levels = {nice_level(pid) - nice_level(driver.pid) for pid in workers}
    driver.kill()
    ended(driver)
    assert set(found.values()) <= LOOPBACK, found
    assert levels == {7}


def test_a_ray_that_cannot_start_is_one_error_without_a_traceback(tmp_path: Path) -> None:
    done = sweeper(*run_arguments(tmp_path / "run", *CORNER), env={"RAY_TMPDIR": "/dev/null/nowhere"})
    assert done.returncode == 3
    assert done.stderr.startswith("error: Ray could not start on this machine. It needs free space in /dev/shm and in ")
    assert "/dev/null/nowhere" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


NOISY = """
import sys
import ray
from sweeper.space import Resources
from sweeper.tuning.connect import connected
from sweeper.tuning.halt import Halt
from sweeper.tuning.options import Workers

def noisy():
    for _ in range(40_000):
        print("x" * 999)
        print("y" * 999, file=sys.stderr)

with connected(Workers(num=1), Resources(), Halt()):
    ray.get(ray.remote(noisy).remote())
    print(ray._private.worker._global_node.get_session_dir_path())
"""


def test_the_files_with_the_output_of_a_worker_are_bounded_without_any_setting() -> None:
    limit = int(ROTATION["RAY_ROTATION_MAX_BYTES"])
    done = subprocess.run(
        [sys.executable, "-c", NOISY],
        # A sweep in the process of the tests has set the variables of the sweep.
        env={**{name: value for name, value in os.environ.items() if name not in ROTATION}, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    session = Path(done.stdout.splitlines()[-1])
    sizes = {file.name: file.stat().st_size for file in session.glob("logs/worker-*")}
    shutil.rmtree(session)
    for suffix in (".out", ".err"):
        written = [size for name, size in sizes.items() if suffix in name]
        assert limit / 2 < max(written) < 1.1 * limit, suffix
        # The worker that printed has its file and an older one; the others are empty.
        assert sum(written) < 2.1 * limit, suffix
