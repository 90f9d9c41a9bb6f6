"""A plan in words and numbers: trials, what waits for what, tokens, hours if the pace is known, what sharing saves."""

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich import box
from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table

from sweeper.data.source import Sources
from sweeper.errors import DataError, UserError
from sweeper.plan.pace import FORWARD, Pace, Speed, speeds, unmeasured
from sweeper.plan.resolve import Resolver, check_data, missing_languages
from sweeper.plan.specs import check_world
from sweeper.plan.status import finished_names
from sweeper.plan.tokens import (
    evaluation_size,
    is_unsized,
    score_tokens,
    selection_tokens,
    stage_tokens,
)
from sweeper.plan.units import TRIAL_KINDS, Plan, Unit, make_plan, trial_kind
from sweeper.run.run import Run
from sweeper.space import Space


@dataclass(frozen=True, kw_only=True)
class Row:
    """One unit of the plan and its trials."""

    unit: str
    kind: str
    waits_for: tuple[str, ...]
    search: int
    replicates: int
    left: int
    tokens: int
    """Training tokens of one trial."""
    model: str
    gpus: float
    """GPUs that one trial owns."""
    evaluation_left: int
    """Tokens that what is left is selected on and scored on."""
    scratch: int
    """Training tokens of the unit's cells if each replicate trained its whole chain again."""

    @property
    def replicate_tokens(self) -> int:
        """Training tokens of all replicates."""
        return self.tokens * self.replicates

    @property
    def work_left(self) -> float:
        """What is left, in training tokens: evaluation counts by how fast it goes."""
        return self.tokens * self.left + self.evaluation_left / FORWARD


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """What a space would run."""

    space: str
    rows: tuple[Row, ...]
    pace: Pace
    speeds: dict[str, Speed]
    """By model; absent where nobody gave or measured it, and with it all hours."""
    uncounted: tuple[str, ...]
    """Targets whose evaluation is not counted, since no entry that ships knows its size."""
    notes: tuple[str, ...]

    @property
    def trials(self) -> dict[str, int]:
        """Kind -> trials."""
        counts: Counter[str] = Counter()
        for row in self.rows:
            counts["search"] += row.search
            counts[row.kind] += row.replicates
        return {kind: counts[kind] for kind in TRIAL_KINDS if counts[kind]}

    @property
    def trainings(self) -> int:
        """Trials that train something."""
        return sum(row.search + row.replicates for row in self.rows if row.kind != "score")

    @property
    def tokens_left(self) -> int:
        """Training tokens of all trials that are left."""
        return sum(row.tokens * row.left for row in self.rows)

    @property
    def replicate_tokens(self) -> int:
        """Training tokens of all replicates, shared trainings counted once."""
        return sum(row.replicate_tokens for row in self.rows)

    @property
    def evaluation_left(self) -> int:
        """Tokens that all trials that are left are selected on and scored on."""
        return sum(row.evaluation_left for row in self.rows)

    @property
    def worker_hours(self) -> float | None:
        """Hours of one worker for what is left."""
        return self._hours(lambda row: row.work_left)

    @property
    def hours(self) -> float | None:
        """Hours for what is left on all workers."""
        return None if self.worker_hours is None else self.worker_hours / self.pace.workers

    @property
    def gpu_hours(self) -> float | None:
        """GPU-hours for what is left: worker-hours, times the GPUs that a trial of the model owns."""
        return self._hours(lambda row: row.work_left * row.gpus)

    @property
    def replicate_gpu_hours(self) -> float | None:
        """GPU-hours in which all replicates train."""
        return self._hours(lambda row: row.replicate_tokens * row.gpus)

    @property
    def scratch_gpu_hours(self) -> float | None:
        """GPU-hours in which they would train if every cell's replicate trained its whole chain again."""
        return self._hours(lambda row: row.scratch * row.gpus)

    @property
    def paceless(self) -> tuple[str, ...]:
        """Models of which nobody knows how fast they train."""
        return tuple(dict.fromkeys(row.model for row in self.rows if row.model not in self.speeds))

    def _hours(self, tokens: Callable[[Row], float]) -> float | None:
        """Hours of one worker that trains on so many tokens of each row; None if a model's pace is not known."""
        if self.paceless:
            return None
        return sum(tokens(row) / self.speeds[row.model].throughput for row in self.rows) / 3600

    @property
    def saving(self) -> float:
        """How many times the replicates' training tokens a matrix of separate chains would cost."""
        return sum(row.scratch for row in self.rows) / self.replicate_tokens if self.replicate_tokens else 1.0

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        rows = [vars(row) for row in self.rows]
        paces = {name: vars(speed) for name, speed in self.speeds.items()} | dict.fromkeys(self.paceless)
        return {
            "space": self.space,
            "trials": self.trials,
            "trainings": self.trainings,
            "training_tokens_left": self.tokens_left,
            "evaluation_tokens_left": self.evaluation_left,
            "evaluation_not_counted": list(self.uncounted),
            "hours_left": self.hours,
            "worker_hours_left": self.worker_hours,
            "gpu_hours_left": self.gpu_hours,
            "workers": self.pace.workers,
            "tokens_a_second_of_a_worker": paces,
            "saving_against_chains_from_scratch": self.saving,
            "replicate_gpu_hours": self.replicate_gpu_hours,
            "replicate_gpu_hours_from_scratch": self.scratch_gpu_hours,
            "notes": list(self.notes),
            "units": rows,
        }

    def tables(self) -> Iterator[RenderableType]:
        """For people."""
        table = Table("unit", "waits for", "search", "replicates", "left", "tokens a trial", box=box.SIMPLE_HEAD)
        for row in self.rows:
            numbers = (row.search, row.replicates, row.left, f"{row.tokens:,}" if row.tokens else "")
            table.add_row(escape(row.unit), escape(", ".join(row.waits_for)), *(str(number) for number in numbers))
        yield table
        kinds = ", ".join(f"{number} {TRIAL_KINDS[kind]}" for kind, number in self.trials.items())
        yield f"Trials: {kinds}; {self.trainings} trainings in all, {sum(row.left for row in self.rows)} trials left."
        uncounted = f" (of unknown size and not counted: {', '.join(self.uncounted)})" if self.uncounted else ""
        yield (
            f"Training tokens left: {self.tokens_left:,}. Evaluation tokens left: {self.evaluation_left:,}{uncounted}."
        )
        for name, speed in self.speeds.items():
            yield f"{name}: {speed.throughput:,.0f} training tokens a second of a worker, {speed.source}."
        yield self._time()
        times = f"{self.saving:.1f} times the replicates' tokens"
        yield f"Every cell trained from scratch would cost {times}{self._saved()}"
        yield from self.notes

    def _time(self) -> str:
        """Hours, or what would give them."""
        if self.hours is None or self.worker_hours is None:
            run = self.pace.measured_in
            return (
                f"No hours, since nobody says how fast {', '.join(self.paceless)} trains"
                f"{f' ({unmeasured(run)})' if run else ''}: --throughput N (training tokens a second of a worker; "
                "MODEL=N for one of several models) or --throughput-of RUN (a run that has trained it)."
            )
        return (
            f"{self.hours:,.1f} h on {self.pace.workers} workers, {self.worker_hours:,.1f} worker-hours, "
            f"{self._gpus()}; evaluation is taken to be {FORWARD} times as fast as training (see --throughput, "
            "--throughput-of, --workers)."
        )

    def _gpus(self) -> str:
        owned = {row.model: f"{row.gpus:g} a trial of {row.model}" for row in self.rows if row.gpus}
        return f"{self.gpu_hours:,.1f} GPU-hours ({', '.join(owned.values())})" if owned else "no GPU"

    def _saved(self) -> str:
        if not self.scratch_gpu_hours:
            return "."
        return f": {self.scratch_gpu_hours:,.1f} GPU-hours of training instead of {self.replicate_gpu_hours:,.1f}."


