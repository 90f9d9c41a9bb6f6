"""Whole runs for tests: the command line as a process of its own, and what a run folder comes to."""

import atexit
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from search_spaces.tiny import SPACE as TINY
from sweeper.files.serialize import plain
from sweeper.run.ledger import Ledger
from sweeper.space import Resources
from sweeper.world.build import build, world_folder

ROOT = Path(__file__).parent.parent
CORNER = ("--set", "recipes=baseline", "--set", "targets=names", "--set", "seeds=1")
"""Cuts `tiny` down to one cell: two search trials and a replicate, each a part of the whole `tiny` too."""
PATIENCE = 240.0
"""Seconds after which a run that should have ended counts as hanging."""


@cache
def place() -> Path:
    """A folder for this session's runs, gone with it."""
    folder = Path(tempfile.mkdtemp(prefix="sweeper-tests-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@cache
def shared_cache() -> str:
    """One folder of generated and tokenised data for all runs: none of it changes a result."""
    return str(place() / "cache")


@cache
def world() -> Path:
    """The generated world of `tiny`, where its runs look for it."""
    folder = world_folder(TINY.world, Path(shared_cache(), "worlds"))
    build(TINY.world, folder)
    return folder


def start(*arguments: str, env: Mapping[str, str] | None = None) -> "subprocess.Popen[str]":
    """`sweeper ARGUMENTS` in a session of its own, so that a test can end all that belongs to it."""
    command = [sys.executable, "-m", "sweeper", *arguments]
    surroundings = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200", **(env or {})}
    return subprocess.Popen(
        command,
        cwd=place(),
        env=surroundings,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def ended(process: "subprocess.Popen[str]", patience: float = PATIENCE) -> "subprocess.CompletedProcess[str]":
    """Wait for a process, and end what it leaves behind in its session."""
    try:
        out, err = process.communicate(timeout=patience)
    finally:
        end_session(process.pid)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def sweeper(*arguments: str, env: Mapping[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    """`sweeper ARGUMENTS`, start to end."""
    return ended(start(*arguments, env=env))


def run_arguments(run: Path | str, *more: str, space: str = "tiny") -> tuple[str, ...]:
    return ("run", space, "--out", str(run), "--cache", shared_cache(), "--workers", "2", *more)


@cache
def tiny_run() -> Path:
    """The run of `tiny` that many tests look at: two workers, nobody disturbed it. They copy it before any change."""
    done = sweeper(*run_arguments(place() / "alone"))
    assert done.returncode == 0, done.stdout + done.stderr
    return place() / "alone"


def copy_of(run: Path, target: Path) -> Path:
    """A run folder to change, with the encoders that it holds."""
    shutil.copytree(run, target)
    return target


def session_members(leader: int) -> dict[int, str]:
    """Processes of a session by id, with the command line of each."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            state = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            if int(state[3]) == leader and state[0] != "Z":
                found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def end_session(leader: int) -> None:
    """End by id whatever is left of a session."""
    for pid in session_members(leader):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def wait_for(what: Callable[[], Any], process: "subprocess.Popen[str]") -> Any:
    """What `what` says once it says something, while the process lives."""
    patience = time.monotonic() + PATIENCE
    while time.monotonic() < patience:
        found = what()
        if found:
            return found
        if process.poll() is not None:
            out, err = process.communicate()
            raise AssertionError(f"It ended before that, with {process.returncode}:\n{out}\n{err}")
        time.sleep(0.02)
    raise AssertionError(f"That has not come about in {PATIENCE} seconds.")


def num_records(run: Path) -> int:
    return len(list((run / "ledger" / "trainings").glob("*.json")))


def content(run: str | Path) -> dict[str, Any]:
    """All that a ledger says, apart from time and machine: training, score and outcomes by key."""
    ledger = Ledger.at(f"{run}/ledger")
    found: dict[str, Any] = {}
    for key, record in ledger.trainings().items():
        spec = replace(record.spec, resources=Resources())
        found[f"training {key}"] = plain(replace(record, spec=spec, timing={}, machine={}))
    for key, score in ledger.scores().items():
        found[f"score {key}"] = plain(score)
        found[f"outcomes {key}"] = ledger.outcomes(score).to_csv(index=False)
    return found


@dataclass(frozen=True, kw_only=True)
class Said:
    """How a command ended."""

    code: int
    out: str
    err: str


Call = Callable[..., Said]
"""`call(*arguments)`: a command in this process."""


def is_the_users(said: Said) -> bool:
    """Whether a command ended as one does that the user must mend: one message on stderr, exit 2."""
    assert said.code == 2, said
    assert said.out == ""
    assert said.err.startswith("error: ")
    assert said.err.count("error: ") == 1
    assert "Traceback" not in said.err
    return True
