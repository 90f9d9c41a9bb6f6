"""Reports the progress of a trial: values from the training loop, files that a thread writes."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from sweeper.records.progress import Phase, TrialProgress
from sweeper.records.spec import StageSpec
from sweeper.run.progress import ProgressFolder
from sweeper.training.progress import Progress

LOCAL_INTERVAL, REMOTE_INTERVAL = 1.0, 15.0
"""Seconds between two writings of a progress file in a local folder and in a remote store."""
LONGEST_WAIT = 5.0
"""Seconds that the end of a trial waits for the removal of its progress file."""


@dataclass
class Reporter:
    """The latest progress of one trial. Updates only change values in memory."""

    latest: TrialProgress = field(default_factory=lambda: TrialProgress(key="", name=""))
    _began: float = field(default_factory=time.monotonic)
    _trained: tuple[float, int, int] = (0.0, 0, 0)
    """Time, step and tokens at which the training started or was resumed in this process."""
    _last_step: int = 0
    """The step after which the training ends. A trial of a rung ends before its last planned step."""
    problem: str = ""
    """A message, if the progress could not be written."""

    def use(self, device: str) -> None:
        """Report the device of the trial."""
        self._update(device=device)

    def enter(self, phase: Phase, detail: str = "") -> None:
        """Report that another phase begins, or that its object has changed."""
        self._update(phase=phase, detail=detail)

    def begin(self, stage: StageSpec) -> None:
        """Report the stage whose training is prepared, without the values of an earlier stage."""
        latest = self.latest
        tasks = "+".join(data.task for data in stage.data)
        kept = {name: getattr(latest, name) for name in ("key", "name", "host", "pid", "device")}
        self.latest = TrialProgress(**kept, stage=tasks)
        self.enter("load")

    def start(self, progress: Progress, last_step: int) -> None:
        """Report that the steps of a training start, or continue after a checkpoint; it ends after `last_step`."""
        self._trained = (time.monotonic(), progress.step, progress.tokens)
        self._last_step = last_step
        self.enter("train")
        self._update(step=progress.step, planned_steps=progress.planned_steps, tokens=progress.tokens)

    def step(self, progress: Progress, learning_rate: float) -> None:
        """Report a finished step. Needs no value of the GPU."""
        began, first_step, first_tokens = self._trained
        seconds = max(time.monotonic() - began, 1e-9)
        self._update(
            step=progress.step,
            learning_rate=learning_rate,
            tokens=progress.tokens,
            tokens_per_second=(progress.tokens - first_tokens) / seconds,
            seconds_left=(self._last_step - progress.step) * seconds / (progress.step - first_step),
        )

    def losses(self, loss: float, gradient_norm: float) -> None:
        """Report the loss and the gradient norm of the last step, once they have been read."""
        self._update(loss=loss, gradient_norm=gradient_norm)

    def value(self, value: float) -> None:
        """Report a selection value."""
        self._update(value=value)

    def now(self) -> TrialProgress:
        """The progress with the times of this moment."""
        return replace(self.latest, seconds=time.monotonic() - self._began, written=time.time())

    def _update(self, **changes: Any) -> None:
        self.latest = replace(self.latest, **changes)


@contextmanager
def reporting(key: str, name: str, folder: ProgressFolder, interval: float | None = None) -> Iterator[Reporter]:
    """A reporter whose progress a thread writes to the folder, at once and then every `interval` seconds.

    The file is removed at the end. The training never waits for a file, and does not depend on one: the first failure
    becomes the `problem` of the reporter.
    """
    reporter = Reporter(TrialProgress(key=key, name=name, host=os.uname().nodename, pid=os.getpid()))
    ended = threading.Event()
    interval = interval or (LOCAL_INTERVAL if folder.is_local else REMOTE_INTERVAL)
    thread = threading.Thread(target=_write_until, args=(ended, reporter, folder, interval), daemon=True)
    thread.start()
    try:
        yield reporter
    finally:
        ended.set()
        # A store that cannot be reached must not keep the worker from its next trial.
        thread.join(LONGEST_WAIT)


def _write_until(ended: threading.Event, reporter: Reporter, folder: ProgressFolder, interval: float) -> None:
    """Write the progress until the trial has ended, then remove its file."""
    while not ended.is_set():
        _attempt(lambda: folder.write(reporter.now()), reporter)
        ended.wait(interval)
    _attempt(lambda: folder.remove(reporter.latest.key), reporter)


def _attempt(action: Callable[[], None], reporter: Reporter) -> None:
    try:
        action()
    except Exception as error:  # noqa: BLE001  whatever happens to a file that only displays read, the trial continues
        reporter.problem = reporter.problem or f"Displays cannot show the progress of trials: {error}."
