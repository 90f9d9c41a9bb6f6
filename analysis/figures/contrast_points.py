"""The points of slopes: the sum of a contrast against its covariate, with the least-squares line."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..results.contrasts import row_labels
from .colours import DOT, FAINT, INK
from .key import Entry
from .panels import Panels, panel_figure, style_axes
from .sizes import TEXT, Size

MOST = 12
"""Most panels of a figure."""
EVALUATED = ["contrast", "model", "target", "language"]
"""Columns that name one slope."""


def contrast_points(axes: Axes, points: pd.DataFrame, *, title: str = "", size: Size = TEXT) -> Axes:
    """Draw the points of one slope with their 95 % intervals and names, from a `point_table`. Returns the axes."""
    values, heights = points["value"].to_numpy(float), 100 * points["estimate"].to_numpy(float)
    below, above = heights - 100 * points["low"].to_numpy(float), 100 * points["high"].to_numpy(float) - heights
    axes.axhline(0, color=FAINT, lw=0.6, zorder=1)
    if len(set(values)) > 1:
        ends = np.array([values.min(), values.max()])
        axes.plot(ends, np.polyval(np.polyfit(values, heights, 1), ends), color=INK, lw=0.8, zorder=2)
    bars = np.nan_to_num([below, above])
    axes.errorbar(values, heights, yerr=bars, color=DOT, ls="", lw=0.8, marker="o", ms=0.5 * size.font, zorder=3)
    # Vertical names do not overlap those of the points beside them.
    style: dict[str, Any] = {"rotation": 90, "ha": "right", "va": "center", "fontsize": size.small, "color": INK}
    style |= {"bbox": {"fc": "white", "ec": "none", "pad": 0.5}, "textcoords": "offset points", "zorder": 2.5}
    for name, value, height in zip(points["point"], values, heights, strict=True):
        axes.annotate(name, (value, height), xytext=(-0.4 * size.font, 0), **style)
    axes.margins(0.2)
    style_axes(axes, size, title=title, x=points["covariate"].iloc[0])
    axes.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    return axes


def point_figure(points: pd.DataFrame, title: str, size: Size = TEXT) -> Figure | None:
    """A panel for each slope of one family, at most MOST; None without a slope of three points."""
    groups = [rows for _, rows in points.groupby(EVALUATED, sort=False) if len(rows) >= 3]
    if not groups:
        return None
    labels = dict(zip(points.index, row_labels(points), strict=True))
    shown = groups[:MOST]
    units = " or ".join(dict.fromkeys(points["unit"]))
    more = [Entry(text=f"{len(groups) - MOST} more slopes are in slope_points.csv")] if len(groups) > MOST else []
    panels = Panels(
        num=len(shown),
        height=10 * size.font,
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
