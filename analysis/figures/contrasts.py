"""The contrasts of one family with their intervals, one below the other."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..results.contrasts import row_labels
from .colours import DOT, FAINT
from .forest import ROW, UNSETTLED
from .key import Entry
from .panels import Panels, panel_figure, style_axes
from .sizes import TEXT, Size, shortened, widest

LONGEST = 28
"""Longest label, in units of the font size."""


def contrast_intervals(axes: Axes, table: pd.DataFrame, *, size: Size = TEXT) -> Axes:
    """Draw the estimates of some contrasts with their 95 % intervals, from a `contrast_table`. Returns the axes.

    Intervals that exclude 0 are blue, others grey. A contrast without an estimate has a label only.
    """
    places = np.arange(len(table), dtype=float)
    inks = np.where((table["low"] > 0) | (table["high"] < 0), DOT, UNSETTLED)
    axes.axvline(0, color=FAINT, lw=0.6, zorder=1)
    axes.hlines(places, 100 * table["low"], 100 * table["high"], colors=list(inks), lw=size.font / 7, zorder=2)
    axes.scatter(100 * table["estimate"], places, s=(0.5 * size.font) ** 2, c=list(inks), lw=0, zorder=3)
    labels = row_labels(table)
    short = shortened(list(dict.fromkeys(labels)), LONGEST * size.font, size.font)
    axes.set(ylim=(max(len(table), 3) - 0.4, -0.6))
    axes.set_yticks(places, [short[label] for label in labels])
    units = {f"points per unit of {name}" if name else "points" for name in table["covariate"]}
    style_axes(axes, size, title="", x=" or ".join(sorted(units)))
    axes.tick_params(axis="y", labelsize=size.font, length=0)
    axes.spines["left"].set_visible(False)
    axes.margins(x=0.08)
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    return axes


def contrast_figure(table: pd.DataFrame, title: str, size: Size = TEXT) -> Figure | None:
    """A panel with all contrasts of one family; None if none has an estimate."""
    if table["estimate"].isna().all():
        return None
    labels = shortened(list(dict.fromkeys(row_labels(table))), LONGEST * size.font, size.font).values()
    panels = Panels(
        num=1,
        height=max(3, len(table)) * ROW * size.font,
        narrowest=12 * size.font,
        left=widest(labels, size.font) + 6,
        has_titles=False,
        title=title,
        notes=(Entry(text="line: 95 % interval, blue if it excludes 0 (not corrected for the number of contrasts)"),),
    )
    figure, (axes,) = panel_figure(panels, size)
    contrast_intervals(axes, table, size=size)
    return figure
