"""The keys of object stores: workers receive them, and Ray's log files do not."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from ray.tune.execution import class_cache

CREDENTIALS = frozenset({"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SECURITY_TOKEN", "AWS_SESSION_TOKEN"})
"""Environment variables that Tune copies from the driver to its workers."""


def credentials() -> dict[str, str]:
    """The keys in the environment of this process."""
    return {name: os.environ[name] for name in CREDENTIALS if name in os.environ}


def use_credentials(keys: Mapping[str, str]) -> None:
    """Replace the keys in the environment of this process by those of the driver, unless the driver has none."""
    # A token of this machine does not belong to a key of the driver.
    for name in CREDENTIALS if keys else ():
        os.environ.pop(name, None)
    os.environ.update(keys)


@contextmanager
def unlogged_credentials() -> Iterator[None]:
    """Keep Tune from copying the keys inside the block.

    Tune puts them into the runtime environment of its workers, which Ray writes to a log file that every user of the
    machine can read. Tune has no public setting for this.
    """
    copied = class_cache.ENV_VARS_TO_PROPAGATE
    class_cache.ENV_VARS_TO_PROPAGATE = copied - CREDENTIALS
    try:
        yield
    finally:
        class_cache.ENV_VARS_TO_PROPAGATE = copied
