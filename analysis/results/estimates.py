"""The table of estimates: the gain of each cell with its standard error, interval, p and q, and how to read it."""

from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from sweeper.space import CLEAN, Space

from .item_part import combined, item_part
from .items import ItemParts
from .matrix import Cell, Matrix
from .names import tuples_of
from .seed_part import MEAN, numbered_cells, seed_notes, seed_part
from .stats import LEVEL, adjusted, t_intervals
from .trivial import TargetLevel

Mark = Literal["same rows", "same items", "not zero-shot", "lacks languages", "lacks seeds"]
"""What a reader must know of a cell. The column `marks` has these words, separated by commas."""
Basis = Literal["seeds and items", "seeds", "items", ""]
"""The variation that an interval includes; "" without an interval. "items" is an interval of one seed."""
Note = Literal["", "no reference", "bimodal", "equal differences", "one seed", "incomplete", "no outcomes"]
"""Why an interval or q is missing or incomplete. "no reference": the reference has no score to compare with. "bimodal":
the seeds form two groups, so that an interval about their mean describes neither. "equal differences": the gains of all
seeds are equal, so that their variance is unknown. "one seed": the variation between seeds is unknown. "incomplete":
the cell or its reference lacks seeds that the space asks for, or languages, so that it is not tested. "no outcomes":
the ledger has no outcomes of the cell, so that the variation between items is unknown."""
COLUMNS = (
    *("model", "recipe", "target", "condition", "language", "score", "gain", "num_seeds", "num_items"),
    *("se_seed", "se_item", "se", "df", "low", "high", "p", "q", "marks", "at_chance", "basis", "is_moderated", "note"),
)
"""The columns of the table, see `Estimate`."""
UNSUMMARISED = frozenset[Mark]({"same rows", "lacks languages"})
"""Marks of cells that are left out of all summaries."""
INCOMPLETE = frozenset[Mark]({"lacks languages", "lacks seeds"})
"""Marks of cells whose scores the sweep has not finished."""
UNTESTED = UNSUMMARISED | INCOMPLETE
"""Marks of cells that are left out of the correction for the number of cells."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """One row of the table. Scores, gains, standard errors and bounds are fractions of 1, nan if they are missing."""

    model: str
    recipe: str
    target: str
    condition: str
    language: str
    """A language, or `mean`: over the languages that the cell and its reference share."""
    score: float
    """Mean over seeds of the main metric, as it was measured."""
    gain: float
    """Mean same-seed difference to the reference. The sign is reversed for a loss. nan for the reference itself."""
    num_seeds: int
    """Number of seeds of the gain; for the reference, of its score."""
    num_items: int
    """Number of items, or of groups of items that are drawn together; of one seed if each seed has its own items; 0 if
    unknown."""
    se_seed: float
    """Standard error of the gain about new seeds. Without own items of each seed, it is about the same items."""
    se_item: float
    """Standard error of the gain about new items, for the mean of the same seeds."""
    se: float
    """Standard error of the gain about all that `basis` names."""
    df: float
    """Degrees of freedom of `se`."""
    low: float
    """Lower bound of the 95 % interval."""
    high: float
    """Upper bound of the 95 % interval."""
    p: float
    """Two-sided p of the test of a gain of 0."""
    q: float
    """`p` corrected for the number of tested cells (Benjamini & Hochberg 1995). nan for a single language, for the
    reference, for cells with a mark in UNTESTED, and without an interval over seeds."""
    marks: str
    at_chance: bool
    """Whether the score of the reference on this target is not above the trivial score."""
    basis: Basis
    is_moderated: bool
    """Whether the variance over seeds is moderated over the matrix. If not, the interval is that of a paired t test."""
    note: Note

    @property
    def half_width(self) -> float:
        """Half of the width of the interval; nan without an interval."""
        return (self.high - self.low) / 2

    @property
    def is_settled(self) -> bool:
        """Whether the interval excludes 0. False if it does not include the variation between seeds."""
        return self.basis.startswith("seeds") and (self.low > 0 or self.high < 0)

    @property
    def is_significant(self) -> bool:
        """Whether the gain differs from 0 after the correction for the number of cells."""
        return self.q < LEVEL

    def has(self, mark: Mark) -> bool:
        """Whether the cell has a mark."""
        return mark in self.marks.split(", ")


def estimates(
    space: Space, seeds: pd.DataFrame, matrix: Matrix, levels: Iterable[TargetLevel], items: ItemParts
) -> pd.DataFrame:
    """The table of estimates of one model: a row for each scored cell, condition and language, or mean of languages.

    `seeds` are the `scores_by_seed` of the model, `levels` its `target_levels` and `items` its `item_parts`. The
    columns are those of `Estimate`. Rows have the order of the space; the usual condition and the mean come first.

    The interval is about new seeds and new items: from two seeds on, with a seed part that is moderated over the matrix
    (`seed_part`), an item part from the outcomes (`item_part`), and both `combined`. Where each seed has its own items,
    the seed part contains the items, and nothing is added.
    """
    table = _scores(seeds).join(seed_part(seeds, matrix.reference)).reset_index()
    is_reference = table["recipe"] == matrix.reference
    table["num_seeds"] = table["num_seeds"].where(~is_reference, table["num_scores"]).fillna(0).astype(int)
    table["note"] = seed_notes(table).where(~is_reference, "")
    table["is_moderated"] = table["is_moderated"].eq(True)
    table = _with_errors(table.join(item_part(table, items, matrix.reference)))
    table["low"], table["high"], table["p"] = t_intervals(table["gain"], table["se"], table["df"])
    table["model"], table["marks"] = matrix.model, _marks(table, matrix, len(space.seeds))
    table["at_chance"] = table["target"].isin([level.target for level in levels if level.verdict == "not above"])
    table["q"] = adjusted(table["p"].where(_is_tested(table)))
    is_incomplete = _is_cell(table) & has_mark(table, INCOMPLETE) & table["gain"].notna()
    table["note"] = table["note"].mask(is_incomplete & table["note"].isin(["", "no outcomes"]), "incomplete")
    return _ordered(table, space)[list(COLUMNS)]


def estimate_of(table: pd.DataFrame, cell: Cell, language: str = MEAN, condition: str = CLEAN) -> Estimate | None:
    """One row of the table of estimates; None if the cell has no score in the language."""
    rows = table[(table["recipe"] == cell[0]) & (table["target"] == cell[1])]
    rows = rows[(rows["language"] == language) & (rows["condition"] == condition)]
    return next(iter(_as_estimates(rows)), None)


def mean_estimates(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of the means over languages under the usual condition: one for each scored cell."""
    return table[_is_cell(table)]


