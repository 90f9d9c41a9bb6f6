"""The events of a sweep that a display or a journal is notified of."""

from typing import Protocol

from sweeper.records.record import TrialResult
from sweeper.records.spec import TrialSpec


class Watch(Protocol):
    """Receives one call for each event of a sweep, on the driver."""

    def started(self, spec: TrialSpec) -> None:
        """A worker has started a trial. A trial that is restarted after its worker died starts again."""

    def finished(self, spec: TrialSpec, result: TrialResult) -> None:
        """A trial has ended, and its records are in the ledger; its state is `done` or `failed`."""

    def lost(self, spec: TrialSpec, reason: str) -> None:
        """A trial ended without a record, for example because its worker died."""

    def notified(self, spec: TrialSpec, message: str) -> None:
        """A trial has a message for the user, for example about a damaged file or a smaller micro-batch."""
