"""Everything that a run folder has about one trial: settings, curves, scores, times, log and traceback."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

from sweeper.files.serialize import plain
from sweeper.plan.find import FoundTrial, find_trial
from sweeper.records.record import ScoreRecord, TrainingRecord
from sweeper.run.run import Run
from sweeper.space.dials import learning_rate_at

TrialState = Literal["done", "failed", "running", "lost", "waiting"]


@dataclass(frozen=True, kw_only=True)
class Curve:
    """A value of a training at several steps."""

    steps: tuple[int, ...]
    values: tuple[float | None, ...]
    """None where the value was not finite."""


@dataclass(frozen=True, kw_only=True)
class TrialView:
    """One trial of a run folder."""

    trial: FoundTrial
    state: TrialState
    curves: dict[str, Curve]
    """`loss`, `learning rate`, `gradient norm` and `selection`: those that the record has."""
    scores: tuple[ScoreRecord, ...]
    log_path: str
    log: str
    """"" if there is none."""
    traceback: str
    """Of the last attempt that ended without a record; "" if there is none."""
    damaged: tuple[str, ...]
    """A message about each record of the run that cannot be read. One of them can be that of this trial."""
    run: str
    """The path or URL of the run folder."""

    def as_json(self) -> dict[str, Any]:
        """The value that `sweeper trial --json` prints."""
        return {
            "name": self.trial.name,
            "key": self.trial.key,
            "state": self.state,
            "record": plain(self.trial.record) if self.trial.record else None,
            "progress": plain(self.trial.progress) if self.trial.progress else None,
            "curves": {name: plain(curve) for name, curve in self.curves.items()},
            "scores": [plain(score) for score in self.scores],
            "log_path": self.log_path,
            "log": self.log,
            "traceback": self.traceback,
            "damaged": list(self.damaged),
        }


def view_trial(run: Run, text: str) -> TrialView:
    """The trial with this name or key. Raises UserError if there is none, or several."""
    damaged: list[str] = []
    trial, scores = find_trial(run, text, damaged), run.ledger.scores(damaged)
    record, key = trial.record, trial.key
    return TrialView(
        trial=trial,
        state=_state(trial),
        curves=training_curves(record) if record else {},
        scores=tuple(score for score in scores.values() if score.training == key),
        log_path=run.logs.path(key),
        log=run.logs.read(key) if key else "",
        traceback=run.ledger.traceback(key) if key else "",
        damaged=tuple(damaged),
        run=run.url,
    )


def _state(trial: FoundTrial) -> TrialState:
    if trial.progress is not None:
        return "running"
    if trial.record is not None:
        return trial.record.state
    return "lost" if trial.key else "waiting"


def training_curves(record: TrainingRecord) -> dict[str, Curve]:
    """The curves of a training. Loss and gradient norm are means over ranges of steps, which end at the given steps."""
    if not record.steps or not record.spec.chain:
        return {}
    training = record.spec.chain[-1].training
    steps = _range_ends(record.steps, len(record.loss))
    rates = tuple(learning_rate_at(training, step - 1, record.planned_steps) for step in steps)
    curves = {"loss": Curve(steps=steps, values=record.loss), "learning rate": Curve(steps=steps, values=rates)}
    if record.gradient_norm:
        curves["gradient norm"] = Curve(steps=steps, values=record.gradient_norm)
    if record.evaluations:
        every = range(1, len(record.evaluations) + 1)
        ends = tuple(min(number * training.evaluate_every, record.steps) for number in every)
        curves["selection"] = Curve(steps=ends, values=record.evaluations)
    return curves


def _range_ends(num_steps: int, num_points: int) -> tuple[int, ...]:
    """The last steps of equal ranges, as `training/progress.py` divides the steps."""
    edges = [round(number * num_steps / num_points) for number in range(num_points + 1)] if num_points else []
    return tuple(end for _, end in pairwise(edges))
