"""Reports the GPU memory of the first training of each model of a running sweep."""

from collections.abc import Callable

from sweeper.plan.numbers import gib
from sweeper.records.progress import TrialProgress
from sweeper.records.record import TrialResult
from sweeper.records.spec import TrialSpec
from sweeper.tuning.watch import Watch


class MemoryWatch(Watch):
    """Reports one line for each model. A training on a CPU has none."""

    subject = "The report of peak memory"

    def __init__(self, report: Callable[[str], object]) -> None:
        self._report = report
        self._reported: set[str] = set()

    def started(self, spec: TrialSpec) -> None:
        """Nothing."""

    def progressed(self, spec: TrialSpec, progress: TrialProgress) -> None:
        """Nothing."""

    def lost(self, spec: TrialSpec, reason: str) -> None:
        """Nothing."""

    def notified(self, spec: TrialSpec, message: str) -> None:
        """Nothing."""

    def finished(self, spec: TrialSpec, result: TrialResult) -> None:
        """Report the memory, if this is the first finished training of its model."""
        memory, model = result.training.memory, spec.model.name
        if result.training.state == "done" and spec.trains and "reserved" in memory and model not in self._reported:
            self._reported.add(model)
            needed, available = gib(memory["reserved"]), gib(memory["device"])
            self._report(f"{model}: {needed} of the {available} of a GPU at the peak of {spec.name}.")
