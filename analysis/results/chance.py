"""Clean scores beside the scores without skill: a drop of a model that has learned nothing says nothing of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from sweeper.space import CLEAN, Space

from .gains import directions
from .load import RunData
from .trivial import verdict

AT_CHANCE = "at chance"
"""Note of a drop or contrast under conditions whose clean score is at chance."""
CELL = ["model", "recipe", "target", "language"]


@dataclass(frozen=True, kw_only=True)
class CleanScores:
    """Clean scores with the scores that a model without skill reaches; more is better."""

    levels: Mapping[tuple[str, str, str, str], tuple[float, float, float, float]]
    """(model, recipe, target, language) -> clean score, trivial score, score without input (nan without one), means
    over seeds; and the number of examples."""
    no_input: frozenset[tuple[str, str]]
    """(target, condition) without input."""

    def is_at_chance(self, cell: tuple[str, str, str], condition: str = "", languages: Iterable[str] = ()) -> bool:
        """Whether the clean score of a cell (model, recipe, target) is not above the scores without skill.

        Scores are means over the languages, by default all with a clean score. "Above" is the rule of
        `trivial.verdict`, with the larger one of the trivial score and the score without input. For a condition without
        input, only the trivial score counts: otherwise its drop would be given only where it is large.
        """
        names = list(languages) or [name for *other, name in self.levels if tuple(other) == cell]
        found = [self.levels[*cell, name] for name in names if (*cell, name) in self.levels]
        if not found:
            return True
        score, trivial, without = (float(np.mean(values)) for values in list(zip(*found, strict=True))[:3])
        level = trivial if (cell[2], condition) in self.no_input else float(np.fmax(trivial, without))
        # Parallel languages have the same examples in other words.
        return verdict(score, level, int(min(values[3] for values in found))) != "above"


def without_input(space: Space) -> frozenset[tuple[str, str]]:
    """(target, condition) of the conditions that remove the input. A good score under them is no robustness."""
    return frozenset(
        (target.task, condition.name)
        for target in space.targets
        for condition in target.conditions
        if condition.perturbation == "null_input"
    )


def clean_scores(data: RunData) -> CleanScores:
    """The clean scores of all cells on the main metrics."""
    no_input = without_input(data.space)
    table = data.table[data.table["main"]]
    signs = table["target"].map(directions(data.space)).astype(float)
    table = table.assign(value=table["value"] * signs, trivial=table["trivial"] * signs)
    is_empty = [pair in no_input for pair in zip(table["target"], table["condition"], strict=True)]
    clean = table[table["condition"] == CLEAN].groupby(CELL)
    means = clean[["value", "trivial"]].mean()
    means["no_input"] = table[is_empty].groupby(CELL)["value"].mean()
    means["count"] = clean["count"].min()
    levels = {tuple(name): tuple(row) for name, row in zip(means.index, means.to_numpy(dtype=float), strict=True)}
    return CleanScores(levels=levels, no_input=no_input)
