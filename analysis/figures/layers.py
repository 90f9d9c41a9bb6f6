"""Scores of retrieval by layer as a figure: one panel per target, one line per recipe."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..results.load import Study
from .heatmap import FAINT, INK

WIDTH = 3.6
"""Width of the panel of one target, in inches."""


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
