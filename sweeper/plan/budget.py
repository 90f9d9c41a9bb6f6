"""`--budget`: the trials of a plan that a number of trainings or training tokens pays for, in waves.

A later wave is decided by English selection values of the earlier ones, never by scores that are reported. The waves do
not depend on the amount, so that a larger budget continues a smaller one.
"""

import itertools
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from statistics import stdev
from typing import Literal

from sweeper.errors import UserError
from sweeper.plan.only import replicate_needs
from sweeper.plan.tokens import training_tokens, unsized_tasks
from sweeper.plan.units import Plan, PlannedTrial, Unit

WAVES = ("all seeds of the baseline", "the first seed of the other cells", "their second seed")
"""The first waves. Each later one adds a seed to the cells whose selection values vary most."""
REFINED = 0.5
"""Share of the cells with seeds left to which a later wave adds one."""
Cell = tuple[Unit, int]
"""A unit on which no other unit depends, and a replicate seed."""
Values = Mapping[str, float | None]
"""Name of an ended replicate -> its selection value; None if it has none."""


@dataclass(frozen=True)
class Budget:
    """The largest cost of the trials of a plan, whether they have run or not.

    Other trainings of the run folder do not count: those of other parts (`--only`), and those that were bought with
    other selection values (`--retry-failed`).
    """

    amount: int
    unit: Literal["trainings", "tokens"] = "trainings"

    def __str__(self) -> str:
        """The option, as it can be typed."""
        return f"--budget {self.amount}{'tokens' if self.unit == 'tokens' else ''}"

    def cost(self, plan: Plan, trial: PlannedTrial) -> int:
        """The cost of one trial. A pass through an encoder costs nothing."""
        name, role, _ = trial
        unit = plan.unit(name)
        if not unit.trains:
            return 0
        return 1 if self.unit == "trainings" else training_tokens(plan.space, unit, role)


def parse_budget(text: str) -> Budget:
    """The budget of `200` (trainings) or `2e9tokens` (training tokens). Raises UserError for any other text."""
    match = re.fullmatch(r"(\d{1,18}|\d(?:\.\d{1,9})?e\d{1,2})(tokens)?", text)
    amount = round(float(match[1])) if match else 0
    if match is None or amount < 1:
        raise UserError(
            "--budget needs a number of trainings, such as 200, or of training tokens, such as 2e9tokens, got "
            f"{text!r}."
        )
    return Budget(amount, "tokens" if match[2] else "trainings")


@dataclass
class Purchase:
    """The trials that a budget buys: cell after cell, up to the first one that it cannot pay.

    A cell costs what it needs and no earlier cell has: its training, its preparations and the searches of their dials.
    """

    whole: Plan
    budget: Budget
    waves: dict[PlannedTrial, int] = field(default_factory=dict)
    """Each bought trial -> its wave."""
    cells: list[tuple[int, int]] = field(default_factory=list)
    """For each wave: the number of cells that are bought, and that of all its cells."""
    spent: int = 0
    is_decided: bool = True
    """Whether nothing more can be bought. Otherwise a later wave waits for selection values."""

    @classmethod
    def of(cls, plan: Plan, budget: Budget, values: Values) -> "Purchase":
        """What the budget buys of a plan, as far as the selection values decide it.

        Raises UserError for a budget in tokens if the size of a training set is unknown.
        """
        _check_sizes(plan, budget)
        bought = cls(plan, budget)
        for wave in _waves(plan, values):
            bought.is_decided = wave is not None
            if wave is None or not bought._buy(wave):
                break
        return bought

    @property
    def plan(self) -> Plan:
        """The plan with the bought trials only."""
        return replace(self.whole, part=frozenset(self.waves), waves=self.waves)

    def sentence(self) -> str:
        """What the budget buys, in words."""
        names = [*WAVES, *["a further seed of the cells whose selection values vary most"] * len(self.cells)]
        parts = [f"{name} ({num} of {total})" for name, (num, total) in zip(names, self.cells, strict=False) if total]
        rest = (
            f" The other {self.budget.amount - self.spent:,} go to further seeds of the cells whose English selection "
            "values vary most, once these cells have ended."
        )
        text = f"{self.budget} buys {self.spent:,} {self.budget.unit}: {', '.join(parts)}."
        refines = not self.is_decided or len(self.cells) > len(WAVES)
        order = " Refitted replicates have no selection value: their cells follow in the order of the plan."
        return text + ("" if self.is_decided else rest) + (order if refines and self.whole.space.search.refit else "")

    def _buy(self, cells: list[Cell]) -> bool:
        """Buy the cells of a wave. Returns whether the budget pays for all of them."""
        number, num = len(self.cells), 0
        for unit, seed in cells:
            missing = replicate_needs(self.whole, unit, seed) - self.waves.keys()
            cost = sum(self.budget.cost(self.whole, trial) for trial in missing)
            if self.spent + cost > self.budget.amount:
                break
            self.spent, num = self.spent + cost, num + 1
            self.waves.update(dict.fromkeys(missing, number))
        self._add_passes(number)
        self.cells.append((num, len(cells)))
        return num == len(cells)

    def _add_passes(self, number: int) -> None:
        """Add the cells that need no further training: scores and predictors of encoders that are bought."""
        for unit, seeds in _cells(self.whole):
            for seed in seeds if not unit.trains else ():
                missing = replicate_needs(self.whole, unit, seed) - self.waves.keys()
                if not any(self.whole.unit(name).trains for name, _, _ in missing):
                    self.waves.update(dict.fromkeys(missing, number))


