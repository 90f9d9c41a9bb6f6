"""A simulated AWS account for Ray's launcher, which keeps its connections for as long as a process runs."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from ray.autoscaler._private.aws.utils import client_cache, resource_cache


@contextmanager
def launcher_account(home: Path, variables: Mapping[str, str]) -> Iterator[None]:
    """Environment `variables` and home folder with which Ray's launcher opens new connections.

    Without the new connections, a test would reach the account of an earlier one, or Amazon itself.
    """
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("HOME", str(home))  # the launcher writes an SSH key to it
        for name, value in variables.items():
            environment.setenv(name, value)
        _forget_connections()
        yield
        _forget_connections()


def _forget_connections() -> None:
    client_cache.cache_clear()
    resource_cache.cache_clear()
