"""Temporary files and folders of killed processes: they are removed when the next sweep starts."""

import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from sweeper.files.draft import DRAFT_PREFIX

HOUR = 3600.0
"""Seconds without a change after which a draft counts as left, in folders that only one sweep writes to. Its lock can
fail to exclude a sweep on another node."""
DAY = 24 * HOUR
"""The same in folders that other processes may use now."""
LOCK = ".lock"
"""File of a temporary folder that its process locks. The system releases the lock when the process dies."""
_TEMPORARY = re.compile(
    r"sweeper-(ray|encoder|log|pace|peers|trial|upload)-\w{8}|" + re.escape(DRAFT_PREFIX) + "[0-9a-f]{32}"
)
"""Names of temporary folders and drafts of this project."""


@contextmanager
def locked_folder(prefix: str) -> Iterator[Path]:
    """A temporary folder that `remove_temporary` keeps while this process lives. Another thread may end the block."""
    with tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True) as name:
        folder = Path(name)
        with FileLock(folder / "unlocked", thread_local=False) as lock:
            # Renamed after it is locked, so that no process finds a lock that it can take.
            Path(lock.lock_file).rename(folder / LOCK)
            yield folder


def remove_temporary() -> None:
    """Remove temporary folders of this user whose process is dead, and drafts that have not changed for a day."""
    with os.scandir(tempfile.gettempdir()) as entries:
        found = [Path(entry) for entry in entries if _TEMPORARY.fullmatch(entry.name)]
    for path in found:
        with suppress(OSError):  # another process has removed it
            if path.lstat().st_uid == os.getuid():
                _remove_left(path)


def remove_drafts(folder: Path, unused: float) -> None:
    """Remove the drafts in a folder and in its subfolders that have not changed for `unused` seconds."""
    for parent, folders, files in os.walk(folder):
        drafts = [name for name in (*folders, *files) if name.startswith(DRAFT_PREFIX)]
        folders[:] = [name for name in folders if name not in drafts]
        for name in drafts:
            with suppress(OSError):  # another process has removed or renamed it
                if _age(Path(parent, name)) >= unused:
                    _remove(Path(parent, name))


def _remove_left(path: Path) -> None:
    if path.name.startswith(DRAFT_PREFIX):
        if _age(path) >= DAY:
            _remove(path)
    # A folder without a lock is kept: its process may not have locked it yet.
    elif (path / LOCK).is_file():
        with suppress(Timeout), FileLock(path / LOCK, timeout=0):
            _remove(path)


def _age(path: Path) -> float:
    """Seconds since the last change of a file, or of a folder and the files directly inside."""
    inside = list(path.iterdir()) if path.is_dir() and not path.is_symlink() else []
    return time.time() - max(each.lstat().st_mtime for each in [path, *inside])


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink()
