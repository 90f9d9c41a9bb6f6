"""The events of a sweep that a display or a tracker is notified of. No failure of theirs ends the sweep."""

from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Protocol

from sweeper.records.progress import TrialProgress
from sweeper.records.record import TrialResult
from sweeper.records.spec import TrialSpec


class Watch(Protocol):
    """Receives one call for each event of a sweep, on the driver and in one thread."""

    subject: ClassVar[str] = "The display of the sweep"
    """The subject of the message that this watch has failed."""

    def started(self, spec: TrialSpec) -> None:
        """A worker has started a trial. A trial that is restarted after its worker died starts again."""

    def progressed(self, spec: TrialSpec, progress: TrialProgress) -> None:
        """A running trial has written its progress. The call comes every few seconds, from its first seconds on."""

    def finished(self, spec: TrialSpec, result: TrialResult) -> None:
        """A trial has ended, and its records are in the ledger; its state is `done` or `failed`."""

    def lost(self, spec: TrialSpec, reason: str) -> None:
        """A trial ended without a record, for example because its worker died."""

    def died(self, spec: TrialSpec) -> None:
        """The worker of a trial has died. Afterwards the trial starts again, is lost, or ends with a failed record."""
        return

    def waits(self, spec: TrialSpec) -> None:
        """An attempt of a trial has ended without a record. The trial runs again, now or later."""
        return

    def notified(self, spec: TrialSpec, message: str) -> None:
        """A trial has a message for the user, for example about a damaged file or a smaller micro-batch."""


class Watches(Watch):
    """Forwards every event to several watches. The first failure of each watch is reported, and none is raised."""

    def __init__(self, watches: Iterable[Watch], report: Callable[[str], object]) -> None:
        self._watches = tuple(watches)
        self._report = report
        self._failed: set[Watch] = set()

    def started(self, spec: TrialSpec) -> None:
        """Forward the event."""
        self._forward("started", spec)

    def progressed(self, spec: TrialSpec, progress: TrialProgress) -> None:
        """Forward the event."""
        self._forward("progressed", spec, progress)

    def finished(self, spec: TrialSpec, result: TrialResult) -> None:
        """Forward the event."""
        self._forward("finished", spec, result)

    def lost(self, spec: TrialSpec, reason: str) -> None:
        """Forward the event."""
        self._forward("lost", spec, reason)

    def died(self, spec: TrialSpec) -> None:
        """Forward the event."""
        self._forward("died", spec)

    def waits(self, spec: TrialSpec) -> None:
        """Forward the event."""
        self._forward("waits", spec)

    def notified(self, spec: TrialSpec, message: str) -> None:
        """Forward the event."""
        self._forward("notified", spec, message)

    def _forward(self, event: str, *args: Any) -> None:
        for watch in self._watches:
            try:
                getattr(watch, event)(*args)
            except Exception as error:  # noqa: BLE001  the ledger has everything that a watch needs
                if watch not in self._failed:
                    self._failed.add(watch)
                    self._report(f"{watch.subject} failed ({type(error).__name__}: {error}).")
