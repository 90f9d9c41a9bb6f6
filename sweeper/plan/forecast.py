"""The cost of a plan: trials, training and evaluation tokens, hours, and the saving by shared trainings."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, get_args

from sweeper.data.places import mirror_folder
from sweeper.data.source import Sources
from sweeper.errors import DataError, UserError
from sweeper.files.serialize import plain
from sweeper.plan.budget import Budget, Purchase
from sweeper.plan.disk import Disk, disk_of
from sweeper.plan.lengths import with_lengths
from sweeper.plan.measurement import FORWARD, Assumption, Measurement, Rates
from sweeper.plan.only import ALL, Only, narrowed
from sweeper.plan.pace import Pace, Speed, speeds
from sweeper.plan.resolve import Resolver, check_data, missing_languages
from sweeper.plan.sources import check_paths, missing_word_pairs, sources_of
from sweeper.plan.specs import check_world
from sweeper.plan.status import finished_names, replicate_values
from sweeper.plan.tokens import (
    chain_tokens,
    evaluation_size,
    score_tokens,
    selection_tokens,
    training_tokens,
    unsized_tasks,
)
from sweeper.plan.trial_types import type_of
from sweeper.plan.units import TRIAL_KINDS, Plan, Unit, make_plan
from sweeper.records.spec import FORWARD_ONLY, Role
from sweeper.run.cache import open_cache, temporary_cache
from sweeper.run.run import Run
from sweeper.space import Space


@dataclass(frozen=True, kw_only=True)
class Row:
    """One unit of the plan and its trials: a row of the table, and an element of `units` in the JSON output."""

    unit: str
    label: str
    """Name of the unit without its model."""
    kind: str
    waits_for: tuple[str, ...]
    """Names of the units that must finish first."""
    starts_from: str
    """Recipe whose encoder the unit starts from; "" for the pretrained encoder."""
    dials_from: str
    """Recipe whose search chooses the dials; "" if the unit searches or has no dials."""
    search: int
    """Number of search trials, those of rungs and races included."""
    replicates: int
    """Number of replicates."""
    left: int
    """Number of trials that have not finished."""
    search_left: int
    """Number of search trials among them."""
    tokens_left: int
    """Training tokens of the trials left."""
    tokens: int
    """Training tokens of one replicate."""
    search_tokens: int
    """Mean training tokens of the search trials. Replicates that are refitted train on more examples."""
    model: str
    gpus: float
    """GPUs of one trial."""
    evaluation_left: int
    """Tokens that the trials left read for selection and scoring."""
    scratch: int
    """Training tokens of the unit's cells if each replicate trained its whole chain from the pretrained encoder."""
    type: str
    """Type of the trials (`trial_types.type_of`)."""

    @property
    def replicate_tokens(self) -> int:
        """Training tokens of all replicates."""
        return self.tokens * self.replicates

    def seconds_left(self, rates: Rates) -> float:
        """Seconds of one worker for the trials left."""
        return rates.seconds(self.tokens_left, self.evaluation_left, self.left)


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """The cost of a space."""

    space: str
    rows: tuple[Row, ...]
    pace: Pace
    speeds: dict[str, Speed]
    """Model -> its speed. A model without a given or measured speed is absent, and then no hours are known."""
    rates: dict[str, Rates]
    """Unit -> the speed of its trials; without the units of a model whose speed is not known."""
    measurement: Measurement | None
    """The measurement of `sweeper pace` that the rates are from, if there is one."""
    uncounted: tuple[str, ...]
    """Targets whose evaluation is not counted, because its size is unknown."""
    notes: tuple[str, ...]
    """Messages about missing data and unknown sizes."""
    disk: Disk
    """The size of the run folder."""

    @property
    def trials(self) -> dict[str, int]:
        """Kind of trial (a key of TRIAL_KINDS) -> number of trials."""
        counts: Counter[str] = Counter()
        for row in self.rows:
            counts["search"] += row.search
            counts[row.kind] += row.replicates
        return {key: counts[key] for key in TRIAL_KINDS if counts[key]}

    @property
    def trainings(self) -> int:
        """Number of trials that train a model."""
        return sum(row.search + row.replicates for row in self.rows if row.kind not in FORWARD_ONLY)

    @property
    def tokens_left(self) -> int:
        """Training tokens of all trials that are left."""
        return sum(row.tokens_left for row in self.rows)

    @property
    def replicate_tokens(self) -> int:
        """Training tokens of all replicates; a training that several cells share counts once."""
        return sum(row.replicate_tokens for row in self.rows)

    @property
    def evaluation_left(self) -> int:
        """Tokens that all trials left read for selection and scoring."""
        return sum(row.evaluation_left for row in self.rows)

    @property
    def worker_hours(self) -> float | None:
        """Hours of one worker for the trials that are left."""
        return self._hours(Row.seconds_left)

    @property
    def hours(self) -> float | None:
        """Hours of all workers together for the trials that are left."""
        return None if self.worker_hours is None else self.worker_hours / self.pace.workers

    @property
    def gpu_hours(self) -> float | None:
        """GPU-hours for the trials that are left: worker-hours, times the GPUs of a trial of the model."""
        return self._hours(lambda row, rates: row.seconds_left(rates) * row.gpus)

    @property
    def cost(self) -> float | None:
        """Price of the trials that are left, in the currency of `Pace.price`; None without a price or a speed."""
        hours = self._hours(lambda row, rates: row.seconds_left(rates) * (row.gpus or 1))
        return None if hours is None or self.pace.price is None else hours * self.pace.price

    @property
    def replicate_gpu_hours(self) -> float | None:
        """GPU-hours of the training of all replicates."""
        return self._hours(lambda row, rates: row.replicate_tokens / rates.training * row.gpus)

    @property
    def scratch_gpu_hours(self) -> float | None:
        """GPU-hours of that training if each cell trained its whole chain from the pretrained encoder."""
        return self._hours(lambda row, rates: row.scratch / rates.training * row.gpus)

    def num_assumed(self, value: Assumption) -> int:
        """Number of units with trials left whose hours contain this value that was not measured."""
        left = [row for row in self.rows if row.left and row.unit in self.rates]
        reads = [row for row in left if value != "evaluation" or row.evaluation_left]
        return sum(value in self.rates[row.unit].assumed for row in reads)

    @property
    def paceless(self) -> tuple[str, ...]:
        """Models without a known speed."""
        return tuple(dict.fromkeys(row.model for row in self.rows if row.model not in self.speeds))

    def _hours(self, seconds: Callable[[Row, Rates], float]) -> float | None:
        """The sum of `seconds(row, rates)` of all rows in hours; None if the speed of a model is unknown."""
        if self.paceless:
            return None
        return sum(seconds(row, self.rates[row.unit]) for row in self.rows) / 3600

    @property
    def saving(self) -> float:
        """Training tokens of a matrix of separate chains, divided by those of the replicates."""
        # 1.0 for a space that only scores encoders.
        return sum(row.scratch for row in self.rows) / self.replicate_tokens if self.replicate_tokens else 1.0

    def as_json(self) -> dict[str, Any]:
        """The value that `sweeper plan --json` prints."""
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
            "cost_left": self.cost,
            "workers": self.pace.workers,
            "tokens_a_second_of_a_worker": paces,
            "measurement": plain(self.measurement) if self.measurement else None,
            "units_with_assumed": {value: self.num_assumed(value) for value in get_args(Assumption)},
            "saving_against_chains_from_scratch": self.saving,
            "replicate_gpu_hours": self.replicate_gpu_hours,
            "replicate_gpu_hours_from_scratch": self.scratch_gpu_hours,
            "disk": self.disk.as_json(),
            "notes": list(self.notes),
            "units": [vars(row) for row in self.rows],
        }


