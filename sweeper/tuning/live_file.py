"""Writes the state of a running sweep to the run folder, for the dashboard."""

import os
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from sweeper import __version__
from sweeper.plan.units import trial_kind
from sweeper.records.live import LiveMessage, LiveState, LiveTrial, SweepState, Waiting
from sweeper.records.progress import TrialProgress
from sweeper.records.record import TrialResult
from sweeper.records.spec import TrialSpec
from sweeper.run.live import LiveFile
from sweeper.tuning.agenda import Agenda
from sweeper.tuning.halt import Halt
from sweeper.tuning.progress import Progress
from sweeper.tuning.slots import Slot
from sweeper.tuning.watch import Watch

LOCAL_INTERVAL, REMOTE_INTERVAL = 5.0, 15.0
"""Seconds between two states in a local folder and in a remote store."""
PATIENCE, PATIENCE_OF_STOP = 10.0, 2.0
"""Seconds that the end of a sweep waits for the last state to be written, and the same after a stop request."""
NUM_MESSAGES = 50
"""Number of lost trials, and of messages, that a state contains."""


class Writer:
    """Writes the latest state in a thread, so that a slow store does not hold up the sweep."""

    def __init__(self, file: LiveFile, report: Callable[[str], object]) -> None:
        self._file = file
        self._report = report
        self._latest: LiveState | None = None
        self._changed, self._ended = threading.Event(), threading.Event()
        self._reported = False
        self._thread = threading.Thread(target=self._work, name="state of the sweep", daemon=True)
        self._thread.start()

    def put(self, state: LiveState) -> None:
        """Have a state written. It replaces an earlier one that has not been written yet."""
        self._latest = state
        self._changed.set()

    def close(self, state: LiveState, patience: float) -> None:
        """Have the last state written, and wait for that at most `patience` seconds."""
        self._ended.set()
        self.put(state)
        self._thread.join(patience)

    def _work(self) -> None:
        ended = False
        while not ended:
            self._changed.wait()
            # Cleared first: a state that is put from here on wakes the thread again, and the last one ends it.
            self._changed.clear()
            ended = self._ended.is_set()
            self._write(self._latest)

    def _write(self, state: LiveState | None) -> None:
        try:
            if state is not None:
                self._file.write(state)
        except Exception as error:  # noqa: BLE001  the sweep does not depend on a file that only displays read
            if not self._reported:
                self._reported = True
                self._report(f"The dashboard cannot show the running trials: {type(error).__name__}: {error}")


class LiveFileWatch(Watch):
    """Gives a state to the writer after events, at most one per interval."""

    subject = "The update of live.json"

    def __init__(self, progress: Progress, writer: Writer, interval: float) -> None:
        self._progress = progress
        self._writer = writer
        self._interval = interval
        self._due = 0.0
        self._started = _now()
        self._specs: dict[str, TrialSpec] = {}
        """Name of a running trial -> its spec."""
        self._lost: deque[LiveMessage] = deque(maxlen=NUM_MESSAGES)
        self._notices: deque[LiveMessage] = deque(maxlen=NUM_MESSAGES)
        self._update()

    def started(self, spec: TrialSpec) -> None:
        """Add the trial."""
        self._specs[spec.name] = spec
        self._progress.start_trial(spec)
        self._update()

    def progressed(self, spec: TrialSpec, progress: TrialProgress) -> None:
        """Remember the progress."""
        self._progress.inside[spec.name] = progress
        self._update()

    def finished(self, spec: TrialSpec, result: TrialResult) -> None:
        """Remove the trial."""
        self._specs.pop(spec.name, None)
        self._progress.end_trial(spec, result)
        self._update()

    def lost(self, spec: TrialSpec, reason: str) -> None:
        """Remove the trial, and keep the reason."""
        self._specs.pop(spec.name, None)
        self._progress.drop_trial(spec)
        self._lost.append(LiveMessage(name=spec.name, time=_text(_now()), text=reason))
        self._update()

    def notified(self, spec: TrialSpec, message: str) -> None:
        """Keep the message."""
        self._notices.append(LiveMessage(name=spec.name, time=_text(_now()), text=message))
        self._update()

    def state(self, state: SweepState) -> LiveState:
        """The sweep at this moment. Only running sweeps have running trials."""
        progress, now = self._progress, _now()
        return LiveState(
            written=_text(now),
            started=_text(self._started),
            state=state,
            host=os.uname().nodename,
            pid=os.getpid(),
            version=__version__,
            counts=progress.counts(),
            failed=sum(record.state == "failed" for record in progress.agenda.done.values()),
            running=tuple(self._running(now)) if state == "running" else (),
            queue=queue(progress.agenda, set(self._specs)),
            lost=tuple(self._lost),
            notices=tuple(self._notices),
            seconds_left=progress.seconds_left() if state == "running" else None,
            seconds_left_basis=_basis(progress),
        )

    def _running(self, now: datetime) -> Iterator[LiveTrial]:
        for name, spec in self._specs.items():
            seconds = time.monotonic() - self._progress.running.get(name, time.monotonic())
            yield live_trial(spec, now - timedelta(seconds=seconds), self._progress.inside.get(name))

    def _update(self) -> None:
        if time.monotonic() >= self._due:
            self._writer.put(self.state("running"))
            # Set after the state: if it takes long, as with very many trials, the sweep still has most of its time.
            self._due = time.monotonic() + self._interval


