"""Repeats requests that the Hub refuses because of its rate limit, after the time that its answer names."""

import logging
import random
import re
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from functools import cache, partial
from typing import Any

from huggingface_hub import set_client_factory
from huggingface_hub.utils._http import default_client_factory

from sweeper.errors import MachineError

logger = logging.getLogger(__name__)

BUSY = (429, 503)
"""HTTP statuses of a server that has to be asked later: Too Many Requests and Service Unavailable."""
REPEATED = ("GET", "HEAD")
"""Methods that are repeated: their requests have no body, which could be read only once."""
LIMIT = 600.0
"""Seconds for which one request waits in total. The Hub counts requests in windows of 300 seconds."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds between two attempts if the answer names no time: each pause is twice as long as the one before."""
SPREAD = 0.1
"""Largest random extension of a pause, as a share of it, so that the nodes of a cluster do not ask at the same time."""
_RESET = re.compile(r"\bt=(\d+)")
"""Seconds until the end of the window, in the header RateLimit of the Hub: `"api";r=0;t=55`."""
_DRAWS = random.Random()
"""Draws of its own, because trainings set the state of the global ones."""


class BusyError(MachineError):
    """The Hub refused a request for longer than the limit."""


@cache
def use_patience() -> None:
    """Let this process repeat all requests of `huggingface_hub`, which transformers and datasets also use."""
    set_client_factory(_client)


def _client() -> Any:
    client: Any = default_client_factory()
    client.send = partial(send, client.send)
    return client


def send(once: Callable[..., Any], request: Any, **options: Any) -> Any:
    """The response of `once(request, **options)`, repeated while it says that the Hub is busy. Raises BusyError."""
    waited, pause = 0.0, FIRST_PAUSE
    while True:
        response = once(request, **options)
        if response.status_code not in BUSY or request.method not in REPEATED:
            return response
        response.close()
        seconds = _seconds_of(response.headers)
        seconds = (pause if seconds is None else seconds) * _DRAWS.uniform(1, 1 + SPREAD)
        if waited + seconds > LIMIT:
            raise _error(response.status_code, request.url, seconds)
        logger.warning("The Hub answers %s, next attempt in %.0f s: %s", response.status_code, seconds, request.url)
        time.sleep(seconds)
        waited += seconds
        pause = min(2 * pause, LONGEST_PAUSE)


def _seconds_of(headers: Mapping[str, str]) -> float | None:
    """The seconds that an answer names until the next attempt; None if it names none."""
    value = headers.get("Retry-After", "").strip()
    if value.isdigit():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        reset = _RESET.search(headers.get("RateLimit", ""))
        return float(reset.group(1)) if reset else None


def _error(status: int, url: object, seconds: float) -> BusyError:
    reason = "its rate limit is reached" if status == BUSY[0] else "it is not available"
    return BusyError(
        f"The Hub refuses requests because {reason} (status {status}, next attempt in {seconds:.0f} s, limit "
        f"{LIMIT:.0f} s: {url}). Run the same command again later, set HF_TOKEN on every node for a higher rate limit, "
        "or name a mirror with --mirror."
    )


def busy(error: BaseException | None) -> BusyError | None:
    """The BusyError that caused an error of a library, or None."""
    while error is not None and not isinstance(error, BusyError):
        error = error.__cause__ or error.__context__
    return error
