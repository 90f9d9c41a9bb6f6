"""Same-seed gains: each score minus that of a reference recipe."""

import numpy as np
import pandas as pd

from sweeper.scoring.scorers import SCORERS
from sweeper.space import Space

from .load import RunData
from .names import check_recipe

MATCHED = ["target", "seed", "condition", "language", "metric"]
"""Columns that a score and its reference have in common."""


def reference_recipe(space: Space, against: str = "") -> str:
    """Name of the recipe that gains are measured against: `against`, or by default the baseline.

    Returns "" if `against` is empty and the space has no baseline. Raises UserError with the nearest name if the space
    has no recipe `against`.
    """
    if against:
        return check_recipe(space, against)
    return space.baseline.name if space.baseline else ""


def gain_table(data: RunData, model: str, against: str = "") -> pd.DataFrame:
    """The rows of `data.table` for one model with the additional column `gain`.

    A gain is the score minus the score of the reference recipe (see `reference_recipe`) with the same seed, in the
    same language, metric and condition. It is positive if the recipe is better: for metrics such as the loss, the sign
    is reversed. The gain is nan if the reference has no score to subtract.

    Scores that depend on no seed are compared with every seed. A reference without a seed is repeated for every
    replicate seed. A score without a seed gets one additional row per replicate seed, which has a gain and no value,
    so that means over `value` count the score once.

    Raises UserError if the space has no recipe `against`.
    """
    space, reference = data.space, reference_recipe(data.space, against)
    table = data.table[data.table["model"] == model]
    scores = table.loc[table["recipe"] == reference, [*MATCHED, "value"]]
    # A reference score with the seed itself comes first and wins over a repeated one.
    base = pd.concat([scores[scores["seed"].notna()], _for_every_seed(scores, space), scores[scores["seed"].isna()]])
    base = base[[*MATCHED, "value"]].drop_duplicates(MATCHED).rename(columns={"value": "base"})
    repeated = _for_every_seed(table[table["recipe"] != reference], space)
    joined = pd.concat([table, repeated], ignore_index=True).merge(base, on=MATCHED, how="left", validate="many_to_one")
    joined["gain"] = (joined["value"] - joined["base"]) * joined["target"].map(directions(space)).astype(float)
    joined.loc[len(table) :, "value"] = np.nan
    return joined.drop(columns="base")


def directions(space: Space) -> dict[str, int]:
    """Target -> 1 if a higher score is better, else -1."""
    scorers = {target.task: SCORERS[space.task(target.task).scorer] for target in space.targets}
    return {name: 1 if scorer.higher_is_better else -1 for name, scorer in scorers.items()}


def _for_every_seed(rows: pd.DataFrame, space: Space) -> pd.DataFrame:
    """The rows without a seed, repeated for every replicate seed."""
    seeds = pd.DataFrame({"seed": pd.array(space.seeds, dtype="Int64")})
    return rows[rows["seed"].isna()].drop(columns="seed").merge(seeds, how="cross")
