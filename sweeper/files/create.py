"""Creates a file only if it does not exist (a conditional write), as far as its file system supports that."""

import errno
from pathlib import Path
from typing import Any

REFUSALS = (409, 412)
"""HTTP statuses with which a store refuses to create an object that exists: Conflict and Precondition Failed."""


def create(fs: Any, path: str, data: bytes | Path) -> bool:
    """Write bytes or a copy of a local file to a path. Returns False if the file system refuses, because it exists.

    A file system without conditional writes replaces the file. Raises OSError.
    """
    try:
        _write(fs, path, data, mode="create")
    except Exception as error:
        if is_refusal(error):
            return False
        if not _is_unsupported(error):
            raise
        _write(fs, path, data)
    return True


def _write(fs: Any, path: str, data: bytes | Path, **options: str) -> None:
    if isinstance(data, Path):
        fs.put_file(str(data), path, **options)
    else:
        fs.pipe_file(path, data, **options)


def is_refusal(error: BaseException) -> bool:
    """Whether a store says that the object exists. s3fs raises OSError from an error that has the response."""
    if isinstance(error, FileExistsError):
        return True
    response = getattr(error, "response", None)
    metadata = response.get("ResponseMetadata", {}) if isinstance(response, dict) else {}
    statuses = (metadata.get("HTTPStatusCode"), getattr(error, "code", None), getattr(error, "status_code", None))
    return any(status in REFUSALS for status in statuses) or (
        error.__cause__ is not None and is_refusal(error.__cause__)
    )


def _is_unsupported(error: BaseException) -> bool:
    """Whether the file system or its store does not know conditional writes."""
    return isinstance(error, NotImplementedError | TypeError) or getattr(error, "errno", None) == errno.ENOSYS
