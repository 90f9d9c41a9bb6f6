"""The uncertainty of contrasts about new seeds: the weighted sum of the scores of each seed."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
import pandas as pd

from sweeper.space import Space

from .contrast_sums import AXES, Score
from .gains import directions
from .load import RunData
from .moderation import are_bimodal, moderated, row_variances
from .stats import are_equal

Floats = npt.NDArray[np.float64]
Pattern = tuple[tuple[str, str, str, float], ...]
"""Target, condition, language and weight of the scores of one recipe; the absolute weights have the sum 1."""


@dataclass(frozen=True, kw_only=True)
class SeedVariance:
    """A contrast over seeds: its mean, the variance of that mean, and its degrees of freedom; nan without them."""

    estimate: float
    num_seeds: int
    variance: float = np.nan
    df: float = np.nan
    note: str = ""


def scores_of_seeds(data: RunData) -> tuple[pd.DataFrame, frozenset[Score]]:
    """The scores on the main metrics: a row for each `Score`, a column for each replicate seed; more is better.

    Also returns the scores that depend on no seed. They are repeated in every column.
    """
    table = data.table[data.table["main"]]
    signs = table["target"].map(directions(data.space)).astype(float)
    table = table.assign(value=table["value"] * signs)
    wide = table[table["seed"].notna()].pivot(index=AXES, columns="seed", values="value")
    wide = wide.reindex(columns=list(data.space.seeds)).astype(float)
    fixed = table[table["seed"].isna()].set_index(AXES)["value"]
    fixed = fixed[~fixed.index.isin(wide.index)]
    repeated = pd.DataFrame(dict.fromkeys(data.space.seeds, fixed), index=fixed.index)
    return pd.concat([wide, repeated]), frozenset(Score(*name) for name in fixed.index)


def by_score(table: pd.DataFrame) -> dict[Score, Floats]:
    """The rows of `scores_of_seeds` by name: a value for each replicate seed."""
    return {Score(*name): values for name, values in zip(table.index, table.to_numpy(dtype=float), strict=True)}


class SeedScores:
    """The scores of a run by seed, for sums with weights."""

    def __init__(
        self,
        scores: Mapping[Score, Floats],
        seedless: frozenset[Score],
        recipes: Sequence[str],
        related: frozenset[frozenset[str]] = frozenset(),
    ) -> None:
        self._scores = scores
        self._related = related
        self._moderated: dict[tuple[str, Pattern, bool], tuple[Floats, Floats, npt.NDArray[np.bool_]]] = {}
        self._seedless = seedless
        self.num_seeds = max(map(len, scores.values()), default=0)
        self.recipes = recipes

    def by_seed(self, weights: Mapping[Score, float]) -> Floats:
        """The weighted sum for each seed, shape (seeds,); nan if a seed lacks a score."""
        missing = np.full(self.num_seeds, np.nan)
        total = np.zeros(self.num_seeds)
        for name, weight in weights.items():
            total = total + weight * self._scores.get(name, missing)
        return total

    def fixed_rows(self, model: str, pattern: Pattern) -> npt.NDArray[np.bool_]:
        """Whether the part of each recipe depends on no seed, shape (recipes,)."""
        return np.array([self.is_seedless(_scores(model, recipe, pattern)) for recipe in self.recipes], dtype=bool)

    def moderated_rows(
        self, model: str, pattern: Pattern, cancels: bool
    ) -> tuple[Floats, Floats, npt.NDArray[np.bool_]]:
        """Variance of the part of each recipe, its degrees of freedom, and whether its seeds are bimodal: (recipes,).

        With `cancels`, the effect of a seed on all recipes is removed. Contrasts with the same scores share the result.
        """
        key = model, pattern, cancels
        if key not in self._moderated:
            sums = np.array([self.by_seed(_scores(model, recipe, pattern)) for recipe in self.recipes])
            sums[self.fixed_rows(model, pattern)] = np.nan
            are_two = are_bimodal(sums[None])[0]
            sums[are_two] = np.nan
            variances, df = moderated(*row_variances(sums[None], cancels))
            self._moderated[key] = variances[0], df[0], are_two
        return self._moderated[key]

    def are_related(self, weights: Iterable[Score]) -> bool:
        """Whether two recipes of a sum start with the same stage, so that they share encoders of the same seed."""
        names = {name.recipe for name in weights}
        return any(pair <= names for pair in self._related)

    def is_seedless(self, weights: Iterable[Score]) -> bool:
        """Whether no score of a sum depends on a seed."""
        return self._seedless.issuperset(weights)


def _seed_note(sums: Floats, *, is_seedless: bool) -> str:
    """Why a sum has no variance over seeds; "" if it has one."""
    if is_seedless:
        return "no seed"
    if len(sums) == 1:
        return "one seed"
    if len(sums) == 0:
        return "no seed has all scores"
    return "equal differences" if are_equal(sums.min(), sums.max(), 1.0) else ""


def related_recipes(space: Space) -> frozenset[frozenset[str]]:
    """The pairs of recipes with the same first stage."""
    return frozenset(
        frozenset((first.name, second.name))
        for first, second in combinations(space.recipes, 2)
        if first.stages and first.stages[:1] == second.stages[:1]
    )


def seed_variance(weights: Mapping[Score, float], arrays: SeedScores) -> SeedVariance:
    """The mean of a contrast over seeds, and its variance.

    The scores of a trained model under all targets, conditions and languages depend on each other, so that its part of
    the sum is computed first for each seed. The variance of that part is moderated over all recipes with the same
    scores (`moderation.moderated`), and the parts of different recipes and models are independent but for the effect of
    a seed, which is removed if their weights add up to 0. With fewer than 8 such recipes, and if two recipes of the sum
    start with the same stage and therefore share encoders, the variance is that of the sums of the seeds (Student
    1908).
    """
    sums = arrays.by_seed(weights)
    sums = sums[~np.isnan(sums)]
    num = len(sums)
    estimate = float(sums.mean()) if num else np.nan
    note = _seed_note(sums, is_seedless=arrays.is_seedless(weights))
    if note:
        return SeedVariance(estimate=estimate, num_seeds=num, note=note)
    variances, df, is_bimodal = _of_recipes(weights, arrays)
    if is_bimodal:
        return SeedVariance(estimate=estimate, num_seeds=num, note="bimodal")
    if np.isnan(variances).any() or arrays.are_related(weights):
        return SeedVariance(estimate=estimate, num_seeds=num, variance=float(sums.var(ddof=1)) / num, df=num - 1.0)
    total = float(variances.sum())
    # Satterthwaite 1946.
    degrees = total**2 / float((variances**2 / df).sum()) if total > 0 else np.nan
    return SeedVariance(estimate=estimate, num_seeds=num, variance=total / num, df=degrees)


def _of_recipes(weights: Mapping[Score, float], arrays: SeedScores) -> tuple[Floats, Floats, bool]:
    """Variance of the part of each recipe, its degrees of freedom, and whether the seeds of a part are bimodal."""
    variances: list[float] = []
    degrees: list[float] = []
    is_bimodal = False
    for (model, pattern), scales in _patterns(weights).items():
        rows = [arrays.recipes.index(recipe) for recipe in scales]
        fixed = arrays.fixed_rows(model, pattern)
        cancels = abs(sum(scales.values())) < 1e-9 and not fixed[rows].any()
        moderate, df, are_two = arrays.moderated_rows(model, pattern, cancels)
        is_bimodal |= bool(are_two[rows].any())
        for recipe, row in zip(scales, rows, strict=True):
            if not fixed[row]:
                variances.append(scales[recipe] ** 2 * moderate[row])
                degrees.append(df[row])
    return np.array(variances), np.array(degrees), is_bimodal


def _patterns(weights: Mapping[Score, float]) -> dict[tuple[str, Pattern], dict[str, float]]:
    """(model, pattern) -> recipe -> the factor of its pattern. Recipes with the same scores share a pattern."""
    by_recipe: dict[tuple[str, str], dict[tuple[str, str, str], float]] = defaultdict(dict)
    for name, weight in weights.items():
        by_recipe[name.model, name.recipe][name[2:]] = weight
    patterns: dict[tuple[str, Pattern], dict[str, float]] = defaultdict(dict)
    for (model, recipe), scored in by_recipe.items():
        ordered = sorted(scored.items())
        scale = sum(abs(weight) for weight in scored.values()) * (1.0 if ordered[0][1] > 0 else -1.0)
        pattern = tuple((*name, round(weight / scale, 12)) for name, weight in ordered)
        patterns[model, pattern][recipe] = scale
    return patterns


def _scores(model: str, recipe: str, pattern: Pattern) -> dict[Score, float]:
    return {Score(model, recipe, target, condition, name): weight for target, condition, name, weight in pattern}
