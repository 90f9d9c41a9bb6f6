"""Whole runs for tests: the command line in a separate process, and the content of a run folder."""

import os
import pickle
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, TextIO

from filelock import FileLock

from search_spaces.tiny import SPACE as TINY
from sweeper.files.serialize import plain
from sweeper.plan.status import Status, status_of
from sweeper.run.ledger import Ledger
from sweeper.space import Resources
from sweeper.world.build import build
from sweeper.world.settings import world_folder
from tests.session import session_folder

ROOT = Path(__file__).parent.parent
CORNER = ("--set", "recipes=baseline", "--set", "targets=names", "--set", "seeds=1")
"""Options that reduce `tiny` to one cell: two search trials and a replicate, which the whole `tiny` has too."""
OPTION_VARIABLES = ("SWEEPER_MIRROR", "SWEEPER_STORE", "SWEEPER_CACHE")
"""Environment variables with options of commands; commands of tests do not inherit them."""
PATIENCE = 240.0
"""Seconds after which a test stops waiting for a run."""


@cache
def shared_cache() -> str:
    """A folder for generated and tokenised data that all runs share. The cache does not change a result."""
    return str(session_folder() / "cache")


@cache
def world() -> Path:
    """The synthetic world of `tiny`, in the folder where its runs look for it."""
    folder = world_folder(TINY.world, Path(shared_cache(), "worlds"))
    build(TINY.world, folder)
    return folder


def start(
    *arguments: str, env: Mapping[str, str] | None = None, stdout: "int | TextIO" = subprocess.PIPE
) -> "subprocess.Popen[str]":
    """Start `sweeper ARGUMENTS` in a new process session, so that a test can end all of its processes."""
    command = [sys.executable, "-m", "sweeper", *arguments]
    variables = {name: value for name, value in os.environ.items() if name not in OPTION_VARIABLES}
    environment = {**variables, "PYTHONPATH": str(ROOT), "COLUMNS": "200", **(env or {})}
    # A process inherits an ignored signal, as under nohup; tests hang up on the sweeps that they start.
    hangup = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    try:
        return subprocess.Popen(
            command,
            cwd=session_folder(),
            env=environment,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
    finally:
        signal.signal(signal.SIGHUP, hangup)


def ended(process: "subprocess.Popen[str]", patience: float = PATIENCE) -> "subprocess.CompletedProcess[str]":
    """Wait for a process to end, then end all other processes of its session. Fails with its output if it does not."""
    try:
        out, err = process.communicate(timeout=patience)
    except subprocess.TimeoutExpired as error:
        end_session(process.pid)
        out, err = process.communicate()
        raise AssertionError(f"The process did not end within {patience} seconds:\n{out}\n{err}") from error
    finally:
        end_session(process.pid)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def sweeper(*arguments: str, env: Mapping[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    """Run `sweeper ARGUMENTS` and wait for its end."""
    return ended(start(*arguments, env=env))


def run_arguments(run: Path | str, *more: str, space: str = "tiny") -> tuple[str, ...]:
    return ("run", space, "--out", str(run), "--cache", shared_cache(), "--workers", "2", *more)


@cache
def tiny_run() -> Path:
    """An undisturbed run of `tiny` with two workers. Tests share it and must not change it."""
    return watched_tiny_run()[0]


@cache
def watched_tiny_run() -> tuple[Path, list[Status]]:
    """The run of `tiny_run`, and its status several times a second while it ran, read by the process that started it.

    The first process that needs the run makes it. Another one waits until it is complete.
    """
    run, watched = session_folder() / "tiny", session_folder() / "statuses.pickle"
    with FileLock(session_folder() / "tiny.lock"):
        if not watched.exists():
            watched.write_bytes(pickle.dumps(_watched(run)))
    return run, pickle.loads(watched.read_bytes())


def _watched(run: Path) -> list[Status]:
    statuses = []
    driver = start(*run_arguments(run))
    while driver.poll() is None:
        if (run / "space.json").exists():
            statuses.append(status_of(str(run)))
        time.sleep(0.3)
    done = ended(driver)
    assert done.returncode == 0, done.stdout + done.stderr
    return statuses


def copy_of(run: Path, target: Path) -> Path:
    """A copy of a run folder, which a test may change."""
    shutil.copytree(run, target)
    return target


def session_members(leader: int) -> dict[int, str]:
    """Id of each process of a session -> its command line."""
    commands = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            state = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            if int(state[3]) == leader and state[0] != "Z":
                commands[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except (FileNotFoundError, ProcessLookupError):
            continue
    return commands


def workers_at_work(leader: int) -> list[int]:
    """Ids of the workers of a session that have started a trial."""
    return [pid for pid, command in session_members(leader).items() if command.startswith("ray::ResourceTrainable")]


def nice_level(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[16])


def end_session(leader: int) -> None:
    """Kill the processes of a session."""
    for pid in session_members(leader):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def wait_for(condition: Callable[[], Any], process: "subprocess.Popen[str] | None" = None, pause: float = 0.02) -> Any:
    """Wait until `condition` returns a true value, and return it. Fails if the process, if given, ends before.

    `pause`: seconds between two calls of the condition.
    """
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        if process is not None and process.poll() is not None:
            out, err = process.communicate()
            raise AssertionError(f"The process ended first, with exit code {process.returncode}:\n{out}\n{err}")
        time.sleep(pause)
    raise AssertionError(f"The condition is still false after {PATIENCE} seconds.")


def num_records(run: Path) -> int:
    return len(list((run / "ledger" / "trainings").glob("*.json")))


def content(run: str | Path) -> dict[str, Any]:
    """The training records, scores and outcomes of a ledger by key, without times, machines, memory and resources."""
    ledger = Ledger.at(f"{run}/ledger")
    records: dict[str, Any] = {}
    for key, record in ledger.trainings().items():
        spec = replace(record.spec, resources=Resources())
        predictors = {target: replace(values, seconds={}) for target, values in record.predictors.items()}
        facts = replace(record, spec=spec, predictors=predictors, timing={}, machine={}, memory={})
        records[f"training {key}"] = plain(facts)
    for key, score in ledger.scores().items():
        records[f"score {key}"] = plain(replace(score, timing={}, started=""))
        records[f"outcomes {key}"] = ledger.outcomes(score).to_csv(index=False)
    return records


def is_contained_in_tiny(run: Path) -> bool:
    """Whether the records of a run of a part of `tiny` are equal to those of the undisturbed run."""
    records = content(run)
    assert records
    return records.items() <= content(tiny_run()).items()


@dataclass(frozen=True, kw_only=True)
class CommandResult:
    """The exit code and the output of a command."""

    code: int
    out: str
    err: str


Call = Callable[..., CommandResult]
"""`call(*arguments)` runs a command in this process."""


def is_user_error(result: CommandResult) -> bool:
    """Check that a command ended with exit code 2 and one message on stderr, as for a mistake of the user.

    The only output on stdout may be that the data are read, because some mistakes are found in them.
    """
    assert result.code == 2, result
    assert re.fullmatch(r"(Reading and tokenising data of \d+ stages? \.\.\.\n)?", result.out), result
    assert result.err.startswith("error: ")
    assert result.err.count("error: ") == 1
    assert "Traceback" not in result.err
    return True


def without_seal(text: str) -> str:
    """The text of a sealed file without its seal, so that a test can change it."""
    return re.sub(r'\A\{"sha256": "[^"]{64}",', "{", text)