def forecast(
    space: Space, *, mirror: str | None, run: str, pace: Pace, only: Only = ALL, budget: Budget | None = None
) -> Forecast:
    """The cost of a space or a part of it, without the trials that the run folder has finished. Needs no data.

    With a budget: of the trials that it buys, as far as the results in the run folder decide them.

    Missing data sets are named in the notes; without a mirror only those that cannot come from the Hub. Raises
    UserError if the mirror is not one, if a path that the space names does not exist (a file of word pairs is named in
    the notes instead), or if the pace refers to a folder that is not a run folder.
    """
    # A mirror replaces the synthetic world, and with it the scale of the world.
    space = replace(space, world="") if mirror else space
    cache = open_cache(temporary_cache())
    sources = sources_of(space, mirror_folder(mirror) if mirror else None, cache)
    check_paths(space, sources, needs_word_pairs=False)
    plan = narrowed(make_plan(space), only)
    contents = Run.at(run).ledger.contents()
    done = finished_names(contents, plan)
    bought = Purchase.of(plan, budget, replicate_values(contents, done, plan)) if budget else None
    plan = bought.plan if bought else plan
    units = [unit for unit in plan.units if any(plan.trials(unit))]
    model_speeds, measurement = speeds(space.models, pace), pace.measurement()
    return Forecast(
        space=space.name,
        rows=tuple(_row(plan, unit, done) for unit in units),
        pace=pace,
        speeds=model_speeds,
        rates={
            unit.name: _rates(space, unit, model_speeds[unit.model.name], measurement)
            for unit in units
            if unit.model.name in model_speeds
        },
        measurement=measurement,
        uncounted=tuple(target.task for target in space.targets if evaluation_size(space, target) is None),
        notes=(
            *([bought.sentence()] if bought else []),
            *contents.unreadable,
            *_unsized_note(plan),
            *_patience_note(plan),
            *missing_word_pairs(space, sources),
            *_data_notes(space, sources, only),
        ),
        disk=disk_of(plan, sources, pace.workers),
    )


