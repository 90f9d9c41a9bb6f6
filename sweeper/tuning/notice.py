"""Asks Ray whether the node of a worker will be taken away."""

import threading
import time
from contextlib import suppress

import ray
from ray._private.state import state

PAUSE = 5.0
"""Seconds between two questions. Clouds announce the end of a node 30 seconds or more before it."""


class Notice:
    """Whether Ray has announced the end of the node of this worker. A thread asks, and never holds up a trial."""

    def __init__(self) -> None:
        self._is_given = threading.Event()
        threading.Thread(target=self._watch, name="notice", daemon=True).start()

    def __call__(self) -> bool:
        """Whether the end has been announced."""
        return self._is_given.is_set()

    def _watch(self) -> None:
        while not self._is_given.is_set():
            with suppress(Exception):  # whatever Ray cannot answer, the trial continues
                # Without a Ray, the question would start one.
                if ray.is_initialized() and ray.get_runtime_context().get_node_id() in state.get_draining_nodes():
                    self._is_given.set()
            time.sleep(PAUSE)