def _cells(plan: Plan) -> list[tuple[Unit, list[int]]]:
    """The units on which no other unit depends, with the seeds of their replicates."""
    parents = {unit.parent for unit in plan.units}
    seeds = ((unit, [n for role, n in plan.trials(unit) if role == "replicate"]) for unit in plan.units)
    return [(unit, numbers) for unit, numbers in seeds if numbers and unit.name not in parents]


def _waves(plan: Plan, values: Values) -> Iterator[list[Cell] | None]:
    """The cells of each wave; None if it cannot be decided yet."""
    baseline = plan.space.baseline
    cells = _cells(plan)
    first = [(unit, seeds) for unit, seeds in cells if baseline and unit.recipe == baseline.name]
    others = [cell for cell in cells if cell not in first]
    yield [(unit, seed) for seed in plan.space.seeds for unit, seeds in first if seed in seeds]
    taken = {unit.name: 0 for unit, _ in others}
    for number in itertools.count(1):
        left = [(unit, seeds) for unit, seeds in others if taken[unit.name] < len(seeds)]
        if not left:
            return
        if number >= len(WAVES):
            ended = {unit.name: _values(unit, seeds[: taken[unit.name]], values) for unit, seeds in others}
            if any(each is None for each in ended.values()):
                yield None
                return
            # The sort is stable, so that cells that vary equally keep their order.
            ranked = sorted(left, key=lambda cell: -_error(ended[cell[0].name] or []))
            chosen = {unit.name for unit, _ in ranked[: math.ceil(REFINED * len(left))]}
            left = [(unit, seeds) for unit, seeds in left if unit.name in chosen]
        yield [(unit, seeds[taken[unit.name]]) for unit, seeds in left]
        for unit, _ in left:
            taken[unit.name] += 1


def _values(unit: Unit, seeds: list[int], values: Values) -> list[float] | None:
    """The selection values of some replicates of a unit; None if one of them has not ended."""
    names = [unit.replicate_name(seed) for seed in seeds]
    if not all(name in values for name in names):
        return None
    return [value for name in names if (value := values[name]) is not None]


def _error(values: list[float]) -> float:
    """The standard error of a mean; 0 if it is unknown."""
    return stdev(values) / math.sqrt(len(values)) if len(values) > 1 else 0.0


def _check_sizes(plan: Plan, budget: Budget) -> None:
    """Raise UserError if a budget in tokens cannot count a training."""
    names = unsized_tasks(plan) if budget.unit == "tokens" else []
    if names:
        raise UserError(
            f"--budget in tokens needs the sizes of all training sets, and those of {', '.join(names)} are unknown. "
            "Set train_size in the entry of the task, or --set cap_examples=N, or give a number of trainings."
        )
