"""Repeats calls to a remote file system while its server cannot be reached."""

import errno
import logging
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from fsspec import AbstractFileSystem

logger = logging.getLogger(__name__)

PATIENCE = 60.0
"""Seconds after the first failure in which a call is repeated, unless this process uses another limit."""
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 8.0
"""Seconds between two attempts: each pause is twice as long as the one before."""
NETWORK_ERRORS = frozenset(
    {"ConnectionError", "TimeoutError", "HTTPClientError", "ClientConnectionError", "gaierror"}
    | {"ServiceRequestError", "ServiceResponseError"}
)
"""Names of classes in Python, botocore, requests, aiohttp and azure-core. Some of them are no OSError."""
NETWORK_NUMBERS = frozenset(
    {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EBUSY, getattr(errno, "EREMOTEIO", errno.EBUSY)}
)
"""Numbers of OSErrors: no route to the server, or a busy server or its internal error (numbers of s3fs)."""
STATUSES = ("code", "status", "status_code")
"""Attributes with the status of HTTP in errors of gcsfs, aiohttp and azure-core."""
TOO_MANY_REQUESTS = 429


class UnreachableError(OSError):
    """A store that could not be reached for longer than the limit."""


class _Limit:
    """The seconds in which calls of this process are repeated."""

    seconds = PATIENCE


def use_patience(seconds: float) -> None:
    """Set the limit of this process for calls to remote file systems that name none."""
    _Limit.seconds = seconds


class PatientFileSystem:
    """A file system whose calls are repeated while its server cannot be reached, then raise UnreachableError.

    Errors of its library that are no OSErrors become OSErrors.
    """

    def __init__(self, fs: AbstractFileSystem, patience: float | None = None) -> None:
        self._fs = fs
        self._patience = patience

    def __getattr__(self, name: str) -> Any:
        """The attribute of the file system. A method is repeated when it is called."""
        value = getattr(self._fs, name)
        patience = _Limit.seconds if self._patience is None else self._patience
        return partial(patiently, value, patience) if callable(value) else value


def patiently(call: Callable[..., Any], patience: float, *args: Any, **options: Any) -> Any:
    """The result of `call(*args, **options)`, repeated for `patience` seconds while the network fails."""
    deadline: float | None = None
    pause = FIRST_PAUSE
    while True:
        try:
            return call(*args, **options)
        except Exception as error:
            if not is_unreachable(error):
                if isinstance(error, OSError) or type(error).__module__ == "builtins":
                    raise
                # An error of the library of the store, for example that no credentials were found.
                raise OSError(f"The store refuses the request: {type(error).__name__}: {error}") from error
            deadline = deadline or time.monotonic() + patience
            if time.monotonic() + pause > deadline:
                raise UnreachableError(f"The store cannot be reached: {type(error).__name__}: {error}") from error
            logger.info("The store cannot be reached, next attempt in %.1f s: %s", pause, error)
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)


def is_unreachable(error: Exception) -> bool:
    """Whether the network or the server caused an error, so that the same call can succeed later."""
    names = {base.__name__ for base in type(error).__mro__}
    is_network = bool(names & NETWORK_ERRORS) or getattr(error, "errno", None) in NETWORK_NUMBERS
    return is_network or any(map(_will_pass, (getattr(error, name, None) for name in STATUSES)))


def _will_pass(status: object) -> bool:
    """Whether a status of HTTP says that the server is overloaded or has an error of its own."""
    number = int(status) if isinstance(status, int | str) and str(status).isdecimal() else 0
    return number == TOO_MANY_REQUESTS or 500 <= number < 600
