"""The copies of data sets that `datasets` makes in the cache, verified against the digests of their files."""

import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import datasets
from datasets.arrow_reader import ArrowReader

from sweeper.errors import DamagedError
from sweeper.files.digests import digest
from sweeper.files.folder import Folder
from sweeper.files.manifest import damaged_files, file_facts, manifest_bytes, read_manifest

logger = logging.getLogger(__name__)


def load_prepared(load: Callable[[], datasets.Dataset], folder: Path, part: object) -> datasets.Dataset:
    """A split from `load`, whose copy is in a folder. A damaged copy is removed first, so that it is made again.

    `part` is the config and split as JSON values. Each part has a manifest of its own, because `datasets` adds the
    files of other parts to the same folder at any time.
    """
    manifest = f"{digest(part)}.files.json"
    _remove_if_damaged(folder, manifest)
    table = load()
    if not (folder / manifest).exists():
        paths = [Path(file["filename"]) for file in table.cache_files]
        # The names of labels are not in the Arrow files.
        paths += {path.parent / "dataset_info.json" for path in paths}
        inside = [path for path in paths if path.is_relative_to(folder) and path.is_file()]
        files = {path.relative_to(folder).as_posix(): file_facts(path) for path in inside}
        Folder(str(folder)).write(manifest, manifest_bytes(files, manifest))
    return table


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
    """Remove the files of a part and its manifest if they are damaged."""
    try:
        files = read_manifest((folder / manifest).read_bytes(), manifest, str(folder / manifest))["files"]
        damaged = damaged_files(folder, files)
    except FileNotFoundError:
        return
    except DamagedError:
        # Without the manifest, the files of the part are unknown.
        logger.warning("%s is damaged: the copies of the data set in %s are made again.", manifest, folder)
        shutil.rmtree(folder, ignore_errors=True)
        return
    if damaged:
        logger.warning("%s in %s is damaged: the copy of the data set is made again.", ", ".join(damaged), folder)
        for name in files:
            shutil.rmtree((folder / name).parent, ignore_errors=True)
        (folder / manifest).unlink(missing_ok=True)
