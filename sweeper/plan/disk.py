"""The space that a run needs on a disk or in a bucket, from the sizes of encoders and of typical records."""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from sweeper.data.source import Sources
from sweeper.plan.encoders import StoredEncoders
from sweeper.plan.tokens import data_tokens, evaluation_size
from sweeper.plan.units import Plan, PlannedTrial, Unit
from sweeper.plan.weights import encoder_bytes
from sweeper.space import Target

TRAINING_RECORD, SCORE_RECORD, LOG = 11_000, 1_000, 4_000
"""Bytes of the records and of the log of a trial. Measured in runs of the synthetic world, as all numbers here."""
OUTCOME_FILE, OUTCOME = 5_000, 12
"""Bytes of a file of outcomes without examples, and of each example."""
TOKEN = 15
"""Bytes of each token of tokenised data, with its text. In real text they were 11 to 16."""
OPTIMIZER = 2
"""Moments that the optimiser has for each weight."""
DRAFTS = 2
"""Files of a checkpoint while it is replaced: the last one, and the next one."""


@dataclass(frozen=True, kw_only=True)
class Disk:
    """Bytes of the parts of a run folder, at most, and without trials outside of the plan."""

    keep_encoders: str
    """`Space.keep_encoders`."""
    encoders: int
    """All prepared encoders."""
    encoders_needed: int
    """The prepared encoders that two neighbouring rows need, for the rows in which these are largest, and those that
    trials outside of the part or of different waves need."""
    encoders_left: int
    """The prepared encoders that trials outside of the part need. They stay also with `keep_encoders = "needed"`."""
    targets: int
    """Trained targets (`keep_targets`)."""
    checkpoints: int
    """One checkpoint for each worker, of the largest model. They are removed with the end of their training."""
    outcomes: int
    records: int
    """Records and logs."""
    data: int
    """Tokenised data: in the cache of a local run folder, or in the bucket, through which nodes share them."""
    unsized: tuple[str, ...]
    """Models whose size is not known. Their encoders and checkpoints are not counted."""

    @property
    def peak(self) -> dict[str, int]:
        """Value of `keep_encoders` -> largest number of bytes at a time."""
        rest = self.targets + self.checkpoints + self.outcomes + self.records + self.data
        return {"all": self.encoders + rest, "needed": self.encoders_needed + rest}

    @property
    def end(self) -> dict[str, int]:
        """Value of `keep_encoders` -> bytes of the finished run."""
        rest = self.targets + self.outcomes + self.records + self.data
        return {"all": self.encoders + rest, "needed": self.encoders_left + rest}

    def as_json(self) -> dict[str, Any]:
        """The value in the output of `sweeper plan --json`."""
        return vars(self) | {"peak": self.peak, "end": self.end, "unsized": list(self.unsized)}


def disk_of(plan: Plan, sources: Sources, num_workers: int) -> Disk:
    """The disk space of a plan or of a part of it. Needs no data."""
    known_sizes = {model.name: encoder_bytes(model, sources) for model in plan.space.models}
    sizes = {name: size or 0 for name, size in known_sizes.items()}
    stored = [unit for unit in plan.units if unit.kind == "target" and unit.keep]
    encoders = list(_encoders(plan, sizes))
    return Disk(
        keep_encoders=plan.space.keep_encoders,
        encoders=sum(each.size for each in encoders),
        encoders_needed=_largest(encoders),
        encoders_left=sum(each.size for each in encoders if each.stays),
        targets=sum(sizes[unit.model.name] * _num_replicates(plan, unit) for unit in stored),
        checkpoints=num_workers * max((_checkpoint(unit, sizes) for unit in plan.units if unit.trains), default=0),
        outcomes=sum(_outcomes(plan, unit) * _num_replicates(plan, unit) for unit in plan.units),
        records=sum(_records(plan, unit) for unit in plan.units),
        data=TOKEN * data_tokens(plan),
        unsized=tuple(name for name, size in known_sizes.items() if size is None),
    )


class _Encoders(NamedTuple):
    """Encoders of a preparation, and the rows whose trials need them."""

    first: int
    last: int
    size: int
    stays: bool = False
    """Whether trials outside of the part need them. They may be in the store in any row, and at the end."""


def _encoders(plan: Plan, sizes: dict[str, int]) -> Iterator[_Encoders]:
    encoders = StoredEncoders(plan)
    for name, users in encoders.users.items():
        unit = plan.unit(name)
        planned, size = set(plan.trials(unit)), sizes[unit.model.name]
        rows = unit.row, max(user.row for user in users)
        for seed in plan.seeds(unit):
            if ("replicate", seed) in planned:
                yield _extended(plan, _Encoders(*rows, size), encoders.replicate_users(unit, seed))
        searched = [trial for trial in encoders.searched(unit) if trial[1:] in planned]
        if searched:
            # The other search encoders are removed with the end of the study.
            last = max(user.row for user in users if any(plan.studied(user)))
            yield _extended(plan, _Encoders(unit.row, last, size), encoders.search_users(unit))
            yield _Encoders(unit.row, unit.row, size * (len(searched) - 1))


def _extended(plan: Plan, encoders: _Encoders, users: Iterable[PlannedTrial]) -> _Encoders:
    """The encoders in all rows, if trials outside of the part need them, or those of different waves of a budget.

    Each wave runs through the rows again.
    """
    if plan.part is None:
        return encoders
    trials = set(users)
    stays = not trials <= plan.part
    if stays or len({plan.waves.get(trial) for trial in trials}) > 1:
        return _Encoders(0, sys.maxsize, encoders.size, stays)
    return encoders


def _largest(encoders: list[_Encoders]) -> int:
    """The largest sum of encoders that are needed in two neighbouring rows: the next one starts before one ends."""
    # The sum is largest when encoders of a row are added.
    added = {each.first for each in encoders}
    sums = (sum(each.size for each in encoders if each.first <= row <= each.last + 1) for row in added)
    return max(sums, default=0)


def _num_replicates(plan: Plan, unit: Unit) -> int:
    return sum(role == "replicate" for role, _ in plan.trials(unit))


def _checkpoint(unit: Unit, sizes: dict[str, int]) -> int:
    """Bytes of the checkpoints of a training: weights and optimiser, and the best and the averaged weights."""
    training = unit.stage.training
    copies = 1 + OPTIMIZER + (training.keep == "best") + bool(training.average)
    return DRAFTS * copies * sizes[unit.model.name]


def _outcomes(plan: Plan, unit: Unit) -> int:
    """Bytes of the outcomes of a replicate. Examples of unknown number are not counted."""
    if unit.kind == "predict":
        return 0
    if unit.kind == "prepare":
        return len(unit.stage.tasks) * (OUTCOME_FILE + OUTCOME * plan.space.search.cap)
    sizes = ((target, evaluation_size(plan.space, target) or 0) for target in unit.targets)
    return sum(_num_scores(target) * (OUTCOME_FILE + OUTCOME * size) for target, size in sizes)


def _num_scores(target: Target) -> int:
    """Scores of a replicate on a target: one for each condition, or for each layer of an encoder that is scored."""
    return 1 + len(target.conditions) + len(target.also_layers)


def _records(plan: Plan, unit: Unit) -> int:
    """Bytes of the records and logs of all trials of a unit."""
    num_scores = len(unit.stage.tasks) if unit.kind == "prepare" else sum(map(_num_scores, unit.targets))
    return sum(
        TRAINING_RECORD + LOG + (SCORE_RECORD * num_scores if role == "replicate" else 0)
        for role, _ in plan.trials(unit)
    )