def _rates(space: Space, unit: Unit, speed: Speed, measurement: Measurement | None) -> Rates:
    """The speed of a unit: of its type if that was measured, else of its model."""
    if measurement is None or not measurement.of_model(unit.model):
        return Rates(training=speed.throughput, evaluation=FORWARD * speed.throughput)
    rates = measurement.rates(unit, type_of(space, unit), speed.throughput)
    return with_lengths(rates, space, unit, measurement.lengths)


def _row(plan: Plan, unit: Unit, done: set[str]) -> Row:
    roles = [role for role, _ in plan.trials(unit)]
    left = [role for role, number in plan.trials(unit) if unit.trial_name(role, number) not in done]
    other_study = unit.study if unit.study != unit.name else ""
    search_left = len(left) - left.count("replicate")
    selected = {role: selection_tokens(plan.space, unit, role) for role in ("search", "replicate")}
    scored = score_tokens(plan.space, unit)  # only replicates are scored
    return Row(
        unit=unit.name,
        label=unit.label,
        kind=unit.kind,
        waits_for=tuple(dict.fromkeys(name for name in (unit.parent, other_study, *unit.prior) if name)),
        starts_from=plan.unit(unit.parent).recipe if unit.parent else "",
        dials_from=plan.unit(other_study).recipe if other_study else "",
        search=len(roles) - roles.count("replicate"),
        replicates=roles.count("replicate"),
        left=len(left),
        search_left=search_left,
        tokens_left=sum(training_tokens(plan.space, unit, role) * num for role, num in Counter(left).items()),
        tokens=training_tokens(plan.space, unit, "replicate"),
        search_tokens=round(_mean_tokens(plan, unit, roles)),
        model=unit.model.name,
        gpus=unit.model.resources.gpus,
        evaluation_left=selected["search"] * search_left + (selected["replicate"] + scored) * (len(left) - search_left),
        scratch=_scratch(plan, unit),
        type=type_of(plan.space, unit),
    )


def _mean_tokens(plan: Plan, unit: Unit, roles: list[Role]) -> float:
    """Mean training tokens of the trials of a unit that are no replicates."""
    searched = Counter(role for role in roles if role != "replicate")
    tokens = sum(training_tokens(plan.space, unit, role) * num for role, num in searched.items())
    return tokens / searched.total() if searched else training_tokens(plan.space, unit, "search")


def _scratch(plan: Plan, unit: Unit) -> int:
    """Tokens of a unit's cells if each trained its chain from the pretrained encoder; 0 for a unit without cells."""
    if unit.kind in ("prepare", "predict"):
        return 0
    # Targets that share a training would each train it.
    return (
        chain_tokens(plan.space, unit) * len(unit.targets) * sum(role == "replicate" for role, _ in plan.trials(unit))
    )


def _unsized_note(plan: Plan) -> Iterator[str]:
    """A message about the training sets that are not counted; nothing if all are counted."""
    if names := unsized_tasks(plan):
        yield (
            f"Training sets of unknown size, not counted: {', '.join(names)}. To count them, set train_size in the "
            "entry of the task, or run with --set cap_examples=N."
        )


def _patience_note(plan: Plan) -> Iterator[str]:
    """A message if trainings may stop early; nothing if none can."""
    trained = [unit.stage.training for unit in plan.units if unit.trains]
    num_patient = sum(training.patience is not None for training in trained)
    if num_patient:
        yield (
            f"Trainings may stop early in {num_patient} of {len(trained)} units (patience); all of their steps are "
            "counted."
        )


def _data_notes(space: Space, sources: Sources, only: Only) -> Iterator[str]:
    """Messages about data that the synthetic world, the mirror or the user's folders do not have."""
    if space.world:
        try:
            check_world(space)
        except UserError as error:
            yield str(error)
        return
    resolver = Resolver(space=space, sources=sources)
    try:
        check_data(resolver, only)
    except DataError as error:
        yield str(error)
        return
    yield from missing_languages(resolver)
