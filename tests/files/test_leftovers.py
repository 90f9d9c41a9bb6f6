"""Temporary files of killed processes: the next sweep removes them, and no file that is in use."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from threading import Thread

import pytest

from sweeper.files.leftovers import DAY, LOCK, locked_folder, remove_drafts, remove_temporary
from tests.runs import ROOT

HOLDER = """
import time
from sweeper.files.leftovers import locked_folder
with locked_folder("sweeper-ray-") as folder:
    (folder / "sweep").mkdir()
    print(folder, flush=True)
    time.sleep(600)
"""


def age(path: Path, seconds: float) -> None:
    """Change the time of a file or folder to the past."""
    os.utime(path, (time.time() - seconds,) * 2)


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in place of the temporary folder of the machine."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_the_temporary_folder_of_a_killed_process_is_removed_and_that_of_a_living_one_is_kept(temporary: Path) -> None:
    env = {**os.environ, "TMPDIR": str(temporary), "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, "-c", HOLDER], env=env, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        folder = Path(holder.stdout.readline().strip())
        remove_temporary()
        assert (folder / "sweep").is_dir()
        os.kill(holder.pid, signal.SIGKILL)
    remove_temporary()
    assert not folder.exists()


def test_a_temporary_folder_is_removed_at_the_end_of_its_process(temporary: Path) -> None:
    with locked_folder("sweeper-ray-") as folder:
        assert folder.is_dir()
    assert list(temporary.iterdir()) == []


def is_open(path: Path) -> bool:
    """Whether this process has a file open, which may be removed."""
    return any(
        str(each.readlink()).startswith(str(path)) for each in Path("/proc/self/fd").iterdir() if each.is_symlink()
    )


def test_another_thread_can_end_the_use_of_a_temporary_folder(temporary: Path) -> None:
    stack = ExitStack()
    lock = stack.enter_context(locked_folder("sweeper-ray-")) / LOCK
    assert is_open(lock)
    thread = Thread(target=stack.close)
    thread.start()
    thread.join()
    assert not is_open(lock)
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("kind", ["ray", "log", "encoder", "pace", "trial", "upload"])
def test_a_temporary_folder_of_a_living_process_is_kept_after_a_day(temporary: Path, kind: str) -> None:
    with locked_folder(f"sweeper-{kind}-") as folder:
        for path in (folder / LOCK, folder):
            age(path, 2 * DAY)
        remove_temporary()
        assert (folder / LOCK).is_file()


def test_only_drafts_are_removed_from_the_temporary_folder_because_of_their_age(temporary: Path) -> None:
    unlocked, foreign = (temporary / name for name in ("sweeper-log-12345678", "sweeper-mine"))
    old, new = (temporary / f".tmp-{digit * 32}" for digit in "01")
    for path in (unlocked, foreign):
        path.mkdir()
    for path in (old, new):
        path.write_text("half a checkpoint")
    for path in (unlocked, foreign, old):
        age(path, 2 * DAY)
    remove_temporary()
    assert sorted(temporary.iterdir()) == [new, unlocked, foreign]


def test_drafts_are_removed_in_all_subfolders_unless_they_still_change(tmp_path: Path) -> None:
    (tmp_path / "encoders" / "key").mkdir(parents=True)
    (tmp_path / ".tmp-growing").mkdir()
    (tmp_path / ".tmp-growing" / "tokens.npy").write_text("new")
    age(tmp_path / ".tmp-growing", 2 * DAY)
    drafts = [tmp_path / ".tmp-left", tmp_path / "encoders" / "key" / ".tmp-left"]
    for draft in drafts:
        draft.write_text("half")
        age(draft, 2 * DAY)
    (tmp_path / "record.json").write_text("{}")
    remove_drafts(tmp_path, DAY)
    assert not any(draft.exists() for draft in drafts)
    assert (tmp_path / ".tmp-growing" / "tokens.npy").exists()
    remove_drafts(tmp_path, 0.0)
    assert not (tmp_path / ".tmp-growing").exists()
    assert (tmp_path / "record.json").exists()