@contextmanager
def live_file(agenda: Agenda, file: LiveFile, report: Callable[[str], object], halt: Halt) -> Iterator[Watch]:
    """A watch that keeps `live.json` up to date until the block ends. The last state is `ended` or `stopped`."""
    writer = Writer(file, report)
    watch = LiveFileWatch(Progress(agenda), writer, LOCAL_INTERVAL if file.is_local else REMOTE_INTERVAL)
    state: SweepState = "stopped"
    try:
        yield watch
        state = "stopped" if halt.requested else "ended"
    finally:
        writer.close(watch.state(state), PATIENCE_OF_STOP if halt.requested else PATIENCE)


def live_trial(spec: TrialSpec, since: datetime, progress: TrialProgress | None) -> LiveTrial:
    """A running trial; `progress` is None before its worker has written any."""
    inside = progress or TrialProgress(key=spec.key, name=spec.name)
    return LiveTrial(
        name=spec.name,
        key=spec.key,
        kind=trial_kind(spec.kind, spec.role),
        model=spec.model.name,
        recipe=spec.recipe,
        target=spec.task if spec.kind == "target" else "",
        seed=spec.seed,
        since=_text(since),
        host=inside.host,
        device=inside.device,
        phase=inside.phase if progress else "",
        stage=inside.stage,
        step=inside.step,
        steps=inside.planned_steps,
        loss=inside.loss,
        tokens_per_second=inside.tokens_per_second,
        seconds_left=inside.seconds_left,
    )


def queue(agenda: Agenda, running: set[str]) -> dict[str, Waiting]:
    """Kind of trial -> the numbers of its trials that have not started. `running` has the names of running trials."""
    ready, counts = set(agenda.ready), Counter[tuple[str, str]]()
    for slot in agenda.slots:
        if slot in agenda.done or slot in agenda.lost or agenda.name(slot) in running:
            continue
        reason = "blocked" if slot in agenda.blocked else "ready" if _can_start(slot, ready, agenda) else "waiting"
        counts[trial_kind(agenda.unit(slot).kind, slot.role), reason] += 1
    return {
        kind: Waiting(**{reason: counts[kind, reason] for reason in ("ready", "waiting", "blocked")})
        for kind in dict.fromkeys(kind for kind, _ in counts)
    }


def _can_start(slot: Slot, ready: set[Slot], agenda: Agenda) -> bool:
    # A trial that was handed to Tune and has no worker yet is no longer in the heap of ready slots.
    return slot in ready or agenda.name(slot) in agenda.running


def _basis(progress: Progress) -> str:
    num = len(progress.remaining.ended)
    if not num:
        return "the speed of the running trainings; no trial of this sweep has ended yet"
    trials = "trial that has" if num == 1 else "trials that have"
    return (
        f"the tokens of the trials left, the durations of the {num} {trials} ended in this sweep, and the progress of "
        f"the running ones, {progress.most_running} at a time"
    )


def _now() -> datetime:
    return datetime.now(UTC)


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
