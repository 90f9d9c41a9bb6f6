"""The best recipes of each target and of the mean: sets, gains corrected for selection, seeds needed."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from sweeper.space import CLEAN, Space

from .best_rows import best_rows, seeds_to_separate
from .correlate import as_array
from .estimates import is_summarised, mean_estimates
from .gains import directions
from .items import ItemParts
from .moderation import score_variances
from .seed_part import MEAN
from .selection import corrected_gains

Floats = npt.NDArray[np.float64]
ROW_COLUMNS = ("target", "recipe", "gain", "corrected", "is_best")
TARGET_COLUMNS = (*("target", "best", "runner_up", "difference", "seeds_needed", "num_best", "num_rows", "num_seeds"),)


@dataclass(frozen=True, kw_only=True)
class Leaders:
    """The best recipes of one model."""

    rows: pd.DataFrame
    """Columns target (or `mean`), recipe, gain, corrected, is_best. The reference and the recipes that summaries
    include take part; the gain of the reference is 0. `corrected` is the expected true gain, given all gains of the
    matrix (`selection.corrected_gains`). `is_best`: whether the recipe cannot be distinguished from the best one."""
    targets: pd.DataFrame
    """Columns target (or `mean`), best and runner_up (the recipes with the two highest scores), difference (of their
    scores), seeds_needed (further seeds that separate them; infinite if seeds cannot; nan if unknown), num_best (size
    of the set), num_rows, num_seeds."""


@dataclass(frozen=True, kw_only=True)
class _Column:
    """The rows of one target, or of the mean over targets."""

    target: str
    recipes: list[str]
    scores: Floats
    """Shape (rows, seeds)."""
    variances: Floats
    """Variance of one score over seeds, shape (rows,); nan for a bimodal row, which stays in the set of best rows."""
    df: Floats
    items: Floats
    """Variance of each difference between two rows over new items, shape (rows, rows)."""
    gains: Floats
    """Same-seed gain of each row, 0 for the reference; nan without a reference."""
    is_bimodal: npt.NDArray[np.bool_]

    @property
    def num_seeds(self) -> npt.NDArray[np.intp]:
        """Number of seeds of each row."""
        num: npt.NDArray[np.intp] = np.count_nonzero(~np.isnan(self.scores), axis=1)
        return num

    @property
    def means(self) -> Floats:
        """Gain of each row if all rows have one, so that rows with other seeds stay comparable, else mean score."""
        if not np.isnan(self.gains).any():
            return self.gains
        totals: Floats = np.where(np.isnan(self.scores), 0.0, self.scores).sum(axis=1)
        return np.where(self.num_seeds > 0, totals / np.maximum(self.num_seeds, 1), np.nan)


def leaders(
    space: Space, seeds: pd.DataFrame, cells: pd.DataFrame, means: pd.DataFrame, items: ItemParts, reference: str
) -> Leaders:
    """The best recipes of a model, from its `scores_by_seed`, estimates, `row_means` and item variances."""
    columns = _columns(space, seeds, cells, items, reference)
    over = [column for column in columns if column.target in means.attrs.get("targets", ())]
    mean_gains = means[means["unit"] == "score"]
    shown = [*columns, *([_mean_of(over, mean_gains, reference)] if len(over) > 1 else [])]
    corrected = _corrected(columns, reference)
    rows, targets = [], []
    for column in shown:
        is_best = best_rows(column.means, column.variances / np.maximum(column.num_seeds, 1), column.df, column.items)
        base = column.means[column.recipes.index(reference)] if reference in column.recipes else np.nan
        for number, recipe in enumerate(column.recipes):
            expected = _expected(
                corrected, recipe, [column_of.target for column_of in (over if column.target == MEAN else [column])]
            )
            rows.append((column.target, recipe, column.means[number] - base, expected, bool(is_best[number])))
        targets.append(_best_two(column, int(is_best.sum())))
    return Leaders(
        rows=pd.DataFrame(rows, columns=list(ROW_COLUMNS)), targets=pd.DataFrame(targets, columns=list(TARGET_COLUMNS))
    )


def _columns(space: Space, seeds: pd.DataFrame, cells: pd.DataFrame, items: ItemParts, reference: str) -> list[_Column]:
    """The rows of each target that summaries include, and its reference."""
    estimated = mean_estimates(cells)
    kept = estimated[is_summarised(estimated) | (estimated["recipe"] == reference)]
    scores = seeds[(seeds["language"] == MEAN) & (seeds["condition"] == CLEAN)].dropna(subset="score")
    scores = scores.assign(score=scores["score"] * scores["target"].map(directions(space)).astype(float))
    repeated = (
        scores[scores["seed"].isna()].drop(columns="seed").merge(pd.DataFrame({"seed": space.seeds}), how="cross")
    )
    both = pd.concat([scores[scores["seed"].notna()], repeated]).drop_duplicates(["recipe", "target", "seed"])
    has_seed = scores["seed"].notna().groupby([scores["recipe"], scores["target"]]).any()
    without_seed = set(has_seed.index[~has_seed])
    targets = list(dict.fromkeys(estimated["target"]))
    recipes = list(dict.fromkeys(estimated["recipe"]))
    values = as_array(both, "score", recipes, targets, space.seeds)
    variances, df, is_bimodal = score_variances(values)
    columns = []
    for number, target in enumerate(targets):
        names = list(kept.loc[kept["target"] == target, "recipe"])
        index = [recipes.index(name) for name in names]
        seedless = np.array([(name, target) in without_seed for name in names], dtype=bool)
        columns.append(
            _Column(
                target=target,
                recipes=names,
                scores=values[number, index],
                # A score without a seed has no variance over seeds.
                variances=np.where(seedless, 0.0, variances[number, index]),
                df=np.where(seedless, np.inf, df[number, index]),
                items=_item_differences(items, target, names),
                gains=_gains(kept[kept["target"] == target], names, reference),
                is_bimodal=is_bimodal[number, index],
            )
        )
    return columns


def _gains(rows: pd.DataFrame, recipes: Sequence[str], reference: str) -> Floats:
    """The gains of a table of estimates or row means, in the order of the recipes; 0 for the reference."""
    by_recipe = dict(zip(rows["recipe"], rows["gain"], strict=True)) | {reference: 0.0}
    return np.array([by_recipe.get(name, np.nan) for name in recipes], dtype=float)


def _item_differences(items: ItemParts, target: str, recipes: Sequence[str]) -> Floats:
    """Variances of the differences between rows over new items, without the part that seeds contain; 0 if unknown."""
    variances_of_items = np.zeros((len(recipes), len(recipes)))
    block = items.block(target, MEAN)
    if block is None:
        return variances_of_items
    known_rows = [number for number, name in enumerate(recipes) if name in block.recipes]
    index = [block.recipes.index(recipes[number]) for number in known_rows]
    residual = np.nan_to_num(block.residual[np.ix_(index, index)])
    variances_of_items[np.ix_(known_rows, known_rows)] = np.nan_to_num(
        np.maximum(block.difference[np.ix_(index, index)] - residual, 0.0)
    )
    return variances_of_items


def _mean_of(columns: Sequence[_Column], gains: pd.DataFrame, reference: str) -> _Column:
    """The mean over targets of the recipes that all of them have."""
    recipes = [name for name in columns[0].recipes if all(name in column.recipes for column in columns)]
    index = [[column.recipes.index(name) for name in recipes] for column in columns]
    scores = np.mean([column.scores[rows] for column, rows in zip(columns, index, strict=True)], axis=0)
    # The gap of a collapse on one target may be too small in the mean to see.
    is_bimodal = np.any([column.is_bimodal[rows] for column, rows in zip(columns, index, strict=True)], axis=0)
    variances, df, _ = score_variances(np.where(is_bimodal[:, None], np.nan, scores)[None])
    items = [column.items[np.ix_(rows, rows)] for column, rows in zip(columns, index, strict=True)]
    return _Column(
        target=MEAN,
        recipes=recipes,
        scores=scores,
        variances=variances[0],
        df=df[0],
        # The items of different targets are independent.
        items=np.sum(items, axis=0) / len(columns) ** 2,
        gains=_gains(gains, recipes, reference),
        is_bimodal=is_bimodal,
    )


def _corrected(columns: Sequence[_Column], reference: str) -> dict[tuple[str, str], float]:
    """(recipe, target) -> gain corrected for selection; nan with too few gains."""
    recipes = list(dict.fromkeys(name for column in columns for name in column.recipes if name != reference))
    gains = np.full((len(columns), len(recipes)), np.nan)
    variances, shared = gains.copy(), np.zeros(len(columns))
    for number, column in enumerate(columns):
        if reference not in column.recipes:
            continue
        base = column.recipes.index(reference)
        errors = column.variances / np.maximum(column.num_seeds, 1)
        if np.isnan(errors[base]):
            continue
        shared[number] = errors[base]
        for row, name in enumerate(column.recipes):
            if name != reference:
                gains[number, recipes.index(name)] = column.means[row] - column.means[base]
                variances[number, recipes.index(name)] = errors[row] + column.items[row, base]
    values = corrected_gains(gains, variances, shared) if columns and recipes else gains
    return {
        (name, column.target): float(values[number, row])
        for number, column in enumerate(columns)
        for row, name in enumerate(recipes)
    }


def _expected(corrected: dict[tuple[str, str], float], recipe: str, targets: Sequence[str]) -> float:
    """The corrected gain of a recipe, mean over targets; nan for the reference."""
    return float(np.mean([corrected.get((recipe, target), np.nan) for target in targets])) if targets else np.nan


def _best_two(column: _Column, num_best: int) -> tuple[object, ...]:
    """The values of TARGET_COLUMNS."""
    order = [int(row) for row in np.argsort(-column.means, kind="stable") if not np.isnan(column.means[row])]
    names = [column.recipes[row] for row in order[:2]] + ["", ""]
    if len(order) < 2:
        return column.target, names[0], "", np.nan, np.nan, num_best, len(order), 0
    first, second = order[:2]
    num = int(min(column.num_seeds[first], column.num_seeds[second]))
    needed = seeds_to_separate(
        (column.means[first], column.means[second]),
        (column.variances[first], column.variances[second]),
        num,
        float(column.items[first, second]),
    )
    difference = column.means[first] - column.means[second]
    return column.target, *names[:2], difference, needed, num_best, len(order), num