def forecast(space: Space, *, mirror: str | None, run: str, pace: Pace) -> Forecast:
    """The plan of a space minus what its run folder has finished. Needs no data and no network.

    Data sets that a mirror lacks are named, without a mirror those that cannot come from the Hub. Raises UserError if
    the pace is measured in what is no run folder.
    """
    # A mirror stands in for the world, and with it for the world's scale.
    space = replace(space, world="") if mirror else space
    plan = make_plan(space)
    done = finished_names(Run.at(run).ledger, plan)
    return Forecast(
        space=space.name,
        rows=tuple(_row(plan, unit, done) for unit in plan.units),
        pace=pace,
        speeds=speeds(space.models, pace),
        uncounted=tuple(target.task for target in space.targets if evaluation_size(space, target) is None),
        notes=(*_unsized(plan), *_notes(space, mirror)),
    )


def _row(plan: Plan, unit: Unit, done: set[str]) -> Row:
    search = [unit.search_name(number) for number in range(plan.num_search(unit))]
    replicates = [unit.replicate_name(seed) for seed in plan.seeds(unit)]
    waits = tuple(name for name in dict.fromkeys((unit.parent, unit.study)) if name and name != unit.name)
    searches_left, replicates_left = (sum(name not in done for name in names) for names in (search, replicates))
    selected, scored = selection_tokens(plan.space, unit), score_tokens(plan.space, unit)
    return Row(
        unit=unit.name,
        kind=trial_kind(unit.kind, "replicate"),
        waits_for=waits,
        search=len(search),
        replicates=len(replicates),
        left=searches_left + replicates_left,
        tokens=0 if unit.kind == "score" else stage_tokens(plan.space, unit.stage),
        model=unit.model.name,
        gpus=unit.model.resources.gpus,
        evaluation_left=selected * (searches_left + replicates_left) + scored * replicates_left,
        scratch=_scratch(plan, unit),
    )


def _scratch(plan: Plan, unit: Unit) -> int:
    """Tokens of a unit's cells if each trained its chain from the pretrained encoder."""
    if unit.kind == "prepare":
        return 0
    chain = sum(stage_tokens(plan.space, stage) for stage in unit.stages)
    return chain * len(unit.targets) * len(plan.seeds(unit))


def _unsized(plan: Plan) -> Iterator[str]:
    """Which training sets are not counted, if any."""
    stages = [unit.stage for unit in plan.units if unit.kind != "score"]
    names = {n: None for stage in stages for n in stage.tasks if is_unsized(plan.space.task(n), stage.training)}
    if names:
        yield (
            f"Training sets of unknown size, not counted: {', '.join(names)}. They count once their entries have a "
            "train_size, or with --set cap_examples=N."
        )


def _notes(space: Space, mirror: str | None) -> Iterator[str]:
    """What the generated world lacks, the mirror, or without either the folders of the user's own."""
    if space.world:
        try:
            check_world(space)
        except UserError as error:
            yield str(error)
        return
    place = Path(mirror) if mirror is not None else None
    sources = Sources(mirror=place, cache=Path(tempfile.gettempdir()) / "sweeper-cache")
    resolver = Resolver(space=space, sources=sources)
    try:
        check_data(resolver)
    except DataError as error:
        yield str(error)
        return
    yield from missing_languages(resolver)
