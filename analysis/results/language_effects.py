"""Gains in a language beside those in English: their difference, and how well halves of the seeds agree."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from sweeper.space import CLEAN

from .estimates import UNTESTED, has_mark, is_summarised, joined_marks, mean_estimates
from .halves import MIN_N, half_means
from .item_part import combined
from .items import ItemParts
from .names import tuples_of
from .seed_part import ENGLISH, KEYS, MEAN, seed_notes, seed_part
from .stats import adjusted, t_intervals

Floats = npt.NDArray[np.float64]
COLUMNS = (
    *("recipe", "target", "language", "difference", "num_seeds", "num_items"),
    *("se_seed", "se_item", "se", "df", "low", "high", "p", "q", "marks", "basis", "note"),
)
"""The difference is the gain in a language minus the gain in English of the same recipe, target and seed, a fraction
of 1. se_seed and se_item are its standard errors over new seeds and new items, low and high the bounds of its 95 %
interval. The items of parallel languages are the same in both, so that their difficulty cancels. q is p corrected for
the number of differences, without those with a mark in UNTESTED and those without an interval over seeds. marks are
those of the gain in the language and of the gain in English; the words of `basis` and `note` are those of
`estimates`."""
AGREEMENT_COLUMNS = ("target", "num_values", "gains", "differences")


def english_differences(seeds: pd.DataFrame, estimates: pd.DataFrame, items: ItemParts, reference: str) -> pd.DataFrame:
    """The difference of each gain to that in English: a frame with COLUMNS, for every language with English beside it.

    `seeds` are the `scores_by_seed` of a model, `estimates` its table of estimates. The standard errors are
    computed like those of gains, from the differences of scores to English instead of scores.
    """
    rows = seeds[(seeds["language"] != MEAN) & (seeds["condition"] == CLEAN)]
    joined = _minus_english(rows)
    if joined.empty or not reference:
        return pd.DataFrame(columns=list(COLUMNS))
    table = seed_part(joined[[*KEYS, "seed", "score", "gain"]], reference).reset_index()
    if table.empty:
        return pd.DataFrame(columns=list(COLUMNS))
    parts = [_of_items(items, *cell, reference) for cell in _cells(table)]
    item, residual, num_items = (np.array(values, dtype=float) for values in zip(*parts, strict=True))
    is_own = table["target"].isin(items.own_items).to_numpy()
    variance, df = combined(table["variance"], table["df"], np.where(is_own, np.nan, item), num_items - 1, residual)
    of_cells = _marks_and_notes(table, estimates)
    table["marks"], table["note"] = of_cells["marks"], seed_notes(table).mask(of_cells["is_bimodal"], "bimodal")
    table["difference"], table["num_items"] = table["gain"], num_items.astype(int)
    table["se_seed"], table["se_item"] = np.sqrt(table["variance"]), np.sqrt(item)
    table["se"], table["df"] = np.sqrt(variance), df
    # Without the variation between seeds, as with bimodal seeds, there is no interval.
    has_none = table["note"].isin(["bimodal", "equal differences", "no reference"])
    table.loc[has_none, ["se_seed", "se_item", "se", "df"]] = np.nan
    has_seed, has_item = table["se_seed"].notna(), table["se_item"].notna() | is_own
    table["basis"] = np.select(
        [table["se"].isna(), has_seed & has_item, has_seed], ["", "seeds and items", "seeds"], default="items"
    )
    table["low"], table["high"], table["p"] = t_intervals(table["difference"], table["se"], table["df"])
    table["q"] = adjusted(table["p"].where(has_seed & ~has_mark(table, UNTESTED)))
    return table[list(COLUMNS)]


def _minus_english(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of other languages with English beside them, with the English score and gain subtracted."""
    trained = rows.groupby(["recipe", "target", "seed"], dropna=False).ngroup().to_numpy()
    is_english = (rows["language"] == ENGLISH).to_numpy()
    english = np.full(trained.max(initial=-1) + 1, -1)
    english[trained[is_english]] = np.flatnonzero(is_english)
    beside = english[trained]
    is_kept = ~is_english & (beside >= 0)
    values = rows[["score", "gain"]].to_numpy(dtype=float)
    differences = (values - values[beside])[is_kept]
    return rows[is_kept].assign(score=differences[:, 0], gain=differences[:, 1])


