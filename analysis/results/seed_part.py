"""The uncertainty of gains about new seeds: moderated variances of each row and of its reference."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from sweeper.space import CLEAN

from .matrix import seed_table
from .moderation import gain_variances
from .names import combined_codes, renumbered
from .stats import are_equal

KEYS = ["condition", "language", "target", "recipe"]
"""What a gain belongs to. The rows of one condition, language and target are a column."""
MEAN = "mean"
"""The language of scores and gains that are means over languages."""
ENGLISH = "en"
"""The language from which transfer starts."""
Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.intp]


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
    cells, names = numbered_cells(rows)
    has_gain = (rows["recipe"].isin(list(reference)) & rows["gain"].notna()).to_numpy()
    groups = rows.loc[has_gain, "gain"].groupby(cells[has_gain])
    table = pd.DataFrame(groups.agg(gain="mean", num_seeds="count", low="min", high="max", own="var"))
    is_other = ~rows["recipe"].isin(list(bimodal)).to_numpy()
    table = table.join(_of_columns(rows[is_other], cells[is_other], reference))
    table["is_moderated"] = table["total"].notna()
    table["variance"] = table["total"].where(table["is_moderated"], table["own"]) / table["num_seeds"]
    table["df"] = table["df"].where(table["is_moderated"], table["num_seeds"] - 1.0)
    scale = rows["score"].groupby(cells).max().reindex(table.index)
    table["are_equal"] = are_equal(table["low"], table["high"], scale) & (table["num_seeds"] > 1)
    table.index = names[table.index]
    table["is_bimodal"] = table["is_bimodal"].eq(True) | table.index.get_level_values("recipe").isin(list(bimodal))
    has_none = (table["num_seeds"] < 2) | table["are_equal"] | table["is_bimodal"]
    table.loc[has_none, ["variance", "df"]] = np.nan
    table["is_moderated"] &= ~has_none
    return table[["gain", "num_seeds", "variance", "df", "are_equal", "is_bimodal", "is_moderated"]]


def numbered_cells(rows: pd.DataFrame) -> tuple[Numbers, pd.MultiIndex]:
    """The number of the cell of each row, and the KEYS of each cell, sorted. Numbers are grouped faster than names."""
    codes, levels = zip(*(pd.factorize(rows[key], sort=True) for key in KEYS), strict=True)
    _, cells, last = renumbered(combined_codes(codes))
    return cells, pd.MultiIndex(levels=levels, codes=[code[last] for code in codes], names=KEYS)


def seed_notes(table: pd.DataFrame) -> "pd.Series[str]":
    """The first reason why a row has no interval over seeds; "" for a row with one."""
    notes = pd.Series("", index=table.index)
    notes[table["are_equal"].eq(True)] = "equal differences"
    notes[table["is_bimodal"].eq(True)] = "bimodal"
    notes[table["num_seeds"] == 1] = "one seed"
    notes[table["num_seeds"] == 0] = "no reference"
    return notes


@dataclass(frozen=True, kw_only=True)
class _Scores:
    """Rows as arrays, one value for each row. A group is a condition and a language."""

    codes: tuple[Numbers, Numbers, Numbers, Numbers]
    """Group, target, recipe and seed as numbers; -1 without a seed."""
    sizes: tuple[int, ...]
    score: Floats
    gain: Floats
    base: Numbers
    """Number of the reference of the recipe; -1 without one, or if it has no row."""
    has_reference: npt.NDArray[np.bool_]

    @property
    def has_score(self) -> npt.NDArray[np.bool_]:
        """Whether a row has a score of a seed."""
        return (self.codes[3] >= 0) & ~np.isnan(self.score)

    def array(self, chosen: npt.NDArray[np.bool_]) -> Floats:
        """The scores of the chosen rows, shape (groups, targets, recipes, seeds), with nan for a missing one."""
        scores = np.full(self.sizes, np.nan)
        scores[tuple(code[chosen] for code in self.codes)] = self.score[chosen]
        return scores

    def of_reference(self) -> Floats:
        """The score of the reference with the same seed, or its score without a seed."""
        group, target, _, seed = self.codes
        fixed, is_fixed = np.full(self.sizes[:3], np.nan), (seed < 0) & ~np.isnan(self.score)
        fixed[tuple(code[is_fixed] for code in self.codes[:3])] = self.score[is_fixed]
        scores = fixed[group, target, self.base]
        numbered = seed >= 0  # -1 would be the last seed, or an error without any seed
        same_seed = self.array(self.has_score)[tuple(c[numbered] for c in (group, target, self.base, seed))]
        scores[numbered] = np.where(np.isnan(same_seed), scores[numbered], same_seed)
        return np.where(self.base >= 0, scores, np.nan)


def _numbered(rows: pd.DataFrame, references: Mapping[str, str]) -> _Scores:
    (condition, _), (language, languages) = pd.factorize(rows["condition"]), pd.factorize(rows["language"])
    group = condition * len(languages) + language
    target, recipe, seed = (pd.factorize(rows[name]) for name in ("target", "recipe", "seed"))
    names = {name: number for number, name in enumerate(recipe[1])}
    bases = np.array([names.get(references.get(name, ""), -1) for name in names], dtype=np.intp)
    has_reference = np.array([bool(references.get(name)) for name in names], dtype=bool)
    return _Scores(
        codes=(group, target[0], recipe[0], seed[0]),
        sizes=(int(group.max(initial=-1)) + 1, len(target[1]), len(names), len(seed[1])),
        score=rows["score"].to_numpy(dtype=float),
        gain=rows["gain"].to_numpy(dtype=float),
        base=bases[recipe[0]],
        has_reference=has_reference[recipe[0]],
    )


def _are_comparable(numbered: _Scores, cells: Numbers) -> npt.NDArray[np.bool_]:
    """Whether a row has a score of a seed, and its cell no gain that is not its score minus that of the reference."""
    difference = np.abs(numbered.score - numbered.of_reference())
    is_other = np.abs(np.abs(numbered.gain) - difference) > 1e-9 * np.maximum(np.abs(numbered.score), 1.0)
    is_other = numbered.has_reference & (is_other | (numbered.codes[3] < 0))
    return numbered.has_score & ~np.isin(cells, cells[is_other])


def _of_columns(rows: pd.DataFrame, cells: Numbers, references: Mapping[str, str]) -> pd.DataFrame:
    """total (variance of one same-seed difference), df and is_bimodal; the index has the cells that have scores."""
    if rows.empty:
        return pd.DataFrame(columns=["total", "df", "is_bimodal"], dtype=float)
    numbered = _numbered(rows, references)
    is_kept = _are_comparable(numbered, cells)
    kept, _, last = renumbered(cells[is_kept])
    if not len(kept):
        return pd.DataFrame(columns=["total", "df", "is_bimodal"], dtype=float)
    # Groups, targets, recipes and seeds without a score would count as missing ones.
    axes = [renumbered(code[is_kept]) for code in numbered.codes]
    scores = numbered.array(is_kept)[np.ix_(*(numbers for numbers, _, _ in axes))]
    of_recipe = dict(zip(numbered.codes[2], numbered.base, strict=True))
    recipes = {number: place for place, number in enumerate(axes[2][0])}
    total, df, is_bimodal = gain_variances(scores, [recipes.get(of_recipe[number], -1) for number in recipes])
    places = tuple(positions[last] for _, positions, _ in axes[:3])
    return pd.DataFrame(
        {"total": total[places], "df": df[places], "is_bimodal": is_bimodal[places]}, index=pd.Index(kept)
    )
