"""Measures a folder or store: how fast it is, and whether it can create a file only if it does not exist."""

import os
import time
import uuid
from dataclasses import dataclass

import fsspec

from sweeper.errors import MachineError
from sweeper.files.create import create
from sweeper.files.draft import DRAFT_PREFIX
from sweeper.files.folder import Folder

SAMPLE = 8 * 2**20
"""Bytes that are written and read."""


@dataclass(frozen=True, kw_only=True)
class StoreSpeed:
    """A measured folder or store."""

    small: float
    """Seconds to write and read a file of a few bytes."""
    written: float
    """Bytes per second of writing a large file."""
    read: float
    """Bytes per second of reading it."""
    creates_once: bool
    """Whether it refuses to create a file that exists (a conditional write)."""


def measure_store(url: str) -> StoreSpeed:
    """Write, read and delete two files in a folder at a path or URL, which is created.

    Raises MachineError if the bytes that are read are not those that were written. Other errors are those of the file
    system; `check_writable` explains them.
    """
    folder, name = Folder(url), f"{DRAFT_PREFIX}{uuid.uuid4().hex}"
    large, sample = f"{name}-large", os.urandom(SAMPLE)
    try:
        start = time.perf_counter()
        folder.write(name, b"first")
        folder.read(name)
        after_small = time.perf_counter()
        folder.write(large, sample)
        after_write = time.perf_counter()
        content = folder.read(large)
        after_read = time.perf_counter()
        if content != sample:
            raise MachineError(f"{url!r} returned other bytes than were written to it. Do not use this store.")
        return StoreSpeed(
            small=after_small - start,
            written=SAMPLE / (after_write - after_small),
            read=SAMPLE / (after_read - after_write),
            creates_once=_creates_once(folder, name),
        )
    finally:
        folder.remove(name)
        folder.remove(large)


def _creates_once(folder: Folder, name: str) -> bool:
    """Whether a second creation of the same file is refused."""
    fs, _ = fsspec.core.url_to_fs(folder.url)
    try:
        return not create(fs, folder.path(name), b"second")
    except Exception:  # noqa: BLE001 - the libraries of stores have errors of their own
        return False
