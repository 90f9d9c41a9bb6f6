"""Contexts for the memory of a large ledger, which costs time if it is visited or allocated again and again."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def paused_collector() -> Iterator[None]:
    """Run no collection, for code that makes many objects and no cycles of references."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@contextmanager
def frozen_objects() -> Iterator[None]:
    """Leave out of collections all objects that exist already. Objects without references are still freed."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@contextmanager
def system_memory() -> Iterator[None]:
    """Let columns of names use the memory of the process.

    The default pool of Arrow returns the memory of a column to the system soon, and requests it again for the next one.
    """
    import pyarrow  # noqa: PLC0415 - takes long to import

    pool = pyarrow.default_memory_pool()
    pyarrow.set_memory_pool(pyarrow.system_memory_pool())
    try:
        yield
    finally:
        pyarrow.set_memory_pool(pool)
