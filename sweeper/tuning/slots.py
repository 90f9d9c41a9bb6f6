"""The positions of trials in a plan: all of them, those of a unit, and those that choose its dials."""

from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple

from sweeper.plan.units import Plan, Unit
from sweeper.records.spec import Role


class Slot(NamedTuple):
    """The position of one trial in the plan. Slots sort in the order in which their trials should run."""

    wave: int
    """With a budget: the wave that buys the trial (`Plan.waves`)."""
    row: int
    order: int
    """Number of the unit in the plan."""
    role: Role
    number: int
    """Number of the trial in its search or race, or seed of the replicate."""


class Slots:
    """The slots of a plan, in lists that are made once: a sweep reads them after every trial."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._order = {unit.name: number for number, unit in enumerate(plan.units)}
        # Name of a unit -> slots.
        self._planned: dict[str, tuple[Slot, ...]] = {}
        self._studied: dict[str, tuple[Slot, ...]] = {}

    def __iter__(self) -> Iterator[Slot]:
        """Every slot of the plan."""
        return chain.from_iterable(self.of(unit) for unit in self._plan.units)

    def slot(self, unit: Unit, role: Role, number: int) -> Slot:
        """The slot of a trial."""
        wave = self._plan.waves.get((unit.name, role, number), 0) if self._plan.waves else 0
        return Slot(wave, unit.row, self._order[unit.name], role, number)

    def of(self, unit: Unit) -> tuple[Slot, ...]:
        """The slots of all trials of a unit that are in the part of the plan that runs."""
        if unit.name not in self._planned:
            self._planned[unit.name] = tuple(self.slot(unit, *trial) for trial in self._plan.trials(unit))
        return self._planned[unit.name]

    def studied(self, unit: Unit) -> tuple[Slot, ...]:
        """The slots of all trials that choose the dials of a unit's study: those of its search, then of its race."""
        if unit.name not in self._studied:
            self._studied[unit.name] = tuple(self.slot(unit, *trial) for trial in self._plan.studied(unit))
        return self._studied[unit.name]

    def search(self, unit: Unit) -> tuple[Slot, ...]:
        """The slots of all search trials of a unit, in order of their numbers."""
        return self.studied(unit)[: self._plan.num_search(unit)]

    def rung(self, unit: Unit, level: int) -> tuple[Slot, ...]:
        """The slots of one rung of a unit; those of level 0 are its search trials."""
        role: Role = "rung" if level else "search"
        return tuple(self.slot(unit, role, number) for number in self._plan.rung_numbers(unit, level))

    def level(self, slot: Slot) -> int:
        """The number of a slot's rung; that of a race is higher than those of all rungs."""
        unit, num = self._plan.units[slot.order], len(self._plan.space.search.rungs)
        numbers = {level: self._plan.rung_numbers(unit, level) for level in range(1, num + 1) if slot.role == "rung"}
        return next((level for level in numbers if slot.number in numbers[level]), num + 1)
