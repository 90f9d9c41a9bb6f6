"""The points of slopes: the sum of a contrast against its covariate, with the least-squares line."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..results.contrasts import row_labels
from ..results.stats import Floats
from .colours import DOT, FAINT, INK
from .key import Entry
from .panels import Panels, panel_figure, style_axes
from .sizes import LINE, TEXT, Size, text_width, widest
from .spread import extent, spread
from .texts import write

MOST = 12
"""Most panels of a figure."""
MARGIN = 0.1
"""Space between the points and the edges of a panel, as a share of their range."""
LOGARITHM = "log10_"
"""Start of the name of a covariate that is a logarithm."""
EVALUATED = ["contrast", "model", "target", "language"]
"""Columns that name one slope."""


def contrast_points(axes: Axes, points: pd.DataFrame, *, title: str = "", size: Size = TEXT) -> Axes:
    """Draw the points of one slope with their 95 % intervals and names, from a `point_table`. Returns the axes.

    The names are vertical, in the order of the points, in a band above them, each with a thin line to its interval.
    """
    values, heights = points["value"].to_numpy(float), 100 * points["estimate"].to_numpy(float)
    lows = np.fmin(100 * points["low"].to_numpy(float), heights)
    highs = np.fmax(100 * points["high"].to_numpy(float), heights)
    if len(set(values)) > 1:
        ends = np.array([values.min(), values.max()])
        axes.plot(ends, np.polyval(np.polyfit(values, heights, 1), ends), color=INK, lw=0.8, zorder=2)
    style: dict[str, Any] = {"color": DOT, "ls": "", "lw": 0.8, "marker": "o", "ms": 0.5 * size.font, "zorder": 3}
    axes.errorbar(values, heights, yerr=[heights - lows, highs - heights], **style)
    axes.axhline(0, color=FAINT, lw=0.6, zorder=1)
    axes.margins(MARGIN)
    _draw_names(axes, list(points["point"]), values, highs, size)
    style_axes(axes, size, title=title, x=_covariate(points.iloc[0], axes, size))
    axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    return axes


def _draw_names(axes: Axes, names: Sequence[str], values: Floats, tops: Floats, size: Size) -> None:
    """Write the names above the data: the axes are extended by the height of the longest one, without ticks there."""
    width, height = extent(axes)
    band = _band(names, size) / height
    low, high = axes.get_ylim()
    top = low + (high - low) / (1 - min(band, 0.8))
    ticks = [tick for tick in MaxNLocator(4, steps=[1, 2, 5, 10]).tick_values(low, high) if low <= tick <= high]
    axes.set(xlim=axes.get_xlim(), ylim=(low, top), yticks=ticks)
    axes.spines["left"].set_bounds(low, high)
    places = spread(values, axes.get_xlim(), LINE * size.small / width)
    ends = [((place, high), (value, end)) for place, value, end in zip(places, values, tops, strict=True)]
    axes.add_collection(LineCollection(ends, colors=FAINT, linewidths=0.4, zorder=1.5), autolim=False)
    style: dict[str, Any] = {"rotation": 90, "ha": "center", "va": "bottom", "fontsize": size.small, "color": INK}
    for name, place in zip(names, places, strict=True):
        write(axes, place, high, f" {name}", **style)


def _band(names: Iterable[str], size: Size) -> float:
    """Height in points of the names, with a space before each."""
    return widest((f" {name}" for name in names), size.small)


def _covariate(point: pd.Series, axes: Axes, size: Size) -> str:
    """The label of the covariate, with its unit, where it has one and the axes are wide enough."""
    name, unit = str(point["covariate"]), point["value_unit"]
    words = name.removeprefix(LOGARITHM).replace("_", " ")
    if name.startswith(LOGARITHM):
        return f"{words} (log10)"
    labels = [f"{words} in units of {unit}", f"{words} ({unit})"] if unit else []
    return next((label for label in labels if text_width(label, size.font) <= extent(axes)[0]), words)


def point_figure(points: pd.DataFrame, title: str, size: Size = TEXT) -> Figure | None:
    """A panel for each slope of one family, at most MOST; None without a slope of three points."""
    groups = [rows for _, rows in points.groupby(EVALUATED, sort=False) if len(rows) >= 3]
    if not groups:
        return None
    labels = dict(zip(points.index, row_labels(points), strict=True))
    shown = groups[:MOST]
    units = " or ".join(dict.fromkeys(points["unit"]))
    more = [Entry(text=f"{len(groups) - MOST} more slopes are in slope_points.csv")] if len(groups) > MOST else []
    if points["is_centred"].any():
        more.insert(0, Entry(text="recipe, target: differences from the mean over the recipes of the target"))
    panels = Panels(
        num=len(shown),
        height=9 * size.font + max(_band(rows["point"], size) for rows in shown),
        narrowest=15 * size.font,
        left=3.5 * size.font,
        between=2.5 * size.font,
        title=f"{title} · {units}",
        notes=(Entry(text="line: least squares over the points; bars: 95 % interval of each point alone"), *more),
    )
    figure, all_axes = panel_figure(panels, size)
    for axes, rows in zip(all_axes, shown, strict=True):
        contrast_points(axes, rows, title=labels[rows.index[0]], size=size)
    return figure
