"""The state of a run, computed from the files in its run folder: no data, no network, no Ray."""

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sweeper.files.serialize import plain
from sweeper.plan.matrix import Cells
from sweeper.plan.remaining import Remaining, Running
from sweeper.plan.units import TRIAL_KINDS, Plan, PlannedTrial, Unit, make_plan, trial_kind
from sweeper.records.ended import EndedTrial
from sweeper.records.progress import TrialProgress
from sweeper.records.record import DEAD_WORKER, OUT_OF_MEMORY, ScoreRecord
from sweeper.run.ledger import Contents
from sweeper.run.run import Run
from sweeper.space import CLEAN

FAILURES = (
    ("not finite", "values that are not finite"),
    (OUT_OF_MEMORY, "out of memory"),
    (DEAD_WORKER, "a worker that died repeatedly"),
)
"""(text, kind of failure): a reason that contains the text belongs to this kind."""
OTHER_FAILURE = "other reasons"
RECENT = 3600.0
"""Seconds over which the rate of a run is measured."""


@dataclass(frozen=True, kw_only=True)
class Status:
    """The trials of a run that have finished, failed or are running, its matrix so far, its rate and its time left."""

    run: str
    now: float
    """Time of this state, in seconds since 1970."""
    counts: dict[str, tuple[int, int]]
    """Kind of trial (a key of TRIAL_KINDS) -> finished trials, all trials."""
    failed: dict[str, str]
    """Name of a failed trial -> reason."""
    lost: tuple[str, ...] = ()
    """Keys of trials that ended without a record and have a traceback. The next run tries them again."""
    cells: Cells
    running: tuple[TrialProgress, ...] = ()
    """Trials with a progress file. Those without a recent sign of life are stale."""
    trials_per_hour: float | None = None
    """Trials that ended in the last hour, per hour; None if none did."""
    seconds_left: float | None = None
    """Estimate while trials are running; None if unknown."""
    last_end: float | None = None
    """Time at which the last trial ended."""
    damaged: tuple[str, ...] = ()
    """A message for each record that is damaged. It is left out, and the next run makes it again."""
    unsealed: int = 0
    """Number of records without a digest."""

    @property
    def alive(self) -> tuple[TrialProgress, ...]:
        """The running trials that are not stale."""
        return tuple(progress for progress in self.running if not progress.is_stale(self.now))

    @property
    def tokens_per_second(self) -> float:
        """Training tokens per second of all running trials together."""
        return sum(progress.tokens_per_second or 0.0 for progress in self.alive if progress.phase == "train")

    @property
    def failures(self) -> dict[str, int]:
        """Kind of failure -> number of failed trials."""
        return dict(Counter(failure_kind(reason) for reason in self.failed.values()))

    @property
    def is_complete(self) -> bool:
        """Whether every trial has finished."""
        return all(done == total for done, total in self.counts.values())

    def as_json(self) -> dict[str, Any]:
        """The value that `sweeper status --json` prints."""
        counts = {key: {"finished": done, "all": total} for key, (done, total) in self.counts.items()}
        running = [
            plain(progress) | {"silence": progress.silence(self.now), "stale": progress.is_stale(self.now)}
            for progress in self.running
        ]
        return {
            "run": self.run,
            "trials": counts,
            "failed": self.failed,
            "failures": self.failures,
            "lost": list(self.lost),
            "matrix": self.cells.as_json(),
            "running": running,
            "tokens_per_second": self.tokens_per_second,
            "trials_per_hour": self.trials_per_hour,
            "seconds_left": self.seconds_left,
            "last_end": self.last_end,
            "damaged": list(self.damaged),
            "unsealed": self.unsealed,
        }


def failure_kind(reason: str) -> str:
    """The kind of a failure, from its reason."""
    return next((kind for part, kind in FAILURES if part in reason), OTHER_FAILURE)


