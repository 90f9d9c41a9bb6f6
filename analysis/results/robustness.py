"""Scores under further conditions beside the clean ones: drops with intervals, the worst condition, success rates."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from sweeper.space import CLEAN, Contrast, Space, Term

from .attacks import ATTACK_COLUMNS, attacks
from .chance import AT_CHANCE, clean_scores
from .contrasts import contrast_table
from .gains import directions
from .load import RunData, further_metrics
from .marks import marks_of
from .seed_part import MEAN

CELL = ["model", "recipe", "target", "condition", "language"]
COLUMNS = (
    *(*CELL, "clean", "score", "drop", "relative_drop", "num_seeds", "num_items", "se", "df", "low", "high"),
    *(*ATTACK_COLUMNS, "basis", "note"),
)
"""Columns of the table; scores, drops, standard errors and bounds are fractions of 1, with the sign of losses reversed.

clean and score are means over the seeds that have both. For each further metric (`further_metrics`) a column
clean_METRIC and a column METRIC have the same without a reversed sign. drop is clean - score on the same items, and
low and high are the bounds of its interval, as of a contrast. relative_drop is drop / clean. The note "at chance"
replaces both where the clean score of the cell is at chance (`CleanScores.is_at_chance`), and there is
no success then. The columns from success to num_attacks are those of `attacks`."""


def robustness(data: RunData) -> pd.DataFrame:
    """A row for each cell, condition and language, and for the mean over languages; empty without conditions.

    Cells whose recipe trains on rows of the target are left out.
    """
    if not any(target.conditions for target in data.space.targets):
        return pd.DataFrame(columns=list(COLUMNS))
    contrasts = {contrast.name: contrast for contrast in _contrasts(data.space)}
    table = contrast_table(data, list(contrasts.values())).rename(columns={"estimate": "drop"})
    table = table[table["drop"].notna()]
    cells = table["contrast"].map(contrasts)
    table["recipe"] = [contrast.terms[0].recipe for contrast in cells]
    table["condition"] = [contrast.terms[1].condition for contrast in cells]
    table["target"] = [contrast.targets[0] for contrast in cells]
    table["language"] = table["language"].mask(table["language"] == "", MEAN)
    scores = _scores(data)
    table = table.merge(scores, on=CELL, how="left")
    clean = clean_scores(data)
    is_chance = [
        clean.is_at_chance((row["model"], row["recipe"], row["target"]), row["condition"], row["languages"].split())
        for row in table.to_dict("records")
    ]
    table["relative_drop"] = (table["drop"] / table["clean"]).where(table["clean"] > 0)
    table.loc[is_chance, ["drop", "relative_drop", "se", "df", "low", "high"]] = np.nan
    table.loc[is_chance, "note"] = AT_CHANCE
    further = [name for name in scores if name not in COLUMNS]
    return table.merge(attacks(data, clean), on=CELL, how="left")[[*COLUMNS, *further]]


def on_frontier(rows: pd.DataFrame) -> "pd.Series[bool]":
    """Whether no other recipe is at least as good in both the clean score and the score, and better in one.

    `rows` are those of one model, target, condition and language.
    """
    scores = rows[["clean", "score"]].to_numpy(float)
    no_worse = (scores[:, None] >= scores[None]).all(axis=2)
    better = (scores[:, None] > scores[None]).any(axis=2)
    return pd.Series(~(no_worse & better).any(axis=0), index=rows.index)


def _contrasts(space: Space) -> Iterator[Contrast]:
    """The drop of each cell under each condition, over languages and in each of them."""
    same_rows = marks_of(space).same_rows
    for target in space.targets:
        recipes = [recipe.name for recipe in space.recipes if (recipe.name, target.task) not in same_rows]
        for condition in target.conditions:
            for recipe in recipes:
                terms = (Term(recipe=recipe), Term(recipe=recipe, condition=condition.name, weight=-1.0))
                name = "\0".join((recipe, target.task, condition.name))
                yield Contrast(name=name, terms=terms, targets=(target.task,))
                yield Contrast(name=f"{name}\0each", terms=terms, targets=(target.task,), each=("language",))


def _scores(data: RunData) -> pd.DataFrame:
    """CELL, clean and score, also of each further metric: means over the seeds that have both scores."""
    with_conditions = [target.task for target in data.space.targets if target.conditions]
    table = data.table[data.table["target"].isin(with_conditions)]
    main = table[table["main"]]
    signs = main["target"].map(directions(data.space)).astype(float)
    scores = _pairs(main.assign(value=main["value"] * signs))
    for metric in further_metrics(table):
        pairs = _pairs(table[table["metric"] == metric])
        names = {"clean": f"clean_{metric}", "score": metric}
        scores = scores.merge(pairs.rename(columns=names), on=CELL, how="left")
    return scores


def _pairs(table: pd.DataFrame) -> pd.DataFrame:
    """CELL, clean and score of the rows of one metric.

    A mean over languages is over those of the condition, with the seeds that have all of them.
    """
    keys = ["model", "recipe", "target", "language", "seed"]
    clean = table.loc[table["condition"] == CLEAN, [*keys, "value"]].rename(columns={"value": "clean"})
    both = table[table["condition"] != CLEAN].merge(clean, on=keys).rename(columns={"value": "score"})
    cell = ["model", "recipe", "target", "condition"]
    seeds = both.groupby([*cell, "seed"], dropna=False)
    most = seeds.size().groupby(cell, dropna=False).transform("max")
    means = seeds[["clean", "score"]].mean()[seeds.size() == most].groupby(cell).mean()
    by_language = both.groupby(CELL)[["clean", "score"]].mean()
    return pd.concat([by_language.reset_index(), means.reset_index().assign(language=MEAN)], ignore_index=True)
