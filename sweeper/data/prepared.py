"""The copies of data sets that `datasets` makes in the cache, verified against the digests of their files."""

import logging
import shutil
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

import datasets
from datasets.arrow_reader import ArrowReader
from filelock import FileLock

from sweeper.errors import DamagedError
from sweeper.files.digests import digest
from sweeper.files.folder import Folder
from sweeper.files.manifest import FileList, damaged_files, file_facts, manifest_bytes, read_manifest

INFO = "dataset_info.json"
"""File that `datasets` writes next to the Arrow files of a config."""
MANIFESTS = ".files.json"
"""End of the names of manifests."""

logger = logging.getLogger(__name__)


def load_prepared(load: Callable[[], datasets.Dataset], folder: Path, part: object) -> datasets.Dataset:
    """A split from `load`, whose copy is in a folder. Copies that are damaged or in no manifest are made again.

    `part` is the config and split as JSON values. `datasets` writes all splits of a config at once into a subfolder.
    Each subfolder and each part has a manifest: a later process verifies only the files of its part. The folder is in a
    cache and has only copies, so that all of its files can be removed. Its name covers the bytes of the user's files.
    """
    manifest = f"{digest(part)}{MANIFESTS}"
    folder.mkdir(parents=True, exist_ok=True)
    # Another process could have made a copy whose manifest it has not written yet.
    with FileLock(folder / ".lock"):
        _remove_if_damaged(folder, manifest)
        is_new = not (folder / manifest).exists()
        if is_new:
            _remove_unverified(folder)
        table = load()
        if is_new:
            files = _files_of(table, folder)
            for subfolder in {path.parent for path in files}:
                _write_manifest(folder, _manifest_of(folder, subfolder), _copies(subfolder))
            _write_manifest(folder, manifest, files)
        return table


def _files_of(table: datasets.Dataset, folder: Path) -> list[Path]:
    """The files of a split in a folder."""
    paths = [Path(file["filename"]) for file in table.cache_files]
    # The names of labels are not in the Arrow files.
    paths += {path.parent / INFO for path in paths}
    return [path for path in paths if path.is_relative_to(folder) and path.is_file()]


def _copies(folder: Path) -> list[Path]:
    """The files that `datasets` has written into a folder and its subfolders."""
    return [path for name in (INFO, "*.arrow") for path in folder.rglob(name)]


def _manifest_of(folder: Path, subfolder: Path) -> str:
    """The name of the manifest of a subfolder with all of its files."""
    return f"{digest(subfolder.relative_to(folder).as_posix())}{MANIFESTS}"


def _write_manifest(folder: Path, name: str, paths: Iterable[Path]) -> None:
    files = {path.relative_to(folder).as_posix(): file_facts(path) for path in sorted(paths)}
    Folder(str(folder)).write(name, manifest_bytes(files, name))


def _listed(folder: Path, manifest: str) -> FileList:
    """The files in a manifest. Raises FileNotFoundError and DamagedError."""
    files: FileList = read_manifest((folder / manifest).read_bytes(), manifest, str(folder / manifest))["files"]
    return files


def prepared_folder(table: datasets.Dataset) -> str:
    """The folder in which `datasets` keeps the files of a split; "" if they are in no folder or in several ones."""
    folders = {str(Path(file["filename"]).parent) for file in table.cache_files}
    return folders.pop() if len(folders) == 1 else ""


def read_prepared(split: str, folder: str) -> datasets.Dataset:
    """A split, or a slice of one, from the folder in which `datasets` keeps it, without a request to the Hub.

    This is the last step of `datasets.load_dataset`. Raises errors of many types if a file is missing.
    """
    info = datasets.DatasetInfo.from_directory(folder)
    splits = (info.splits or {}).values()
    read = ArrowReader(folder, info).read(name=info.dataset_name, instructions=split, split_infos=splits)
    return datasets.Dataset(**read)


def _remove_if_damaged(folder: Path, manifest: str) -> None:
    """Remove the files of a part if they are damaged."""
    try:
        files = _listed(folder, manifest)
        damaged = damaged_files(folder, files)
    except FileNotFoundError:
        return
    except DamagedError:
        # Without the manifest, the files of the part are unknown.
        logger.warning("%s is damaged: the copies of the data set in %s are made again.", manifest, folder)
        _remove(folder, {path.parent for path in _copies(folder)})
        return
    if damaged:
        logger.warning("%s in %s is damaged: the copy of the data set is made again.", ", ".join(damaged), folder)
        _remove(folder, {(folder / name).parent for name in files})


def _remove_unverified(folder: Path) -> None:
    """Remove subfolders with files that differ from the manifest of the subfolder, or are not in it."""
    unverified = {path for path in {file.parent for file in _copies(folder)} if not _is_verified(folder, path)}
    if unverified:
        logger.warning("Copies of a data set in %s are damaged or in no manifest: they are made again.", folder)
        _remove(folder, unverified)


def _is_verified(folder: Path, subfolder: Path) -> bool:
    try:
        files = _listed(folder, _manifest_of(folder, subfolder))
    except (FileNotFoundError, DamagedError):
        return False
    names = {path.relative_to(folder).as_posix() for path in _copies(subfolder)}
    return names <= set(files) and not damaged_files(folder, files)


def _remove(folder: Path, subfolders: Collection[Path]) -> None:
    """Remove subfolders with copies, and the manifests that list one of their files or are damaged."""
    for path in subfolders:
        shutil.rmtree(path, ignore_errors=True)
    for path in folder.glob(f"*{MANIFESTS}"):
        try:
            is_stale = any((folder / name).parent in subfolders for name in _listed(folder, path.name))
        except DamagedError:
            is_stale = True
        if is_stale:
            path.unlink(missing_ok=True)
