"""Contrasts, claims and scores under further conditions as JSON values."""

from typing import Any

import pandas as pd

from sweeper.space import Space

from ..contrast_text import claim_sentences, sentences, unit_text
from ..results.contrasts import claim_table, row_labels
from ..results.matrix import Cell
from ..results.seed_part import MEAN
from ..results.success import FEWEST
from .cells import Table, columns_of

CONTRAST_COLUMNS = (
    *("family", "contrast", "question", "unit", "estimate", "low", "high", "p", "p_holm", "num_seeds", "num_items"),
    *("basis", "note", "sentence"),
)
"""Columns of the contrasts of a page. contrast is the name with the model, target and language of the row."""
CONDITION_COLUMNS = (
    *("clean", "score", "drop", "low", "high", "relative_drop", "success", "worst", "num_seeds", "note"),
)
"""Columns of `robustness.csv` that a cell of the page has for each condition."""
NAMES = ["recipe", "target", "condition"]
MOST_ROWS = 4000
"""Most rows of conditions by language of one model, about 350 kB. A page with more has the means only."""


def contrast_values(space: Space, table: pd.DataFrame | None) -> Table:
    """A row for each estimate of the `contrast_table` of a run. `table` is None for a space without contrasts."""
    if table is None:
        return {}
    titles = {contrast.name: contrast.title for contrast in space.contrasts}
    units = map(unit_text, table["unit"], table["covariate_unit"])
    shown = table.assign(
        contrast=row_labels(table),
        question=table["contrast"].map(titles),
        unit=list(units),
        sentence=list(sentences(table)),
    )
    return columns_of(shown, CONTRAST_COLUMNS)


def claim_values(space: Space, table: pd.DataFrame | None) -> list[str]:
    """The sentences about the claims of a space."""
    return [] if table is None else list(claim_sentences(space.claims, claim_table(space.claims, table)))


def condition_values(table: pd.DataFrame) -> dict[Cell, list[dict[str, Any]]]:
    """The scores under conditions of one model, from its rows of the table of `robustness`.

    Each cell has an entry for each condition: its name, CONDITION_COLUMNS for the mean over languages, and `languages`,
    a table with the same columns. It is empty if the model has more than MOST_ROWS rows by language. Success rates have
    at least FEWEST examples.
    """
    table = table.assign(success=table["success"].where(table["num_correct"] >= FEWEST))
    is_mean = table["language"] == MEAN
    means, by_language = table[is_mean], table[~is_mean]
    tables = _by_condition(by_language) if len(by_language) <= MOST_ROWS else {}
    columns = columns_of(means, CONDITION_COLUMNS)
    values: dict[Cell, list[dict[str, Any]]] = {}
    for number, (recipe, target, condition) in enumerate(means[NAMES].itertuples(index=False, name=None)):
        entry = {"condition": condition, **{name: column[number] for name, column in columns.items()}}
        languages = tables.get((recipe, target, condition), {})
        values.setdefault((recipe, target), []).append({**entry, "languages": languages})
    return values


def _by_condition(table: pd.DataFrame) -> dict[tuple[str, str, str], Table]:
    """Recipe, target and condition -> the rows of each language."""
    groups = table.groupby(NAMES, sort=False)
    return {
        (str(recipe), str(target), str(condition)): columns_of(rows, ("language", *CONDITION_COLUMNS))
        for (recipe, target, condition), rows in groups
    }
