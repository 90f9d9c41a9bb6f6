"""How fast a plan goes: tokens a second of a worker, given or measured in a finished run, and how many workers."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from statistics import median

from sweeper.errors import UserError, unknown
from sweeper.records.record import TrainingRecord
from sweeper.run.run import Run
from sweeper.space import Model

FORWARD = 3
"""How much faster than training evaluation is taken to be: a step is a forward pass and a backward one of twice its
work."""
EVERY = ""
"""Stands for every model that is not named."""


@dataclass(frozen=True, kw_only=True)
class Pace:
    """What a plan is timed with."""

    workers: int = 2
    given: Mapping[str, float] = field(default_factory=dict)
    """Model or EVERY -> training tokens a second of one worker, where none is measured."""
    measured_in: str = ""
    """A run folder whose trainings say how fast each model is."""

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise UserError(f"A plan needs workers >= 1, got {self.workers}.")
        for throughput in self.given.values():
            if not (isfinite(throughput) and throughput > 0):
                raise UserError(f"A plan needs a finite throughput > 0, got {throughput:g}.")


@dataclass(frozen=True, kw_only=True)
class Speed:
    """Training tokens a second of one worker with one model."""

    throughput: float
    source: str
    """Where the number is from, for people."""


def given_paces(texts: Iterable[str]) -> dict[str, float]:
    """`--throughput` as it is written, `3000` for every model and `xlmr-large=3000` for one, as `Pace` has it."""
    found = {}
    for text in texts:
        name, equals, number = (part.strip() for part in text.rpartition("="))
        if equals and not name:
            raise UserError(f"--throughput names a model before '=', as in MODEL=3000, got {text!r}.")
        try:
            found[name] = float(number)
        except ValueError as error:
            raise UserError(
                f"--throughput takes tokens a second, for every model (3000) or for one (MODEL=3000), got {text!r}."
            ) from error
    return found


def speeds(models: tuple[Model, ...], pace: Pace) -> dict[str, Speed]:
    """Model -> its speed: the median over its trainings in the measured run, else what was given; absent without both.

    Counts the seconds in which a worker trained or waited for data, of trainings that ran without a break: the record
    of a resumed one has the tokens of all attempts and the seconds of the last. Raises UserError if the folder is no
    run's, or a pace is given to a model that is none of these.
    """
    names = [model.name for model in models]
    for name in pace.given:
        if name not in (EVERY, *names):
            raise unknown("model", name, names)
    measured = _measured_speeds(models, pace.measured_in) if pace.measured_in else {}
    found = {name: measured.get(name) or _given(name, pace) for name in names}
    return {name: speed for name, speed in found.items() if speed is not None}


def _given(name: str, pace: Pace) -> Speed | None:
    throughput = pace.given.get(name, pace.given.get(EVERY))
    if throughput is None:
        return None
    why = f": {unmeasured(pace.measured_in)}" if pace.measured_in else ""
    return Speed(throughput=throughput, source=f"given{why}")


def unmeasured(run: str) -> str:
    """Why a run says nothing about a model."""
    return f"{run} has no unbroken training of it"


def _measured_speeds(models: tuple[Model, ...], run: str) -> dict[str, Speed]:
    run_folder = Run.open(run)
    written = {model.name: model.id for model in run_folder.space.models}
    by_id = defaultdict(list)
    for record in run_folder.ledger.trainings().values():
        by_id[_model_id(record, written)].append(record)
    found = {model.name: _measured(by_id[model.id], run) for model in models}
    return {name: speed for name, speed in found.items() if speed is not None}


def _model_id(record: TrainingRecord, written: Mapping[str, str]) -> str:
    """The id as the run's space writes it: a record holds where a folder was found, which differs between machines."""
    return written.get(record.spec.model.name, record.spec.model.id)


def _measured(records: Sequence[TrainingRecord], run: str) -> Speed | None:
    unbroken = [record for record in records if "resumed_at" not in record.machine]
    found = [record.tokens / seconds for record in unbroken if record.tokens and (seconds := _seconds(record)) > 0]
    if not found:
        return None
    return Speed(throughput=median(found), source=f"median of {len(found)} trainings in {run}")


def _seconds(record: TrainingRecord) -> float:
    return record.timing.get("train", 0.0) + record.timing.get("wait", 0.0)