def status_of(url: str) -> Status:
    """The status of a run folder, also while a sweep works in it. Raises UserError if it is not a run folder."""
    run, now = Run.open(url), time.time()
    space, ledger = run.space, run.ledger
    # Before the records: a trial that ends in between is then finished, and not missing.
    progress = run.progress.read_all()
    contents = ledger.contents()
    trainings, scores = contents.trainings, contents.scores
    plan = make_plan(space)
    done = finished_names(contents, plan)
    running = tuple(trial for trial in progress if trial.key not in trainings or trial.name not in done)
    ends = [end for record in trainings.values() if (end := _end(record)) is not None]
    return Status(
        run=url,
        now=now,
        counts=_counts(plan, done),
        failed={r.spec.name: r.reason for r in trainings.values() if r.state == "failed"},
        lost=tuple(key for key in ledger.attempts() if key not in trainings),
        cells=Cells.of(space, scores.values()),
        running=running,
        trials_per_hour=_rate(trainings.values(), now),
        seconds_left=_seconds_left(plan, trainings.values(), done, [t for t in running if not t.is_stale(now)]),
        last_end=max(ends, default=None),
        damaged=contents.unreadable,
        unsealed=contents.num_unsealed,
    )


def _counts(plan: Plan, done: set[str]) -> dict[str, tuple[int, int]]:
    total: Counter[str] = Counter()
    finished: Counter[str] = Counter()
    for unit in plan.units:
        for role, number in plan.trials(unit):
            key = trial_kind(unit.kind, role)
            total[key] += 1
            finished[key] += unit.trial_name(role, number) in done
    return {key: (finished[key], total[key]) for key in TRIAL_KINDS if total[key]}


def _seconds_left(
    plan: Plan, records: Iterable[EndedTrial], done: set[str], running: list[TrialProgress]
) -> float | None:
    """The time left of a sweep with these running trials; None without any, because nobody works then."""
    if not running:
        return None
    remaining = Remaining.of(plan)
    for record in records:
        # The times of a resumed training are those of its last attempt only.
        if "resumed_at" not in record.machine and record.state == "done":
            remaining.add(record.spec.name, record.timing.get("total", 0.0))
    trials = {trial.name: Running(seconds=trial.seconds, progress=trial) for trial in running}
    left = [name for name in remaining.works if name not in done or name in trials]
    return remaining.seconds_left(left, trials, len(trials))


def _end(record: EndedTrial) -> float | None:
    """The time at which a trial ended, in seconds since 1970."""
    started = record.machine.get("started")
    return datetime.fromisoformat(started).timestamp() + record.timing.get("total", 0.0) if started else None


def _rate(records: Iterable[EndedTrial], now: float) -> float | None:
    """Trials per hour, from those that ended in the last hour and the time since the first of them started."""
    recent = [(end, r.timing.get("total", 0.0)) for r in records if (end := _end(r)) is not None and end > now - RECENT]
    if not recent:
        return None
    first_start = max(now - RECENT, min(end - seconds for end, seconds in recent))
    return 3600 * len(recent) / max(1.0, now - first_start)


ScoreId = tuple[object, ...]
"""Model, recipe, target, seed, pooling, layer and similarity of a score."""


def finished_names(contents: Contents, plan: Plan) -> set[str]:
    """Names of the trials that a ledger contains. A scoring is finished when all of its scores exist, a target training
    when it has a score under each condition."""
    done, scores = {record.spec.name for record in contents.trainings.values()}, contents.scores.values()
    scored = {_score_id(score) for score in scores}
    by_condition = {(score.model, score.recipe, score.target, score.seed, score.condition): score for score in scores}
    for unit in plan.units:
        done |= _search_names_of(plan, unit) if _has_replicate(plan, unit, done) else set()
        if unit.kind == "score":
            # The training record of a scoring is that of its encoder: only the scores show whether it has run.
            names = {unit.replicate_name(seed): _score_ids(unit, seed) for seed in plan.seeds(unit)}
            done -= set(names)
            done |= {name for name, ids in names.items() if scored.issuperset(ids)}
    targets = [unit for unit in plan.units if unit.kind == "target"]
    cells = [(unit, seed) for unit in targets for seed in plan.seeds(unit)]
    lacking = [(unit, seed) for unit, seed in cells if _lacks_condition(unit, seed, by_condition)]
    return done - {unit.replicate_name(seed) for unit, seed in lacking}


