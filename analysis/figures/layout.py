"""Places grids with their labels and their key: on axes of the user, or as a figure of a given width."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .cells import draw_cells, header_of, labels_width, numbers_in, points_of
from .colours import INK
from .grid import Grid
from .key import Key, draw_key, key_height
from .sizes import LINE, POINTS, Size, wrapped
from .texts import write

EDGE = 3.0
"""Points between the content of a figure and its edges."""
WIDEST_CELL = 15.0
"""Largest width of a cell, in units of the font size."""
FLATTEST = 3.6
"""Largest width of a cell, in units of its height."""
NARROW_ROW = 1.2
"""Height of a row without numbers, in units of the font size."""


def draw_grid(axes: Axes, grid: Grid, key: Key, size: Size) -> Axes:
    """Draw a grid on axes, with labels and key around them. Returns the axes."""
    draw_cells(axes, grid, size)
    has_numbers = numbers_in(grid, points_of(axes)[0] / grid.extent[0], size).font
    key = replace(key if has_numbers else key.without_numbers, beyond=grid.beyond)
    return draw_key(axes, key, grid, labels_width(grid, size), size)


def grid_figure(grid: Grid, key: Key, title: str, size: Size) -> Figure:
    """A figure of the width of `size` with a title, a grid and its key; its height follows from the content.

    If it would be too tall, the fonts become smaller, down to SMALLEST.
    """
    return stack_figure([grid], key, title, size)


def stack_figure(grids: Sequence[Grid], key: Key, title: str, size: Size) -> Figure:
    """As `grid_figure`, with several grids of one colour scale, one below the other."""
    frame = _frame(grids, key, title, size)
    while frame.height > size.tallest * POINTS and frame.size != frame.size.smaller:
        frame = _frame(grids, key, title, frame.size.smaller)
    fitted, total = frame.size, frame.height
    figure = Figure(figsize=(size.width, total / POINTS), dpi=size.dpi)
    style: dict[str, Any] = {"va": "top", "fontsize": fitted.font, "color": INK, "linespacing": LINE}
    top = EDGE
    if frame.titles:
        write(figure, EDGE / size.points, 1 - top / total, "\n".join(frame.titles), **style)
        top += LINE * fitted.font * len(frame.titles)
    for panel in frame.parts:
        width, height = panel.grid.extent
        bottom = top + panel.above + panel.row * height
        places = (
            frame.left / size.points,
            1 - bottom / total,
            frame.cell * width / size.points,
            panel.row * height / total,
        )
        axes = figure.add_axes(places)
        draw_cells(axes, panel.grid, fitted)
        axes.set_axis_off()  # invisible ticks would still be laid out
        top = bottom
    below, above = zip(*(grid.beyond for grid in grids), strict=True)
    key = replace(frame.key, beyond=(any(below), any(above)))
    # The key may be wider than the cells of a small matrix.
    draw_key(axes, key, frame.parts[-1].grid, frame.left - EDGE, fitted, size.points - 2 * EDGE)
    return figure


def pages_of(grids: Sequence[Grid], key: Key, title: str, size: Size) -> list[list[Grid]]:
    """The grids in groups that fit into the largest height of `size`, one grid at least in each group."""
    pages: list[list[Grid]] = []
    for grid in grids:
        if pages and _frame([*pages[-1], grid], key, title, size).height <= size.tallest * POINTS:
            pages[-1].append(grid)
        else:
            pages.append([grid])
    return pages


@dataclass(frozen=True, kw_only=True)
class _Part:
    """One grid of a figure. Lengths are in points."""

    grid: Grid
    """The grid as it is drawn: without scores if its cells are too narrow for numbers."""
    above: float
    """Height of the labels of columns."""
    row: float
    """Height of a cell."""
    has_numbers: bool


@dataclass(frozen=True, kw_only=True)
class _Frame:
    """The places of the parts of a figure, in points."""

    size: Size
    titles: list[str]
    key: Key
    left: float
    """Width of the labels of rows."""
    cell: float
    """Width of a cell."""
    parts: list[_Part]
    below: float
    """Height of the key."""

    @property
    def height(self) -> float:
        above = EDGE + LINE * self.size.font * len(self.titles)
        return above + sum(panel.above + panel.row * panel.grid.extent[1] for panel in self.parts) + self.below


def _frame(grids: Sequence[Grid], key: Key, title: str, size: Size) -> _Frame:
    left = EDGE + max(labels_width(grid, size) for grid in grids)
    widest = max(grid.extent[0] for grid in grids)
    cell = min((size.points - left - EDGE) / widest, WIDEST_CELL * size.font)
    parts = [_part(grid, cell, size) for grid in grids]
    key = key if any(panel.has_numbers for panel in parts) else key.without_numbers
    return _Frame(
        size=size,
        titles=wrapped(title, size.points - 2 * EDGE, size.font),
        key=key,
        left=left,
        cell=cell,
        parts=parts,
        below=key_height(key, parts[-1].grid, size.points - 2 * EDGE, size) + EDGE,
    )


def _part(grid: Grid, cell: float, size: Size) -> _Part:
    numbers = numbers_in(grid, cell, size)
    grid = grid if numbers.font else grid.without_scores
    row = max(numbers.height if numbers.font else NARROW_ROW * size.font, cell / FLATTEST)
    names = LINE * size.small + 5 if grid.groups else 5.0
    above = header_of(grid, cell, size).height + names
    return _Part(grid=grid, above=above, row=row, has_numbers=bool(numbers.font))
