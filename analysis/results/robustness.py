"""Scores under further conditions beside the clean ones: drops with intervals, the worst condition, success rates."""

from collections.abc import Collection, Hashable, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from sweeper.space import Contrast, Space, Term

from .attacks import ATTACK_COLUMNS, attacks
from .contrasts import contrast_table, scores_of_seeds
from .load import CLEAN, RunData
from .marks import marks_of
from .seed_part import MEAN

CELL = ["model", "recipe", "target", "condition", "language"]
COLUMNS = (
    *(*CELL, "clean", "score", "drop", "relative_drop", "num_seeds", "num_items", "se", "df", "low", "high", "p"),
    *(*ATTACK_COLUMNS, "basis", "note"),
)
"""Columns of the table; scores, drops, standard errors and bounds are fractions of 1, with the sign of losses reversed.

drop is clean - score on the same items, and low and high are the bounds of its interval, as of a contrast.
relative_drop is drop / clean. The note "at chance" replaces both where the clean score does not beat the trivial one.
success, num_correct, worst and num_conditions are those of `attacks`."""


def conditions_of(space: Space) -> list[str]:
    """The names of the conditions of a space, without the clean one."""
    return list(dict.fromkeys(condition.name for target in space.targets for condition in target.conditions))


def robustness(data: RunData, at_chance: Collection[tuple[str, str]] = ()) -> pd.DataFrame:
    """A row for each cell, condition and language, and for the mean over languages; empty without conditions.

    `at_chance` are (model, target) whose clean score does not beat the trivial one.
    """
    if not conditions_of(data.space):
        return pd.DataFrame(columns=list(COLUMNS))
    contrasts = list(_contrasts(data.space))
    table = contrast_table(data, contrasts)
    cells = {contrast.name: contrast for contrast in contrasts}
    table["recipe"] = table["contrast"].map(lambda name: cells[name].terms[0].recipe)
    table["condition"] = table["contrast"].map(lambda name: cells[name].terms[1].condition)
    table["target"] = table["contrast"].map(lambda name: cells[name].targets[0])
    table["names"] = table["languages"].str.split()
    table["language"] = table["language"].mask(table["language"] == "", MEAN)
    table = table[table["estimate"].notna()].rename(columns={"estimate": "drop"})
    scores, _ = scores_of_seeds(data)
    for column, condition in (("clean", CLEAN), ("score", "")):
        table[column] = [_mean_score(scores, row, condition) for row in table.to_dict("records")]
    table["relative_drop"] = (table["drop"] / table["clean"]).where(table["clean"] > 0)
    is_chance = pd.MultiIndex.from_frame(table[["model", "target"]]).isin(list(at_chance))
    table.loc[is_chance, ["drop", "relative_drop", "se", "df", "low", "high", "p"]] = np.nan
    table.loc[is_chance, "note"] = "at chance"
    table = table.merge(attacks(data), on=CELL, how="left")
    return table[list(COLUMNS)]


def _contrasts(space: Space) -> Iterator[Contrast]:
    """The drop of each cell under each condition, over languages and in each of them."""
    same_rows = marks_of(space).same_rows
    for target in space.targets:
        for condition in target.conditions:
            for recipe in space.recipes:
                if (recipe.name, target.task) in same_rows:
                    continue
                terms = (Term(recipe=recipe.name), Term(recipe=recipe.name, condition=condition.name, weight=-1.0))
                name = f"{recipe.name}\0{target.task}\0{condition.name}"
                yield Contrast(name=name, terms=terms, targets=(target.task,))
                yield Contrast(name=f"{name}\0each", terms=terms, targets=(target.task,), each=("language",))


def _mean_score(scores: pd.DataFrame, row: Mapping[Hashable, Any], condition: str) -> float:
    """The mean over the languages of a row, and over seeds."""
    cell = (row["model"], row["recipe"], row["target"], condition or row["condition"])
    names = pd.MultiIndex.from_tuples([(*cell, language) for language in row["names"]], names=scores.index.names)
    return float(np.nanmean(scores.reindex(names).to_numpy(dtype=float)))
