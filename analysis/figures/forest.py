"""All gains with their intervals, a panel for each target; the gains of single seeds are dots."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..results.estimates import is_settled, mean_estimates
from ..results.marks import DAGGER
from ..results.results import Results
from .cells import AT_CHANCE, LONGEST
from .colours import DOT, FAINT
from .heatmap import source
from .key import Entry
from .panels import Panels, panel_figure, style_axes
from .sizes import TEXT, Size, shortened, widest
from .texts import name_rows

ROW = 1.8
"""Height of a row, in units of the font size."""
UNSETTLED = "0.55"
"""Colour of intervals that include 0."""


def forest(axes: Axes, results: Results, target: str, *, size: Size = TEXT, with_names: bool = True) -> Axes:
    """Draw the gain of each recipe on one target, with its 95 % interval and its seeds. Returns the axes.

    The names of the recipes are written beside the axes unless `with_names` is false. Gains whose interval excludes 0
    are blue, others grey. Cells with the same rows have an open marker.
    """
    rows = mean_estimates(results.estimates)
    rows = rows[(rows["target"] == target) & rows["gain"].notna()].set_index("recipe")
    recipes = results.matrix.recipes
    places = {recipe: float(place) for place, recipe in enumerate(recipes)}
    seeds = results.mean_seeds
    seeds = seeds[seeds["target"] == target]
    seeds = seeds[seeds["recipe"].isin(rows.index)].dropna(subset="gain")
    axes.axvline(0, color=FAINT, lw=0.6, zorder=1)
    # Below the interval, which would hide them.
    below = seeds["recipe"].map(places) + 0.3
    axes.scatter(100 * seeds["gain"], below, s=(0.3 * size.font) ** 2, color="0.35", alpha=0.6, lw=0, zorder=2)
    _draw_intervals(axes, rows, rows.index.map(places), size)
    axes.set(ylim=(len(recipes) - 0.4, -0.6))
    short = shortened(recipes, LONGEST * size.font, size.font)
    if with_names:
        name_rows(axes, list(places.values()), [short[recipe] for recipe in recipes])
    else:
        axes.set_yticks([])
    at_chance = bool(len(rows)) and bool(rows["at_chance"].any())
    style_axes(axes, size, title=f"{target} ({AT_CHANCE})" if at_chance else target, x="gain (points)")
    axes.tick_params(axis="y", labelsize=size.font, length=0)
    axes.spines["left"].set_visible(False)
    axes.margins(x=0.08)
    axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    return axes


def _draw_intervals(axes: Axes, rows: pd.DataFrame, places: "pd.Index[float]", size: Size) -> None:
    inks = np.where(is_settled(rows), DOT, UNSETTLED)
    thick = size.font / 7
    axes.hlines(places, 100 * rows["low"], 100 * rows["high"], colors=list(inks), lw=thick, zorder=3)
    is_open = rows["marks"].str.contains("same rows").to_numpy()
    faces = np.where(is_open, "white", inks)
    axes.scatter(100 * rows["gain"], places, s=(0.5 * size.font) ** 2, c=list(faces), ec=list(inks), lw=0.8, zorder=4)


def forest_figure(results: Results, size: Size = TEXT) -> Figure | None:
    """A panel for each target; None without gains."""
    rows = mean_estimates(results.estimates).dropna(subset="gain")
    targets = [target for target in results.matrix.scores.columns if target in set(rows["target"])]
    recipes = results.matrix.recipes
    if not targets:
        return None
    names = shortened(recipes, LONGEST * size.font, size.font).values()
    panels = Panels(
        num=len(targets),
        height=max(3, len(recipes)) * ROW * size.font,
        narrowest=12 * size.font,
        left=widest(names, size.font) + 6,
        title=f"Gain over {results.matrix.reference} · {source(results)}",
        notes=_notes(rows, has_empty=len(rows[rows["recipe"].isin(recipes)]) < len(recipes) * len(targets)),
    )
    figure, all_axes = panel_figure(panels, size)
    for axes, target in zip(all_axes, targets, strict=True):
        is_left = axes.get_position().x0 <= all_axes[0].get_position().x0
        forest(axes, results, target, size=size, with_names=is_left)
    return figure


def _notes(rows: pd.DataFrame, *, has_empty: bool) -> tuple[Entry, ...]:
    notes = ["small dots: seeds", "line: 95 % interval, blue if it excludes 0", "panels have different x axes"]
    notes += ["empty row: no gain"] if has_empty else []
    notes += [f"open circle: {DAGGER} same rows"] if rows["marks"].str.contains("same rows").any() else []
    return tuple(Entry(text=note) for note in notes)
