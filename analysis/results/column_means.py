"""The mean gain of each target over recipes, with an interval over seeds and items."""

import numpy as np
import pandas as pd

from sweeper.space import CLEAN

from .estimates import is_summarised, mean_estimates
from .item_part import combined
from .items import ItemParts
from .seed_part import MEAN
from .stats import are_equal, t_intervals

COLUMNS = (
    *("target", "gain", "num_recipes", "num_seeds", "num_items", "se_seed", "se_item", "se", "df", "low", "high"),
    *("basis", "note"),
)
"""Columns of the table of column means. The words of `basis` and `note` are those of `estimates`."""


def column_means(seeds: pd.DataFrame, estimates: pd.DataFrame, items: ItemParts, reference: str) -> pd.DataFrame:
    """The mean gain of each target over the recipes whose gain summaries include; fractions of 1.

    `seeds` are the `scores_by_seed` of a model, `estimates` its table of estimates, `items` its item variances. The
    mean is over the seeds that all of these recipes have. The seed part is that of the paired t test (Student 1908) of
    the means of the seeds, so that the noise of the reference, which all recipes share, is part of it. The item part
    is that of the mean gain on the same items (`ItemBlock.of_mean_gain`). The bounds are nan if the means of all seeds
    are equal, if a gain is bimodal, and without both parts. Columns: COLUMNS, targets in the order of `estimates`.
    """
    cells = mean_estimates(estimates)
    targets = list(dict.fromkeys(cells["target"]))
    cells = cells[is_summarised(cells)]
    clean = seeds[(seeds["language"] == MEAN) & (seeds["condition"] == CLEAN)]
    rows = clean.merge(cells[["recipe", "target"]], on=["recipe", "target"]).dropna(subset="gain")
    by_target = dict(iter(rows.groupby("target")))
    bimodal = set(cells.loc[cells["note"] == "bimodal", "target"])
    means = [
        {**_seed_part(target, by_target[target], target in bimodal), **_item_part(by_target[target], items, reference)}
        for target in targets
        if target in by_target
    ]
    return _with_bounds(pd.DataFrame(means, columns=["target", *TYPES]).astype(TYPES))


TYPES = {
    **dict.fromkeys(("num_recipes", "num_seeds", "num_items"), int),
    **dict.fromkeys(("gain", "variance", "seed_df", "item", "residual"), float),
    "is_own": bool,
    "note": str,
}
"""The columns that bounds are computed from."""


def _seed_part(target: str, rows: pd.DataFrame, is_bimodal: bool) -> dict[str, object]:
    """The mean gain and its variance over seeds. `rows` has the gains of each recipe and seed on one target."""
    by_seed = rows.pivot(index="recipe", columns="seed", values="gain").dropna(axis=1)
    num_recipes, num_seeds = by_seed.shape
    means = by_seed.mean()
    is_equal = num_seeds > 1 and bool(are_equal(means.min(), means.max(), rows["score"].max()))
    note = "bimodal" if is_bimodal else "equal differences" if is_equal else "one seed" if num_seeds == 1 else ""
    return {
        "target": target,
        "gain": means.mean(),
        "num_recipes": num_recipes,
        "num_seeds": num_seeds,
        "variance": means.var() / num_seeds if num_seeds > 1 and not note else np.nan,
        "seed_df": num_seeds - 1.0 if num_seeds > 1 else np.nan,
        "note": note,
    }


def _item_part(rows: pd.DataFrame, items: ItemParts, reference: str) -> dict[str, object]:
    """The variance of the mean gain over items, its residual part, and the number of items."""
    target, seeds_of = str(rows["target"].iloc[0]), rows.groupby("recipe")["seed"].agg(frozenset)
    block = items.block(target, MEAN)
    variance, residual = block.of_mean_gain(list(seeds_of.index), reference) if block else (np.nan, np.nan)
    num_items = block.num_items if block else 0
    # The outcomes of a recipe are those of all of its seeds, so that they must be those of the mean.
    if num_items < 2 or np.isnan(variance) or len(set(seeds_of)) > 1:
        variance, residual, num_items = np.nan, np.nan, 0
    return {"item": variance, "residual": residual, "num_items": num_items, "is_own": target in items.own_items}


def _with_bounds(table: pd.DataFrame) -> pd.DataFrame:
    """The table with the columns COLUMNS."""
    has_none = table["note"].isin(["bimodal", "equal differences"])
    item = table["item"].mask(has_none | (table["variance"].isna() & (table["item"] <= 0)))
    total, df = combined(table["variance"], table["seed_df"], item, table["num_items"] - 1.0, table["residual"])
    table["se_seed"], table["se_item"] = np.sqrt(table["variance"]), np.sqrt(item)
    table["se"], table["df"] = np.sqrt(total), np.where(np.isnan(total), np.nan, df)
    has_seed, has_item = table["variance"].notna(), item.notna()
    table["basis"] = np.select(
        [has_seed & (has_item | table["is_own"]), has_seed, has_item], ["seeds and items", "seeds", "items"], default=""
    )
    table["low"], table["high"], _ = t_intervals(table["gain"], table["se"], table["df"])
    return table[list(COLUMNS)]
