"""Scores under a condition against clean scores, and the frontier: see `analysis.results.robustness.on_frontier`."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..results.robustness import on_frontier
from ..results.seed_part import MEAN
from ..results.stats import Floats
from .colours import DOT, FAINT, INK
from .key import Entry
from .panels import Panels, panel_figure, style_axes
from .sizes import LINE, TEXT, Size, text_width
from .spread import extent, spread
from .texts import write

MOST = 12
"""Most panels of a figure."""
MARGIN = 0.08
"""Space between the dots and the edges of a panel, as a share of their range."""


def frontier(axes: Axes, rows: pd.DataFrame, *, title: str = "", size: Size = TEXT) -> Axes:
    """Draw one dot for each recipe: its score under a condition (y) against its clean score (x), in points.

    `rows` are those of one target and condition in the table of `robustness`. The line joins the recipes on
    the frontier. Names are at the right, in the order of the dots. Returns the axes.
    """
    x, y = 100 * rows["clean"].to_numpy(float), 100 * rows["score"].to_numpy(float)
    best = on_frontier(rows)
    corners = sorted(zip(x[best], y[best], strict=True))
    axes.plot(*zip(*corners, strict=True), color=FAINT, lw=0.8, zorder=1)
    for is_best, colour in ((True, DOT), (False, "white")):
        chosen = best == is_best
        axes.plot(x[chosen], y[chosen], color=DOT, mfc=colour, ls="", marker="o", ms=0.5 * size.font, zorder=3)
    limits = [(values.min(), max(values.max(), values.min() + 1)) for values in (x, y)]
    spaces = [MARGIN * (high - low) for low, high in limits]
    axes.set_xlim(limits[0][0] - spaces[0], limits[0][1] + spaces[0])
    axes.set_ylim(limits[1][0] - spaces[1], limits[1][1] + spaces[1])
    style_axes(axes, size, title=title, x="clean score", y="under the condition")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    _draw_names(axes, list(rows["recipe"]), x, y, best, size)
    return axes


def _draw_names(axes: Axes, names: Sequence[str], x: Floats, y: Floats, best: "pd.Series[bool]", size: Size) -> None:
    """Write the names at the right of the panel, each with a thin line to its dot."""
    left, right = axes.get_xlim()
    edge, start = (right + share * (right - left) for share in (0.03, 0.04))
    heights = spread(y, axes.get_ylim(), LINE * size.small / extent(axes)[1])
    lines = [((across, up), (edge, height)) for across, up, height in zip(x, y, heights, strict=True)]
    axes.add_collection(LineCollection(lines, colors=FAINT, linewidths=0.4, clip_on=False, zorder=2), autolim=False)
    style: dict[str, Any] = {"fontsize": size.small, "color": INK, "va": "center_baseline"}
    for name, height, is_best in zip(names, heights, best, strict=True):
        write(axes, start, height, name, fontweight="bold" if is_best else "normal", **style)


def frontier_figure(table: pd.DataFrame, size: Size = TEXT) -> Figure | None:
    """A panel for each target and condition of one model, at most MOST, from the table of `robustness`.

    Recipes at chance are left out. None if no condition has the scores of two recipes.
    """
    is_shown = (table["language"] == MEAN) & table["clean"].notna() & table["score"].notna()
    means = table[is_shown & (table["note"] != "at chance")]
    groups = [(key, rows) for key, rows in means.groupby(["target", "condition"], sort=False) if len(rows) > 1]
    if not groups:
        return None
    shown = groups[:MOST]
    more = [Entry(text=f"{len(groups) - MOST} more conditions are in robustness.csv")] if len(groups) > MOST else []
    longest = max(text_width(name, size.small, "bold") for _, rows in shown for name in rows["recipe"])
    panels = Panels(
        num=len(shown),
        height=LINE * size.small * max(10, max(len(rows) for _, rows in shown) + 1),
        narrowest=14 * size.font,
        left=4 * size.font,
        between=3 * size.font + longest,
        right=longest + size.font,
        title="Scores under conditions against clean scores, in points: means over languages and seeds",
        notes=(
            Entry(text="filled, bold: no other recipe is at least as good in both scores and better in one"),
            *_noise(table),
            *more,
        ),
    )
    figure, all_axes = panel_figure(panels, size)
    for axes, ((target, condition), rows) in zip(all_axes, shown, strict=True):
        frontier(axes, rows, title=f"{target}, {condition}", size=size)
    return figure


def _noise(table: pd.DataFrame) -> list[Entry]:
    """How uncertain the differences between the two scores are."""
    widths = 50 * (table["high"] - table["low"])[table["language"] == MEAN].dropna()
    if widths.empty:
        return [Entry(text="the drops have no interval")]
    return [Entry(text=f"median half width of the 95 % interval of a drop: {widths.median():.1f} points")]
