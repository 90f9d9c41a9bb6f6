"""Contexts for Python's garbage collector, which otherwise visits all records of a large ledger again and again."""

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
