"""Retrieval scores by layer as a figure: one panel per target, one line per recipe."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..results.layers import LayerScores
from ..results.results import Results
from .colours import FAINT, INK

WIDTH = 3.6
"""Width of the panel of one target, in inches."""


def layer_figure(results: Results) -> Figure:
    """One panel for each target of `results.layers`, which must not be empty."""
    num = len(results.layers)
    figure = Figure(figsize=(WIDTH * num + 1.6, 3.2), layout="constrained")
    panels = np.atleast_1d(figure.subplots(1, num, squeeze=False)[0])
    for axes, (target, layers) in zip(panels, results.layers.items(), strict=True):
        draw_layers(axes, layers).set_title(target, loc="left", fontsize=9, color=INK)
    panels[-1].legend(frameon=False, fontsize=7.5, loc="upper left", bbox_to_anchor=(1.0, 1.0), labelcolor=INK)
    return figure


def draw_layers(axes: Axes, layers: LayerScores) -> Axes:
    """Draw the scores of each recipe in points, and a dotted line at the layer of the matrix. Returns the axes."""
    for recipe, values in layers.scores.iterrows():
        axes.plot(layers.scores.columns, 100 * values, marker="o", ms=3, lw=1.2, label=str(recipe))
    axes.axvline(layers.shown, color=FAINT, lw=0.8, ls=":", zorder=1)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
    axes.set_xlabel("layer (share of the depth)", fontsize=8.5, color=INK)
    axes.set_ylabel("score (points)", fontsize=8.5, color=INK)
    return axes
