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
    return {path.relative_to(folder).as_posix(): file_facts(path) for path in paths}


def file_facts(path: Path) -> dict[str, object]:
    """The size and digest of a file."""
    return {"bytes": path.stat().st_size, "sha256": file_digest(path)}


def manifest_bytes(files: FileList, folder: str, **fields: Any) -> bytes:
    """A manifest with the name of its folder and further fields, as sealed JSON."""
    return sealed(json.dumps({"folder": folder, "files": files, **fields}, ensure_ascii=False, indent=1).encode())


def read_manifest(content: bytes, folder: str, source: str) -> dict[str, Any]:
    """The fields of the manifest of a folder with this name. `source` names the manifest in messages.

    Raises DamagedError if the bytes differ from their seal, are not a manifest or belong to a folder of another name,
    or if a path leaves the folder.
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
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DamagedError(f"{source} is damaged: it is not a list of files with sizes and digests.") from error
    if manifest.get("folder", folder) != folder:
        raise DamagedError(f"{source} is damaged: it belongs to the folder {manifest['folder']}.")
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
    try:
        # The size is compared first, because this needs no reading and most damaged files are truncated.
        return path.stat().st_size == facts["bytes"] and file_digest(path) == facts["sha256"]
    except FileNotFoundError:  # also if another process removes it now
        return False


def verified_manifest(folder: Path) -> dict[str, Any] | None:
    """The fields of the manifest of a folder; None if the folder has none, or if it or a file is damaged.

    Damage is logged in one sentence.
    """
    try:
        return _verified(folder)
    except FileNotFoundError:
        return None
    except DamagedError as error:
        logger.warning("%s The folder is made again.", error)
        return None


def _verified(folder: Path) -> dict[str, Any]:
    """The fields of a manifest. Raises FileNotFoundError without one, DamagedError if it or a file is damaged."""
    manifest = read_manifest((folder / MANIFEST).read_bytes(), folder.name, str(folder / MANIFEST))
    damaged = damaged_files(folder, manifest["files"])
    if damaged:
        raise DamagedError(f"{folder} is damaged ({', '.join(damaged)}).")
    return manifest


def _is_verified(folder: Path) -> bool:
    try:
        _verified(folder)
    except (FileNotFoundError, DamagedError):
        return False
    return True


def verified_folder(folder: Path, fill: Callable[[Path], Mapping[str, Any] | None]) -> None:
    """Make a folder with a manifest, unless it exists and is undamaged. A damaged one is replaced.

    `fill` receives a draft folder, writes the files into it, and can return further fields of the manifest. Several
    processes may make the folder at the same time, if their files are equal. Raises OSError.
    """
    if verified_manifest(folder) is None:
        write_folder(folder, fill)


def write_folder(folder: Path, fill: Callable[[Path], Mapping[str, Any] | None]) -> None:
    """Make a folder as `verified_folder` does, after it was found missing or damaged."""
    atomic_folder(folder, partial(_fill_with_manifest, fill, folder.name), _is_verified)


def _fill_with_manifest(fill: Callable[[Path], Mapping[str, Any] | None], name: str, draft: Path) -> None:
    fields = fill(draft) or {}
    (draft / MANIFEST).write_bytes(manifest_bytes(list_files(draft), name, **fields))
