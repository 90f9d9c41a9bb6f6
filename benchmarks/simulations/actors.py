"""Actors of simulated trials, which load no torch, and a sweep of trials that do nothing: the floor of Tune."""

import os
import time
from pathlib import Path
from typing import Any

from ray import tune
from ray.tune.search import Searcher

from benchmarks.simulations.trials import SimulatedLedger
from sweeper.run.ledger import Ledger
from sweeper.space import Resources
from sweeper.tuning.connect import connected
from sweeper.tuning.halt import Halt
from sweeper.tuning.options import Workers
from sweeper.tuning.packed import unpack

SLEEP = "SWEEPER_SIMULATED_SECONDS"
"""Environment variable with the seconds of a simulated trial."""


def sleep_variable(seconds: float) -> dict[str, str]:
    """The environment of workers whose trials take these seconds."""
    return {SLEEP: str(seconds)}


class IdleActor(tune.Trainable):
    """Waits for each trial, and is reused as the actors of a sweep are."""

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Nothing."""
        return True

    def step(self) -> dict[str, Any]:
        """Wait."""
        time.sleep(float(os.environ[SLEEP]))
        return {"done": True}

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Nothing."""

    def load_checkpoint(self, checkpoint: Any) -> None:
        """Nothing."""


class SimulatedActor(IdleActor):
    """Waits, and writes records like those of a real trial."""

    def setup(self, config: dict[str, Any], site: dict[str, Any] | None = None, **others: Any) -> None:
        """Open the ledger."""
        self._ledger = SimulatedLedger(Ledger.at((site or {})["ledger"]))
        self._spec = unpack(config["spec"])

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Receive the next spec."""
        self._spec = unpack(new_config["spec"])
        return True

    def step(self) -> dict[str, Any]:
        """Wait, and write the records."""
        super().step()
        self._ledger.write(self._spec)
        return {"done": True, "messages": []}


class Counter(Searcher):
    """Suggests a number of trials without content."""

    def __init__(self, num: int, slots: int) -> None:
        super().__init__(metric="done", mode="max")
        self._left, self._slots = num, slots
        self._running: set[str] = set()

    def suggest(self, trial_id: str) -> Any:
        """An empty config."""
        if not self._left:
            return Searcher.FINISHED
        if len(self._running) >= self._slots:
            return None
        self._left -= 1
        self._running.add(trial_id)
        return {"number": self._left}

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None:
        """Free the slot."""
        self._running.discard(trial_id)

    def save(self, checkpoint_path: str) -> None:
        """Nothing."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing."""


def run_counter(num: int, workers: Workers, largest: Resources, scratch: Path) -> None:
    """Run trials that do nothing, with the settings of a sweep."""
    with connected(workers, largest, Halt()):
        tune.Tuner(
            IdleActor,
            tune_config=tune.TuneConfig(search_alg=Counter(num, workers.num or 1), num_samples=-1, reuse_actors=True),
            run_config=tune.RunConfig(name="floor", storage_path=str(scratch), verbose=0),
        ).fit()
