"""The content of a grid of coloured cells with numbers: the matrix, planted gains, gains by language, correlations."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, wraps
from itertools import pairwise
from typing import Any, Concatenate, ParamSpec, TypeVar

import numpy as np

from .sizes import text_width

MEAN = ""
"""Row or column of means. No recipe and no target has this name."""
GAP = 0.3
"""Space between two parts of a grid, in cells."""
NUM_SATURATED = 2
"""Largest number of cells whose value is beyond the ends of the colour scale."""


@dataclass(frozen=True, kw_only=True)
class Square:
    """The content of one cell."""

    text: str
    """"–" if the score is missing, "" if there cannot be one."""
    short: str = ""
    """The text for a narrow cell: without decimals. "" if it does not differ."""
    small: str = ""
    """Second line: the half width of the interval, "score only", or the outcome of a planted cell."""
    small_short: str = ""
    value: float = np.nan
    """The value that decides the colour, in the unit of the colour bar; nan for a cell without colour."""
    is_settled: bool = True
    """Whether the interval excludes 0. Such a cell is in full colour, any other one is pale."""
    is_bold: bool = False
    is_hatched: bool = False
    is_missing: bool = False

    def lines(self, *, is_short: bool) -> tuple[str, str]:
        """The two lines of the cell; the second one may be empty."""
        if is_short:
            return self.short or self.text, self.small_short or self.small
        return self.text, self.small


@dataclass(frozen=True, kw_only=True)
class Grid:
    """The contents of all cells, ready to be drawn."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    squares: Mapping[tuple[str, str], Square]
    """(row, column) -> its cell. A pair without a cell is left white."""
    groups: tuple[str, ...] = ()
    """Group of each column. A line separates two groups."""
    group_notes: Mapping[str, str] = field(default_factory=dict)
    """Group -> what stands after its name. It is left out where not even a short name fits beside it."""
    row_gaps: frozenset[str] = frozenset()
    """Rows with a gap above them."""
    column_gaps: frozenset[str] = frozenset()
    """Columns with a gap to their left."""
    row_captions: Mapping[str, str] = field(default_factory=dict)
    """Row -> its label, if it differs from its name."""
    column_captions: Mapping[str, str] = field(default_factory=dict)
    """Column -> its label, if it differs from its name."""
    at_chance: frozenset[str] = frozenset()
    """Columns whose header says that the reference is not above the trivial score."""
    is_triangle: bool = False
    """Whether column n has no cells above row n. Its label is then directly above its first cell."""
    bounds: float = 0.0
    """Both ends of the colour scale; 0 to derive them from the values."""
    measures: dict[Any, Any] = field(default_factory=dict, init=False, repr=False, compare=False)
    """The results of functions that are `kept`."""

    @cached_property
    def limit(self) -> float:
        """Both ends of the colour scale, in the unit of the values: at most NUM_SATURATED cells are beyond them.

        It is at least 1. Without this bound, noise would get strong colours in a matrix without any effect.
        """
        values = sorted(abs(square.value) for square in self.squares.values() if not np.isnan(square.value))
        return self.bounds or max([1.0, *values[-NUM_SATURATED - 1 :][:1]])

    @property
    def num_saturated(self) -> int:
        """Number of cells beyond the ends of the colour scale."""
        return sum(abs(square.value) > self.limit for square in self.squares.values())

    @property
    def beyond(self) -> tuple[bool, bool]:
        """Whether values are below the lower and above the upper end of the colour scale."""
        values = [square.value for square in self.squares.values()]
        return any(value < -self.limit for value in values), any(value > self.limit for value in values)

    @cached_property
    def line_widths(self) -> Mapping[bool, tuple[float, float]]:
        """Whether texts are short -> widths of the widest first and of the widest second line, 0 without one.

        They are in units of the font size.
        """
        widths = {}
        for is_short in (False, True):
            lines = {(*square.lines(is_short=is_short), square.is_bold) for square in self.squares.values()}
            first = (text_width(text, 1.0, "bold" if is_bold else "normal") for text, _, is_bold in lines)
            second = (text_width(small, 1.0) for _, small, _ in lines if small)
            widths[is_short] = (max(first, default=0.0), max(second, default=0.0))
        return widths

    @cached_property
    def tops(self) -> dict[str, float]:
        """Row -> its upper edge, in cells from the top."""
        return _edges(self.rows, self.row_gaps)

    @cached_property
    def lefts(self) -> dict[str, float]:
        """Column -> its left edge, in cells from the left."""
        return _edges(self.columns, self.column_gaps)

    @property
    def extent(self) -> tuple[float, float]:
        """Width and height, in cells."""
        return max(self.lefts.values(), default=0.0) + 1, max(self.tops.values(), default=0.0) + 1

    @property
    def spans(self) -> list[tuple[str, float, float]]:
        """The runs of columns of one group: its name, its left edge, its right edge."""
        if not self.groups:
            return []
        edges = [0, *(n + 1 for n, (a, b) in enumerate(pairwise(self.groups)) if a != b), len(self.groups)]
        lefts = list(self.lefts.values())
        return [(self.groups[a], lefts[a], lefts[b - 1] + 1) for a, b in pairwise(edges)]

    def group_label(self, group: str) -> str:
        """The label of a group, without its note."""
        # "qa" is the only group that is an abbreviation.
        return group.upper() if group == "qa" else group

    @property
    def without_scores(self) -> "Grid":
        """The grid without the rows that have no colour, which say nothing in a grid without numbers."""
        coloured = {row for (row, _), square in self.squares.items() if square.is_missing or not np.isnan(square.value)}
        rows = tuple(row for row in self.rows if row in coloured)
        squares = {cell: square for cell, square in self.squares.items() if cell[0] in coloured}
        return replace(self, rows=rows, squares=squares)

    def row_label(self, row: str) -> str:
        """The label of a row."""
        return self.row_captions.get(row, row)

    def column_label(self, column: str) -> str:
        """The label of a column, without the words about chance."""
        return self.column_captions.get(column, column)


