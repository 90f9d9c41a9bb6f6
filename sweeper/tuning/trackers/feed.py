"""Passes the events of a sweep to trackers, each in a thread of its own, so that none can hold up the sweep."""

import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from sweeper.records.progress import TrialProgress
from sweeper.records.record import TrialResult
from sweeper.records.spec import TrialSpec
from sweeper.tuning.agenda import Agenda
from sweeper.tuning.halt import Halt
from sweeper.tuning.trackers.interface import TrackedTrial, Tracker
from sweeper.tuning.trackers.values import Point, curve, is_own, point, scores, tracked
from sweeper.tuning.watch import Watch

MOST_WAITING = 1000
"""Maximum number of calls that wait for one tracker; further ones are dropped."""
MOST_FAILURES = 3
"""Failed calls in a row after which a tracker is not called any more."""
PATIENCE = 30.0
"""Seconds that the end of a sweep waits for all trackers together."""
PATIENCE_OF_STOP = 2.0
"""The same after a stop request."""


class Feed:
    """The calls of one tracker, in order, in a thread that the process does not wait for when it ends."""

    def __init__(self, tracker: Tracker, report: Callable[[str], object]) -> None:
        self._tracker = tracker
        self._report = report
        self._calls: queue.Queue[Callable[[], object] | None] = queue.Queue(MOST_WAITING)
        self._last: dict[str, int] = {}
        """Key of a trial -> the last step that was logged for it."""
        self._open: set[str] = set()
        self._failures = 0
        self._reported: set[str] = set()
        self._thread = threading.Thread(target=self._work, name=f"tracker {self.name}", daemon=True)
        self._thread.start()

    @property
    def name(self) -> str:
        """The name of the tracker in messages."""
        return type(self._tracker).__name__

    def start(self, trial: TrackedTrial) -> None:
        """Pass on that a trial has started."""
        self._put(lambda: self._start(trial))

    def log(self, trial: TrackedTrial, points: Sequence[Point]) -> None:
        """Pass on values of curves. Steps that were logged before are left out."""
        self._put(lambda: self._log(trial, points))

    def finish(self, trial: TrackedTrial, state: str, values: Mapping[str, float]) -> None:
        """Pass on that a trial has ended."""
        self._put(lambda: self._finish(trial, state, values))

    def close(self, patience: float) -> None:
        """Wait for the calls that are left, at most for these seconds, and report if some are left after that."""
        self._put(self._tracker.close)
        try:
            self._calls.put_nowait(None)
        except queue.Full:
            patience = 0.0
        self._thread.join(patience)
        if self._thread.is_alive():
            self._report_once(f"Tracker {self.name} did not end in time. Its last values may be missing.")

    def _put(self, call: Callable[[], object]) -> None:
        try:
            self._calls.put_nowait(call)
        except queue.Full:
            self._report_once(f"Tracker {self.name} is too slow: some of its values are left out. The sweep goes on.")

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            if self._failures >= MOST_FAILURES:
                continue
            try:
                call()
                self._failures = 0
            except Exception as error:  # noqa: BLE001  the ledger has everything that a tracker shows
                self._failures += 1
                reason = str(error).strip().splitlines() or [""]
                self._report_once(
                    f"Tracker {self.name} failed ({type(error).__name__}: {reason[0]}). The sweep goes on, and the "
                    "ledger has all results."
                )

    def _report_once(self, message: str) -> None:
        if message not in self._reported:
            self._reported.add(message)
            self._report(message)

    def _start(self, trial: TrackedTrial) -> None:
        self._open.discard(trial.key)
        logged = self._tracker.start(trial)
        self._open.add(trial.key)
        self._last[trial.key] = max(self._last.get(trial.key, 0), logged or 0)

    def _log(self, trial: TrackedTrial, points: Sequence[Point]) -> None:
        for step, values in points:
            if trial.key in self._open and step > self._last[trial.key]:
                self._tracker.log(trial, step, values)
                self._last[trial.key] = step

    def _finish(self, trial: TrackedTrial, state: str, values: Mapping[str, float]) -> None:
        if trial.key in self._open:
            self._open.remove(trial.key)
            self._tracker.finish(trial, state, values)


class TrackerWatch(Watch):
    """The watch that passes the events of a sweep to trackers."""

    subject = "The tracking of the sweep"

    def __init__(
        self, trackers: Iterable[Tracker], project: str, groups: Mapping[str, str], report: Callable[[str], object]
    ) -> None:
        """`groups`: name of a trial -> name of its cell or preparation."""
        self._feeds = [Feed(tracker, report) for tracker in trackers]
        self._project = project
        self._groups = groups
        self._trials: dict[str, TrackedTrial] = {}  # by name

    def started(self, spec: TrialSpec) -> None:
        """Start a run of the trial in every tracker."""
        trial = self._trial(spec)
        for feed in self._feeds:
            feed.start(trial)

    def progressed(self, spec: TrialSpec, progress: TrialProgress) -> None:
        """Log the values of a running training."""
        if (values := point(progress)) is not None:
            for feed in self._feeds:
                feed.log(self._trial(spec), [values])

    def finished(self, spec: TrialSpec, result: TrialResult) -> None:
        """Log the rest of the loss curve from the record, and the scores."""
        trial, values = self._trial(spec), scores(spec, result)
        points = list(curve(result.training)) if is_own(spec, result.training) else []
        for feed in self._feeds:
            feed.log(trial, points)
            feed.finish(trial, result.training.state, values)

    def lost(self, spec: TrialSpec, reason: str) -> None:
        """End the run of the trial. It continues if the trial starts again."""
        for feed in self._feeds:
            feed.finish(self._trial(spec), "lost", {})

    def notified(self, spec: TrialSpec, message: str) -> None:
        """Nothing: trackers show numbers."""

    def close(self, patience: float = PATIENCE) -> None:
        """End all trackers within these seconds."""
        end = time.monotonic() + patience
        for feed in self._feeds:
            feed.close(max(0.0, end - time.monotonic()))

    def _trial(self, spec: TrialSpec) -> TrackedTrial:
        if spec.name not in self._trials:
            group = self._groups.get(spec.name, spec.name)
            self._trials[spec.name] = tracked(spec, group, self._project)
        return self._trials[spec.name]


@contextmanager
def tracking(
    trackers: Sequence[Tracker], agenda: Agenda, report: Callable[[str], object], halt: Halt
) -> Iterator[list[Watch]]:
    """The watch of these trackers, or none without trackers. At the end it waits for their last calls."""
    if not trackers:
        yield []
        return
    plan = agenda.whole
    groups = {unit.trial_name(*trial): unit.name for unit in plan.units for trial in plan.trials(unit)}
    watch = TrackerWatch(trackers, agenda.plan.space.file_name, groups, report)
    try:
        yield [watch]
    finally:
        watch.close(PATIENCE_OF_STOP if halt.requested else PATIENCE)
