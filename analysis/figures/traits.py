"""The mean gain of each recipe of one task against the traits of its task."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..numbers import signed_text
from ..results.correlate import MEAN
from ..results.halves import MIN_N
from ..results.results import Results
from ..results.traits import CATEGORIES, TRAITS
from .colours import FAINT
from .heatmap import source
from .key import Entry
from .panels import Panels, panel_figure, style_axes
from .search import recipe_colours
from .sizes import TEXT, Size

NUMBERS = tuple(trait for trait in TRAITS if trait not in CATEGORIES)
"""The traits that are numbers; the others are in the table of the report."""
LEAST = 1.05
"""Smallest ratio between the largest and the smallest count of a panel."""
SHARES = {"headroom": "own headroom gained (%)"}
"""Traits that are shares, with the labels of their axes; the others are counts, which have a logarithmic axis."""


def trait(axes: Axes, results: Results, name: str, *, size: Size = TEXT) -> Axes:
    """Draw the mean gain of each recipe of one task with its 95 % interval against a trait of TRAITS. Returns the axes.

    The correlation, n and p are in the title of the axes. Colours are those of the recipes, which are the labels.
    """
    rows = trait_rows(results, name)
    inks = recipe_colours(results)
    scale = 100.0 if name in SHARES else 1.0
    axes.axhline(0, color=FAINT, lw=0.6, zorder=1)
    values = _apart(scale * rows[name], is_log=name not in SHARES)
    for recipe, row in rows.iterrows():
        bounds = [[100 * (row["gain"] - row["low"])], [100 * (row["high"] - row["gain"])]]
        style: dict[str, Any] = {
            "color": inks[str(recipe)],
            "lw": 0.8,
            "marker": "o",
            "ms": 0.5 * size.font,
            "label": str(recipe),
        }
        axes.errorbar([values[str(recipe)]], [100 * row["gain"]], yerr=np.nan_to_num(bounds), **style)
    if name not in SHARES and len(rows):
        axes.set_xscale("log")
        axes.set_xticks([], minor=True)
        # Powers of ten would have exponents in a font below 6 points.
        ends = sorted({float(rows[name].min()), float(rows[name].max())})
        axes.set_xticks(ends, [f"{end:,.0f}" for end in ends])
    axes.margins(0.15)
    style_axes(axes, size, title=_summary(results, name), x=SHARES.get(name, TRAITS[name]))
    axes.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    return axes


def trait_figure(results: Results, size: Size = TEXT) -> Figure | None:
    """A panel for each trait that is a number and differs between recipes; None without one.

    Counts that differ by less than LEAST are equal: trainings of one budget see almost the same number of tokens.
    """
    shown = [name for name in NUMBERS if _differs(trait_rows(results, name)[name], is_count=name not in SHARES)]
    if not shown:
        return None
    inks = recipe_colours(results)
    drawn = {recipe for name in shown for recipe in trait_rows(results, name).index}
    recipes = [recipe for recipe in inks if recipe in drawn]
    has_equal = any(trait_rows(results, name)[name].duplicated().any() for name in shown)
    panels = Panels(
        num=len(shown),
        height=10 * size.font,
        narrowest=15 * size.font,
        left=3.5 * size.font,
        between=2.5 * size.font,
        title=f"Mean gain (points) over {len(results.correlations.mean_over)} targets · {source(results)}",
        notes=(
            *(Entry(text=recipe, swatch=inks[recipe]) for recipe in recipes),
            *([Entry(text="equal values are drawn side by side")] if has_equal else []),
            *([Entry(text="axes of counts are logarithmic")] if set(shown) - set(SHARES) else []),
        ),
    )
    figure, all_axes = panel_figure(panels, size)
    for axes, name in zip(all_axes, shown, strict=True):
        trait(axes, results, name, size=size)
    return figure


def _differs(values: "pd.Series[float]", *, is_count: bool) -> bool:
    return bool(values.max() > LEAST * values.min() if is_count else values.nunique() > 1)


def trait_rows(results: Results, name: str) -> pd.DataFrame:
    """Index: recipes of one task. Columns: the trait, gain, low, high; without recipes that lack the trait."""
    means = results.row_means[results.row_means["unit"] == "score"].set_index("recipe")[["gain", "low", "high"]]
    rows = results.correlations.traits[[name]].join(means).dropna(subset=[name, "gain"])
    # A count of 0 was not recorded.
    return rows if name in SHARES else rows[rows[name] > 0]


def _apart(values: "pd.Series[float]", *, is_log: bool) -> "pd.Series[float]":
    """The values, with equal ones moved apart, so that their points and intervals do not hide each other."""
    counts = values.groupby(values).transform("count")
    # At most 3 % of the axis to each side.
    number = (values.groupby(values).cumcount() - (counts - 1) / 2) * (0.06 / (counts - 1).clip(lower=1))
    span = values.max() / values.min() if is_log else values.max() - values.min()
    return values * span**number if is_log else values + span * number


def _summary(results: Results, name: str) -> str:
    table = results.correlations.predictors
    row = table[(table["trait"] == name) & (table["target"] == MEAN)]
    if row.empty or np.isnan(row["rho"].iloc[0]):
        num = len(trait_rows(results, name))
        return f"n = {num}: {'too few for a correlation' if num < MIN_N else 'no variation'}"
    return f"ρ = {signed_text(float(row['rho'].iloc[0]), 2)}, n = {row['n'].iloc[0]}, p = {row['p'].iloc[0]:.2f}"
