"""Manifests: the size and digest of every file of a folder, in a sealed file of the folder."""

import json
import logging
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from sweeper.errors import DamagedError
from sweeper.files.digests import file_digest
from sweeper.files.draft import atomic_folder
from sweeper.files.seal import check_seal, sealed

MANIFEST = "manifest.json"
FileList = Mapping[str, Mapping[str, object]]
"""Path inside the folder -> `bytes` and `sha256` of the file."""

logger = logging.getLogger(__name__)


def list_files(folder: Path) -> dict[str, dict[str, object]]:
    """The size and digest of every file in a folder and its subfolders, without its manifest."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path != folder / MANIFEST)
    return {
        path.relative_to(folder).as_posix(): {"bytes": path.stat().st_size, "sha256": file_digest(path)}
        for path in paths
    }


def manifest_bytes(files: FileList, **fields: Any) -> bytes:
    """A manifest with further fields, as sealed JSON."""
    return sealed(json.dumps({"files": files, **fields}, ensure_ascii=False, indent=1).encode())


def read_manifest(content: bytes, source: str) -> dict[str, Any]:
    """The fields of a manifest. `source` names it in messages.

    Raises DamagedError if the bytes differ from their seal or are not a manifest, or if a path leaves the folder.
    """
    check_seal(content, source)
    try:
        manifest = json.loads(content)
        # Earlier versions wrote the files alone, without a seal.
        manifest = manifest if "files" in manifest else {"files": manifest}
        files = manifest["files"]
        is_valid = all(
            isinstance(facts["bytes"], int) and isinstance(facts["sha256"], str) and _is_inside(name)
            for name, facts in files.items()
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedError(f"{source} is damaged: it is not a list of files with sizes and digests.") from error
    if not is_valid:
        raise DamagedError(f"{source} is damaged: a file has no size or digest, or a path that leaves the folder.")
    return dict(manifest)


def _is_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and "\\" not in name


def damaged_files(folder: Path, files: FileList) -> list[str]:
    """The files that are missing or differ from a manifest. A process reads each file once, unless it changes."""
    return [name for name, facts in files.items() if not _matches(folder / name, facts)]


def _matches(path: Path, facts: Mapping[str, object]) -> bool:
    # The size is compared first, because this needs no reading and most damaged files are truncated.
    return path.is_file() and path.stat().st_size == facts["bytes"] and file_digest(path) == facts["sha256"]


def verified_manifest(folder: Path) -> dict[str, Any] | None:
    """The fields of the manifest of a folder; None if the folder has none, or if it or a file is damaged.

    Damage is logged in one sentence.
    """
    try:
        manifest = read_manifest((folder / MANIFEST).read_bytes(), str(folder / MANIFEST))
    except FileNotFoundError:
        return None
    except DamagedError as error:
        logger.warning("%s The folder is made again.", error)
        return None
    damaged = damaged_files(folder, manifest["files"])
    if damaged:
        logger.warning("%s is damaged (%s) and is made again.", folder, ", ".join(damaged))
    return None if damaged else manifest


def verified_folder(folder: Path, fill: Callable[[Path], object]) -> None:
    """Make a folder with a manifest, unless it exists and is undamaged. A damaged one is replaced.

    `fill` receives a draft folder and writes the files into it. Several processes may make the folder at the same
    time, if their files are equal. Raises OSError.
    """
    if verified_manifest(folder) is None:
        atomic_folder(folder, partial(_fill_with_manifest, fill), lambda path: verified_manifest(path) is not None)


def _fill_with_manifest(fill: Callable[[Path], object], draft: Path) -> None:
    fill(draft)
    (draft / MANIFEST).write_bytes(manifest_bytes(list_files(draft)))
