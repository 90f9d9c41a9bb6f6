"""An imaginary machine room: agendas without data, and trials that end at once, in any order, as a test decides."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from search_spaces.tiny import SPACE as TINY
from sweeper.plan.resolve import Resolver
from sweeper.plan.specs import Specs
from sweeper.plan.units import make_plan
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
"""Preparations search too, and no study runs out of dials."""
SMALL = replace(SEARCHED, name="small", search=Search(scope="cell", trials=6, batch=3))
"""Every cell searches for itself, in two batches."""


@dataclass
class Shelf:
    """What a ledger would hold."""

    trainings: dict[str, TrainingRecord] = field(default_factory=dict)
    scores: set[str] = field(default_factory=set)

    def keep(self, spec: TrialSpec, record: TrainingRecord) -> None:
        # The first record of a key stays, as in a ledger: a scoring does not replace its encoder's training.
        self.trainings.setdefault(record.key, record)
        if record.state == "done":
            self.scores |= {score_key(spec.key, score) for score in spec.scores}


Fate = Callable[[TrialSpec], TrainingRecord | str]
"""A record, or the reason why the machines lost the trial."""


def well(spec: TrialSpec) -> TrainingRecord:
    """It ends well, with a value that depends on its key alone."""
    value = int(spec.key, 16) / 16 ** len(spec.key)
    return TrainingRecord(key=spec.key, spec=spec, state="done", value=value)


def badly(spec: TrialSpec) -> TrainingRecord:
    return TrainingRecord(key=spec.key, spec=spec, state="failed", reason="its loss was NaN")


def unless(fails: Callable[[TrialSpec], bool], otherwise: Fate = badly) -> Fate:
    return lambda spec: otherwise(spec) if fails(spec) else well(spec)


def specs_of(space: Space) -> Specs:
    return Specs(plan=make_plan(space), resolver=Resolver(space=space, sources=None))


def agenda_of(space: Space, shelf: Shelf | None = None) -> Agenda:
    held = shelf or Shelf()
    return Agenda(specs=specs_of(space), trainings=dict(held.trainings), scores=set(held.scores))


def drain(
    agenda: Agenda, shelf: Shelf, fate: Fate = well, *, seed: int = 0, workers: int = 3, stop_after: int = 10**9
) -> list[TrialSpec]:
    """Run what an agenda offers, `workers` at a time, ending in random order. What was started, in order."""
    chance = random.Random(seed)
    flying: list[TrialSpec] = []
    started: list[TrialSpec] = []
    while not agenda.finished and len(started) < stop_after:
        while len(flying) < workers and (spec := agenda.next()) is not None:
            flying.append(spec)
            started.append(spec)
        spec = flying.pop(chance.randrange(len(flying)))
        result = fate(spec)
        if isinstance(result, str):
            agenda.mark_lost(spec.name, result)
            continue
        shelf.keep(spec, result)
        agenda.complete(spec.name, TrialResult(training=shelf.trainings[spec.key]))
    return started


def run_all(space: Space, fate: Fate = well, **how: int) -> tuple[Agenda, Shelf]:
    """An agenda worked off from an empty ledger."""
    shelf = Shelf()
    agenda = agenda_of(space)
    drain(agenda, shelf, fate, **how)
    return agenda, shelf


def with_chain(space: Space) -> Space:
    """The same space and one recipe more, whose first stage is that of `parts`."""
    parts = next(recipe for recipe in space.recipes if recipe.stages)
    longer = Recipe(name="longer", stages=(*parts.stages, replace(parts.stages[0], tasks=("claims",))))
    return replace(space, recipes=(*space.recipes, longer))
