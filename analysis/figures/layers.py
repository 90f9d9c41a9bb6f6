"""Retrieval scores by layer as a figure: one panel per target, one line per recipe."""

from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..results.layers import LayerScores
from ..results.results import Results
from .colours import FAINT
from .heatmap import source
from .key import Entry
from .panels import Panels, panel_figure, style_axes
from .search import recipe_colours
from .sizes import TEXT, Size


def layer_figure(results: Results, size: Size = TEXT) -> Figure:
    """One panel for each target of `results.layers`, which must not be empty."""
    inks = recipe_colours(results)
    shown = [recipe for recipe in inks if any(recipe in layers.scores.index for layers in results.layers.values())]
    panels = Panels(
        num=len(results.layers),
        height=16 * size.font,
        narrowest=18 * size.font,
        left=4 * size.font,
        between=3 * size.font,
        title=f"Score by layer (points) · {source(results)}",
        notes=tuple(Entry(text=recipe, swatch=inks[recipe]) for recipe in shown),
    )
    figure, all_axes = panel_figure(panels, size)
    for axes, (target, layers) in zip(all_axes, results.layers.items(), strict=True):
        layer_lines(axes, layers, colours=inks, size=size)
        style_axes(axes, size, title=target, x="layer (share of the depth)")
    return figure


def layer_lines(
    axes: Axes, layers: LayerScores, *, colours: Mapping[str, str] | None = None, size: Size = TEXT
) -> Axes:
    """Draw the scores of each recipe in points, and a dotted line at the layer of the matrix. Returns the axes."""
    for recipe, values in layers.scores.iterrows():
        ink = (colours or {}).get(str(recipe))
        axes.plot(layers.scores.columns, 100 * values, marker="o", ms=3, lw=1.2, label=str(recipe), color=ink)
    axes.axvline(layers.shown, color=FAINT, lw=0.8, ls=":", zorder=1)
    return style_axes(axes, size, x="layer (share of the depth)", y="score (points)")
