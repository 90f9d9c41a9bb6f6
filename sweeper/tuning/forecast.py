"""A plan in words and numbers: trials by kind, what waits for what, tokens, hours, and what sharing trainings saves."""

import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich import box
from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table

from sweeper.data.source import Sources
from sweeper.errors import DataError, UserError
from sweeper.folder import Folder
from sweeper.ledger import Ledger
from sweeper.space import Space, Stage
from sweeper.tuning.plan import Plan, Unit, make_plan
from sweeper.tuning.progress import KINDS, kind_of
from sweeper.tuning.resolve import Resolver, check_data
from sweeper.tuning.status import finished_names

TOKENS_AN_EXAMPLE = 0.5
"""Share of max_length that an example is taken to fill where a cap does not say how many tokens are trained on."""


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


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """What a space would run."""

    space: str
    rows: tuple[Row, ...]
    workers: int
    throughput: float
    naive_tokens: int
    """Training tokens if every cell's replicate trained its whole chain again."""
    notes: tuple[str, ...]

    @property
    def trials(self) -> dict[str, int]:
        """Kind -> trials."""
        counts: Counter[str] = Counter()
        for row in self.rows:
            counts["search"] += row.search
            counts[row.kind] += row.replicates
        return {kind: counts[kind] for kind in KINDS if counts[kind]}

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
        return sum(row.tokens * row.replicates for row in self.rows)

    @property
    def hours(self) -> float:
        """Hours of training that are left on all workers, evaluation not counted."""
        return self.tokens_left / self.throughput / self.workers / 3600

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        rows = [vars(row) for row in self.rows]
        return {
            "space": self.space,
            "trials": self.trials,
            "trainings": self.trainings,
            "training_tokens_left": self.tokens_left,
            "training_hours_left": self.hours,
            "workers": self.workers,
            "tokens_a_second_of_a_worker": self.throughput,
            "saving_against_chains_from_scratch": self.saving,
            "notes": list(self.notes),
            "units": rows,
        }

    @property
    def saving(self) -> float:
        """How many times the replicates' training tokens a matrix of separate chains would cost."""
        return self.naive_tokens / self.replicate_tokens if self.replicate_tokens else 1.0

    def tables(self) -> Iterator[RenderableType]:
        """For people."""
        table = Table("unit", "waits for", "search", "replicates", "left", "tokens a trial", box=box.SIMPLE_HEAD)
        for row in self.rows:
            numbers = (row.search, row.replicates, row.left, f"{row.tokens:,}" if row.tokens else "")
            table.add_row(escape(row.unit), escape(", ".join(row.waits_for)), *(str(number) for number in numbers))
        yield table
        kinds = ", ".join(f"{number} {KINDS[kind]}" for kind, number in self.trials.items())
        yield f"Trials: {kinds}; {self.trainings} trainings in all, {sum(row.left for row in self.rows)} trials left."
        yield (
            f"Training tokens left: {self.tokens_left:,}; at {self.throughput:,.0f} tokens a second of each of "
            f"{self.workers} workers {self.hours:.1f} h, evaluation not counted (see --throughput, --workers)."
        )
        yield f"Every cell trained from scratch would cost {self.saving:.1f} times the replicates' tokens."
        yield from self.notes


def forecast(space: Space, *, mirror: str | None, run: str, workers: int, throughput: float) -> Forecast:
    """The plan of a space minus what its run folder has finished. Needs no data and no network.

    With a mirror, data sets that it lacks are named. Raises UserError if throughput or workers are not above zero.
    """
    if workers < 1 or throughput <= 0:
        raise UserError(f"A plan needs workers >= 1 and throughput > 0, got {workers} and {throughput}.")
    plan = make_plan(space)
    done = finished_names(Ledger.at(Folder(run).child("ledger").url), plan)
    rows = tuple(_row(plan, unit, done) for unit in plan.units)
    return Forecast(
        space=space.name,
        rows=rows,
        workers=workers,
        throughput=throughput,
        naive_tokens=sum(_naive(plan, unit) for unit in plan.units),
        notes=tuple(_notes(space, mirror)),
    )


def _row(plan: Plan, unit: Unit, done: set[str]) -> Row:
    search = [f"{unit.name}/search {number}" for number in range(plan.num_search(unit))]
    replicates = [f"{unit.name}/seed {seed}" for seed in plan.seeds(unit)]
    waits = tuple(name for name in dict.fromkeys((unit.parent, unit.study)) if name and name != unit.name)
    return Row(
        unit=unit.name,
        kind=kind_of(unit.kind, "replicate"),
        waits_for=waits,
        search=len(search),
        replicates=len(replicates),
        left=sum(name not in done for name in (*search, *replicates)),
        tokens=0 if unit.kind == "score" else stage_tokens(plan.space, unit.stage),
    )


def stage_tokens(space: Space, stage: Stage) -> int:
    """Training tokens of a stage, from its caps and the published sizes of its tasks."""
    training = stage.training
    total = 0.0
    for name in stage.tasks:
        examples = min(space.task(name).train_size or 10**9, training.cap_examples or 10**9)
        if len(stage.tasks) > 1:
            examples = min(examples, stage.sampling_cap)
        tokens = training.epochs * examples * training.max_length * TOKENS_AN_EXAMPLE
        total += min(tokens, training.cap_tokens) if training.cap_tokens else tokens
    return round(total / (1 - stage.mlm_share))


def _naive(plan: Plan, unit: Unit) -> int:
    """Tokens of a unit's cells if each trained its chain from the pretrained encoder."""
    if unit.kind == "prepare":
        return 0
    chain = sum(stage_tokens(plan.space, stage) for stage in unit.stages)
    return chain * len(unit.targets) * len(plan.seeds(unit))


def _notes(space: Space, mirror: str | None) -> Iterator[str]:
    """What a mirror lacks: data sets, and evaluation languages."""
    if mirror is None:
        return
    sources = Sources(mirror=Path(mirror), cache=Path(tempfile.gettempdir()) / "sweeper-cache")
    resolver = Resolver(space=space, sources=sources)
    try:
        check_data(resolver)
    except DataError as error:
        yield str(error)
        return
    for target in space.targets:
        wanted = space.task(target.task).places(space.evaluate)
        held = resolver.languages(target)
        lacking = [language for language in target.languages or wanted if language not in held]
        if lacking:
            yield f"{target.task}: {len(held)} of {len(wanted)} languages are there; not {', '.join(lacking)}."
