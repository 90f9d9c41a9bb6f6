"""Scores of retrieval by the layer that the sentence vectors come from: a table, and a line a row."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures import FAINT, INK
from analysis.load import CLEAN, Study
from analysis.tables import points
from sweeper.space import Target

WIDTH = 3.6
"""Inches of one target's picture."""


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


def layer_rows(scores: pd.DataFrame, own: float) -> tuple[list[str], list[list[object]]]:
    """Header and rows of a table in points; the layer that the matrix shows is bold, and the best one stands last."""
    layers = [float(layer) for layer in scores.columns.to_numpy()]

    def mark(text: str, layer: float) -> str:
        return f"**{text}**" if layer == own else text

    header = ["recipe", *(mark(f"{layer:.2f}", layer) for layer in layers), "best"]
    rows: list[list[object]] = []
    for recipe, values in zip(scores.index, scores.to_numpy(), strict=True):
        cells = [mark(points(value), layer) for layer, value in zip(layers, values, strict=True)]
        rows.append([recipe, *cells, f"{layers[int(np.nanargmax(values))]:.2f}"])
    return header, rows


def layer_csv(tables: dict[str, pd.DataFrame]) -> bytes:
    """Columns target, recipe, layer, score (points); scores that are missing have no line."""
    parts = [
        (100 * scores).reset_index().melt("recipe", var_name="layer", value_name="score").assign(target=name).dropna()
        for name, scores in tables.items()
    ]
    found = pd.concat(parts)[["target", "recipe", "layer", "score"]].astype({"layer": float})
    return str(found.to_csv(index=False, float_format="%.4f")).encode()


def layer_figure(study: Study, tables: dict[str, pd.DataFrame]) -> Figure:
    """A picture a target side by side: score by layer, a line a row."""
    figure = Figure(figsize=(WIDTH * len(tables) + 1.6, 3.2), layout="constrained")
    every = np.atleast_1d(figure.subplots(1, len(tables), squeeze=False)[0])
    own = {target.task: target.layer for target in study.space.targets}
    for axes, (name, scores) in zip(every, tables.items(), strict=True):
        draw_layers(axes, scores, own[name]).set_title(name, loc="left", fontsize=9, color=INK)
    every[-1].legend(frameon=False, fontsize=7.5, loc="upper left", bbox_to_anchor=(1.0, 1.0), labelcolor=INK)
    return figure


def draw_layers(axes: Axes, scores: pd.DataFrame, own: float) -> Axes:
    """A line a recipe in points over the layers, a dotted one at the layer of the matrix. Returns the axes."""
    for recipe, values in scores.iterrows():
        axes.plot(scores.columns, 100 * values, marker="o", ms=3, lw=1.2, label=str(recipe))
    axes.axvline(own, color=FAINT, lw=0.8, ls=":", zorder=1)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
    axes.set_xlabel("layer (share of the depth)", fontsize=8.5, color=INK)
    axes.set_ylabel("score (points)", fontsize=8.5, color=INK)
    return axes
