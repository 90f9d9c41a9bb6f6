"""Permutation tests of contrasts over languages: would other labels of the languages give as large an estimate?

A contrast such as the slope of scores on the distance of source and target language weights the cells of a table of
source and target languages. These cells are not independent: a language has a whole row, a whole column, or both. The
test exchanges the labels of languages in the weights, rows and columns together (Mantel 1967).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from .contrast_seeds import by_score, scores_of_seeds
from .contrast_sums import Score, WeightedSum, weighted_sums
from .contrasts import covariate_unit
from .halves import MIN_N
from .load import RunData
from .measured_covariates import measured_covariates
from .source_languages import source_groups

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.intp]
COLUMNS = (
    *("family", "contrast", "model", "target", "language", "covariate", "covariate_unit", "targets"),
    *("estimate", "p"),
    *("num_both", "num_source", "num_target"),
)
"""Columns of the table of tests. targets: the names that the estimate includes, separated by spaces. p: the share of
orders of the labels whose estimate is at least as far from 0, the observed one included. num_both: languages that are
source and target, whose labels are exchanged in both roles together; num_source and num_target: languages with one
role, which are exchanged among each other."""
NUM_ORDERS = 1_999
FEWEST_VALUES = 100
"""Fewest different estimates of all orders. A mean over languages has one, and no test."""


@dataclass(frozen=True, kw_only=True)
class Roles:
    """The languages of a contrast by their roles."""

    both: tuple[str, ...]
    source: tuple[str, ...]
    target: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """All languages."""
        return (*self.both, *self.source, *self.target)

    def orders(self, num: int, seed: int = 0) -> Integers:
        """The observed order, then `num` random ones, within each role: shape (num + 1, languages)."""
        random = np.random.default_rng(seed)
        parts, start = [], 0
        for names in (self.both, self.source, self.target):
            numbers = np.arange(start, start + len(names), dtype=np.intp)
            parts.append(np.vstack([numbers, random.permuted(np.tile(numbers, (num, 1)), axis=1)]))
            start += len(names)
        return np.hstack(parts)


def language_permutations(data: RunData) -> pd.DataFrame:
    """The tests of the contrasts of a space, with COLUMNS.

    A contrast has one if at least MIN_N languages with one role differ in their weights, and if every exchanged cell
    has a score of every seed.
    """
    scores, _ = scores_of_seeds(data)
    means = {name: float(np.mean(values)) for name, values in by_score(scores).items()}
    groups = source_groups(data.space)
    rows = []
    measured = measured_covariates(data, data.space.contrasts)
    for weighted in weighted_sums(data.space, scores, data.space.contrasts, measured):
        # A share of a reference is no sum of weighted scores.
        tested = _test(weighted, means, groups) if weighted.contrast.unit == "points" else None
        if tested:
            contrast = weighted.contrast
            names = contrast.family, contrast.name, weighted.model, weighted.target, weighted.language
            covariate = (contrast.slope.covariate if contrast.slope else "", covariate_unit(contrast.slope))
            rows.append((*names, *covariate, " ".join(weighted.targets), *tested))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def permuted_estimates(weights: Floats, scores: Floats, orders: Integers) -> Floats:
    """The sum of weighted scores for each order of the languages, the weights being moved: shape (orders,).

    `weights` and `scores` have the shape (tables, languages + 1, languages): the last row has no source language, and
    stays. A cell without a weight needs no score.
    """
    rows = np.hstack([orders, np.full((len(orders), 1), orders.shape[1], dtype=np.intp)])
    total = np.zeros(len(orders))
    for table, scored in zip(weights, scores, strict=True):
        moved = table[rows[:, :, None], orders[:, None, :]]
        total += np.where(moved == 0, 0.0, moved * scored).sum(axis=(1, 2))
    return total


def _test(
    weighted: WeightedSum, means: Mapping[Score, float], groups: Mapping[str, Mapping[str, str]]
) -> tuple[float, float, int, int, int] | None:
    """The estimate, its p and the numbers of languages by role; None if the contrast has no test."""
    places = {recipe: (first, source) for first, group in groups.items() for source, recipe in group.items()}
    sources = {places[name.recipe][1] for name in weighted.weights} - {""}
    roles = _roles(sources, {name.language for name in weighted.weights})
    sizes = len(roles.both), len(roles.source), len(roles.target)
    if max(sizes) < MIN_N:
        return None
    names, tables = [*roles.names, ""], _tables(weighted, places)
    weights = np.zeros((len(tables), len(names), len(names) - 1))
    scores = np.full(weights.shape, np.nan)
    for name, weight in weighted.weights.items():
        first, source = places[name.recipe]
        table = tables.index(name._replace(recipe=first, language=""))
        weights[table, names.index(source), names.index(name.language)] = weight
    for number, table_name in enumerate(tables):
        for source, recipe in groups[table_name.recipe].items():
            if source in names:
                row = [means.get(table_name._replace(recipe=recipe, language=name), np.nan) for name in roles.names]
                scores[number, names.index(source)] = row
    estimates = permuted_estimates(weights, scores, roles.orders(NUM_ORDERS))
    if np.isnan(estimates).any() or len(np.unique(estimates.round(12))) < FEWEST_VALUES:
        return None
    p = float((np.abs(estimates) >= abs(estimates[0]) - 1e-12).mean())
    return float(estimates[0]), p, *sizes


def _roles(sources: set[str], targets: set[str]) -> Roles:
    parts = (sources & targets, sources - targets, targets - sources)
    both, source, target = (tuple(sorted(part)) for part in parts)
    return Roles(both=both, source=source, target=target)


def _tables(weighted: WeightedSum, places: Mapping[str, tuple[str, str]]) -> list[Score]:
    """The tables of source and target languages in a sum: the name of a score with the first recipe of its group."""
    names = (name._replace(recipe=places[name.recipe][0], language="") for name in weighted.weights)
    return list(dict.fromkeys(names))
