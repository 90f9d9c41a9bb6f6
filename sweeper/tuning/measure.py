"""Measures each type of trial on this machine (`sweeper pace`): short trials in this process, without Ray."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from sweeper import __version__
from sweeper.errors import ShortageError, SweeperError, UserError
from sweeper.files.leftovers import locked_folder
from sweeper.plan.lengths import scoring_keys, training_keys
from sweeper.plan.measurement import Measurement, TypeMeasurement
from sweeper.plan.only import narrowed
from sweeper.plan.resolve import Resolver
from sweeper.plan.specs import Specs
from sweeper.plan.tokens import features_per_example
from sweeper.plan.trial_types import largest, type_of
from sweeper.plan.units import Unit, make_plan
from sweeper.records.record import TrainingRecord
from sweeper.records.spec import DataSpec, ScoreSpec, StageSpec, TrialSpec
from sweeper.run.site import Site
from sweeper.space import CLEAN, Space
from sweeper.space.dials import LIMITS
from sweeper.training.check import check_spec, without_models
from sweeper.training.machine import Machine, inspect_machine
from sweeper.training.trial import run_trial
from sweeper.training.workbench import Workbench
from sweeper.tuning.machines import check_gpus
from sweeper.tuning.options import Options
from sweeper.tuning.sweep import complete, make_site

FIRST_STEPS, FIRST_EXAMPLES = 4, 16
"""Steps, and evaluation examples of each language, of the first trial of a type. It gives the size of the next one."""
MOST_TRIALS = 4
"""Trials of a type. The last one is the measurement."""
ENOUGH = 0.5
"""Share of the given time from which on a trial is long enough."""
EVALUATED_SHARE = 1 / 3
"""Time of the evaluation of a trial as a share of the time of its training."""
MOST_EXAMPLES, MOST_LANGUAGES = 2_000, 3
"""Training examples of each language, which are repeated, and languages of an evaluation."""
LENGTH_EXAMPLES = 500
"""Examples of each language from which the length of the examples of a task is measured."""
NO_EFFECT = 1e-6
"""A learning rate at which no training fails. It does not change the time."""


@dataclass(frozen=True, kw_only=True)
class Size:
    """The size of a measured trial."""

    steps: int = FIRST_STEPS
    examples: int = FIRST_EXAMPLES
    """Evaluation examples of each language."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A trial that was run."""

    record: TrainingRecord
    evaluated: int
    """Tokens of its evaluation."""

    @property
    def train_seconds(self) -> float:
        """Seconds of the training, with the time in which it waited for data."""
        return self.record.timing.get("train", 0.0) + self.record.timing.get("wait", 0.0)

    @property
    def evaluate_seconds(self) -> float:
        """Seconds of selection and scoring."""
        return self.record.timing.get("evaluate", 0.0)


def measure(space: Space, options: Options, minutes: float) -> Iterator[str | Measurement]:
    """Run short trials of each type of the space, one after the other, for about `minutes` of training each.

    Yields messages for people, and after each type the measurement of all types so far. A type whose trial fails is
    named in it, and the next one is measured. Nothing is written to the run folder except for data in its cache. Raises
    UserError for everything that the user must correct, and the first failure if no type can be measured.
    """
    if not (math.isfinite(minutes) and minutes > 0):
        raise UserError(f"A measurement needs a finite number of minutes > 0, got {minutes:g}.")
    with locked_folder("sweeper-pace-") as scratch:
        machine = _check_machine(space, options)
        site = make_site(space, options)
        space, sources, inferred = complete(space, site, options.only)
        yield from inferred
        specs = Specs(
            plan=narrowed(make_plan(space), options.only),
            resolver=Resolver(space=space, sources=sources),
            resources=options.resources,
        )
        messages: list[str] = []
        bench = Workbench(_in_folder(site, scratch), notify=messages.append)
        lengths = _lengths(specs, bench)
        yield from _measure_types(specs, bench, Types(memory=machine.memory, lengths=lengths), 60 * minutes, messages)


@dataclass(kw_only=True)
class Types:
    """The types of trials that were measured so far."""

    memory: int
    """Bytes of the main memory of the machine."""
    lengths: Mapping[str, float]
    measured: list[TypeMeasurement] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    """Model and type -> the reason why it was not measured."""
    errors: list[SweeperError] = field(default_factory=list)
    facts: Mapping[str, str] = field(default_factory=dict)
    """`TrainingRecord.machine` of the last trial."""

    def measurement(self, space: str) -> Measurement:
        """The content of a file of `sweeper pace`."""
        facts = self.facts
        return Measurement(
            space=space,
            date=datetime.now(UTC).isoformat(timespec="seconds"),
            host=facts["host"],
            device=facts["device"],
            versions={"sweeper": __version__, **{name: facts[name] for name in ("torch", "transformers")}},
            memory=self.memory,
            types=tuple(self.measured),
            lengths=self.lengths,
            failed=dict(self.failed),
        )


