"""Cache entries that nodes share through the store of a run: one archive for each."""

import logging
import shutil
import tarfile
from contextlib import suppress
from functools import partial
from pathlib import Path

from sweeper.data.entry import Encoded, open_entry
from sweeper.errors import DamagedError
from sweeper.files.digests import digest
from sweeper.files.draft import atomic_folder
from sweeper.run.shared import Shared

logger = logging.getLogger(__name__)


def download_entry(folder: Path, shared: Shared | None) -> Encoded | None:
    """The entry of a folder, downloaded into it; None if no node has shared it."""
    if shared is None or not shared.fetch(_name(folder), partial(_unpack, folder)):
        return None
    entry = open_entry(folder)
    if entry:
        _note(folder, shared)
    return entry


def share_entry(folder: Path, shared: Shared | None) -> None:
    """Upload a complete entry, unless this node has shared or downloaded it before."""
    if shared and not _mark(folder, shared).exists() and shared.keep(_name(folder), partial(_pack, folder)):
        _note(folder, shared)


def _mark(folder: Path, shared: Shared) -> Path:
    """An empty file that says that the store has the entry: a request for each entry that is opened takes longer."""
    return folder.with_name(f".{folder.name}.in-{digest(shared.folder.url)}")


def _note(folder: Path, shared: Shared) -> None:
    with suppress(OSError):  # a full cache, or one that can only be read
        _mark(folder, shared).touch()


def _name(folder: Path) -> str:
    return f"{folder.parent.name}/{folder.name}.tar"


def _pack(folder: Path, path: Path) -> None:
    with tarfile.open(path, "w") as archive:
        for file in sorted(folder.iterdir()):
            archive.add(file, file.name, recursive=False)


def _unpack(folder: Path, path: Path) -> bool:
    """Unpack an archive into a new folder. Returns whether it is an archive of an entry."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        atomic_folder(folder, partial(_extract, path), lambda entry: open_entry(entry) is not None)
    except (tarfile.TarError, DamagedError) as error:
        logger.warning("The shared entry %s cannot be used: %s", _name(folder), error)
        return False
    return True


def _extract(path: Path, draft: Path) -> None:
    """Extract the files of an archive. Raises DamagedError for a member that is no plain file of this folder."""
    with tarfile.open(path) as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isfile() else None
            if content is None or member.name in ("", "..") or Path(member.name).name != member.name:
                raise DamagedError(f"{member.name!r} is not a file of the entry.")
            with content, (draft / member.name).open("xb") as file:
                shutil.copyfileobj(content, file)
