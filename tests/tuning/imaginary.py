"""Simulated workers: agendas without data, and trials that end at once, in an order that a test chooses."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from search_spaces.tiny import SPACE as TINY
from sweeper.plan.resolve import Resolver
from sweeper.plan.specs import Specs
from sweeper.plan.units import make_plan
from sweeper.records.ended import EndedTrial
from sweeper.records.record import TrainingRecord, TrialResult
from sweeper.records.spec import TrialSpec, score_key
from sweeper.space import LogUniform, Recipe, Search, Space
from sweeper.tuning.agenda import Agenda

DIALS = {"learning_rate": LogUniform(low=1e-4, high=1e-2, first=(3e-3, 1e-3))}
SEARCHED = replace(
    TINY,
    recipes=tuple(replace(r, stages=tuple(replace(stage, dials=DIALS) for stage in r.stages)) for r in TINY.recipes),
    targets=tuple(replace(target, dials=DIALS) for target in TINY.targets),
)
"""The space `tiny` with a search in every unit, over dials with infinitely many values."""
SMALL = replace(SEARCHED, name="small", search=Search(scope="cell", trials=6, batch=3))
"""Every cell has its own search, in two batches."""


@dataclass
class FakeLedger:
    """A ledger in memory."""

    trainings: dict[str, TrainingRecord] = field(default_factory=dict)
    scores: set[str] = field(default_factory=set)

    def ended(self) -> dict[str, EndedTrial]:
        """Key -> each finished training, as an agenda receives it."""
        return {key: EndedTrial.of(record) for key, record in self.trainings.items()}

    def keep(self, spec: TrialSpec, record: TrainingRecord) -> None:
        # As in a ledger, the first record of a key stays: a scoring does not replace the training of its encoder.
        self.trainings.setdefault(record.key, record)
        if record.state == "done":
            self.scores |= {score_key(spec.key, score) for score in spec.scores}


Fate = Callable[[TrialSpec], TrainingRecord | str]
"""Decides how a trial ends: with a record, or lost for a reason."""


def succeed(spec: TrialSpec) -> TrainingRecord:
    """A successful end, with a value that depends only on the key."""
    value = int(spec.key, 16) / 16 ** len(spec.key)
    return TrainingRecord(key=spec.key, spec=spec, state="done", value=value)


def fail(spec: TrialSpec) -> TrainingRecord:
    return TrainingRecord(key=spec.key, spec=spec, state="failed", reason="its loss was NaN")


def unless(fails: Callable[[TrialSpec], bool], otherwise: Fate = fail) -> Fate:
    return lambda spec: otherwise(spec) if fails(spec) else succeed(spec)


def specs_of(space: Space) -> Specs:
    return Specs(plan=make_plan(space), resolver=Resolver(space=space, sources=None))


def agenda_of(space: Space, ledger: FakeLedger | None = None) -> Agenda:
    start = ledger or FakeLedger()
    return Agenda(specs=specs_of(space), trainings=start.ended(), scores=set(start.scores))


def drain(
    agenda: Agenda,
    ledger: FakeLedger,
    fate: Fate = succeed,
    *,
    seed: int = 0,
    workers: int = 3,
    stop_after: int = 10**9,
) -> list[TrialSpec]:
    """Run an agenda with `workers` trials at a time, which end in random order. Returns the trials as they started."""
    generator = random.Random(seed)
    running: list[TrialSpec] = []
    started: list[TrialSpec] = []
    while not agenda.finished and len(started) < stop_after:
        while len(running) < workers and (spec := agenda.next()) is not None:
            running.append(spec)
            started.append(spec)
        spec = running.pop(generator.randrange(len(running)))
        result = fate(spec)
        if isinstance(result, str):
            agenda.mark_lost(spec.name, result)
            continue
        ledger.keep(spec, result)
        agenda.complete(spec.name, TrialResult(training=ledger.trainings[spec.key]))
    return started


def run_all(space: Space, fate: Fate = succeed, **options: int) -> tuple[Agenda, FakeLedger]:
    """Run all trials of a space, with an empty ledger at the start."""
    ledger = FakeLedger()
    agenda = agenda_of(space)
    drain(agenda, ledger, fate, **options)
    return agenda, ledger


def with_chain(space: Space) -> Space:
    """The space with one more recipe, `longer`, whose first stage is that of `parts`."""
    parts = next(recipe for recipe in space.recipes if recipe.stages)
    longer = Recipe(name="longer", stages=(*parts.stages, replace(parts.stages[0], tasks=("claims",))))
    return replace(space, recipes=(*space.recipes, longer))
