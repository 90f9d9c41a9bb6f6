"""Correlations of gains: between recipes, between targets, and with traits of the intermediate task."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pandas as pd

from sweeper.space import tasks_of

from .load import RunData
from .matrix import Matrix
from .stats import spearman
from .trivial import PreparationLevel

TRAITS: Mapping[str, str] = {
    "train_size": "published training examples",
    "seen": "training examples seen",
    "own_dev": "own dev score",
}
"""Trait of an intermediate task -> its label in figures and tables."""
MEAN = "mean"
"""Name of the mean gain among targets."""


@dataclass(frozen=True, kw_only=True)
class Correlations:
    """Spearman correlations, each with n and permutation p, without cells with the same rows and incomplete cells."""

    recipes: pd.DataFrame
    """Columns a, b, rho, n, p: pairs of recipes, over targets."""
    targets: pd.DataFrame
    """Columns a, b, rho, n, p: pairs of targets, over recipes."""
    traits: pd.DataFrame
    """Index: the recipes of one task. Columns train_size, seen (mean over seeds), own_dev (fraction of 1), mean
    (gain)."""
    predictors: pd.DataFrame
    """Columns trait, target (or `mean`), rho, n, p: over the recipes of one task."""
    mean_over: tuple[str, ...]
    """Targets in the mean gain: those on which every recipe has a gain and none trains on the same rows."""


def correlate(data: RunData, matrix: Matrix, preparations: Iterable[PreparationLevel]) -> Correlations:
    """All correlations of one model's matrix. `preparations` are its `preparation_levels`."""
    gains = matrix.summarised
    over = comparable_targets(gains)
    dev_scores = {(level.recipe, level.task): level.score for level in preparations}
    traits = _traits(data, matrix.model, dev_scores).join(gains[list(over)].mean(axis=1).rename(MEAN))
    return Correlations(
        recipes=_pairs(gains.T),
        targets=_pairs(gains),
        traits=traits,
        predictors=_predictors(traits, gains.reindex(traits.index).join(traits[[MEAN]])),
        mean_over=over,
    )


def comparable_targets(gains: pd.DataFrame) -> tuple[str, ...]:
    """The columns in which every recipe has a gain. Means over different targets could not be compared."""
    return tuple(str(target) for target in gains.columns if len(gains) and gains[target].notna().all())


def as_square(pairs: pd.DataFrame, names: list[str], column: str) -> npt.NDArray[np.float64]:
    """One column of a table of pairs as a symmetric array of shape (names, names), nan on the diagonal."""
    square = np.full((len(names), len(names)), np.nan)
    for a, b, value in zip(pairs["a"], pairs["b"], pairs[column], strict=True):
        first, second = names.index(a), names.index(b)
        square[first, second] = square[second, first] = value
    return square


def _pairs(table: pd.DataFrame) -> pd.DataFrame:
    """One row for each pair of columns of the table."""
    rows = []
    for a, b in combinations(table.columns, 2):
        correlation = spearman(table[a].tolist(), table[b].tolist())
        rows.append((a, b, correlation.rho, correlation.n, correlation.p))
    return pd.DataFrame(rows, columns=["a", "b", "rho", "n", "p"])


def _predictors(traits: pd.DataFrame, gains: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for trait in TRAITS:
        for target in gains.columns:
            correlation = spearman(traits[trait].tolist(), gains[target].tolist())
            rows.append((trait, target, correlation.rho, correlation.n, correlation.p))
    return pd.DataFrame(rows, columns=["trait", "target", "rho", "n", "p"])


def _traits(data: RunData, model: str, dev_scores: Mapping[tuple[str, str], float]) -> pd.DataFrame:
    """One row for each recipe of one task. The sizes and dev scores of a mixture have no single value."""
    tasks = {recipe.name: tasks_of(recipe.stages, masked=False) for recipe in data.space.recipes}
    single = {recipe: names[0] for recipe, names in tasks.items() if len(names) == 1}
    seen = _examples_seen(data, model)
    rows = {
        recipe: {
            "train_size": data.space.task(task).train_size or np.nan,
            "seen": seen.get(recipe, np.nan),
            "own_dev": dev_scores.get((recipe, task), np.nan),
        }
        for recipe, task in single.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(TRAITS)).astype(float)


def _examples_seen(data: RunData, model: str) -> dict[str, float]:
    """Recipe -> training examples that its encoder has seen, repeats included, mean over seeds."""
    counts = [
        (record.spec.recipe, sum(record.examples.values()))
        for record in data.replicates
        if record.spec.kind == "prepare" and record.spec.model.name == model and record.state == "done"
    ]
    table = pd.DataFrame(counts, columns=["recipe", "seen"])
    return {str(recipe): float(seen) for recipe, seen in table.groupby("recipe")["seen"].mean().items()}
