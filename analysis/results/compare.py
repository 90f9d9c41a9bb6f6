"""The same cells of two runs, or of two models: differences of scores and of gains, with intervals."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from sweeper.errors import UserError
from sweeper.space import CLEAN

from .estimates import UNTESTED, has_mark, joined_marks, mean_estimates
from .gains import directions
from .moderation import summed
from .results import Results
from .seed_part import MEAN
from .stats import adjusted, t_intervals

COLUMNS = (
    *("recipe", "target", "score_a", "score_b", "score_difference", "score_low", "score_high"),
    *("gain_a", "gain_b", "gain_difference", "low", "high", "p", "q", "marks", "is_score_paired", "is_gain_paired"),
)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The cells that two results have in common."""

    cells: pd.DataFrame
    """COLUMNS, as fractions of 1. Each difference is that of the second results minus the first, with the sign reversed
    for a loss: it is positive if the second is better. The scores themselves are as they were measured. The interval of
    a score difference is that of Welch (1947) over seeds. The variance of a gain difference is the sum of the variances
    of both gains. Paired differences have the interval of a contrast instead, on the same items and seeds
    (`paired.paired_differences`). q corrects p for the number of cells."""
    only_a: tuple[str, ...]
    """Recipes and targets that only the first results have."""
    only_b: tuple[str, ...]
    """Recipes and targets that only the second results have."""


def compare(first: Results, second: Results, paired: pd.DataFrame | None = None) -> Comparison:
    """Compare the cells of two runs or models by recipe and target.

    `paired` are the differences of the cells that scored the same items with the same seeds. The seeds and the items of
    other cells are treated as independent. If both scored the same items, their errors are
    usually correlated positively, so that the intervals are wider than necessary; they would be too narrow if what the
    two share moved their scores in opposite directions. Cells with a mark in `estimates.UNTESTED` have no q.

    Raises UserError if the two have no cell in common, or if they report different splits.
    """
    if first.space.evaluate != second.space.evaluate:
        raise UserError(
            f"The first run reports the {first.space.evaluate} split and the second one {second.space.evaluate}: their "
            "scores cannot be compared."
        )
    keys = ["recipe", "target"]
    columns = [*keys, "score", "gain", "se", "df", "marks"]
    a, b = (mean_estimates(results.estimates)[columns] for results in (first, second))
    cells = a.merge(b, on=keys, suffixes=("_a", "_b"))
    if cells.empty:
        raise UserError(
            f"The two have no cell in common. The first has {_names(first)}; the second has {_names(second)}."
        )
    cells["gain_difference"] = cells["gain_b"] - cells["gain_a"]
    errors, degrees = cells[["se_a", "se_b"]].to_numpy(dtype=float), cells[["df_a", "df_b"]].to_numpy(dtype=float)
    variance, df = summed(errors[:, 0] ** 2, degrees[:, 0], errors[:, 1] ** 2, degrees[:, 1])
    cells["low"], cells["high"], cells["p"] = t_intervals(cells["gain_difference"], np.sqrt(variance), df)
    cells["marks"] = [joined_marks(*marks) for marks in zip(cells["marks_a"], cells["marks_b"], strict=True)]
    cells = _with_pairs(cells.join(_score_differences(first, second, cells)), paired)
    cells["q"] = adjusted(cells["p"].where(~has_mark(cells, UNTESTED)))
    return Comparison(
        cells=cells[list(COLUMNS)],
        only_a=tuple(sorted(_parts(a) - _parts(b))),
        only_b=tuple(sorted(_parts(b) - _parts(a))),
    )


def _with_pairs(cells: pd.DataFrame, paired: pd.DataFrame | None) -> pd.DataFrame:
    """The cells with the intervals of the paired differences, and whether each difference is paired."""
    table = cells.assign(is_score_paired=False, is_gain_paired=False)
    if paired is None or paired.empty:
        return table
    columns = {"score": ("score_low", "score_high"), "gain": ("low", "high", "p")}
    index = pd.MultiIndex.from_frame(table[["recipe", "target"]])
    for of, names in columns.items():
        rows = paired[paired["of"] == of].set_index(["recipe", "target"]).reindex(index)
        is_paired = rows["note"].notna().to_numpy()
        table[f"is_{of}_paired"] = is_paired
        for name in names:
            values = rows[name.removeprefix("score_")].to_numpy(dtype=float)
            table[name] = np.where(is_paired, values, table[name].to_numpy(dtype=float))
    return table


def _score_differences(first: Results, second: Results, cells: pd.DataFrame) -> pd.DataFrame:
    """Columns score_difference, score_low, score_high with the index of `cells`."""
    statistics = []
    for results in (first, second):
        seeds = results.seeds[(results.seeds["language"] == MEAN) & (results.seeds["condition"] == CLEAN)]
        groups = seeds.dropna(subset="score").groupby(["recipe", "target"])["score"]
        table = groups.agg(["mean", "var", "count"])
        statistics.append(table.reindex(pd.MultiIndex.from_frame(cells[["recipe", "target"]])))
    a, b = statistics
    parts = [(table["var"] / table["count"]).to_numpy(dtype=float) for table in (a, b)]
    degrees = [(table["count"] - 1).where(table["count"] > 1).to_numpy(dtype=float) for table in (a, b)]
    sign = cells["target"].map(directions(first.space)).to_numpy(dtype=float)
    difference = (b["mean"] - a["mean"]).to_numpy(dtype=float) * sign
    variance, df = summed(parts[0], degrees[0], parts[1], degrees[1])
    low, high, _ = t_intervals(difference, np.sqrt(np.where(variance > 0, variance, np.nan)), df)
    return pd.DataFrame({"score_difference": difference, "score_low": low, "score_high": high}, index=cells.index)


def _parts(table: pd.DataFrame) -> set[str]:
    return {*table["recipe"], *table["target"]}


def _names(results: Results) -> str:
    table = mean_estimates(results.estimates)
    recipes, targets = (", ".join(dict.fromkeys(table[name])) or "none" for name in ("recipe", "target"))
    return f"the recipes {recipes} and the targets {targets}"
