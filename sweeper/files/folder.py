"""A folder on any fsspec file system (local, NFS, s3://...), with files that are written atomically."""

import os
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain, count
from pathlib import Path

import fsspec
from fsspec import AbstractFileSystem

from sweeper.errors import UserError, unknown
from sweeper.files.create import create
from sweeper.files.draft import DRAFT_PREFIX, draft_path, temporary_draft
from sweeper.files.patience import PatientFileSystem

EXTRAS = {"s3": "s3", "gs": "gcs", "gcs": "gcs", "az": "azure", "abfs": "azure"}
"""Protocol of a URL -> the extra of this package that it needs."""
PROTOCOLS = ("file", "s3", "gs", "az")
"""Protocols that messages suggest; fsspec knows many more."""
CHANGING = ("mtime", "created", "ETag", "etag", "LastModified", "last_modified", "updated")
"""Fields of a remote file of which each file system has at least one that changes if the file is written again."""
DAMAGED_SUFFIX = ".damaged"
"""Suffix of the names of damaged files and folders that were renamed."""


def expand_path(name: str) -> Path:
    """A path with `~` and `~name` replaced by home folders. Raises UserError if the home folder does not exist."""
    try:
        return Path(name).expanduser()
    except RuntimeError as error:
        raise UserError(f"{name!r} refers to a home folder that does not exist. Write the full path.") from error


def _open(url: str) -> tuple[AbstractFileSystem, str]:
    """The file system of a path or URL, and the path in it. Raises UserError if no installed package can open it."""
    protocol = url.partition("://")[0]
    try:
        fs, root = fsspec.core.url_to_fs(url)
    except ImportError as error:
        extra = EXTRAS.get(protocol)
        remedy = f"Install it: pip install 'transfer-sweeper[{extra}]'" if extra else f"{error}."
        raise UserError(f"{url!r} needs a package that is not installed. {remedy}") from error
    except ValueError as error:
        raise UserError(f"{url!r} is no path and no valid URL: {unknown('protocol', protocol, PROTOCOLS)}") from error
    return fs, root


