"""A grid of coloured cells with numbers, for the matrix, the gains by language and the planted gains."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Patch, Rectangle
from matplotlib.patheffects import withStroke

from ..results.marks import DEGREE, DOUBLE_DAGGER, SECTION, STAR
from .colours import DIVERGING, EMPTY, FAINT, INK, MISSING, Colour, ink_on


@dataclass(frozen=True, kw_only=True)
class Square:
    """The content of one cell."""

    text: str
    """"–" if the score is missing, "" if there cannot be one."""
    small: str = ""
    """Second line: the standard deviation over seeds, "score only", or the outcome of a planted cell."""
    value: float = np.nan
    """The value that decides the colour, in the unit of the colour bar; nan for a cell without colour."""
    is_hatched: bool = False
    is_missing: bool = False


@dataclass(frozen=True, kw_only=True)
class Grid:
    """The contents of all cells, ready to be drawn."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    squares: Mapping[tuple[str, str], Square]
    """(row, column) -> its cell."""
    groups: tuple[str, ...] = ()
    """Group of each column. A line separates two groups."""
    strip: str = ""
    """A row of scores without colours, drawn with a gap below it."""
    captions: Mapping[str, str] = field(default_factory=dict)
    """Row or column -> its label, if it differs from its name."""

    @property
    def limit(self) -> float:
        """Both ends of the colour scale, in the unit of the values: the 95 % quantile of |value|, and at least 1.

        Without the lower bound, noise would get strong colours in a matrix without any effect.
        """
        values = [abs(square.value) for square in self.squares.values() if not np.isnan(square.value)]
        return max(1.0, float(np.quantile(values, 0.95))) if values else 1.0


def draw_grid(axes: Axes, grid: Grid, label: str) -> Axes:
    """Draw a grid and its colour bar, which is labelled `label`. Returns the axes."""
    scale = mpl.colors.TwoSlopeNorm(0.0, -grid.limit, grid.limit)
    colours = mpl.colormaps[DIVERGING]
    heights = {row: number + (0.25 if grid.strip and number else 0.0) for number, row in enumerate(grid.rows)}
    for (row, column), square in grid.squares.items():
        _draw_square(axes, (grid.columns.index(column), heights[row]), square, colours(scale(square.value)))
    _draw_frame(axes, grid, heights)
    if any(not np.isnan(square.value) for square in grid.squares.values()):
        # Placed by the axes and not by the layout, so that the bar has the height of the cells.
        bar_axes = axes.inset_axes((1.02, 0.0, 0.02, 1.0))
        bar = axes.figure.colorbar(mpl.cm.ScalarMappable(scale, colours), cax=bar_axes, extend="both", extendfrac=0.02)
        bar.set_label(label, color=INK, fontsize=8)
        bar.ax.tick_params(labelsize=8, colors=INK)
        bar.outline.set_visible(False)
    return axes


def draw_key(axes: Axes, grid: Grid, texts: Mapping[str, str]) -> Axes:
    """Draw the legend of a grid. Returns the axes.

    `texts` has the texts of the entries `same rows`, `same items`, `not zero-shot`, `missing`, `lacking` and `single`.
    An entry is shown only if the grid has such a cell or column.
    """
    squares = list(grid.squares.values())
    blank = Patch(facecolor="none", edgecolor="none")
    hatched = Patch(facecolor="white", edgecolor=FAINT, hatch="////", lw=0.5)
    entries = {
        "same rows": (any(square.is_hatched for square in squares), hatched),
        "same items": (any(SECTION in square.text for square in squares), blank),
        "not zero-shot": (any(DEGREE in square.text for square in squares), blank),
        "missing": (any(s.is_missing for s in squares), Patch(facecolor=MISSING, edgecolor=FAINT, lw=0.5)),
        "lacking": (any(STAR in square.text for square in squares), blank),
        "single": (any(DOUBLE_DAGGER in text for text in grid.captions.values()), blank),
    }
    shown = [(patch, texts[name]) for name, (occurs, patch) in entries.items() if occurs and name in texts]
    if shown:
        axes.legend(
            *zip(*shown, strict=True),
            loc="upper left",
            bbox_to_anchor=(0.0, -0.03),
            frameon=False,
            fontsize=7.5,
            labelcolor=INK,
        )
    return axes


def _draw_square(axes: Axes, centre: tuple[float, float], square: Square, colour: Colour) -> None:
    x, y = centre
    face = _face(square, colour)
    ink = ink_on(face)
    axes.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=face, edgecolor="white", lw=1.0))
    if square.is_hatched:
        axes.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, fill=False, hatch="////", edgecolor=ink, lw=0, alpha=0.35))
    # An outline in the colour of the cell keeps the digits readable on hatching.
    outline = [withStroke(linewidth=2.5, foreground=face)]
    # The two lines together are centred in the cell.
    shift = 0.12 if square.small else 0.0
    axes.text(x, y - shift, square.text, ha="center", va="center", fontsize=8.5, color=ink, path_effects=outline)
    if square.small:
        axes.text(x, y + 0.25, square.small, ha="center", va="center", fontsize=6.2, color=ink, path_effects=outline)


def _face(square: Square, colour: Colour) -> Colour:
    if square.is_missing:
        return mpl.colors.to_rgba(MISSING)
    if np.isnan(square.value):
        return mpl.colors.to_rgba("white" if square.text else EMPTY)
    return colour


def _draw_frame(axes: Axes, grid: Grid, heights: Mapping[str, float]) -> None:
    """Limits, labels and group names."""
    bottom, width = max(heights.values(), default=0) + 0.5, len(grid.columns)
    axes.set_xlim(-0.5, width - 0.5)
    axes.set_ylim(bottom, -0.5)
    columns = [grid.captions.get(name, name) for name in grid.columns]
    rows = [grid.captions.get(name, name) for name in heights]
    axes.set_xticks(range(width), columns, fontsize=8.5, color=INK)
    axes.set_yticks(list(heights.values()), rows, fontsize=8.5, color=INK)
    axes.tick_params(length=0, top=False, labeltop=True, bottom=False, labelbottom=False)
    axes.spines[:].set_visible(False)
    _draw_groups(axes, grid)


def _draw_groups(axes: Axes, grid: Grid) -> None:
    """A line between two groups, and the name of each group once above its columns."""
    if not grid.groups:
        return
    edges = [0, *(n + 1 for n, (a, b) in enumerate(pairwise(grid.groups)) if a != b), len(grid.groups)]
    # Points above the axes: column labels have one line, or two.
    lift = 26 if any("\n" in grid.captions.get(name, "") for name in grid.columns) else 16
    for start, end in pairwise(edges):
        if start:
            axes.axvline(start - 0.5, color=INK, lw=1.2)
        axes.annotate(
            _group_label(grid.groups[start]),
            ((start + end) / 2 - 0.5, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(0, lift),
            textcoords="offset points",
            ha="center",
            fontsize=8,
            color=FAINT,
            style="italic",
        )


def _group_label(group: str) -> str:
    # "qa" is the only group that is an abbreviation.
    return group.upper() if group == "qa" else group
