"""Digests of values and of files."""

import hashlib
import json
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
    # Two versions of a file can have equal times, because clocks tick only every few milliseconds. The inodes differ,
    # and a file that is renamed keeps its own.
    key = state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns
    if key not in _FILE_DIGESTS:
        with path.open("rb") as file:
            _FILE_DIGESTS[key] = hashlib.file_digest(file, "sha256").hexdigest()
    return _FILE_DIGESTS[key]


_FILE_DIGESTS: dict[tuple[int, int, int, int], str] = {}
"""Device, inode, size and time of a file -> its digest."""
