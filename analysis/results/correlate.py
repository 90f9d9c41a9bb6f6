"""Correlations over the gains: rows with rows, columns with columns, and gain with traits of the intermediate task."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pandas as pd

from sweeper.space import tasks_of

from .load import Study
from .matrix import Matrix, cells_of
from .stats import spearman

TRAITS: Mapping[str, str] = {
    "train_size": "published training examples",
    "seen": "training examples seen",
    "own_dev": "own dev score",
}
"""Trait -> what a reader calls it."""
MEAN = "mean"


@dataclass(frozen=True, kw_only=True)
class Correlations:
    """Spearman correlations, each with its n and permutation p. Flagged and incomplete cells take no part."""

    rows: pd.DataFrame
    """Columns a, b, rho, n, p: pairs of recipes, over targets."""
    columns: pd.DataFrame
    """Columns a, b, rho, n, p: pairs of targets, over recipes."""
    traits: pd.DataFrame
    """Index: recipes of one task. Columns train_size, seen (mean over seeds), own_dev (fraction of 1), mean (gain)."""
    predictors: pd.DataFrame
    """Columns trait, target (or `mean`), rho, n, p: over the recipes of one task."""
    mean_over: tuple[str, ...]
    """Targets behind the mean gain: those that no row shares training data with and every row has a gain on."""


def correlate(study: Study, matrix: Matrix) -> Correlations:
    """Every correlation of one model's matrix."""
    gains = matrix.unflagged
    over = comparable_targets(gains)
    traits = _traits(study, matrix.model).join(gains[list(over)].mean(axis=1).rename(MEAN))
    against = gains.reindex(traits.index).join(traits[[MEAN]])
    return Correlations(
        rows=_pairs(gains.T),
        columns=_pairs(gains),
        traits=traits,
        predictors=_predictors(traits, against),
        mean_over=over,
    )


def comparable_targets(gains: pd.DataFrame) -> tuple[str, ...]:
    """The columns in which every row has a gain: means over different targets would compare nothing."""
    return tuple(str(target) for target in gains.columns if len(gains) and gains[target].notna().all())


def as_square(pairs: pd.DataFrame, names: list[str], column: str) -> npt.NDArray[np.float64]:
    """One column of pairs as a symmetric (names, names) array, nan on the diagonal."""
    square = np.full((len(names), len(names)), np.nan)
    for a, b, value in zip(pairs["a"], pairs["b"], pairs[column], strict=True):
        row, other = names.index(a), names.index(b)
        square[row, other] = square[other, row] = value
    return square


def _pairs(table: pd.DataFrame) -> pd.DataFrame:
    """A row for every two columns of the table."""
    found = []
    for a, b in combinations(table.columns, 2):
        result = spearman(table[a].tolist(), table[b].tolist())
        found.append((a, b, result.rho, result.n, result.p))
    return pd.DataFrame(found, columns=["a", "b", "rho", "n", "p"])


def _predictors(traits: pd.DataFrame, gains: pd.DataFrame) -> pd.DataFrame:
    found = []
    for trait in TRAITS:
        for target in gains.columns:
            result = spearman(traits[trait].tolist(), gains[target].tolist())
            found.append((trait, target, result.rho, result.n, result.p))
    return pd.DataFrame(found, columns=["trait", "target", "rho", "n", "p"])


def _traits(study: Study, model: str) -> pd.DataFrame:
    """A row for each recipe of one task: a mixture has no size and no dev score that could be set beside a task's."""
    tasks = {recipe.name: tasks_of(recipe.stages, masked=False) for recipe in study.space.recipes}
    single = {recipe: names[0] for recipe, names in tasks.items() if len(names) == 1}
    seen, own = _seen(study, model), _own(study, model)
    rows = {
        recipe: {
            "train_size": study.space.task(task).train_size or np.nan,
            "seen": seen.get(recipe, np.nan),
            "own_dev": own.get((recipe, task), np.nan),
        }
        for recipe, task in single.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(TRAITS)).astype(float)


def _seen(study: Study, model: str) -> dict[str, float]:
    """Recipe -> training examples of its preparation, repeats counted, mean over its seeds."""
    counts = [
        (record.spec.recipe, sum(record.examples.values()))
        for record in study.prepared
        if record.spec.kind == "prepare" and record.spec.model.name == model and record.state == "done"
    ]
    table = pd.DataFrame(counts, columns=["recipe", "seen"])
    return {str(recipe): float(seen) for recipe, seen in table.groupby("recipe")["seen"].mean().items()}


def _own(study: Study, model: str) -> dict[tuple[str, str], float]:
    """(Recipe, task) -> its preparation's main metric on the task's dev data, mean over languages and seeds."""
    own = study.own[study.own["main"] & (study.own["model"] == model)]
    return {cell: float(rows["value"].mean()) for cell, rows in cells_of(own)}
