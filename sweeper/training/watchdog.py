"""A watchdog: a thread that acts if the other processes of a training do not answer in time."""

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event, Thread

TICK = 1.0
"""Seconds between two checks. The time in which this process is stopped does not count, because it has no ticks."""


def _always() -> bool:
    return True


@dataclass
class Watchdog:
    """Calls a function once if a step is not finished within a limit.

    NCCL waits for ever for a process that is stopped or lost, and gloo for one that is stopped.
    """

    limit: float
    """Seconds."""
    act: Callable[[], None]
    is_finished: Callable[[], bool] = field(default_factory=lambda: _always, init=False)
    """Whether no step is in progress."""
    _waited: float = field(default=0.0, init=False)
    _is_closed: Event = field(default_factory=Event, init=False)

    def start(self) -> None:
        """Start the thread."""
        Thread(target=self._watch, name="watchdog", daemon=True).start()

    def begin(self) -> None:
        """Start the time of a step."""
        self._waited = 0.0
        self.is_finished = lambda: False

    def finish(self, is_finished: Callable[[], bool] = _always) -> None:
        """End the time of the step as soon as the function returns True: a GPU may still be waiting for messages."""
        self.is_finished = is_finished

    def close(self) -> None:
        """End the thread."""
        self._is_closed.set()

    def _watch(self) -> None:
        while not self._is_closed.wait(TICK):
            self._waited = 0.0 if self.is_finished() else self._waited + TICK
            if self._waited >= self.limit:
                self.act()
                return