@dataclass(frozen=True)
class Folder:
    """A folder at a path or URL, whose files are written atomically."""

    url: str
    patience: float | None = field(default=None, repr=False, compare=False)
    """Seconds in which calls to a remote file system are repeated while its server cannot be reached. None: the limit
    of this process (`use_patience`)."""
    _fs: AbstractFileSystem | PatientFileSystem = field(init=False, repr=False, compare=False)
    _root: str = field(init=False, repr=False, compare=False)
    _is_local: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        fs, root = _open(self.url)
        is_local = "file" in fs.protocol
        # The class is frozen, and the attributes are derived from the URL.
        object.__setattr__(self, "_is_local", is_local)
        object.__setattr__(self, "_fs", fs if is_local else PatientFileSystem(fs, self.patience))
        object.__setattr__(self, "_root", root.rstrip("/"))

    @property
    def local(self) -> Path | None:
        """The path of the folder, or None if its file system is not local."""
        return Path(self._root) if self._is_local else None

    def child(self, name: str) -> "Folder":
        """A folder inside this one. It does not need to exist."""
        return Folder(f"{self.url.rstrip('/')}/{name}")

    def path(self, name: str) -> str:
        """The path of a file inside, in the notation of the file system, for example without `s3://`."""
        return f"{self._root}/{name}"

    def exists(self, name: str) -> bool:
        """Whether a file or folder inside exists now. Cached listings are not used."""
        # Workers on other machines write to the same folder; fsspec does not see their files in its cache.
        self._fs.invalidate_cache()
        return bool(self._fs.exists(self.path(name)))

    def names(self) -> list[str]:
        """The names of the files and folders directly inside, sorted. Empty if the folder does not exist."""
        self._fs.invalidate_cache()
        try:
            paths = self._fs.ls(self._root, detail=False)
        except FileNotFoundError:
            return []
        names = (path.rstrip("/").rsplit("/", 1)[-1] for path in paths)
        return sorted(name for name in names if name and not name.startswith(DRAFT_PREFIX))

    def states(self) -> dict[str, list[str]]:
        """Name of each file directly inside -> values of which one changes whenever the file is written.

        A local file has its size, its times and its inode, a remote one its size, its time and its tag. A name without
        values means that a change of the file could be missed, for example because its metadata cannot be read.
        Drafts are left out.
        """
        self._fs.invalidate_cache()
        try:
            if self._is_local:
                with os.scandir(self._root) as files:
                    return {file.name: file_state(file) for file in files if not file.name.startswith(DRAFT_PREFIX)}
            listed = self._fs.ls(self._root, detail=True)
        except FileNotFoundError:
            return {}
        return {str(entry["name"]).rstrip("/").rsplit("/", 1)[-1]: _remote_state(entry) for entry in listed}

    def read(self, name: str) -> bytes:
        """The bytes of a file. Raises FileNotFoundError."""
        return bytes(self._fs.cat_file(self.path(name)))

    def read_all(self, names: list[str]) -> dict[str, bytes]:
        """Name -> bytes of many files. On an object store they are requested at the same time.

        Files that were renamed or removed since their names were listed are left out.
        """
        if self._is_local:
            read = {name: _read_local(self.path(name)) for name in names}
            return {name: content for name, content in read.items() if content is not None}
        if not names:
            return {}
        paths = {self.path(name): name for name in names}
        try:
            contents = self._fs.cat(list(paths))
        except FileNotFoundError:
            return {name: self.read(name) for name in names if self.exists(name)}
        if not isinstance(contents, dict):  # fsspec returns plain bytes for a single path
            return {names[0]: contents}
        return {paths[path]: bytes(data) for path, data in contents.items()}

    def write(self, name: str, data: bytes, *, durable: bool = True) -> None:
        """Write a file atomically: a reader gets either the old or the new bytes. Raises OSError.

        A file that is not durable can be empty after a power failure; writing it does not wait for the disk.
        """
        if self._is_local:
            self.write_with(name, lambda draft: draft.write_bytes(data), durable=durable)
        else:
            # An object store publishes an object only after the whole upload.
            self._fs.pipe_file(self.path(name), data)

    def write_with(self, name: str, fill: Callable[[Path], object], *, durable: bool = True) -> None:
        """Write a file atomically. `fill` receives a local path and creates the file there. Raises OSError."""
        if not self._is_local:
            self._upload_draft(name, fill)
            return
        # A draft in the folder of its target can be renamed atomically.
        target = Path(self.path(name))
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = draft_path(target)
        try:
            fill(draft)
            # Without fsync, a power failure after the rename could leave an empty file under the final name.
            if durable:
                with draft.open("rb") as file:
                    os.fsync(file.fileno())
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)

    def _upload_draft(self, name: str, fill: Callable[[Path], object]) -> None:
        draft = temporary_draft()
        try:
            fill(draft)
            self.upload(draft, name)
        finally:
            draft.unlink(missing_ok=True)

    def set_aside(self, name: str, suffix: str = DAMAGED_SUFFIX) -> str:
        """Rename a file or folder to `NAME.damaged`, or with another suffix, such as `.retried`. Returns the new path.

        Older ones remain: the next ones are `NAME.2.damaged` and so on.
        """
        for new_name in chain([f"{name}{suffix}"], (f"{name}.{number}{suffix}" for number in count(2))):
            if self.exists(new_name):
                continue
            try:
                self._rename(name, new_name)
            except OSError:
                if not self.exists(new_name):  # else another process has just used this name
                    raise
            else:
                break
        return self.path(new_name)

    def _rename(self, name: str, new_name: str) -> None:
        """Rename a file or folder. A local folder is not moved into another one with the new name."""
        if self._is_local:
            Path(self.path(name)).rename(self.path(new_name))
        else:
            self._fs.mv(self.path(name), self.path(new_name), recursive=self._fs.isdir(self.path(name)))

    def upload(self, source: Path, name: str) -> None:
        """Copy a local file into the folder. Atomic, like `write`."""
        if self._is_local:
            self.write_with(name, lambda draft: shutil.copyfile(source, draft))
        else:
            self._fs.put_file(str(source), self.path(name))

    def create(self, name: str, data: bytes | Path) -> bool:
        """Write bytes or a copy of a local file, unless the file exists. Returns whether it was written.

        If two processes try at the same time, a remote store with conditional writes has the file of the first one,
        other file systems that of the last one. Raises OSError.
        """
        if not self._is_local:
            return create(self._fs, self.path(name), data)
        if self.exists(name):
            return False
        if isinstance(data, Path):
            self.upload(data, name)
        else:
            self.write(name, data)
        return True

    def download(self, name: str, target: Path) -> None:
        """Copy a file of the folder to a local path. Raises FileNotFoundError."""
        target.parent.mkdir(parents=True, exist_ok=True)
        self._fs.get_file(self.path(name), str(target))

    def remove(self, name: str) -> None:
        """Delete a file or folder inside. Nothing happens if it does not exist."""
        self._fs.invalidate_cache()  # a listing from before another worker wrote the file
        with suppress(FileNotFoundError):  # another worker may have deleted it first
            if self._fs.exists(self.path(name)):
                self._fs.rm(self.path(name), recursive=True)


def file_state(file: "Path | os.DirEntry[str]") -> list[str]:
    """Size, times and inode of a local file, of which one changes if the file is written; [] if it does not exist."""
    try:
        status = file.stat()
    except OSError:
        return []  # a link to a missing file, or a file that was deleted after it was listed
    return [str(number) for number in (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)]


def _read_local(path: str) -> bytes | None:
    """The bytes of a file; None if it does not exist."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - a Path for each of thousands of records takes longer than reading
            return file.read()
    except FileNotFoundError:
        return None


def _remote_state(entry: Mapping[str, object]) -> list[str]:
    told = [str(entry[name]) for name in CHANGING if entry.get(name) is not None]
    return [str(entry.get("size")), *told] if told else []
