"""Gains of the English selection values of replicates, by seed."""

import pandas as pd

from .load import RunData


def selection_gains(data: RunData, model: str, reference: str) -> pd.DataFrame:
    """Columns recipe, target, seed, gain: the selection value of a replicate minus that of the reference.

    Targets that train nothing, and replicates that were refitted on the selection data, have no value and no row.
    """
    columns = ["recipe", "target", "seed", "value"]
    targets = {target.task: data.space.task(target.task).training_task for target in data.space.targets}
    rows = [
        (record.spec.recipe, target, record.spec.seed, record.value)
        for record in data.replicates
        if record.spec.kind == "target" and record.spec.model.name == model and record.value is not None
        for target, task in targets.items()
        if task == record.spec.task
    ]
    table = pd.DataFrame(rows, columns=columns).drop_duplicates(columns[:3], keep="last")
    base = table[table["recipe"] == reference].drop(columns="recipe")
    joined = table.merge(base, on=["target", "seed"], suffixes=("", "_base"))
    joined["gain"] = joined["value"] - joined["value_base"]
    return joined.loc[joined["recipe"] != reference, ["recipe", "target", "seed", "gain"]].reset_index(drop=True)