def _measure_types(
    specs: Specs, bench: Workbench, types: Types, seconds: float, messages: list[str]
) -> Iterator[str | Measurement]:
    """Measure each type of trial. `messages` receives those of the workbench."""
    units = units_by_type(specs)
    if not units:
        raise UserError("The space has no trials to measure.")
    for number, ((model, name), unit) in enumerate(units.items(), start=1):
        yield f"[{number}/{len(units)}] {model}, {name}: measuring {unit.name} ..."
        try:
            measured = _measure_unit(specs, unit, bench, seconds)
        except SweeperError as error:
            types.errors.append(error)
            types.failed[f"{model}, {name}"] = str(error)
        else:
            types.measured.append(_type_measurement(unit, name, measured))
            types.facts = measured.record.machine
        yield from messages
        messages.clear()
        if types.measured:
            yield types.measurement(specs.space.name)
    if not types.measured:
        raise types.errors[0]


def _check_machine(space: Space, options: Options) -> Machine:
    """This machine. Raises UserError if it has too few GPUs for a trial, which would run on the CPU."""
    machine = inspect_machine(options.cache or ".")
    needed = options.resources.largest(space.models).gpus
    remedy = "Measure on a machine such as those of the sweep, or on CPUs with --gpus-per-trial 0."
    check_gpus(needed, len(machine.gpus), remedy)
    return machine


def units_by_type(specs: Specs) -> dict[tuple[str, str], Unit]:
    """Model and type -> the first unit of this type. Predictors of transfer are not measured."""
    units: dict[tuple[str, str], Unit] = {}
    for unit in specs.plan.units:
        if unit.kind != "predict" and any(specs.plan.trials(unit)):
            units.setdefault((unit.model.name, type_of(specs.space, unit)), unit)
    return units


def _in_folder(site: Site, folder: Path) -> Site:
    return replace(site.with_results_in(str(folder)), store=str(folder))


def _measure_unit(specs: Specs, unit: Unit, bench: Workbench, seconds: float) -> Measured:
    """Run trials of a unit, each larger than the one before, until one is long enough."""
    whole, size, evaluated = _whole_spec(specs, unit), Size(), 0
    measured = _run(whole, size, bench, 0)
    for number in range(1, MOST_TRIALS):
        larger = _larger(size, measured, seconds, has_more=measured.evaluated > evaluated)
        if larger == size and number > 1:
            break  # never after the first trial, which has loaded libraries
        evaluated, size = measured.evaluated, larger
        measured = _run(whole, size, bench, number)
    return measured


def _larger(size: Size, measured: Measured, seconds: float, *, has_more: bool) -> Size:
    """The size of the next trial; the same size if this one was long enough.

    `has_more`: whether there can be more evaluation data than this trial read.
    """
    has_steps, time = measured.record.tokens > 0, EVALUATED_SHARE * seconds
    return Size(
        steps=_grown(size.steps, measured.train_seconds, seconds) if has_steps else size.steps,
        examples=_grown(size.examples, measured.evaluate_seconds, time) if has_more else size.examples,
    )


def _grown(number: int, seconds: float, wanted: float) -> int:
    return number if seconds >= ENOUGH * wanted else math.ceil(number * wanted / max(seconds, 1e-3))


def _whole_spec(specs: Specs, unit: Unit) -> TrialSpec:
    """A replicate of a unit that starts from the pretrained encoder: the weights do not change the time.

    It has a whole GPU if trials have a share: it runs alone, and its memory decides how many of them fit.
    """
    seed = specs.plan.seeds(unit)[0]
    spec = specs.replicate(unit, seed, None, ())
    if spec.resources.shares_gpu:
        spec = replace(spec, resources=replace(spec.resources, gpus=1.0))
    if not unit.trains:
        return spec
    return replace(spec, cartography=False, chain=(specs.stage(unit, unit.stage, largest(unit.stage), seed),))


