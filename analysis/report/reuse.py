"""Keeps a report whose run, options and code have not changed since it was written."""

import hashlib
import json
import os
import platform
import sys
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import sweeper
from sweeper.files.digests import digest, file_digest
from sweeper.run.run import Run

from ..figures.files import settings

PACKAGES = (Path(__file__).parents[1], Path(sweeper.__file__).parent)
"""The folders of the code that a report depends on."""


@dataclass(frozen=True, kw_only=True)
class Written:
    """The cache entry of a report."""

    inputs: str
    """Digest of everything that the report was computed from."""
    files: Mapping[str, str]
    """Name of each file in the folder of the report -> sha256 of its content."""
    findings: Sequence[str]
    warnings: Sequence[str]


def inputs_of(run: Run, options: Sequence[str]) -> str | None:
    """A digest of the run, the options, the code and the installed packages.

    None if the file system does not report changes. A record counts as changed if its size, its times or its inode
    changed, or its tag in an object store. The digest is taken before the records are read, so that a record that is
    added meanwhile is seen next time.
    """
    state = run.state
    return state and digest([state, list(options), code_digest(), installed_packages(), settings()])


def code_digest() -> str:
    """A digest of all files of the packages that compute a report, which also changes between two releases."""
    paths = sorted(path for folder in PACKAGES for path in folder.rglob("*") if "__pycache__" not in path.parts)
    return digest([[str(path), file_digest(path)] for path in paths if path.is_file()])


IMPORTED = code_digest()
"""The code when it was imported: what this process runs, whatever is written to its files later."""


@cache
def installed_packages() -> list[str]:
    """The versions of Python and of all installed packages, and the machine, on which the last digits depend."""
    folders = {Path(folder) for folder in sys.path if Path(folder).is_dir()}
    packages = sorted({path.name for folder in folders for path in folder.glob("*-info")})
    return [sys.version, platform.machine(), *packages]


def kept_report(run: Run, folder: Path, inputs: str | None) -> Written | None:
    """What is noted of the report in the folder if it is still that of `inputs`, with every file as it was written."""
    try:
        noted = Written(**json.loads(run.analysis_cache.read(_note(folder))))
        is_same = inputs is not None and noted.inputs == inputs
        return noted if is_same and _has(folder, noted.files) else None
    except (OSError, ValueError, TypeError, AttributeError):
        return None  # no note, or a damaged one


def remove_obsolete(run: Run, folder: Path, names: Collection[str]) -> None:
    """Remove the files of the last noted report that a new report with the files `names` does not have.

    Files that were changed since then are kept.
    """
    try:
        noted = Written(**json.loads(run.analysis_cache.read(_note(folder))))
        obsolete = {name: sha256 for name, sha256 in noted.files.items() if name not in names}
    except (OSError, ValueError, TypeError, AttributeError):
        return  # no note, or a damaged one
    for name, sha256 in obsolete.items():
        with suppress(OSError):
            if _has(folder, {name: sha256}):
                (folder / name).unlink()


def keep_report(run: Run, folder: Path, written: Written) -> None:
    """Note a report, unless the files of the code have changed since they were imported: `inputs` has the new ones.

    Nothing happens if the cache cannot be written, for example in a run folder that is read only.
    """
    if code_digest() != IMPORTED:
        return
    content = json.dumps(asdict(written)).encode()
    try:
        run.analysis_cache.write(_note(folder), content, durable=False)
    except OSError:
        return


def content_digests(files: Mapping[str, bytes]) -> dict[str, str]:
    """Name -> sha256 of a content."""
    return {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}


def _has(folder: Path, files: Mapping[str, str]) -> bool:
    return all(file_digest(folder / name) == sha256 for name, sha256 in files.items())


def _note(folder: Path) -> str:
    return f"report-{digest(os.path.realpath(folder))}.json"
