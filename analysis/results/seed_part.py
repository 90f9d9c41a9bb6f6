"""The uncertainty of gains about new seeds: moderated variances of each row and of its reference."""

from collections.abc import Collection, Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from sweeper.space import CLEAN

from .matrix import seed_table
from .moderation import gain_variances
from .stats import are_equal

KEYS = ["condition", "language", "target", "recipe"]
"""What a gain belongs to. The rows of one condition, language and target are a column."""
MEAN = "mean"
"""The language of scores and gains that are means over languages."""
Floats = npt.NDArray[np.float64]


def scores_by_seed(gains: pd.DataFrame) -> pd.DataFrame:
    """The score and the gain of each seed on the main metric, from a `gain_table`: each language, and their mean.

    Columns recipe, target, condition, language (or MEAN: over the languages that all seeds of the cell have), seed
    (Int64; NA for a score that depends on no seed), score, gain. As in `gain_table`, a score without a seed has one row
    with the score and one row with a gain for each replicate seed.
    """
    table = gains[gains["main"]]
    columns = ["recipe", "target", "condition", "language", "seed", "score", "gain"]
    means = [
        seed_table(rows).assign(condition=condition, language=MEAN) for condition, rows in table.groupby("condition")
    ]
    parts = [part[columns] for part in [*means, table.rename(columns={"value": "score"})]]
    return pd.concat(parts, ignore_index=True).astype({"score": float, "gain": float, "seed": "Int64"})


def seeds_done(seeds: pd.DataFrame) -> tuple[int, ...]:
    """The seeds with a score in any cell under the usual condition, ascending. `seeds` are `scores_by_seed`."""
    scored = seeds[(seeds["language"] == MEAN) & (seeds["condition"] == CLEAN)].dropna(subset=["seed", "score"])
    return tuple(sorted(int(seed) for seed in scored["seed"].unique()))


def seed_part(rows: pd.DataFrame, reference: str | Mapping[str, str], bimodal: Collection[str] = ()) -> pd.DataFrame:
    """The variance of each gain over seeds. `rows` has the columns KEYS, seed, score and gain.

    `reference` is the recipe that gains are measured against, or recipe -> its own reference. `bimodal` are recipes
    that are known to be bimodal, beside those that are called so here. Returns a frame indexed by KEYS with gain (mean
    over seeds), num_seeds (that have a gain), variance (of the mean gain) and df, and the flags are_equal,
    is_bimodal and is_moderated (otherwise the variance is that of the differences). A recipe without a reference, as
    the reference itself, is left out.

    The variance of a score is moderated over the rows of its column (`moderation.moderated`), and the gain of n seeds
    has the variance (that of the row + that of the reference) / n. A reference without a seed has none. The effect of a
    seed on all rows cancels in a gain and is removed; it stays in if the reference has no seed. A row whose scores are
    not comparable one by one (no seed, or other languages than the reference) has the variance of its differences
    (Student 1908). Variance and df are nan with fewer than two seeds, with equal differences, and if the row or the
    reference is bimodal.
    """
    if isinstance(reference, str):
        reference = {name: reference for name in rows["recipe"].unique() if name != reference}
    gains = rows[rows["recipe"].isin(list(reference))].dropna(subset="gain")
    groups = gains.groupby(KEYS)["gain"]
    table = pd.DataFrame(groups.agg(gain="mean", num_seeds="count", low="min", high="max", own="var"))
    others = rows[~rows["recipe"].isin(list(bimodal))]
    table = table.join(_of_columns(_comparable(others, reference), reference).reindex(table.index))
    table["is_moderated"] = table["total"].notna()
    table["variance"] = table["total"].where(table["is_moderated"], table["own"]) / table["num_seeds"]
    table["df"] = table["df"].where(table["is_moderated"], table["num_seeds"] - 1.0)
    scale = rows.groupby(KEYS)["score"].max().reindex(table.index)
    table["are_equal"] = are_equal(table["low"], table["high"], scale) & (table["num_seeds"] > 1)
    table["is_bimodal"] = table["is_bimodal"].eq(True) | table.index.get_level_values("recipe").isin(list(bimodal))
    has_none = (table["num_seeds"] < 2) | table["are_equal"] | table["is_bimodal"]
    table.loc[has_none, ["variance", "df"]] = np.nan
    table["is_moderated"] &= ~has_none
    return table[["gain", "num_seeds", "variance", "df", "are_equal", "is_bimodal", "is_moderated"]]