def _marks_and_notes(table: pd.DataFrame, estimates: pd.DataFrame) -> pd.DataFrame:
    """Columns marks and is_bimodal with the index of `table`: those of the gain in the language or in English."""
    cells = estimates[estimates["condition"] == CLEAN].set_index(["recipe", "target", "language"])[["marks", "note"]]
    sides = [
        cells.reindex(pd.MultiIndex.from_frame(table.assign(language=language)[["recipe", "target", "language"]]))
        for language in (table["language"], ENGLISH)
    ]
    joined = [
        joined_marks(*both) for both in zip(*(side["marks"].fillna("").to_numpy(object) for side in sides), strict=True)
    ]
    is_bimodal = np.any([side["note"].eq("bimodal").to_numpy() for side in sides], axis=0)
    return pd.DataFrame({"marks": joined, "is_bimodal": is_bimodal}, index=table.index)


def _cells(table: pd.DataFrame) -> Sequence[tuple[str, str, str]]:
    return list(tuples_of(table[["recipe", "target", "language"]]))


def _of_items(items: ItemParts, recipe: str, target: str, language: str, reference: str) -> tuple[float, float, int]:
    """Variance over items of a difference of gains to English, its residual part, and the number of items."""
    block = items.block(target, language, minus=ENGLISH)
    if block is None or block.num_items < 2:
        return np.nan, np.nan, 0
    variance, residual = block.of_gain(recipe, reference)
    return variance, residual, 0 if np.isnan(variance) else block.num_items


def seed_agreement(seeds: pd.DataFrame, cells: pd.DataFrame, numbers: Sequence[int]) -> pd.DataFrame:
    """How well the gains of two disjoint halves of the seeds agree, by target: AGREEMENT_COLUMNS.

    `gains` is the correlation of the gains of one half with those of the other over all recipes and languages, the mean
    over divisions of the seeds. `differences` is the same correlation after the mean of each recipe over languages is
    removed: it is about what the languages of a figure differ in. nan with one seed, with fewer than
    MIN_N values (of which the means of the recipes take one each), and on targets whose reference depends on no seed,
    because both halves then subtract the same score.
    `cells` is the table of estimates: cells that summaries leave out, as those with the same rows, do not count.
    """
    rows = language_gains(seeds, cells)
    is_fixed = seeds["seed"].isna() & seeds["score"].notna()
    fixed = set(seeds.loc[is_fixed, "target"])
    agreements = []
    for target, of_target in rows.groupby("target", sort=False):
        wide = of_target.pivot(index=["recipe", "language"], columns="seed", values="gain")
        wide = wide.reindex(columns=[number for number in numbers if number in wide.columns]).dropna()
        centred = wide - wide.groupby("recipe").transform("mean")
        numbers_free = (len(wide), len(wide) - wide.index.get_level_values("recipe").nunique())
        both = [
            _agreement(table.to_numpy(float)) if free >= MIN_N and target not in fixed else np.nan
            for table, free in zip((wide, centred), numbers_free, strict=True)
        ]
        agreements.append((target, len(wide), *both))
    return pd.DataFrame(agreements, columns=list(AGREEMENT_COLUMNS))


def language_gains(seeds: pd.DataFrame, cells: pd.DataFrame) -> pd.DataFrame:
    """The gains of single languages and seeds, of the cells that summaries include: rows of `scores_by_seed`."""
    means = mean_estimates(cells)
    kept = means.loc[is_summarised(means), ["recipe", "target"]].drop_duplicates()
    rows = seeds[(seeds["language"] != MEAN) & (seeds["condition"] == CLEAN)].dropna(subset=["gain", "seed"])
    return rows.merge(kept, on=["recipe", "target"])


def _agreement(values: Floats) -> float:
    """Mean correlation between halves of the seeds of values of shape (values, seeds)."""
    first, second = half_means(values)
    if len(first) == 0:
        return np.nan
    centred = [half - half.mean(axis=1, keepdims=True) for half in (first, second)]
    lengths = np.sqrt((centred[0] ** 2).sum(axis=1) * (centred[1] ** 2).sum(axis=1))
    if (lengths <= 1e-15).any():
        return np.nan
    return float(((centred[0] * centred[1]).sum(axis=1) / lengths).mean())
