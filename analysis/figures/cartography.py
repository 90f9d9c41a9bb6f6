"""Data maps of intermediate tasks: the confidence of examples against their variability."""

from collections.abc import Mapping

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from ..results.cartography import AMBIGUOUS, CELLS, EASY, HARD, map_cells
from ..results.stats import Floats
from .colours import FAINT
from .key import Entry
from .panels import Panels, panel_figure, style_axes
from .sizes import POINTS, TEXT, Size

MOST = 12
"""Most panels of a figure."""
COLOURS, BRIGHTEST = "viridis", 0.85
"""Colour map of the correctness, without its end that is hardly visible on white."""
SMALLEST = 0.3
"""Smallest diameter of a dot, as a share of the largest one."""


def data_map(axes: Axes, examples: pd.DataFrame, *, title: str = "", size: Size = TEXT, has_label: bool = True) -> Axes:
    """Draw a dot for each cell of `map_cells`: its area is the number of examples, its colour their correctness.

    `examples` are those of a `DataMap`. The dotted lines are the limits of easy, hard and ambiguous examples. Returns
    the axes.
    """
    cells = map_cells(examples)
    axes.set_xlim(0, 0.5)
    axes.set_ylim(0, 1)
    for level in (HARD, EASY):
        axes.plot([0, AMBIGUOUS], [level, level], color=FAINT, lw=0.6, ls=":", zorder=1)
    axes.axvline(AMBIGUOUS, color=FAINT, lw=0.6, ls=":", zorder=1)
    shares = np.sqrt(cells["num"] / cells["num"].max()).clip(lower=SMALLEST)
    widest = axes.get_window_extent().height / axes.figure.get_dpi() * POINTS / CELLS
    axes.scatter(
        cells["variability"],
        cells["confidence"],
        s=(1.2 * widest * shares) ** 2,
        c=colours_of(cells["correctness"].to_numpy(float)),
        lw=0,
        zorder=2,
        clip_on=False,
    )
    style_axes(axes, size, title=title, x="variability", y="confidence" if has_label else "")
    axes.set_xticks([0, 0.1, 0.2, 0.3, 0.4, 0.5])
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1])
    return axes


def colours_of(correctness: Floats) -> Floats:
    """The colours (n, 4) of shares of correct predictions."""
    colours: Floats = mpl.colormaps[COLOURS](BRIGHTEST * correctness)
    return colours


def map_figure(maps: Mapping[str, pd.DataFrame], size: Size = TEXT) -> Figure | None:
    """A panel for each recipe, at most MOST. `maps`: recipe -> examples of its `DataMap`. None without any."""
    if not maps:
        return None
    shown = list(maps.items())[:MOST]
    shares = (0.0, 0.5, 1.0)
    inks = [to_hex(colour) for colour in colours_of(np.array(shares))]
    more = (Entry(text=f"{len(maps) - MOST} more recipes are in difficulty.csv"),) if len(maps) > MOST else ()
    panels = Panels(
        num=len(shown),
        height=16 * size.font,
        narrowest=16 * size.font,
        left=4.5 * size.font,
        between=3.5 * size.font,
        title="Data maps: probability of the gold label over the epochs, mean and standard deviation",
        notes=(
            *(Entry(text=f"{100 * share:.0f} % correct", swatch=ink) for share, ink in zip(shares, inks, strict=True)),
            Entry(text="area of a dot: number of examples of all seeds"),
            Entry(text="dotted lines: easy at the top left, hard at the bottom left, ambiguous at the right"),
            *more,
        ),
    )
    figure, all_axes = panel_figure(panels, size)
    for number, (axes, (recipe, examples)) in enumerate(zip(all_axes, shown, strict=True)):
        data_map(axes, examples, title=recipe, size=size, has_label=number == 0)
    return figure