def cell_estimates(table: pd.DataFrame) -> dict[Cell, Estimate]:
    """Cell -> its `mean_estimates`, in the order of the space."""
    return {(estimate.recipe, estimate.target): estimate for estimate in _as_estimates(mean_estimates(table))}


def grid(table: pd.DataFrame, column: str, matrix: Matrix) -> pd.DataFrame:
    """One column of the `mean_estimates` as a frame of recipes x targets; nan for a cell without a score."""
    square = mean_estimates(table).pivot(index="recipe", columns="target", values=column)
    return square.reindex(index=matrix.scores.index, columns=matrix.scores.columns)


def is_settled(table: pd.DataFrame) -> "pd.Series[bool]":
    """Whether the interval of each row excludes 0. False if it does not include the variation between seeds."""
    return table["basis"].str.startswith("seeds") & ((table["low"] > 0) | (table["high"] < 0))


def is_significant(table: pd.DataFrame) -> "pd.Series[bool]":
    """Whether the gain of each row differs from 0 after the correction for the number of cells."""
    return table["q"] < LEVEL


def is_summarised(table: pd.DataFrame) -> "pd.Series[bool]":
    """Whether summaries of gains include a row: it has a gain and no mark in UNSUMMARISED."""
    return ~has_mark(table, UNSUMMARISED) & table["gain"].notna()


def has_mark(table: pd.DataFrame, marks: AbstractSet[Mark]) -> "pd.Series[bool]":
    """Whether each row has any of the marks."""
    return table["marks"].map(lambda text: not marks.isdisjoint(text.split(", "))).astype(bool)


def joined_marks(*texts: str) -> str:
    """The marks of several cells, each once."""
    return ", ".join(dict.fromkeys(mark for text in texts for mark in text.split(", ") if mark))


