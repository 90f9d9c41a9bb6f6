"""The contrasts of one family with their intervals, one below the other."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..contrast_text import unit_text
from ..results.contrasts import row_labels
from ..results.stats import LEVEL
from .colours import DOT, FAINT
from .forest import ROW, UNSETTLED
from .key import Entry
from .panels import Panels, panel_figure, style_axes
from .sizes import TEXT, Size, shortened, widest
from .texts import name_rows

LONGEST = 28
"""Longest label, in units of the font size."""


def contrast_intervals(axes: Axes, table: pd.DataFrame, *, size: Size = TEXT, num_rows: int = 3) -> Axes:
    """Draw the estimates of some contrasts with their 95 % intervals, from a `contrast_table`. Returns the axes.

    Contrasts with a corrected p below 0.05 are blue, others grey, and those without a test have an open marker. A
    contrast without an estimate has a label only. The axes have space for at least `num_rows` contrasts. Raises
    ValueError for contrasts of several units.
    """
    units = list(dict.fromkeys(map(unit_text, table["unit"], table["covariate_unit"])))
    if len(units) > 1:
        raise ValueError(f"Contrasts of one axis need one unit, got {', '.join(units)}.")
    places = np.arange(len(table), dtype=float)
    inks = np.where(table["p_holm"] < LEVEL, DOT, UNSETTLED)
    axes.axvline(0, color=FAINT, lw=0.6, zorder=1)
    axes.hlines(places, 100 * table["low"], 100 * table["high"], colors=list(inks), lw=size.font / 7, zorder=2)
    faces, area, width = np.where(table["p_holm"].isna(), "white", inks), (0.5 * size.font) ** 2, size.font / 9
    axes.scatter(100 * table["estimate"], places, s=area, c=list(faces), edgecolors=list(inks), lw=width, zorder=3)
    labels = row_labels(table)
    short = shortened(list(dict.fromkeys(labels)), LONGEST * size.font, size.font)
    axes.set(ylim=(max(len(table), num_rows) - 0.4, -0.6))
    name_rows(axes, places, [short[label] for label in labels])
    style_axes(axes, size, title="", x="".join(units))
    axes.tick_params(axis="y", labelsize=size.font, length=0)
    axes.spines["left"].set_visible(False)
    axes.margins(x=0.08)
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    return axes


def contrast_figure(table: pd.DataFrame, title: str, size: Size = TEXT) -> Figure | None:
    """A panel for each unit of the contrasts of one family, one below the other; None if none has an estimate."""
    if table["estimate"].isna().all():
        return None
    groups = [rows for _, rows in table.groupby(["unit", "covariate_unit"], sort=False)]
    num_rows = max(3, *map(len, groups))
    labels = [label for rows in groups for label in row_labels(rows)]
    shown = shortened(list(dict.fromkeys(labels)), LONGEST * size.font, size.font).values()
    panels = Panels(
        num=len(groups),
        height=num_rows * ROW * size.font,
        narrowest=size.points,
        left=widest(shown, size.font) + 6,
        has_titles=False,
        title=title,
        notes=tuple(Entry(text=text) for text in _key_texts(table)),
    )
    figure, all_axes = panel_figure(panels, size)
    for axes, rows in zip(all_axes, groups, strict=True):
        contrast_intervals(axes, rows, size=size, num_rows=num_rows)
    return figure


def _key_texts(table: pd.DataFrame) -> list[str]:
    has_untested = bool((table["estimate"].notna() & table["p_holm"].isna()).any())
    return [
        f"line: 95 % interval of each estimate alone; {SETTLED}",
        *(["open circle: not tested"] if has_untested else []),
    ]


SETTLED = f"blue: p < {LEVEL}, corrected for the tested estimates of the page (Holm 1979)"
