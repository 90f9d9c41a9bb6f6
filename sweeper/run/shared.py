"""What one node makes and the others download: objects in the folder `cache` of a remote store.

Each object ends in a digest of its bytes and its name. A store that fails or a damaged object ends no trial: the node
then makes the content itself.
"""

import logging
import mmap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from sweeper.errors import DamagedError
from sweeper.files.draft import draft_path
from sweeper.files.folder import Folder
from sweeper.files.seal import SEAL_LENGTH, append_seal, check_appended_seal

T = TypeVar("T")
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Shared:
    """The shared objects of a store. All nodes may write the same object; the first one is kept."""

    folder: Folder
    scratch: Path
    """Local folder for objects while they are downloaded or uploaded."""

    def fetch(self, name: str, use: Callable[[Path], T]) -> T | None:
        """`use` of a local file with an object and its seal; None if the store does not have it undamaged.

        Raises the errors of `use`. The file is removed afterwards.
        """
        self.scratch.mkdir(parents=True, exist_ok=True)
        path = draft_path(self.scratch / "shared")
        try:
            return use(path) if self._download(name, path) else None
        finally:
            path.unlink(missing_ok=True)

    def keep(self, name: str, fill: Callable[[Path], object]) -> bool:
        """Store an object that `fill` writes to a local path, unless the store has it. Returns whether it does now."""
        path = draft_path(self.scratch / "shared")
        try:
            if not self.folder.exists(name):
                self.scratch.mkdir(parents=True, exist_ok=True)
                fill(path)
                append_seal(path, name)
                self.folder.create(name, path)
        except Exception as error:  # noqa: BLE001 - the libraries of stores raise errors of many types
            logger.warning("%s is not shared with other nodes: %s", name, error)
            return False
        finally:
            path.unlink(missing_ok=True)
        return True

    def read(self, name: str) -> bytes | None:
        """The bytes of a small object, without its seal; None if the store does not have it undamaged."""
        return self.fetch(name, lambda path: path.read_bytes()[:-SEAL_LENGTH])

    def write(self, name: str, content: bytes) -> None:
        """Store the bytes of a small object, unless the store has it."""
        self.keep(name, lambda path: path.write_bytes(content))

    def _download(self, name: str, path: Path) -> bool:
        """Download an object and compare it with its seal. A damaged one is removed, so that it can be made again."""
        try:
            self.folder.download(name, path)
            _check(path, name)
        except FileNotFoundError:
            return False
        except DamagedError as error:
            logger.warning("%s It is made again.", error)
            self._remove(name)
            return False
        except Exception as error:  # noqa: BLE001 - as in `keep`
            logger.warning("%s cannot be downloaded, so that this node makes it: %s", name, error)
            return False
        return True

    def _remove(self, name: str) -> None:
        try:
            self.folder.remove(name)
        except Exception as error:  # noqa: BLE001 - as in `keep`
            logger.warning("%s cannot be removed: %s", name, error)


def _check(path: Path, name: str) -> None:
    """Raise DamagedError if a file differs from the seal at its end. It is mapped, because it can be large."""
    if path.stat().st_size < SEAL_LENGTH:
        raise DamagedError(f"{name} is damaged: it has no digest.")
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        check_appended_seal(content, name)
