"""Finds a trial of a run by its name, by its name without the model, or by the first digits of its key."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from sweeper.errors import UserError
from sweeper.plan.units import Plan, make_plan
from sweeper.records.progress import TrialProgress
from sweeper.records.record import TrainingRecord
from sweeper.run.run import Run


@dataclass(frozen=True, kw_only=True)
class FoundTrial:
    """A trial that a user has named, with its record and its progress if the run folder has them."""

    name: str
    """"" for a trial that left only a traceback."""
    key: str
    """"" for a trial that has not started."""
    record: TrainingRecord | None = None
    progress: TrialProgress | None = None
    """None unless the trial is running."""


def find_trial(run: Run, text: str, damaged: list[str] | None = None) -> FoundTrial:
    """The trial with this name or key. Raises UserError with the nearest name if there is none, or several.

    Damaged records are left out. A list `damaged` receives a message about each.
    """
    plan, damaged = make_plan(run.space), [] if damaged is None else damaged
    trials = _trials(run, damaged)
    by_name = {trial.name: trial for trial in trials.values() if trial.name}
    short_names = dict(_short_names(plan))
    cells = _cell_names(plan)
    full_names = [text, *(f"{model.name}/{text}" for model in plan.space.models)]
    names = [cells.get(name, name) for name in full_names if name in by_name or name in short_names or name in cells]
    if len(names) > 1:
        raise UserError(f"{text!r} is a trial of several models. Write one of: {', '.join(names)}.")
    if names:
        name = _trained_name(plan, names[0])
        return by_name.get(name) or FoundTrial(name=name, key="")
    keys = [key for key in trials if text and key.startswith(text)]
    if len(keys) > 1:
        raise UserError(f"{len(keys)} trials have a key that begins with {text!r}. Write more digits of it.")
    if keys:
        return trials[keys[0]]
    raise _unknown(run, text, [*short_names.values(), *short_names, *by_name, *cells], damaged)


def left_out(messages: Sequence[str], run: str) -> str:
    """A sentence about the damaged records of a run folder, with a remedy; "" if there are none."""
    if not messages:
        return ""
    return f"Left out: {' '.join(messages)} `sweeper run {run}` renames damaged records and repeats their trials."


def _trials(run: Run, damaged: list[str]) -> dict[str, FoundTrial]:
    """Key -> every trial that has a readable record, a progress file or a traceback."""
    trials = {key: FoundTrial(name="", key=key) for key in run.ledger.attempts()}
    trials |= {p.key: FoundTrial(name=p.name, key=p.key, progress=p) for p in run.progress.read_all()}
    for key, record in run.ledger.trainings(damaged).items():
        # The training record of a scoring is that of its encoder, so a trial with a record can be running.
        running = trials[key].progress if key in trials else None
        trials[key] = FoundTrial(name=record.spec.name, key=key, record=record, progress=running)
    return trials


def _short_names(plan: Plan) -> Iterator[tuple[str, str]]:
    """The name of each trial of a plan, and its name without the model."""
    for unit in plan.units:
        for role, number in plan.trials(unit):
            name = unit.trial_name(role, number)
            yield name, name[len(unit.model.name) + 1 :]


def _cell_names(plan: Plan) -> dict[str, str]:
    """The name of a trial by a cell of the matrix -> its name in the plan: XNLI is scored by a training on MNLI."""
    return {
        cell: unit.trial_name(role, number)
        for unit in plan.units
        for role, number in plan.trials(unit)
        for cell in unit.cell_names(role, number)
    }


def _trained_name(plan: Plan, name: str) -> str:
    """The trial whose record has the scores of a trial: for the scoring of a prepared encoder, its preparation."""
    for unit in plan.units:
        if unit.kind == "score" and unit.parent:
            for seed in plan.seeds(unit):
                if unit.replicate_name(seed) == name:
                    return plan.unit(unit.parent).replicate_name(seed)
    return name


def _unknown(run: Run, text: str, names: list[str], damaged: list[str]) -> UserError:
    near = get_close_matches(text, names, n=1, cutoff=0.5)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    example = f" such as {names[0]!r}" if names else ""
    return UserError(
        f"No trial of {run.url} is called {text!r}, and no key begins with it.{hint} A trial has a name{example}, "
        f"with or without the model, and a key. {left_out(damaged, run.url)}".rstrip()
    )
