"""Atomic creation of folders: a folder is filled as a draft next to its path, then renamed."""

import shutil
import tempfile
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

DRAFT_PREFIX = ".tmp-"
"""Prefix of the names of drafts. Listings of a folder omit these names."""


def draft_path(path: Path) -> Path:
    """A new path in the same folder. It is on the same file system, so renaming it to `path` is atomic."""
    return path.with_name(f"{DRAFT_PREFIX}{uuid.uuid4().hex}")


def temporary_draft() -> Path:
    """A new path in the temporary folder, for a file that is uploaded to a remote folder."""
    return draft_path(Path(tempfile.gettempdir(), "upload"))


def atomic_folder(
    path: Path, fill: Callable[[Path], object], is_complete: Callable[[Path], bool] | None = None
) -> None:
    """Create the local folder `path` atomically. `fill` receives a draft folder and writes the files into it.

    Without `is_complete`, an existing folder with files at `path` is an error. With it, several processes may create
    the same folder at the same time: a complete one is kept, an incomplete one is replaced. Raises OSError.
    """
    draft = draft_path(path)
    try:
        draft.mkdir(parents=True)
        fill(draft)
        if is_complete is not None:
            _discard_incomplete(path, is_complete)
        try:
            draft.rename(path)
        except OSError:
            # Another process may have created the folder first. If that folder is complete, it is kept.
            if is_complete is None or not is_complete(path):
                raise
    finally:
        # After the rename the draft no longer exists. After an error its files are not needed.
        shutil.rmtree(draft, ignore_errors=True)


def _discard_incomplete(path: Path, is_complete: Callable[[Path], bool]) -> None:
    """Remove a folder that is not complete, unless another process has replaced it during the check."""
    with suppress(FileNotFoundError):
        inode = path.stat().st_ino
        if not is_complete(path) and path.stat().st_ino == inode:
            _discard(path)


def _discard(path: Path) -> None:
    """Remove a folder. It is renamed first, so that no process reads a partly deleted folder."""
    doomed = draft_path(path)
    with suppress(FileNotFoundError):  # another process has renamed it first
        path.rename(doomed)
        shutil.rmtree(doomed, ignore_errors=True)
