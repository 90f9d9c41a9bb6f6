"""The mean gain of each recipe over targets, with an interval that keeps the seeds of the targets together."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd

from sweeper.space import CLEAN, Space

from .estimates import is_summarised, mean_estimates
from .gains import directions
from .item_part import combined
from .seed_part import MEAN, seed_notes, seed_part
from .stats import adjusted, t_intervals

UNITS: Mapping[str, str] = {
    "score": "the metrics of the targets, as fractions of 1",
    "spread": "standard deviations of the scores of a target over recipes",
}
"""Unit of a mean -> its description. Accuracy, F1 and (EM + F1) / 2 have no common scale, so that a target with large
differences decides a mean of scores. In units of its own spread each target counts alike."""
COLUMNS = (
    *("recipe", "unit", "gain", "num_targets", "num_seeds", "se_seed", "se_item", "se", "df", "low", "high"),
    *("p", "q", "basis", "note"),
)
"""Columns of the table of row means. The words of `basis` and `note` are those of `estimates`."""


def compared_targets(estimates: pd.DataFrame) -> tuple[str, ...]:
    """The targets on which every compared recipe has a gain without a mark that excludes it from summaries.

    A recipe is compared if it has such a gain on any target. Means over different targets could not be compared.
    """
    cells = mean_estimates(estimates)
    cells = cells[is_summarised(cells)]
    num_recipes = cells["recipe"].nunique()
    counts = cells.groupby("target", sort=False)["recipe"].nunique()
    ordered = dict.fromkeys(mean_estimates(estimates)["target"])
    return tuple(str(target) for target in ordered if counts.get(target, 0) == num_recipes > 0)


def row_means(space: Space, seeds: pd.DataFrame, estimates: pd.DataFrame, reference: str) -> pd.DataFrame:
    """The mean gain of each compared recipe over the `compared_targets`, once in each unit of UNITS.

    `seeds` are the `scores_by_seed` of a model, `estimates` its table of estimates. The table has the columns COLUMNS,
    recipes in the order of the space, and the names of the targets in `attrs["targets"]`. It has no rows if no target
    can be compared.

    A seed counts if the recipe and the reference have it on all of these targets. The mean over targets is taken for
    each seed first, because the targets of a seed share a prepared encoder; the variance of these means is that of
    `seed_part`. The item part is added where every cell of a recipe has one. The interval of one seed is about items
    alone. q corrects for the number of recipes that have every seed of the space; the others have none.
    """
    targets = compared_targets(estimates)
    scores = _compared_scores(space, seeds, estimates, reference)
    spreads = scores.groupby(["target", "recipe"])["score"].mean().groupby("target").std()
    tables = []
    for unit, scale in (("score", pd.Series(1.0, index=spreads.index)), ("spread", spreads.where(spreads > 0))):
        scaled = scores.assign(score=scores["score"] / scores["target"].map(scale).astype(float))
        extra = item_parts_of_means(estimates, targets, scale)
        rows = mean_rows(scaled, targets, space.seeds, reference)
        table = with_intervals(rows, reference, extra, bimodal_recipes(estimates, targets))
        table["q"] = adjusted(table["p"].where(table["se_seed"].notna() & (table["num_seeds"] >= len(space.seeds))))
        tables.append(table.assign(unit=unit, num_targets=len(targets)))
    means = pd.concat(tables, ignore_index=True)[list(COLUMNS)]
    order = {recipe.name: number for number, recipe in enumerate(space.recipes)}
    means = means.sort_values(["unit", "recipe"], key=lambda values: values.map({**order, "score": 0, "spread": 1}))
    means = means.reset_index(drop=True)
    means.attrs["targets"] = targets
    return means


def bimodal_recipes(estimates: pd.DataFrame, targets: Collection[str]) -> frozenset[str]:
    """The recipes with a bimodal gain on any of the targets. In a mean over targets the gap may be too small to see."""
    cells = mean_estimates(estimates)
    return frozenset(cells.loc[cells["target"].isin(list(targets)) & (cells["note"] == "bimodal"), "recipe"])


def with_intervals(
    rows: pd.DataFrame, reference: str, extra: pd.DataFrame | None = None, bimodal: Collection[str] = ()
) -> pd.DataFrame:
    """The mean gain of each recipe over the seeds of `mean_rows`, with interval and p.

    `extra` has the item variance of recipes, as of `item_parts_of_means`; `bimodal` recipes have no interval. Columns:
    those of COLUMNS except unit, num_targets and q.
    """
    table = seed_part(rows, reference, bimodal).reset_index()
    for column in ("item", "added", "added_df", "most_seeds"):
        table[column] = np.nan if extra is None else table["recipe"].map(extra[column]).astype(float)
    table["note"] = seed_notes(table)
    # Cells of more seeds than their mean have items with less noise than those of the mean.
    has_items = (table["variance"].notna() & (table["note"] == "")) | (
        (table["note"] == "one seed") & (table["most_seeds"] == 1) & (table["item"] > 0)
    )
    item, added = table["item"].where(has_items), table["added"].where(has_items)
    table["se_seed"], table["se_item"] = np.sqrt(table["variance"]), np.sqrt(item)
    total, table["df"] = combined(table["variance"], table["df"], added, table["added_df"], 0.0)
    table["se"] = np.sqrt(total)
    is_over_seeds, with_items = table["variance"].notna(), added.notna()
    table["basis"] = np.select(
        [is_over_seeds & with_items, is_over_seeds, with_items], ["seeds and items", "seeds", "items"], default=""
    )
    table["low"], table["high"], table["p"] = t_intervals(table["gain"], table["se"], table["df"])
    return table[[column for column in COLUMNS if column in table]]


def item_parts_of_means(estimates: pd.DataFrame, targets: Sequence[str], scale: "pd.Series[float]") -> pd.DataFrame:
    """Indexed by recipe: the item variance of the mean over targets, the part that it adds to the seeds, and its df.

    `most_seeds` is the largest number of seeds of its cells. Only recipes whose cells all have an item part. The items
    of different targets are independent.
    """
    cells = mean_estimates(estimates)
    cells = cells[cells["target"].isin(targets) & cells["basis"].isin(["seeds and items", "items"])]
    weights = (1 / (cells["target"].map(scale).astype(float) * len(targets))) ** 2
    item, added = weights * cells["se_item"] ** 2, weights * (cells["se"] ** 2 - cells["se_seed"].fillna(0.0) ** 2)
    squares = added**2 / (cells["num_items"] - 1.0).clip(lower=1.0)
    parts = pd.DataFrame({"item": item, "added": added, "squares": squares}).groupby(cells["recipe"])
    sums = parts.sum(min_count=1)[parts.size() == len(targets)]
    sums["most_seeds"] = cells.groupby("recipe")["num_seeds"].max().reindex(sums.index)
    return sums.assign(added_df=sums["added"] ** 2 / sums["squares"].where(sums["squares"] > 0)).drop(columns="squares")


def _compared_scores(space: Space, seeds: pd.DataFrame, estimates: pd.DataFrame, reference: str) -> pd.DataFrame:
    """The scores of the compared recipes and of the reference, with the sign of losses reversed."""
    cells = mean_estimates(estimates)
    recipes = {reference, *cells.loc[is_summarised(cells), "recipe"]}
    scores = seeds[(seeds["language"] == MEAN) & (seeds["condition"] == CLEAN) & seeds["recipe"].isin(recipes)]
    scores = scores[scores["target"].isin(compared_targets(estimates))].dropna(subset="score")
    return scores.assign(score=scores["score"] * scores["target"].map(directions(space)).astype(float))


def mean_rows(scores: pd.DataFrame, targets: Sequence[str], seeds: Sequence[int], reference: str) -> pd.DataFrame:
    """The mean score over targets for each recipe and seed, and its gain, as `seed_part` reads them.

    `scores` has the columns recipe, target, seed and score. A score without a seed is repeated for every seed of
    `seeds`. Only seeds with all targets are kept. If the reference has no seed on any target, its mean has none.
    """
    scores = scores[scores["target"].isin(targets)]
    repeated = scores[scores["seed"].isna()].drop(columns="seed").merge(pd.DataFrame({"seed": seeds}), how="cross")
    both = pd.concat([scores[scores["seed"].notna()], repeated]).drop_duplicates(["recipe", "target", "seed"])
    wide = both.pivot(index=["recipe", "seed"], columns="target", values="score").reindex(columns=list(targets))
    means = wide.mean(axis=1, skipna=False).dropna().rename("score").reset_index()
    base = means[means["recipe"] == reference].set_index("seed")["score"]
    means["gain"] = means["score"] - means["seed"].map(base).astype(float)
    if scores.loc[scores["recipe"] == reference, "seed"].isna().all():
        # Its scores are equal for every seed, and the first one stands for all.
        is_base = means["recipe"] == reference
        means = means[~is_base | ~means.duplicated("recipe")]
        means["seed"] = means["seed"].astype("Int64").mask(is_base)
    return means.assign(condition=CLEAN, language=MEAN, target=MEAN)
