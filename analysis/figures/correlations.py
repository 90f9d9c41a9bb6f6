"""Correlations between recipes and between targets: the lower triangle of each table."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..numbers import signed_text
from ..results.correlate import PERFECT
from ..results.halves import MIN_N
from ..results.results import Results
from ..results.stats import LEVEL
from .grid import Grid, Square
from .heatmap import source
from .key import Entry, Key
from .layout import draw_grid, stack_figure
from .sizes import TEXT, Size

Of = Literal["recipes", "targets"]
"""The variables that are correlated: recipes over targets, or targets over recipes."""


MOST_MISSING = 0.5
"""Largest share of pairs without a correlation in a figure; the table of a report has the others."""


def correlations(axes: Axes, results: Results, of: Of = "recipes", *, size: Size = TEXT) -> Axes:
    """Draw the correlations of gains across disjoint halves of the seeds. Returns the axes.

    Similar variables are next to each other. Correlations with q < 0.05 are bold, others pale; those that cannot be
    computed are grey. Raises ValueError with fewer than two variables.
    """
    grid = correlation_grid(results, of)
    if grid is None:
        raise ValueError(f"Correlations need at least two {of}.")
    return draw_grid(axes, grid, correlation_key(results, [grid]), size)


def correlation_figure(results: Results, size: Size = TEXT) -> Figure | None:
    """The correlations of recipes above those of targets; None if neither has one for at least half of its pairs."""
    grids = [correlation_grid(results, "recipes"), correlation_grid(results, "targets")]
    shown = [grid for grid in grids if grid is not None and _share_missing(grid) <= MOST_MISSING]
    if not shown:
        return None
    return stack_figure(shown, correlation_key(results, shown), f"Correlations of gains · {source(results)}", size)


def _share_missing(grid: Grid) -> float:
    return float(np.mean([square.is_missing for square in grid.squares.values()]))


def correlation_grid(results: Results, of: Of) -> Grid | None:
    """The lower triangle; None with fewer than two variables."""
    drawn = results.correlations
    pairs, names = (drawn.recipes, drawn.recipe_order) if of == "recipes" else (drawn.targets, drawn.target_order)
    if len(names) < 2:
        return None
    squares = {frozenset((row.a, row.b)): _square(row) for row in pairs.itertuples()}
    places = [(row, column) for number, row in enumerate(names) for column in names[:number]]
    return Grid(
        rows=tuple(names[1:]),
        columns=tuple(names[:-1]),
        squares={place: squares[frozenset(place)] for place in places},
        is_triangle=True,
        bounds=1.0,
    )


def _square(pair: Any) -> Square:
    """`pair` has the attributes rho, low, high and q."""
    rho = pair.rho
    if np.isnan(rho):
        return Square(text="–", is_missing=True)
    is_found = bool(pair.q < LEVEL)
    small = "" if np.isnan(pair.low) else f"{_short(pair.low)} to {_short(pair.high)}"
    return Square(text=_short(rho), short=_short(rho, 1), small=small, value=rho, is_settled=is_found, is_bold=is_found)


def _short(rho: float, num_decimals: int = 2) -> str:
    """A correlation with a sign and without the zero before the point."""
    text = signed_text(rho, num_decimals)
    return text[0] + text[2:] if text[1] == "0" else text


def correlation_key(results: Results, grids: Sequence[Grid]) -> Key:
    """The key of triangles: what they show, and why correlations are missing."""
    drawn = [square for grid in grids for square in grid.squares.values()]
    squares = [square for square in drawn if not square.is_missing]
    has_interval = {bool(square.small) for square in squares}
    entries = [Entry(text="Pearson, of gains on disjoint halves of the seeds")]
    if True in has_interval:
        text = "below it, where it fits: 95 % jackknife interval, approximate: it can disagree with q"
        entries.append(Entry(text=text, is_about_numbers=True))
    if len(squares) < len(drawn):
        entries.append(Entry(text=f"fewer than {MIN_N} common values, or no variation", swatch="missing"))
    notes = [note for note in results.correlations.notes if note != PERFECT or False in has_interval]
    return Key(
        label="correlation",
        entries=(*entries, *(Entry(text=note) for note in notes)),
        dots=f"dot: q < {LEVEL}",
        scales=(f"q < {LEVEL} (corrected)", f"q ≥ {LEVEL}"),
    )
