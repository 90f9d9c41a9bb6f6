"""The time that a sweep has left, from the tokens of its trials and from the trials that have ended or are running."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import get_args

from sweeper.plan.measurement import FORWARD
from sweeper.plan.tokens import score_tokens, selection_tokens, training_tokens
from sweeper.plan.units import Plan, Unit, trial_kind
from sweeper.records.progress import TrialProgress
from sweeper.records.spec import Role


@dataclass(frozen=True, kw_only=True)
class Work:
    """The work of one trial, in training tokens."""

    kind: str
    """Key of TRIAL_KINDS."""
    model: str
    training: float
    evaluation: float
    """FORWARD evaluation tokens count as one training token."""

    @property
    def total(self) -> float:
        """All work; 0 if the sizes of the data are unknown."""
        return self.training + self.evaluation

    @property
    def group(self) -> tuple[str, str]:
        """Model and kind. The trials of a group have the same speed."""
        return self.model, self.kind


@dataclass(frozen=True, kw_only=True)
class Sample:
    """The duration of one trial: measured, or projected from the speed of its training."""

    work: Work
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Speed:
    """The mean speed of several trials that were measured."""

    mean_seconds: float
    seconds: float
    work: float
    """The work that took `seconds`; 0 if that of a trial is unknown."""

    @classmethod
    def of(cls, samples: Sequence[Sample]) -> "Speed":
        """The speed of these samples; no seconds without samples."""
        is_known = all(sample.work.total for sample in samples)
        return cls(
            mean_seconds=fmean(sample.seconds for sample in samples) if samples else 0.0,
            seconds=sum(sample.seconds for sample in samples),
            work=sum(sample.work.total for sample in samples) if is_known else 0.0,
        )

    def seconds_of(self, work: Work) -> float:
        """Seconds of a whole trial with this work."""
        return work.total * self.seconds / self.work if work.total and self.work else self.mean_seconds


@dataclass(frozen=True, kw_only=True)
class Running:
    """A running trial: its progress, or None before its worker has reported any, and the seconds since its start."""

    seconds: float
    progress: TrialProgress | None = None


@dataclass
class Remaining:
    """Estimates the time left. The durations that are known so far give the seconds per token."""

    works: dict[str, Work]
    """Name of every trial of the plan -> its work."""
    ended: list[Sample] = field(default_factory=list)

    @classmethod
    def of(cls, plan: Plan) -> "Remaining":
        """The estimate of a plan, without any trial that has ended."""
        works = {}
        for unit in plan.units:
            by_role = {role: _work(plan, unit, role) for role in get_args(Role)}
            for role, number in plan.trials(unit):
                works[unit.trial_name(role, number)] = by_role[role]
        return cls(works)

    def add(self, name: str, seconds: float) -> None:
        """Add a trial that has ended. Trials outside the plan are ignored."""
        if name in self.works:
            self.ended.append(Sample(work=self.works[name], seconds=seconds))

    def seconds_left(self, left: Iterable[str], running: Mapping[str, Running], workers: int = 1) -> float | None:
        """Seconds until the trials named `left`, which include the running ones, have ended.

        Returns None if no trial has ended and none has reported the speed of its training.
        """
        running = {name: trial for name, trial in running.items() if name in self.works}
        samples = self._samples(running)
        works = {name: self.works[name] for name in left if name in self.works}
        # One speed for each group: a display calls this function twice a second for thousands of trials.
        speeds = {group: Speed.of(_similar(group, samples)) for group in {work.group for work in works.values()}}
        seconds = {name: speeds[work.group].seconds_of(work) for name, work in works.items()}
        if not samples:
            return None if seconds else 0.0
        rest = {name: self._rest(name, trial, seconds[name]) for name, trial in running.items() if name in seconds}
        total = sum((seconds | rest).values())
        # The last trials leave workers without work.
        return max(total / max(1, workers, len(running)), max(rest.values(), default=0.0))

    def _samples(self, running: Mapping[str, Running]) -> list[Sample]:
        """The trials that have ended. Projections of running ones stand for the kinds of which none has ended."""
        known = {sample.work.group for sample in self.ended}
        works = {name: self.works[name] for name in running}
        projected = (
            Sample(work=work, seconds=running[name].seconds + rest)
            for name, work in works.items()
            if work.group not in known and (rest := self._measured_rest(work, running[name])) is not None
        )
        return [*self.ended, *projected]

    def _measured_rest(self, work: Work, trial: Running) -> float | None:
        """Seconds left of a trial that is training, from the speed of its training; None in any other phase."""
        progress = trial.progress
        if progress is None or progress.seconds_left is None or progress.phase != "train":
            return None
        speed = progress.tokens_per_second or 0.0
        # Steps and not tokens measure the training that is left: the number of tokens of a plan is an estimate.
        return progress.seconds_left + (work.evaluation / speed if speed else 0.0)

    def _rest(self, name: str, trial: Running, seconds: float) -> float:
        """Seconds left of a running trial, of which a whole trial takes `seconds`."""
        measured = self._measured_rest(self.works[name], trial)
        return max(0.0, seconds - trial.seconds) if measured is None else measured


def _similar(group: tuple[str, str], samples: Sequence[Sample]) -> Sequence[Sample]:
    """The samples that are most like the trials of a group: of the group, else of its model, else all."""
    model, _ = group
    return (
        [sample for sample in samples if sample.work.group == group]
        or [sample for sample in samples if sample.work.model == model]
        or samples
    )


def _work(plan: Plan, unit: Unit, role: Role) -> Work:
    space = plan.space
    evaluation = selection_tokens(space, unit, role) + (score_tokens(space, unit) if role == "replicate" else 0)
    return Work(
        kind=trial_kind(unit.kind, role),
        model=unit.model.name,
        training=training_tokens(space, unit, role),
        evaluation=evaluation / FORWARD,
    )
