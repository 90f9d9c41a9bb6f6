"""The stored encoders of a plan, and the trials that need each of them."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from sweeper.plan.units import Plan, PlannedTrial, Unit
from sweeper.space import Stage


@dataclass(frozen=True)
class StoredEncoders:
    """The preparations whose encoders are stored, and the units whose trials need these encoders.

    A unit needs the encoder at its start, and those of all earlier stages: they are trained again if the encoder is
    damaged. Units of equal models and stages share encoders, also under other names.
    """

    plan: Plan
    """The plan of the whole space, not only of the part that runs."""
    _texts: dict[int, str] = field(default_factory=dict)
    """Id of a stage -> the stage as a text, because stages have no hash."""

    @cached_property
    def users(self) -> dict[str, list[Unit]]:
        """Name of each preparation -> the units that need its encoders, itself included.

        Without those whose encoders are also stored as trained targets.
        """
        by_stages: dict[tuple[object, ...], list[Unit]] = defaultdict(list)
        for unit in self.plan.units:
            for identity in self._identities(unit):
                by_stages[identity].append(unit)
        prepared = [unit for unit in self.plan.units if unit.kind == "prepare" and unit.keep]
        shared = [(unit, by_stages[self._identities(unit)[-1]]) for unit in prepared]
        return {unit.name: users for unit, users in shared if not any(_keeps(user, unit) for user in users)}

    @cached_property
    def needed_by(self) -> dict[str, list[Unit]]:
        """Name of a unit -> the preparations whose encoders it needs."""
        needed: dict[str, list[Unit]] = defaultdict(list)
        for name, users in self.users.items():
            for user in users:
                needed[user.name].append(self.plan.unit(name))
        return needed

    def replicate_users(self, unit: Unit, seed: int) -> Iterator[PlannedTrial]:
        """The trials that need the encoder of a preparation with a replicate seed."""
        yield from ((user.name, "replicate", seed) for user in self.users[unit.name])

    def search_users(self, unit: Unit) -> Iterator[PlannedTrial]:
        """The trials that need the encoder of a preparation with the dials that its study chose."""
        for user in self.users[unit.name]:
            yield from ((user.name, *trial) for trial in self.plan.studied(user))

    def searched(self, unit: Unit) -> list[PlannedTrial]:
        """The trials of a preparation's study whose encoders are stored: those of its search, or of its last rung."""
        if not unit.keep_search:
            return []
        last = len(self.plan.rung_sizes(unit))
        return [(unit.name, "rung" if last else "search", number) for number in self.plan.rung_numbers(unit, last)]

    def _identities(self, unit: Unit) -> list[tuple[object, ...]]:
        """The model and the stages of each encoder that a unit needs, in the order of its chain."""
        model = unit.model.id, unit.model.revision, unit.model.layers, unit.model.resources.processes
        texts = tuple(map(self._text, unit.stages))
        return [(*model, *texts[:depth]) for depth in range(1, len(texts) + 1)]

    def _text(self, stage: Stage) -> str:
        # Many units have the same object, and the plan keeps it, so that its id stays the same.
        if id(stage) not in self._texts:
            self._texts[id(stage)] = repr(stage)
        return self._texts[id(stage)]


def _keeps(user: Unit, unit: Unit) -> bool:
    """Whether a unit is a target that is stored (`keep_targets`) and has the encoder of a preparation."""
    is_same = user.sets_aside == unit.sets_aside and len(user.stages) == len(unit.stages)
    return is_same and user.kind == "target" and user.keep
