"""A folder on any fsspec file system (local, NFS, s3://...): whole files, written atomically."""

import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import fsspec
from fsspec import AbstractFileSystem

from sweeper.errors import UserError
from sweeper.files.draft import DRAFT_PREFIX, draft_path


def own_path(name: str) -> Path:
    """A path as a user writes it, `~` and `~name` read as home folders. Raises UserError if nobody is called that."""
    try:
        return Path(name).expanduser()
    except RuntimeError as error:
        raise UserError(f"{name!r} names a home folder that is not there: write the path in full.") from error


@dataclass(frozen=True)
class Folder:
    """A folder named by a path or URL. Every write appears whole or not at all."""

    url: str
    _fs: AbstractFileSystem = field(init=False, repr=False, compare=False)
    _root: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        fs, root = fsspec.core.url_to_fs(self.url)
        object.__setattr__(self, "_fs", fs)
        object.__setattr__(self, "_root", root.rstrip("/"))

    @property
    def local(self) -> Path | None:
        """The folder's path, if it lies on a local file system."""
        return Path(self._root) if self._is_local else None

    @property
    def _is_local(self) -> bool:
        return "file" in self._fs.protocol

    def child(self, name: str) -> "Folder":
        """The folder of that name inside this one."""
        return Folder(f"{self.url.rstrip('/')}/{name}")

    def path(self, name: str) -> str:
        """The file system's own path of a file inside, for messages."""
        return f"{self._root}/{name}"

    def exists(self, name: str) -> bool:
        """Whether a file or folder of that name is there now."""
        self._fs.invalidate_cache()
        return bool(self._fs.exists(self.path(name)))

    def names(self) -> list[str]:
        """Names of the files and folders directly inside, sorted; empty if the folder is not there."""
        self._fs.invalidate_cache()
        try:
            found = self._fs.ls(self._root, detail=False)
        except FileNotFoundError:
            return []
        names = (path.rstrip("/").rsplit("/", 1)[-1] for path in found)
        return sorted(name for name in names if name and not name.startswith(DRAFT_PREFIX))

    def read(self, name: str) -> bytes:
        """A file's bytes. Raises FileNotFoundError."""
        return bytes(self._fs.cat_file(self.path(name)))

    def read_all(self, names: list[str]) -> dict[str, bytes]:
        """Many files' bytes in one request where the file system can (thousands of records in a bucket)."""
        if not names:
            return {}
        paths = {self.path(name): name for name in names}
        found = self._fs.cat(list(paths))
        return (
            {paths[path]: bytes(data) for path, data in found.items()} if isinstance(found, dict) else {names[0]: found}
        )

    def write(self, name: str, data: bytes) -> None:
        """Write a file: a reader sees the old bytes or all of the new ones. Raises OSError."""
        if self._is_local:
            self.write_with(name, lambda draft: draft.write_bytes(data))
        else:
            self._fs.pipe_file(self.path(name), data)

    def write_with(self, name: str, fill: Callable[[Path], object]) -> None:
        """Write a file that `fill` makes at a local path: it appears whole or not at all. Raises OSError."""
        # A draft beside its target can be renamed atomically; a remote file is uploaded from the temporary folder.
        target = Path(self.path(name)) if self._is_local else Path(tempfile.gettempdir(), "upload")
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = draft_path(target)
        try:
            fill(draft)
            if self._is_local:
                with draft.open("rb") as file:
                    os.fsync(file.fileno())
                draft.replace(target)
            else:
                self._fs.put_file(str(draft), self.path(name))
        finally:
            draft.unlink(missing_ok=True)

    def set_aside(self, name: str) -> str:
        """Rename a damaged file or folder to `NAME.damaged`, in the place of an older one, and say where it went."""
        aside = f"{name}.damaged"
        self.remove(aside)  # a folder would be moved into the older one
        self._fs.mv(self.path(name), self.path(aside), recursive=self._fs.isdir(self.path(name)))
        return self.path(aside)

    def upload(self, source: Path, name: str) -> None:
        """Copy a local file into the folder, whole or not at all."""
        self.write_with(name, lambda draft: shutil.copyfile(source, draft))

    def download(self, name: str, target: Path) -> None:
        """Copy one of its files to a local path. Raises FileNotFoundError."""
        target.parent.mkdir(parents=True, exist_ok=True)
        self._fs.get_file(self.path(name), str(target))

    def remove(self, name: str) -> None:
        """Delete a file or folder inside; nothing happens if it is not there."""
        with suppress(FileNotFoundError):  # another worker may have been faster
            if self._fs.exists(self.path(name)):
                self._fs.rm(self.path(name), recursive=True)
