"""Gains of the English selection values of replicates, by seed."""

import pandas as pd

from sweeper.space import CLEAN

from .load import RunData


def selection_gains(data: RunData, model: str, reference: str) -> pd.DataFrame:
    """Columns recipe, target, seed, gain: the selection value of a replicate minus that of the reference.

    The value of a cell is that of the training behind its score: targets with the same training task may train with
    different options. Targets that train nothing, and replicates that were refitted on the selection data, have no
    value and no row.
    """
    columns = ["recipe", "target", "seed", "value"]
    trainings = {record.key: record for record in data.replicates if record.spec.kind == "target"}
    rows = [
        (score.recipe, score.target, score.seed, trainings[score.training].value)
        for score in data.cell_scores
        if score.model == model and score.condition == CLEAN and score.training in trainings
    ]
    # Languages of one training may be scored one after another.
    table = pd.DataFrame(rows, columns=columns).dropna(subset=["seed", "value"]).drop_duplicates(columns[:3])
    table = table.astype({"seed": int, "value": float})
    base = table[table["recipe"] == reference].drop(columns="recipe")
    joined = table.merge(base, on=["target", "seed"], suffixes=("", "_base"))
    joined["gain"] = joined["value"] - joined["value_base"]
    return joined.loc[joined["recipe"] != reference, ["recipe", "target", "seed", "gain"]].reset_index(drop=True)