def _as_estimates(rows: pd.DataFrame) -> list[Estimate]:
    return [Estimate(**dict(zip(COLUMNS, row, strict=True))) for row in rows.itertuples(index=False, name=None)]


def _with_errors(table: pd.DataFrame) -> pd.DataFrame:
    """Add se_seed, se_item, se, df and basis, and the note of a cell without outcomes."""
    has_none = table["note"].isin(["bimodal", "equal differences", "no reference"]) | table["gain"].isna()
    # Without seeds, equal outcomes of all items say nothing about the variation.
    seed, item = table["variance"], table["item"].mask(has_none | (table["variance"].isna() & (table["item"] <= 0)))
    total, df = combined(seed, table["df"], item, table["num_items"] - 1, table["residual"])
    has_item = item.notna() | table["is_own"]
    basis = np.select(
        [seed.notna() & has_item, seed.notna(), item.notna()], ["seeds and items", "seeds", "items"], default=""
    )
    lacks_outcomes = (table["note"] == "") & ~has_item & table["gain"].notna()
    return table.assign(
        se_seed=np.sqrt(seed),
        se_item=np.sqrt(item),
        se=np.sqrt(total),
        df=np.where(np.isnan(total), np.nan, df),
        basis=basis,
        note=table["note"].mask(lacks_outcomes, "no outcomes"),
    )


def _scores(rows: pd.DataFrame) -> pd.DataFrame:
    """Indexed by KEYS: score (mean over seeds), num_scores, is_seedless."""
    cells, names = numbered_cells(rows)
    groups = rows.assign(is_seedless=rows["seed"].isna() & rows["score"].notna()).groupby(cells)
    table = groups.agg(score=("score", "mean"), num_scores=("score", "count"), is_seedless=("is_seedless", "any"))
    return table.set_index(names)


def _marks(table: pd.DataFrame, matrix: Matrix, num_asked: int) -> list[str]:
    """The marks of each row, separated by commas."""
    cells = tuples_of(table[["recipe", "target", "language"]])
    lacks_seeds = (table["num_seeds"] < num_asked) & ~table["is_seedless"]
    return [
        ", ".join([*_training_marks((recipe, target), language, matrix), *(["lacks seeds"] if lacks else [])])
        for (recipe, target, language), lacks in zip(cells, lacks_seeds, strict=True)
    ]


def _training_marks(cell: Cell, language: str, matrix: Matrix) -> Iterator[Mark]:
    """The marks that follow from training data and languages. A gain has those of the reference too."""
    marks, both = matrix.marks, (cell, (matrix.reference, cell[1]))
    if any(recipe_name in marks.same_rows for recipe_name in both):
        yield "same rows"
    elif any(recipe_name in marks.same_items for recipe_name in both):
        yield "same items"
    trained = {name for recipe_name in both for name in marks.not_zero_shot.get(recipe_name, ())}
    if language in trained or (language == MEAN and trained):
        yield "not zero-shot"
    if language == MEAN and any(recipe_name in matrix.lacking for recipe_name in both):
        yield "lacks languages"


def _is_tested(table: pd.DataFrame) -> "pd.Series[bool]":
    """Whether a row belongs to the cells that are corrected for their number. One seed is no test of a recipe."""
    return _is_cell(table) & ~has_mark(table, UNTESTED) & table["gain"].notna() & table["se_seed"].notna()


def _is_cell(table: pd.DataFrame) -> "pd.Series[bool]":
    return (table["language"] == MEAN) & (table["condition"] == CLEAN)


def _ordered(table: pd.DataFrame, space: Space) -> pd.DataFrame:
    """Rows in the order of the space; the usual condition and the mean over languages come first."""
    recipes = {recipe.name: number for number, recipe in enumerate(space.recipes)}
    targets = {target.task: number for number, target in enumerate(space.targets)}
    ranks = pd.DataFrame(
        {
            "recipe": table["recipe"].map(recipes),
            "target": table["target"].map(targets),
            "is_attacked": table["condition"] != CLEAN,
            "condition": table["condition"],
            "is_language": table["language"] != MEAN,
            "language": table["language"],
        }
    )
    return table.loc[ranks.sort_values(list(ranks.columns)).index].reset_index(drop=True)
