"""Scores of retrieval by the layer that the sentence vectors come from."""

import pandas as pd

from sweeper.space import Target

from .load import CLEAN, Study


def layer_scores(study: Study, model: str, target: Target) -> pd.DataFrame:
    """Recipes x layers (shares of the depth, rising): the main metric, mean over languages, then seeds; nan if missing.

    Only rows and layers that have a score; empty if there is one layer at most.
    """
    table = study.layers
    rows = table[(table["target"] == target.task) & (table["model"] == model) & (table["condition"] == CLEAN)]
    rows = rows[rows["main"].astype(bool)]
    means = rows.groupby(["recipe", "layer", "seed"], dropna=False)["value"].mean().groupby(["recipe", "layer"]).mean()
    found = means.unstack("layer")
    if found.shape[1] < 2:
        return pd.DataFrame()
    order = [recipe.name for recipe in study.space.recipes if recipe.name in found.index]
    return found.loc[order, sorted(found.columns)].astype(float)


def layer_tables(study: Study, model: str) -> dict[str, pd.DataFrame]:
    """Target -> its scores by layer, of the targets that have several."""
    found = {target.task: layer_scores(study, model, target) for target in study.space.targets if target.also_layers}
    return {name: scores for name, scores in found.items() if not scores.empty}
