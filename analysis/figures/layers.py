"""Retrieval scores by layer as a figure: one panel per target, one line per recipe."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..results.layers import LayerScores
from ..results.results import Results
from .colours import FAINT, INK
from .panels import panels
from .sizes import TEXT, Size


def layer_figure(results: Results, size: Size = TEXT) -> Figure:
    """One panel for each target of `results.layers`, which must not be empty."""
    figure, all_axes = panels(len(results.layers), size, height=2.2)
    for axes, (target, layers) in zip(all_axes, results.layers.items(), strict=True):
        layer_lines(axes, layers, size=size).set_title(target, loc="left", fontsize=size.font, color=INK)
    names = all_axes[0].get_legend_handles_labels()
    figure.legend(*names, loc="outside lower left", ncols=4, frameon=False, fontsize=size.small, labelcolor=INK)
    return figure


def layer_lines(axes: Axes, layers: LayerScores, *, size: Size = TEXT) -> Axes:
    """Draw the scores of each recipe in points, and a dotted line at the layer of the matrix. Returns the axes."""
    for recipe, values in layers.scores.iterrows():
        axes.plot(layers.scores.columns, 100 * values, marker="o", ms=3, lw=1.2, label=str(recipe))
    axes.axvline(layers.shown, color=FAINT, lw=0.8, ls=":", zorder=1)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=size.small)
    axes.set_xlabel("layer (share of the depth)", fontsize=size.font, color=INK)
    axes.set_ylabel("score (points)", fontsize=size.font, color=INK)
    return axes
