"""Digests of values and of files."""

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any


def digest(value: Any) -> str:
    """The first 20 hexadecimal digits of the sha256 of a JSON value in canonical form."""
    # Sorted keys and no spaces give equal bytes for equal values. 20 digits (80 bits) are enough for millions of keys.
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def bytes_digest(content: bytes) -> str:
    """The sha256 of bytes in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def file_digest(path: Path) -> str:
    """The sha256 of a file's bytes in hexadecimal. The process caches it until the file changes."""
    state = path.stat()
    return _file_digest(str(path), state.st_ino, state.st_size, state.st_mtime_ns)


@cache
def _file_digest(path: str, _inode: int, _size: int, _modified: int) -> str:
    # Two versions of a file can have equal times, because clocks tick only every few milliseconds. The inodes differ.
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
