"""Trackio: a project for the space, a run for each trial, grouped by cell. The argument is a folder."""

import contextlib
import contextvars
import io
import os
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

from sweeper.tuning.trackers.interface import TrackedTrial, TrackerSettings


class TrackioTracker:
    """Logs to Trackio's local folder, or to the Space or server that its environment variables name."""

    def __init__(self, settings: TrackerSettings) -> None:
        if settings.argument:
            # Trackio reads it when it is imported.
            os.environ["TRACKIO_DIR"] = str(Path(settings.argument).expanduser().resolve())
        import trackio  # noqa: PLC0415

        self._trackio = trackio
        self._runs: dict[str, Any] = {}
        self._steps: dict[str, int] = {}

    def start(self, trial: TrackedTrial) -> int:
        """Start the run of the trial, or continue the one with its name. Returns its last step."""
        with _quiet():
            # `init` ends the current run of its context, but several trials run at the same time.
            run = contextvars.Context().run(
                self._trackio.init,
                project=trial.project,
                name=trial.name,
                group=trial.group,
                config={**trial.config, "key": trial.key},
                resume="allow",
                embed=False,
                auto_log_gpu=False,
                auto_log_cpu=False,
            )
        self._runs[trial.key] = run
        self._steps[trial.key] = max(0, int(getattr(run, "_next_step", 0)) - 1)
        return self._steps[trial.key]

    def log(self, trial: TrackedTrial, step: int, values: Mapping[str, float]) -> None:
        """Log values of curves."""
        self._steps[trial.key] = step
        self._runs[trial.key].log(dict(values), step=step)

    def finish(self, trial: TrackedTrial, state: str, scores: Mapping[str, float]) -> None:
        """Log the scores at the last step, and end the run."""
        run = self._runs.pop(trial.key)
        run.log({**scores, "state": state}, step=self._steps.pop(trial.key))
        with _quiet():
            run.finish()

    def close(self) -> None:
        """End the runs of trials that have not ended."""
        with _quiet():
            for run in self._runs.values():
                run.finish()
        self._runs.clear()


class _Quiet(io.TextIOBase):
    """A stream that drops what one thread prints. Other threads, such as that of the display, are not affected."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._thread = threading.get_ident()

    def write(self, text: str) -> int:
        """Write the text, unless the silenced thread prints it."""
        return len(text) if threading.get_ident() == self._thread else self._stream.write(text)

    def flush(self) -> None:
        """Flush the stream."""
        self._stream.flush()

    def isatty(self) -> bool:
        """Whether the stream is a terminal."""
        return self._stream.isatty()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Drop Trackio's messages, which would damage the display of the sweep."""
    with contextlib.redirect_stdout(_Quiet(sys.stdout)):
        yield
