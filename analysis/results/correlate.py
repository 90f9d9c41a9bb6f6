"""Correlations of gains: between recipes, between targets, and with traits of the intermediate task."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from sweeper.space import CLEAN

from .estimates import is_summarised, mean_estimates
from .halves import MIN_N, HalfCorrelations, half_correlations
from .load import RunData
from .matrix import Matrix
from .moderation import are_bimodal, row_variances
from .multitask import multitask_gains
from .names import positions, tuples_of
from .order import clustered
from .seed_part import MEAN, seeds_done
from .selection_gains import selection_gains
from .stats import adjusted
from .traits import TRAITS, predictors, traits_of
from .trivial import PreparationLevel

Floats = npt.NDArray[np.float64]
PAIR_COLUMNS = ("a", "b", "rho", "low", "high", "n", "p", "q")
TARGET_COLUMNS = ("target", "rho", "low", "high", "n", "p", "q")


@dataclass(frozen=True, kw_only=True)
class Correlations:
    """Correlations of one model's gains, without cells with the same rows and incomplete cells.

    Each correlation between gains is measured across disjoint halves of the seeds (`halves`), which share no noise. The
    columns are rho, the bounds low and high of a 95 % jackknife interval, n, permutation p, and q (p corrected for the
    number of correlations in the table, Benjamini & Hochberg 1995); nan with n < MIN_N or one seed. A
    correlation of 1 or -1 has no bounds.
    """

    recipes: pd.DataFrame
    """Columns a, b, rho, low, high, n, p, q: pairs of recipes, over targets. The gains on a target are in units of the
    noise of one of its scores."""
    targets: pd.DataFrame
    """The same columns: pairs of targets, over recipes."""
    recipe_order: tuple[str, ...]
    """The recipes, so that those with similar correlations are neighbours."""
    target_order: tuple[str, ...]
    english: pd.DataFrame
    """Columns target, rho, ...: the gain in English and the mean gain in the zero-shot languages, over recipes."""
    selection: pd.DataFrame
    """The same columns: the gain of the English selection value and of the reported score, over recipes."""
    traits: pd.DataFrame
    """Index: the recipes of one task. Columns: the keys of TRAITS, and `mean` (gain)."""
    predictors: pd.DataFrame
    """Columns trait, target (or `mean`), rho, low, high, n, p, q: over the recipes of one task."""
    multitask: pd.DataFrame
    """The gain of each recipe of several tasks over those of its single tasks: `multitask.COLUMNS`."""
    mean_over: tuple[str, ...]
    """Targets in the mean gain: those on which every recipe has a gain and none trains on the same rows."""
    seeds: tuple[int, ...]
    """The seeds that are divided into halves: `common_seeds`."""
    notes: tuple[str, ...]
    """Why correlations are missing, and their limits, as sentences."""


def correlate(
    data: RunData,
    matrix: Matrix,
    seeds: pd.DataFrame,
    cells: pd.DataFrame,
    means: pd.DataFrame,
    preparations: Iterable[PreparationLevel],
) -> Correlations:
    """All correlations of one model.

    `seeds` are the `scores_by_seed`, `cells` the table of estimates, `means` the `row_means` and `preparations` the
    `preparation_levels` of the model.
    """
    targets, numbers = list(matrix.scores.columns), common_seeds(seeds, cells)
    gains = seed_gains(seeds, cells, matrix.recipes, targets, numbers)
    rows = gains / noise(seeds, targets)[:, None, None]
    recipes, columns = half_correlations(rows.swapaxes(0, 1)), half_correlations(gains)
    english = _with_english(seeds, matrix, gains, targets, numbers)
    selection = _with_selection(data, matrix, gains, targets, numbers)
    of_recipes, of_targets = pairs_of(recipes, matrix.recipes), pairs_of(columns, targets)
    over = tuple(means.attrs.get("targets", ()))
    mean_gains = means[means["unit"] == "score"].set_index("recipe")["gain"].rename(MEAN)
    traits = traits_of(data, matrix.model, preparations).join(mean_gains)
    summarised = matrix.summarised.reindex(traits.index).join(traits[[MEAN]])
    return Correlations(
        recipes=of_recipes,
        targets=of_targets,
        recipe_order=tuple(clustered(pd.DataFrame(recipes.rho, index=matrix.recipes))),
        target_order=tuple(clustered(pd.DataFrame(columns.rho, index=targets))),
        english=english,
        selection=selection,
        traits=traits,
        predictors=predictors(traits, summarised),
        multitask=multitask_gains(data.space, seeds, cells),
        mean_over=over,
        seeds=numbers,
        notes=(*_notes(numbers, seeds, matrix), *_perfect([of_recipes, of_targets, english, selection])),
    )


def as_square(pairs: pd.DataFrame, names: list[str], column: str) -> npt.NDArray[np.float64]:
    """One column of a table of pairs as a symmetric array of shape (names, names), nan on the diagonal."""
    square = np.full((len(names), len(names)), np.nan)
    for a, b, value in zip(pairs["a"], pairs["b"], pairs[column], strict=True):
        if a in names and b in names:
            first, second = names.index(a), names.index(b)
            square[first, second] = square[second, first] = value
    return square


def seed_gains(
    seeds: pd.DataFrame, cells: pd.DataFrame, recipes: Sequence[str], targets: Sequence[str], numbers: Sequence[int]
) -> Floats:
    """The mean gains over languages that summaries include: shape (targets, recipes, seeds), nan for a missing one."""
    return as_array(_summarised_gains(seeds, cells), "gain", recipes, targets, numbers)


def common_seeds(seeds: pd.DataFrame, cells: pd.DataFrame) -> tuple[int, ...]:
    """The seeds that at least half of the cells with a gain have, ascending.

    A value that is missing for one seed takes no part in a correlation. A seed that the sweep has not reached yet, or
    has just begun, would otherwise leave no value.
    """
    rows = _summarised_gains(seeds, cells)
    num_cells = len(rows[["recipe", "target"]].drop_duplicates())
    counts = rows.groupby("seed").size()
    return tuple(sorted(int(str(seed)) for seed in counts.index[2 * counts >= num_cells]))


def _summarised_gains(seeds: pd.DataFrame, cells: pd.DataFrame) -> pd.DataFrame:
    """The rows of `seeds` with a mean gain over languages that summaries include."""
    means = mean_estimates(cells)
    kept = set(means.loc[is_summarised(means), ["recipe", "target"]].itertuples(index=False, name=None))
    rows = seeds[(seeds["language"] == MEAN) & (seeds["condition"] == CLEAN)].dropna(subset="gain")
    is_kept = [cell in kept for cell in tuples_of(rows[["recipe", "target"]])]
    return rows[np.array(is_kept, dtype=bool)]


def noise(seeds: pd.DataFrame, targets: Sequence[str]) -> Floats:
    """Standard deviation over seeds of one score of each target, pooled over its rows; nan without two seeds.

    Bimodal rows are left out.
    """
    rows = seeds[(seeds["language"] == MEAN) & (seeds["condition"] == CLEAN)].dropna(subset=["score", "seed"])
    recipes, numbers = list(dict.fromkeys(rows["recipe"])), list(dict.fromkeys(rows["seed"]))
    scores = as_array(rows, "score", recipes, targets, numbers)
    variances, _ = row_variances(np.where(are_bimodal(scores)[..., None], np.nan, scores))
    is_known = ~np.isnan(variances)
    total = np.where(is_known, variances, 0.0).sum(axis=-1)
    num = is_known.sum(axis=-1)
    correlated: Floats = np.sqrt(np.where((num > 0) & (total > 0), total / np.maximum(num, 1), np.nan))
    return correlated


def as_array(
    rows: pd.DataFrame, column: str, recipes: Sequence[str], targets: Sequence[str], numbers: Sequence[int]
) -> Floats:
    """A column of a table with recipe, target and seed: shape (targets, recipes, seeds), nan for a missing value."""
    names = {"target": targets, "recipe": recipes, "seed": numbers}
    places = np.array([positions(rows[key], list(listed)) for key, listed in names.items()])
    is_listed = (places >= 0).all(axis=0)
    values = np.full((len(targets), len(recipes), len(numbers)), np.nan)
    values[tuple(places[:, is_listed])] = rows[column].to_numpy(dtype=float)[is_listed]
    return values


def pairs_of(correlated: HalfCorrelations, names: Sequence[str]) -> pd.DataFrame:
    """One row for each pair of names."""
    first, second = np.triu_indices(len(names), 1)
    values = {name: getattr(correlated, name)[first, second] for name in ("rho", "low", "high", "n", "p")}
    labels = np.array(names, dtype=object)
    table = pd.DataFrame({"a": labels[first], "b": labels[second], **values})
    return table.assign(q=adjusted(table["p"]))[list(PAIR_COLUMNS)]


def _by_target(pairs: Mapping[str, Floats]) -> pd.DataFrame:
    """A table with the correlation of the two variables of each target, from arrays of shape (2, recipes, seeds)."""
    rows = []
    for target, values in pairs.items():
        correlated = half_correlations(values)
        rows.append((target, *(getattr(correlated, name)[0, 1] for name in ("rho", "low", "high", "n", "p"))))
    table = pd.DataFrame(rows, columns=[*TARGET_COLUMNS[:-1]]).astype({"n": int})
    return table.assign(q=adjusted(table["p"]))


def _with_english(
    seeds: pd.DataFrame, matrix: Matrix, gains: Floats, targets: Sequence[str], numbers: Sequence[int]
) -> pd.DataFrame:
    """The correlation of each target's English gain with its mean gain in zero-shot languages."""
    rows = seeds[(seeds["language"] != MEAN) & (seeds["condition"] == CLEAN)].dropna(subset=["gain", "seed"])
    rows = rows[rows["recipe"] != matrix.reference]
    is_zero_shot = matrix.are_zero_shot(rows)
    is_english = (rows["language"] == "en").to_numpy()
    keys = ["recipe", "target", "seed"]
    zero_shot_gains = pd.DataFrame(rows[is_zero_shot & ~is_english].groupby(keys)["gain"].mean()).reset_index()
    parts = [
        np.where(np.isnan(gains), np.nan, as_array(gains_part, "gain", matrix.recipes, targets, numbers))
        for gains_part in (rows[is_english], zero_shot_gains)
    ]
    both = np.stack(parts, axis=1)
    has_both = np.isfinite(both).any(axis=(2, 3)).all(axis=1)
    return _by_target({target: both[n] for n, target in enumerate(targets) if has_both[n]})


