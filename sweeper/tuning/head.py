"""Ends the driver with a message when the head of its cluster is lost. Ray itself would end the process without one."""

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import ray

from sweeper.errors import ExitCode
from sweeper.files.probe import check_answers
from sweeper.tuning.halt import leave

PAUSE = 5.0
"""Seconds between two connections to the head."""
LIMIT = "RAY_gcs_rpc_server_reconnect_timeout_s"
"""Environment variable of Ray: the seconds after which it ends processes whose head does not answer."""
SHARE = 0.75
"""Share of this time after which the driver ends."""


@contextmanager
def watching_head() -> Iterator[None]:
    """End the process if the head of the joined cluster does not answer for most of the time that Ray waits for it."""
    address, ended = ray.get_runtime_context().gcs_address, threading.Event()
    limit = SHARE * float(os.environ.get(LIMIT, "60"))
    thread = threading.Thread(target=_watch, args=(address, ended, limit), name="head", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()


def _watch(address: str, ended: threading.Event, limit: float) -> None:
    host, _, port = address.rpartition(":")
    silent, last = 0.0, time.monotonic()
    while not ended.wait(PAUSE):
        now = time.monotonic()
        try:
            check_answers(host.strip("[]"), int(port))
            silent = 0.0
        except OSError:
            # At most two pauses are added, because time also passes while a laptop sleeps.
            silent += min(now - last, 2 * PAUSE)
        last = now
        if silent >= limit:
            sys.stderr.write(
                f"error: The head of the Ray cluster ({address}) has not answered for {silent:.0f} seconds. "
                "On a new head, the same command continues the sweep.\n"
            )
            leave(ExitCode.MACHINE_ERROR)