def _run(whole: TrialSpec, size: Size, bench: Workbench, number: int) -> Measured:
    """Run a trial of this size after `number` others of its type. Raises UserError if it fails."""
    spec = _cut_spec(whole, size)
    folder = Path(bench.site.store) / f"{spec.key}-{number}"
    local = replace(bench, site=_in_folder(bench.site, folder))
    check_spec(spec, local)
    try:
        record = run_trial(spec, local).training
    except ShortageError as error:
        raise ShortageError(
            f"{whole.name} cannot be measured now: {error} Measure when no other process runs."
        ) from error
    if record.state == "failed":
        raise UserError(f"{whole.name} cannot be measured on this machine: {record.reason}")
    reader = local.reader(spec)
    evaluated = [*spec.select, *(score.data for score in spec.scores)]
    return Measured(
        record=record,
        evaluated=sum(each.counts["tokens"] for data in evaluated for each in reader.encoded(data).values()),
    )


def _cut_spec(spec: TrialSpec, size: Size) -> TrialSpec:
    scores = tuple(replace(score, data=_evaluated(score.data, size.examples)) for score in _measurable(spec.scores))
    return replace(
        spec,
        name=f"{spec.name} ({size.steps} steps)",
        chain=tuple(_cut_stage(stage, size.steps) for stage in spec.chain),
        select=tuple(_evaluated(data, size.examples) for data in spec.select),
        scores=scores,
    )


def _measurable(scores: Iterable[ScoreSpec]) -> list[ScoreSpec]:
    """The scores whose data can be cut: those without a pool of candidates, and those that fit no threshold."""
    return [score for score in scores if score.condition == CLEAN and score.pool is None and score.fit is None]


def _cut_stage(stage: StageSpec, steps: int) -> StageSpec:
    """A stage with this number of steps on few examples, which are repeated."""
    training = replace(
        stage.training,
        learning_rate=NO_EFFECT,
        epochs=LIMITS["epochs"],
        min_steps=0,
        max_steps=steps,
        cap_tokens=None,
        keep="last",
        patience=None,
    )
    most = max(MOST_EXAMPLES, 4 * training.batch_size)
    data = tuple(_cut(data, most) for data in stage.data)
    mlm = _cut(stage.mlm, most) if stage.mlm else None
    return replace(stage, data=data, mlm=mlm, training=training, validation=())


def _cut(data: DataSpec, most: int) -> DataSpec:
    """Data with at most this number of examples of each language, without models that translate them."""
    given = max(data.caps) if data.caps else data.cap_examples
    return replace(without_models(data), cap_examples=min(most, given or most), caps=(), cap_tokens=None)


def _evaluated(data: DataSpec, most: int) -> DataSpec:
    data = _cut(data, most)
    return replace(data, languages=data.languages[:MOST_LANGUAGES])


def _type_measurement(unit: Unit, name: str, measured: Measured) -> TypeMeasurement:
    record = measured.record
    spent = measured.train_seconds + measured.evaluate_seconds
    return TypeMeasurement(
        model=unit.model.name,
        model_id=unit.model.id,
        layers=unit.model.layers,
        type=name,
        unit=unit.name,
        training=_speed(record.tokens, measured.train_seconds),
        evaluation=_speed(measured.evaluated, measured.evaluate_seconds),
        rest=max(0.0, record.timing["total"] - spent),
        memory=record.memory,
    )


def _speed(tokens: int, seconds: float) -> float | None:
    """Tokens per second; None if there are no tokens, or if the record has no time for them."""
    return tokens / seconds if tokens and seconds > 0 else None


def _lengths(specs: Specs, bench: Workbench) -> dict[str, float]:
    """`length_key` -> share of max_length that the examples of a task have, with the tokenizer of the first model."""
    lengths: dict[str, float] = {}
    model = specs.space.models[0].name
    for unit in specs.plan.units:
        if unit.model.name == model and unit.kind != "predict" and any(specs.plan.trials(unit)):
            spec = _whole_spec(specs, unit)
            stages = spec.chain[-1].data if unit.trains else ()
            pairs = list(zip(training_keys(unit), stages, strict=True))
            shown = {score.target: score.data for score in _measurable(spec.scores)}
            keys = zip(scoring_keys(specs.space, unit), unit.targets, strict=True)
            pairs += [(key, shown[target.task]) for key, target in keys if target.task in shown]
            for key, data in pairs:
                if key not in lengths and (length := _length(specs.space, spec, data, bench)):
                    lengths[key] = length
    return lengths


def _length(space: Space, spec: TrialSpec, data: DataSpec, bench: Workbench) -> float:
    """Tokens of an example as a share of max_length, for each feature that a plan counts; 0 without an example."""
    cut = _evaluated(data, LENGTH_EXAMPLES)
    counts = [each.counts for each in bench.reader(spec).encoded(cut).values()]
    planned = features_per_example(space.task(data.task)) * data.max_length * sum(each["examples"] for each in counts)
    return sum(each["tokens"] for each in counts) / planned if planned else 0.0
