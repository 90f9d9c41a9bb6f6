"""How fast a plan goes: tokens a second of a worker, given or measured in a finished run, and how many workers."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from sweeper.errors import UserError
from sweeper.folder import Folder
from sweeper.ledger import Ledger
from sweeper.records import TrainingRecord
from sweeper.space import Model
from sweeper.spaces import read_space

FORWARD = 3
"""How much faster than training evaluation is taken to be: a step is a forward pass and a backward one of twice its
work."""


@dataclass(frozen=True, kw_only=True)
class Pace:
    """What a plan is timed with."""

    workers: int = 2
    throughput: float = 3000.0
    """Training tokens a second of one worker, where none is measured."""
    measured_in: str = ""
    """A run folder whose trainings say how fast each model is."""

    def __post_init__(self) -> None:
        if self.workers < 1 or self.throughput <= 0:
            raise UserError(f"A plan needs workers >= 1 and throughput > 0, got {self.workers} and {self.throughput}.")


@dataclass(frozen=True, kw_only=True)
class Speed:
    """Training tokens a second of one worker with one model."""

    throughput: float
    source: str
    """Where the number is from, for people."""


def speeds(models: tuple[Model, ...], pace: Pace) -> dict[str, Speed]:
    """Model -> its speed: the median over its trainings in the measured run, else what was given.

    Counts the seconds in which a worker trained or waited for data, of trainings that ran without a break: the record
    of a resumed one has the tokens of all attempts and the seconds of the last. Raises UserError if the folder is no
    run's.
    """
    given = Speed(throughput=pace.throughput, source="given")
    if not pace.measured_in:
        return {model.name: given for model in models}
    folder = Folder(pace.measured_in)
    written = {model.name: model.id for model in read_space(folder).models}  # says so if it is no run folder
    by_id = defaultdict(list)
    for record in Ledger.at(folder.child("ledger").url).trainings().values():
        by_id[_model_id(record, written)].append(record)
    return {model.name: _measured(by_id[model.id], pace) or _unmeasured(given, pace) for model in models}


def _model_id(record: TrainingRecord, written: Mapping[str, str]) -> str:
    """The id as the run's space writes it: a record holds where a folder was found, which differs between machines."""
    return written.get(record.spec.model.name, record.spec.model.id)


def _unmeasured(given: Speed, pace: Pace) -> Speed:
    return Speed(throughput=given.throughput, source=f"given: {pace.measured_in} has no unbroken training of it")


def _measured(records: Sequence[TrainingRecord], pace: Pace) -> Speed | None:
    unbroken = [record for record in records if "resumed_at" not in record.machine]
    found = [record.tokens / seconds for record in unbroken if record.tokens and (seconds := _seconds(record)) > 0]
    if not found:
        return None
    return Speed(throughput=median(found), source=f"median of {len(found)} trainings in {pace.measured_in}")


def _seconds(record: TrainingRecord) -> float:
    return record.timing.get("train", 0.0) + record.timing.get("wait", 0.0)
