"""The space that a run needs on a disk or in a bucket, from the sizes of encoders and of typical records."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sweeper.data.source import Sources
from sweeper.plan.encoders import StoredEncoders
from sweeper.plan.tokens import evaluation_size
from sweeper.plan.units import Plan, Unit
from sweeper.plan.weights import encoder_bytes
from sweeper.space import Target

TRAINING_RECORD, SCORE_RECORD, LOG = 11_000, 1_000, 4_000
"""Bytes of the records and of the log of a trial. Measured in runs of the synthetic world, as all numbers here."""
OUTCOME_FILE, OUTCOME = 5_000, 12
"""Bytes of a file of outcomes without examples, and of each example."""
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
    """The prepared encoders that two neighbouring rows need, for the rows in which these are largest."""
    targets: int
    """Trained targets (`keep_targets`)."""
    checkpoints: int
    """One checkpoint for each worker, of the largest model. They are removed with the end of their training."""
    outcomes: int
    records: int
    """Records and logs."""
    unsized: tuple[str, ...]
    """Models whose size is not known. Their encoders and checkpoints are not counted."""

    @property
    def peak(self) -> dict[str, int]:
        """Value of `keep_encoders` -> largest number of bytes at a time."""
        rest = self.targets + self.checkpoints + self.outcomes + self.records
        return {"all": self.encoders + rest, "needed": self.encoders_needed + rest}

    @property
    def end(self) -> dict[str, int]:
        """Value of `keep_encoders` -> bytes of the finished run."""
        rest = self.targets + self.outcomes + self.records
        return {"all": self.encoders + rest, "needed": rest}

    def as_json(self) -> dict[str, Any]:
        """The value in the output of `sweeper plan --json`."""
        return vars(self) | {"peak": self.peak, "end": self.end, "unsized": list(self.unsized)}


def disk_of(plan: Plan, sources: Sources, num_workers: int) -> Disk:
    """The disk space of a plan or of a part of it. Needs no data."""
    known_sizes = {model.name: encoder_bytes(model, sources) for model in plan.space.models}
    sizes = {name: size or 0 for name, size in known_sizes.items()}
    stored = [unit for unit in plan.units if unit.kind == "target" and unit.keep]
    return Disk(
        keep_encoders=plan.space.keep_encoders,
        encoders=sum(size for _, _, size in _encoders(plan, sizes)),
        encoders_needed=_largest(list(_encoders(plan, sizes))),
        targets=sum(sizes[unit.model.name] * _num_replicates(plan, unit) for unit in stored),
        checkpoints=num_workers * max((_checkpoint(unit, sizes) for unit in plan.units if unit.trains), default=0),
        outcomes=sum(_outcomes(plan, unit) * _num_replicates(plan, unit) for unit in plan.units),
        records=sum(_records(plan, unit) for unit in plan.units),
        unsized=tuple(name for name, size in known_sizes.items() if size is None),
    )


def _encoders(plan: Plan, sizes: dict[str, int]) -> Iterator[tuple[int, int, int]]:
    """First row, last row and bytes of the encoders of each preparation: the rows whose trials need them."""
    encoders = StoredEncoders(plan)
    planned = {(unit.name, *trial) for unit in plan.units for trial in plan.trials(unit)}
    for name, users in encoders.users.items():
        unit = plan.unit(name)
        size = sizes[unit.model.name]
        searched = [trial for trial in encoders.searched(unit) if trial in planned]
        searching = [user.row for user in users if any(plan.studied(user))]
        yield unit.row, max(user.row for user in users), size * _num_replicates(plan, unit)
        if searched:
            # The other search encoders are removed with the end of the study.
            yield unit.row, max(searching), size
            yield unit.row, unit.row, size * (len(searched) - 1)


def _largest(encoders: list[tuple[int, int, int]]) -> int:
    """The largest sum of encoders that are needed in two neighbouring rows: the next one starts before one ends."""
    last = max((last for _, last, _ in encoders), default=0)
    return max(sum(size for first, end, size in encoders if first <= row + 1 and end >= row) for row in range(last + 1))


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
