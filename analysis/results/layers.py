"""Retrieval scores by the layer that the sentence vectors are taken from."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from sweeper.space import Target

from .load import RunData, main_scores


@dataclass(frozen=True, kw_only=True)
class LayerScores:
    """The scores of one target by layer."""

    scores: pd.DataFrame
    """Recipes x layers (as shares of the depth, ascending): main metric, mean over languages, then over seeds; a
    fraction of 1, nan if missing."""
    shown: float
    """The layer that the matrix shows."""


def layer_scores(data: RunData, model: str) -> Mapping[str, LayerScores]:
    """Target -> its scores by layer, for the targets with scores of two layers or more."""
    layered = [target for target in data.space.targets if target.also_layers]
    tables = [LayerScores(scores=_layer_table(data, model, target), shown=target.layer) for target in layered]
    pairs = zip(layered, tables, strict=True)
    return {target.task: table for target, table in pairs if table.scores.shape[1] >= 2}


def _layer_table(data: RunData, model: str, target: Target) -> pd.DataFrame:
    """Recipes x layers, only with recipes and layers that have a score."""
    table = main_scores(data.layer_scores)
    rows = table[(table["target"] == target.task) & (table["model"] == model)]
    means = rows.groupby(["recipe", "layer", "seed"], dropna=False)["value"].mean().groupby(["recipe", "layer"]).mean()
    by_layer = means.unstack("layer")
    recipes = [recipe.name for recipe in data.space.recipes if recipe.name in by_layer.index]
    return by_layer.loc[recipes, sorted(by_layer.columns)].astype(float)
