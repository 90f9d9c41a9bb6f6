"""The trials of a run over time, those of one model in colour, a line for each worker, and their cost."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure

from ..results.results import Results
from ..results.stats import Floats
from ..results.timeline import OTHER
from .cells import path_of_polygons
from .colours import DOT
from .key import Entry
from .panels import Panels, panel_figure, style_axes
from .sizes import TEXT, Size, shortened, widest
from .texts import name_rows

COLOURS = {
    "search": "#b8a9d9",
    "preparation": "#e08214",
    "target": DOT,
    "score": "#1b7837",
    "predictors": "#8c510a",
    "failed": "#b2182b",
    OTHER: "#d9d9d9",
}
"""Role of a trial -> its colour; `failed` for a failed trial of the model in any role."""
BAR = 0.8
"""Height of a bar, in units of the distance between workers."""
LONGEST = 14.0
"""Largest width of the name of a worker, in units of the font size."""
UNITS = ((1 / 60, "minutes", 60.0), (2.0, "hours", 1.0), (72.0, "days", 1 / 24))
"""Shortest duration in hours, name of the unit, units in an hour."""


def timeline(axes: Axes, results: Results, *, size: Size = TEXT) -> Axes:
    """Draw each trial as a bar on the line of its worker. Returns the axes.

    Colours are those of COLOURS; the bars of each role have a label with its number of trials and hours. Of a resumed
    training only the last attempt is shown. A failed trial without a duration is a short bar.
    """
    table = results.timeline
    workers = list(dict.fromkeys(table["worker"].sort_values()))
    name, factor = _unit(table)
    labels = _labels(table)
    for role, rows in table.groupby(_roles(table), sort=False):
        places = rows["worker"].map({worker: place for place, worker in enumerate(workers)}).to_numpy(dtype=float)
        start = rows["start"].to_numpy() * factor
        end = start + np.maximum(rows["hours"].fillna(0.0).to_numpy() * factor, 1e-3)
        style: dict[str, Any] = {
            "facecolors": COLOURS[str(role)],
            "edgecolors": "white",
            "lw": 0.2,
            "snap": True,
            "label": labels[str(role)],
        }
        axes.add_collection(PathCollection([path_of_polygons(_bars(start, end, places))], **style))
    axes.set(ylim=(len(workers) - 0.4, -0.6), xlim=(0, max(_length(table) * factor, 1e-3)))
    short = shortened(workers, LONGEST * size.small, size.small)
    name_rows(axes, range(len(workers)), [short[worker] for worker in workers])
    style_axes(axes, size, x=f"{name} since the first trial")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    return axes


def timeline_figure(results: Results, size: Size = TEXT) -> Figure | None:
    """The timeline as a figure of a given width; None without trials."""
    table = results.timeline
    if table.empty:
        return None
    workers = list(dict.fromkeys(table["worker"]))
    panels = Panels(
        num=1,
        height=max(3, len(workers)) * 1.6 * size.small,
        narrowest=size.points / 2,
        has_titles=False,
        left=widest(shortened(workers, LONGEST * size.small, size.small).values(), size.small) + 6,
        title=f"{results.model}{' in colour' if OTHER in set(table['role']) else ''} · {cost(table)}",
        notes=tuple(Entry(text=text, swatch=COLOURS[role]) for role, text in _labels(table).items()),
    )
    figure, [axes] = panel_figure(panels, size)
    timeline(axes, results, size=size)
    return figure


def cost(table: pd.DataFrame) -> str:
    """The number of trials and workers, their time, and how much of it they were busy."""
    hours, length, num_workers = float(table["hours"].sum()), _length(table), table["worker"].nunique()
    busy = f"busy {100 * hours / (length * num_workers):.0f} % of the time" if length else ""
    devices = " and ".join(sorted(set(table["device"]) - {""}))
    worker_words = f"{num_workers} worker{'s' if num_workers > 1 else ''}" + (f" ({devices})" if devices else "")
    work = f"{_duration(hours)} of work" if num_workers > 1 else ""
    return f"{len(table):,} trials in {_duration(length)} on {worker_words}" + "".join(
        f", {words}" for words in (work, busy) if words
    )


def _labels(table: pd.DataFrame) -> dict[str, str]:
    """Each role that occurs -> its number of trials and their time."""
    roles = _roles(table)
    counts, hours = roles.value_counts(), table["hours"].groupby(roles).sum()
    plural = {role: "" if counts[role] == 1 else "s" for role in counts.index}
    return {
        role: f"{role}: {counts[role]:,} trial{plural[role]}, {_duration(hours[role])}"
        for role in COLOURS
        if role in counts
    }


def _roles(table: pd.DataFrame) -> "pd.Series[str]":
    return table["role"].where((table["state"] == "done") | (table["role"] == OTHER), "failed")


def _bars(start: Floats, end: Floats, places: Floats) -> Floats:
    """The corners of the bars: shape (bars, 4, 2)."""
    low, high = places - BAR / 2, places + BAR / 2
    corners = ((start, low), (end, low), (end, high), (start, high))
    return np.stack([np.stack(corner, axis=-1) for corner in corners], axis=1)


def _length(table: pd.DataFrame) -> float:
    """Hours from the start of the first trial to the end of the last one."""
    return float((table["start"] + table["hours"].fillna(0.0)).max())


def _unit(table: pd.DataFrame) -> tuple[str, float]:
    length = _length(table)
    name, factor = next(((name, factor) for least, name, factor in reversed(UNITS) if length >= least), UNITS[0][1:])
    return name, factor


def _duration(hours: float) -> str:
    return f"{hours:,.1f} h" if hours >= 1 else f"{60 * hours:.0f} min" if hours >= 1 / 30 else f"{3600 * hours:.0f} s"
