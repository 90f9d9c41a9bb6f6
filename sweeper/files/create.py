"""Creates a file only if it does not exist (a conditional write), as far as its file system supports that."""

import errno
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any

CONFLICT = 409
"""HTTP status for an object that exists (Azure), or for another request for it at the same time (S3)."""
REFUSALS = (CONFLICT, 412)
"""HTTP statuses with which a store refuses to create an object: Conflict and Precondition Failed."""
PAUSES = (0.2, 0.4, 0.8, 1.6, 3.2)
"""Seconds before further attempts after a conflict."""


def create(fs: Any, path: str, data: bytes | Path) -> bool:
    """Write bytes or a copy of a local file to a path. Returns False if the file system refuses, because it exists.

    A file system without conditional writes replaces the file. Raises OSError.
    """
    try:
        return _created(fs, path, data)
    except Exception as error:
        if not _is_unsupported(error):
            raise
    _write(fs, path, data)
    return True


def _created(fs: Any, path: str, data: bytes | Path) -> bool:
    """Write conditionally. S3 also refuses an object that does not exist while another request writes or deletes it."""
    for pause in (*PAUSES, None):
        try:
            _write(fs, path, data, mode="create")
        except Exception as error:
            if not is_refusal(error):
                raise
            if not _has_status(error, (CONFLICT,)) or _exists(fs, path):
                return False
            if pause is None:
                raise
            time.sleep(pause)
        else:
            break
    return True


def _write(fs: Any, path: str, data: bytes | Path, **options: str) -> None:
    if isinstance(data, Path):
        fs.put_file(str(data), path, **options)
    else:
        fs.pipe_file(path, data, **options)


def is_refusal(error: BaseException) -> bool:
    """Whether a store refuses to create an object."""
    return isinstance(error, FileExistsError) or _has_status(error, REFUSALS)


def _has_status(error: BaseException, wanted: Collection[int]) -> bool:
    """Whether an error has one of these HTTP statuses. s3fs raises OSError from an error that has the response."""
    response = getattr(error, "response", None)
    metadata = response.get("ResponseMetadata", {}) if isinstance(response, dict) else {}
    statuses = (metadata.get("HTTPStatusCode"), getattr(error, "code", None), getattr(error, "status_code", None))
    return any(status in wanted for status in statuses) or (
        error.__cause__ is not None and _has_status(error.__cause__, wanted)
    )


def _exists(fs: Any, path: str) -> bool:
    fs.invalidate_cache()
    return bool(fs.exists(path))


def _is_unsupported(error: BaseException) -> bool:
    """Whether the file system or its store does not know conditional writes."""
    return isinstance(error, NotImplementedError | TypeError) or getattr(error, "errno", None) == errno.ENOSYS
