"""Weights & Biases: a run for each trial, grouped by cell. The argument is the entity (user or team)."""

import netrc
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import wandb

from sweeper.tuning.trackers.interface import TrackedTrial, TrackerSettings

NETRC = ("~/.netrc", "~/_netrc")


class WandbTracker:
    """Logs to W&B. Without a key the mode is `offline`, unless WANDB_MODE names another one."""

    def __init__(self, settings: TrackerSettings) -> None:
        self._entity = settings.argument or None
        self._folder = Path(os.environ.get("WANDB_DIR", settings.folder))
        self._mode: Any = os.environ.get("WANDB_MODE") or ("online" if _has_key() else "offline")
        self._runs: dict[str, Any] = {}

    def start(self, trial: TrackedTrial) -> int:
        """Start the run of the trial, or continue it: the key of the trial is the id of the run."""
        self._folder.mkdir(parents=True, exist_ok=True)
        run = wandb.init(
            project=trial.project,
            entity=self._entity,
            group=trial.group,
            name=trial.name,
            id=trial.key,
            config=dict(trial.config),
            dir=str(self._folder),
            mode=self._mode,
            resume="allow",
            reinit="create_new",  # several trials run at the same time
            settings=wandb.Settings(console="off", silent=True, init_timeout=30),
        )
        self._runs[trial.key] = run
        return int(run.step or 0)

    def log(self, trial: TrackedTrial, step: int, values: Mapping[str, float]) -> None:
        """Log values of curves."""
        self._runs[trial.key].log(dict(values), step=step)

    def finish(self, trial: TrackedTrial, state: str, scores: Mapping[str, float]) -> None:
        """Write the scores to the summary, and end the run."""
        run = self._runs.pop(trial.key)
        run.summary.update({**scores, "state": state})
        run.finish(exit_code=0 if state == "done" else 1)

    def close(self) -> None:
        """End the runs of trials that have not ended."""
        for run in self._runs.values():
            run.finish(exit_code=1)
        self._runs.clear()


def _has_key() -> bool:
    """Whether a key of W&B is configured, in the environment or by `wandb login`."""
    if os.environ.get("WANDB_API_KEY"):
        return True
    for name in (os.environ.get("NETRC", ""), *NETRC):
        with suppress(OSError, netrc.NetrcParseError):
            if name and any("wandb" in host for host in netrc.netrc(Path(name).expanduser()).hosts):
                return True
    return False