P = ParamSpec("P")
T = TypeVar("T")


def kept(measure: Callable[Concatenate[Grid, P], T]) -> Callable[Concatenate[Grid, P], T]:
    """Keep the results of a function with the grid, because a page is laid out several times before it is drawn."""

    @wraps(measure)
    def wrapped(grid: Grid, /, *rest: P.args, **named: P.kwargs) -> T:
        key = (measure, rest, tuple(named.items()))
        if key not in grid.measures:
            grid.measures[key] = measure(grid, *rest, **named)
        measured: T = grid.measures[key]
        return measured

    return wrapped


def side_by_side(grids: Mapping[str, Grid], notes: Mapping[str, str] | None = None) -> Grid:
    """Grids with the same rows as one grid: title -> grid. The titles stand above the columns, as names of groups.

    `notes` has what stands after a title. The column of a grid has the name "TITLE COLUMN".
    """
    first = next(iter(grids.values()))
    pairs = [(title, grid, column) for title, grid in grids.items() for column in grid.columns]
    return Grid(
        rows=first.rows,
        columns=tuple(f"{title} {column}" for title, _, column in pairs),
        squares={(row, f"{t} {c}"): grid.squares[row, c] for t, grid, c in pairs for row in grid.rows},
        groups=tuple(title for title, _, _ in pairs),
        group_notes=notes or {},
        row_captions=first.row_captions,
        column_gaps=frozenset(f"{t} {c}" for t, grid, c in pairs if c == grid.columns[0] or c in grid.column_gaps),
        column_captions={f"{title} {column}": grid.column_label(column) for title, grid, column in pairs},
        bounds=first.bounds,
    )


def _edges(names: tuple[str, ...], gaps: frozenset[str]) -> dict[str, float]:
    shift = np.cumsum([GAP * (name in gaps and number > 0) for number, name in enumerate(names)])
    return {name: number + float(shift[number]) for number, name in enumerate(names)}
