"""TensorBoard: event files in DIR/CELL/TRIAL. The argument is DIR."""

import json
from collections.abc import Mapping
from pathlib import Path

from tensorboardX import SummaryWriter

from sweeper.tuning.trackers.interface import TrackedTrial, TrackerSettings


class TensorBoardTracker:
    """Writes one folder for each trial, below the folder of its cell."""

    def __init__(self, settings: TrackerSettings) -> None:
        self._folder = Path(settings.argument or settings.folder)
        self._writers: dict[str, SummaryWriter] = {}
        self._steps: dict[str, int] = {}

    def start(self, trial: TrackedTrial) -> int:
        """Nothing is written before the first value, because its step decides which older values are replaced."""
        self._steps[trial.key] = 0
        return 0

    def log(self, trial: TrackedTrial, step: int, values: Mapping[str, float]) -> None:
        """Write values of curves."""
        self._steps[trial.key] = step
        writer = self._writer(trial, step)
        for name, value in values.items():
            writer.add_scalar(name, value, step)

    def finish(self, trial: TrackedTrial, state: str, scores: Mapping[str, float]) -> None:
        """Write the scores at the last step, and close the file."""
        step = self._steps.pop(trial.key, 0)
        if scores:
            writer = self._writer(trial, step)
            for name, value in scores.items():
                writer.add_scalar(name, value, step)
            writer.add_text("state", state, step)
        if writer := self._writers.pop(trial.key, None):
            writer.close()

    def close(self) -> None:
        """Close the files of trials that have not ended."""
        for writer in self._writers.values():
            writer.close()
        self._writers.clear()

    def _writer(self, trial: TrackedTrial, step: int) -> SummaryWriter:
        if trial.key not in self._writers:
            folder = self._folder / trial.name  # the name of a trial begins with that of its cell and a slash
            # A resumed trial repeats the steps since its last checkpoint: TensorBoard then shows the new values only.
            purge = step if any(folder.glob("events.*")) else None
            writer = SummaryWriter(str(folder), purge_step=purge)
            if purge is None:
                writer.add_text("config", f"```\n{json.dumps(dict(trial.config), indent=1)}\n```", 0)
            self._writers[trial.key] = writer
        return self._writers[trial.key]
