"""A folder on any fsspec file system (local, NFS, s3://...): whole files, written atomically."""

import os
import uuid
from dataclasses import dataclass, field
from pathlib import Path

import fsspec
from fsspec import AbstractFileSystem


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
        return sorted(name for name in names if name and not name.startswith(".tmp-"))

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
        target = self.path(name)
        if not self._is_local:
            self._fs.pipe_file(target, data)
            return
        parent = Path(target).parent
        parent.mkdir(parents=True, exist_ok=True)
        draft = parent / f".tmp-{uuid.uuid4().hex}"
        try:
            with draft.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)

    def set_aside(self, name: str) -> str:
        """Rename a damaged file or folder to `NAME.damaged`, and say where it went."""
        aside = f"{name}.damaged"
        self._fs.mv(self.path(name), self.path(aside), recursive=self._fs.isdir(self.path(name)))
        return self.path(aside)

    def upload(self, source: Path, name: str) -> None:
        """Copy a local file into the folder, whole or not at all."""
        if self._is_local:
            draft = Path(self.path(name)).parent / f".tmp-{uuid.uuid4().hex}"
            draft.parent.mkdir(parents=True, exist_ok=True)
            try:
                self._fs.put_file(str(source), str(draft))
                draft.replace(self.path(name))
            finally:
                draft.unlink(missing_ok=True)
        else:
            self._fs.put_file(str(source), self.path(name))

    def download(self, name: str, target: Path) -> None:
        """Copy one of its files to a local path. Raises FileNotFoundError."""
        target.parent.mkdir(parents=True, exist_ok=True)
        self._fs.get_file(self.path(name), str(target))

    def remove(self, name: str) -> None:
        """Delete a file or folder inside; nothing happens if it is not there."""
        if self._fs.exists(self.path(name)):
            self._fs.rm(self.path(name), recursive=True)