def seed_notes(table: pd.DataFrame) -> "pd.Series[str]":
    """The first reason why a row has no interval over seeds; "" for a row with one."""
    notes = pd.Series("", index=table.index)
    notes[table["are_equal"].eq(True)] = "equal differences"
    notes[table["is_bimodal"].eq(True)] = "bimodal"
    notes[table["num_seeds"] == 1] = "one seed"
    notes[table["num_seeds"] == 0] = "no reference"
    return notes


def _comparable(rows: pd.DataFrame, references: Mapping[str, str]) -> pd.DataFrame:
    """The scores with a seed of recipes whose every gain is their score minus that of the reference."""
    column = ["condition", "language", "target", "base"]
    scores = rows.dropna(subset="score").rename(columns={"recipe": "base", "score": "base_score"})
    seedless = scores[scores["seed"].isna()].set_index(column)["base_score"].rename("fixed")
    joined = rows.assign(
        base=rows["recipe"].map({name: references.get(name, "") for name in rows["recipe"].unique()}).astype(str)
    )
    joined = joined.merge(scores[[*column, "seed", "base_score"]], on=[*column, "seed"], how="left")
    joined = joined.join(seedless, on=column)
    difference = (joined["score"] - joined["base_score"].fillna(joined["fixed"])).abs()
    is_other = (joined["gain"].abs() - difference).abs() > 1e-9 * joined["score"].abs().clip(lower=1.0)
    is_other = (joined["base"] != "") & (is_other | joined["seed"].isna())
    cells = pd.MultiIndex.from_frame(joined[KEYS])
    is_kept = ~cells.isin(cells[is_other]) & joined["seed"].notna() & joined["score"].notna()
    return joined.loc[is_kept]


def _of_columns(rows: pd.DataFrame, references: Mapping[str, str]) -> pd.DataFrame:
    """Indexed by KEYS: total (variance of one same-seed difference), df, is_bimodal; for cells that have scores."""
    index = pd.MultiIndex.from_frame(rows.loc[~rows.duplicated(KEYS), KEYS])
    if rows.empty:
        return pd.DataFrame(columns=["total", "df", "is_bimodal"], index=index, dtype=float)
    scores, positions, bases = _as_array(rows, references)
    total, df, is_bimodal = gain_variances(scores, bases)
    by_cell = {"total": total, "df": df, "is_bimodal": is_bimodal}
    return pd.DataFrame({name: values[positions] for name, values in by_cell.items()}, index=index)


def _as_array(
    rows: pd.DataFrame, references: Mapping[str, str]
) -> tuple[Floats, tuple[npt.NDArray[np.intp], ...], list[int]]:
    """The scores as an array of shape (groups, targets, recipes, seeds), with nan for a missing one.

    A group is a condition and a language. Also returns the position of each cell in the first three axes, and the
    position of the reference of each recipe in the third; -1 without one, or if it has no score.
    """
    group = rows["condition"] + "\0" + rows["language"]
    factors = [pd.factorize(part) for part in (group, rows["target"], rows["recipe"], rows["seed"])]
    codes = tuple(code for code, _ in factors)
    scores = np.full([len(names) for _, names in factors], np.nan)
    scores[codes] = rows["score"]
    is_first = ~rows.duplicated(KEYS).to_numpy()
    recipes = {name: number for number, name in enumerate(factors[2][1])}
    bases = [recipes.get(references.get(name, ""), -1) for name in recipes]
    return scores, tuple(code[is_first] for code in codes[:3]), bases