def _with_selection(
    data: RunData, matrix: Matrix, gains: Floats, targets: Sequence[str], numbers: Sequence[int]
) -> pd.DataFrame:
    """The correlation of the gain on selection data with the reported gain, for each target that trains."""
    table = selection_gains(data, matrix.model, matrix.reference)
    values = as_array(table, "gain", matrix.recipes, targets, numbers)
    both = np.stack([values, gains], axis=1)
    return _by_target({target: both[n] for n, target in enumerate(targets) if np.isfinite(values[n]).any()})


def _notes(numbers: Sequence[int], seeds: pd.DataFrame, matrix: Matrix) -> Iterator[str]:
    """Why there is no correlation, and what halves of the seeds cannot separate. `numbers` are the `common_seeds`."""
    left_out = [seed for seed in seeds_done(seeds) if seed not in numbers]
    if numbers and left_out:
        yield (
            f"Correlations between gains use the seeds {', '.join(map(str, numbers))}: fewer than half of the cells "
            f"have {'seed' if len(left_out) == 1 else 'the seeds'} {', '.join(map(str, left_out))}."
        )
    if not numbers:
        yield "No correlation between gains is shown, because there is no gain."
    elif len(numbers) < 2:
        yield (
            "No correlation between gains is shown: with one seed, gains share the noise of their baseline and of "
            "their encoder, and look correlated without any transfer."
        )
    num_recipes, num_targets = len(matrix.recipes), len(matrix.scores.columns)
    if max(num_recipes, num_targets) < MIN_N:
        yield f"No correlations: {num_recipes} recipes and {num_targets} targets, at least {MIN_N} are needed."
    elif num_recipes < MIN_N:
        yield f"Targets are not correlated over {num_recipes} recipes: at least {MIN_N} are needed."
    elif num_targets < MIN_N:
        yield f"Recipes are not correlated over {num_targets} targets: at least {MIN_N} are needed."
    base = seeds[(seeds["recipe"] == matrix.reference) & seeds["score"].notna()]
    seedless = sorted(set(base.loc[base["seed"].isna(), "target"]))
    if seedless and len(numbers) > 1:
        yield (
            f"The score of {matrix.reference_words} on {', '.join(seedless)} depends on no seed. Both halves of the "
            "seeds subtract the same score, so that only the noise of the recipes is separated there."
        )


def _perfect(tables: Iterable[pd.DataFrame]) -> Iterator[str]:
    """A sentence about correlations without an interval."""
    if any((table["rho"].notna() & table["low"].isna()).any() for table in tables):
        yield PERFECT


PERFECT = "A correlation of 1 or -1 has no interval: it does not change if one value is left out."
"""The note about correlations without an interval, of any table."""


__all__ = ["MEAN", "TRAITS", "Correlations", "as_square", "correlate", "noise", "seed_gains"]