def replicate_values(contents: Contents, done: set[str], plan: Plan) -> dict[str, float | None]:
    """Name of each ended trial -> the selection value in its record; None without one.

    A replicate has ended too if it can never run, because something that it depends on failed.
    """
    values = {record.spec.name: record.value for record in contents.trainings.values() if record.state == "done"}
    failed = {record.spec.name for record in contents.trainings.values() if record.state == "failed"} - set(values)
    replicates = [(unit, seed) for unit in plan.units for seed in plan.seeds(unit)] if failed else []
    blocked = [unit.replicate_name(seed) for unit, seed in replicates if _is_blocked(plan, unit, seed, failed)]
    return dict.fromkeys(blocked) | {name: values.get(name) for name in done}


def never_runs(plan: Plan, trial: PlannedTrial, failed: set[str]) -> bool:
    """Whether a trial can never run, because something that it depends on failed. `failed`: names of failed trials."""
    name, role, number = trial
    unit = plan.unit(name)
    return _is_blocked(plan, unit, number, failed) if role == "replicate" else _cannot_choose(plan, unit, failed)


def _is_blocked(plan: Plan, unit: Unit, seed: int, failed: set[str]) -> bool:
    """Whether a replicate can never run: its dials cannot be chosen, or an encoder before it does not exist."""
    if unit.study and _cannot_choose(plan, plan.unit(unit.study), failed):
        return True
    if not unit.parent:
        return False
    parent = plan.unit(unit.parent)
    return parent.replicate_name(seed) in failed or _is_blocked(plan, parent, seed, failed)


def _cannot_choose(plan: Plan, owner: Unit, failed: set[str]) -> bool:
    """Whether a study can never choose dials: all trials of its search or of one rung failed, or it cannot start."""
    rungs = [plan.rung_numbers(owner, level) for level in range(1, 1 + len(plan.rung_sizes(owner)))]
    names = [[owner.search_name(number) for number in plan.rung_numbers(owner, 0)]]
    names += [[owner.trial_name("rung", number) for number in numbers] for numbers in rungs]
    return any(each and failed.issuperset(each) for each in names) or _cannot_start(plan, owner, failed)


def _cannot_start(plan: Plan, owner: Unit, failed: set[str]) -> bool:
    """Whether the search of a unit can never start: the encoder, or a study that comes first, does not exist."""
    parent = plan.unit(owner.parent) if owner.parent else None
    if parent and _cannot_choose(plan, plan.unit(parent.study) if parent.study else parent, failed):
        return True
    return any(_cannot_start(plan, plan.unit(name), failed) for name in owner.prior)


ConditionId = tuple[str, str, str, int | None, str]
"""Model, recipe, target, seed and condition of a score."""


def _lacks_condition(unit: Unit, seed: int, scores: Mapping[ConditionId, ScoreRecord]) -> bool:
    """Whether a training has a score on a target, and lacks one under a condition that was added later.

    A condition that has none of the scored languages has no score.
    """
    for target in unit.targets:
        cell = unit.model.name, unit.recipe, target.task, seed
        clean = scores.get((*cell, CLEAN))
        if clean is None:
            continue
        for condition in target.conditions:
            if condition.languages_of(clean.metrics) and (*cell, condition.name) not in scores:
                return True
    return False


def _has_replicate(plan: Plan, unit: Unit, done: set[str]) -> bool:
    return any(unit.replicate_name(seed) in done for seed in plan.seeds(unit))


def _search_names_of(plan: Plan, unit: Unit) -> set[str]:
    """Names of all trials of the study that chose the unit's dials; empty if nothing was searched.

    A replicate starts after all of them. Some names can be missing in the ledger: dials that a study suggests twice
    are trained once, under the lower number.
    """
    if not unit.study:
        return set()
    owner = plan.unit(unit.study)
    return {owner.trial_name(*trial) for trial in plan.studied(owner)}


def _score_ids(unit: Unit, seed: int) -> list[ScoreId]:
    """The scores of a scoring unit with a seed. Scores of the pretrained encoder have the seed None."""
    return [
        (unit.model.name, unit.recipe, t.task, seed if unit.stages else None, t.pooling, layer, t.similarity)
        for t in unit.targets
        for layer in t.layers
    ]


def _score_id(score: ScoreRecord) -> ScoreId:
    return (score.model, score.recipe, score.target, score.seed, score.pooling, score.layer, score.similarity)
