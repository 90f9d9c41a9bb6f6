"""Draws a grid of coloured cells on axes, with fonts that fit into the cells."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection, PolyCollection
from matplotlib.colors import Normalize
from matplotlib.path import Path

from ..results.stats import Floats
from .colours import DIVERGING, EMPTY, FAINT, INK, MISSING, Colour, ink_on, pale
from .grid import Grid, kept
from .labels import Label, Labels
from .sizes import LINE, POINTS, SMALLEST, Size, fonts_of, shortened, text_width, widest
from .texts import write

LABELS = 0.30
"""Largest share of the width of a figure that the labels of rows take."""
LONGEST = 13.0
"""Largest width of a label, in units of the font size. Longer ones lose their middle."""
MOST_LINES = 3
"""Most lines of the name of a column that is written horizontally."""
BETWEEN = 1.2
"""Distance between two lines of a label, in units of the font size."""
FILL = 0.96
"""Share of the width of a cell that its text may take."""
AT_CHANCE = "at chance"
"""The words under the name of a column whose reference is not above the trivial score."""


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """How the numbers of a grid are written so that they fit."""

    font: float
    """Font size of the first line, in points; 0 if no number fits."""
    small: float = 0.0
    """Font size of the second line, in points; 0 without one."""
    is_short: bool = False

    @property
    def height(self) -> float:
        """Height of a row in points, with some space around the lines."""
        return LINE * (self.font + self.small) + 3


@dataclass(frozen=True, kw_only=True)
class Header:
    """The labels of the columns, horizontal or vertical."""

    labels: tuple[str, ...]
    font: float
    is_vertical: bool
    height: float
    """Height in points, without the names of groups."""


@kept
def numbers_in(grid: Grid, width: float, size: Size) -> Numbers:
    """The largest numbers that fit into cells of `width` points.

    Cells that are too narrow first lose decimals, then the second line, then both, then all numbers.
    """
    for is_short, has_small in ((False, True), (True, True), (False, False), (True, False)):
        first, second = grid.line_widths[is_short]
        for font in fonts_of(size):
            small = max(SMALLEST, round(0.8 * font, 1)) if has_small and second else 0.0
            if max(first * font, second * small) <= FILL * width:
                return Numbers(font=font, small=small, is_short=is_short)
    return Numbers(font=0.0)


@kept
def row_labels(grid: Grid, size: Size) -> Mapping[str, str]:
    """Label of a row -> the label as it is drawn."""
    names = [line for row in grid.rows for line in grid.row_label(row).split("\n")]
    return shortened(list(dict.fromkeys(names)), min(LABELS * size.points, LONGEST * size.font), size.font)


def labels_width(grid: Grid, size: Size) -> float:
    """Width in points of the labels of the rows, with the space between them and the cells."""
    return widest(row_labels(grid, size).values(), size.font) + 5


@kept
def header_of(grid: Grid, width: float, size: Size) -> Header:
    """The labels of columns that are `width` points wide: horizontal, in up to three lines, if all of them fit."""
    for font in fonts_of(size):
        broken = [_broken(grid, column, width - 2, font) for column in grid.columns]
        num_lines = max((label.count("\n") + 1 for label in broken), default=1)
        if widest(broken, font) <= width - 2 and num_lines <= MOST_LINES + bool(grid.at_chance):
            return Header(labels=tuple(broken), font=font, is_vertical=False, height=num_lines * LINE * font + 4)
    font = max(SMALLEST, min(size.font, width / LINE))
    short = shortened([grid.column_label(column) for column in grid.columns], LONGEST * font, font)
    labels = tuple(_with_chance(grid, column, short[grid.column_label(column)], " ") for column in grid.columns)
    return Header(labels=labels, font=font, is_vertical=True, height=widest(labels, font) + 5)


def _broken(grid: Grid, column: str, width: float, font: float) -> str:
    """The label of a column, broken after "_", "-" and "." if it is too wide."""
    lines = [""]
    for part in re.split(r"(?<=[-_. ])", grid.column_label(column)):
        if lines[-1] and text_width(lines[-1] + part, font) > width:
            lines.append(part)
        else:
            lines[-1] += part
    return _with_chance(grid, column, "\n".join(lines), "\n")


def _with_chance(grid: Grid, column: str, label: str, separator: str) -> str:
    return f"{label}{separator}({AT_CHANCE})" if column in grid.at_chance else label


def draw_cells(axes: Axes, grid: Grid, size: Size) -> Axes:
    """Draw the cells of a grid with the labels of rows, columns and groups. Returns the axes."""
    width, height = grid.extent
    axes.set(xlim=(0, width), ylim=(height, 0), xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    axes.patch.set_visible(False)
    faces = _faces(grid)
    _draw_faces(axes, grid, faces)
    cell_width = points_of(axes)[0] / width
    _draw_numbers(axes, grid, faces, size)
    _draw_row_labels(axes, grid, size)
    header = header_of(grid, cell_width, size)
    _draw_header(axes, grid, header)
    _draw_groups(axes, grid, header, cell_width, size)
    return axes


def points_of(axes: Axes) -> tuple[float, float]:
    """Width and height of axes in points."""
    box = axes.get_window_extent()
    dpi = axes.figure.get_dpi()
    return box.width / dpi * POINTS, box.height / dpi * POINTS


def scale_of(grid: Grid) -> Normalize:
    """The colour scale of a grid, with 0 in its middle."""
    return Normalize(-grid.limit, grid.limit, clip=True)


def _faces(grid: Grid) -> dict[tuple[str, str], Colour]:
    """Cell -> its colour."""
    squares = list(grid.squares.values())
    values = np.array([square.value for square in squares], dtype=float)
    full = mpl.colormaps[DIVERGING](scale_of(grid)(np.nan_to_num(values)))
    are_settled = np.array([square.is_settled for square in squares], dtype=bool)
    faces = np.where(are_settled[:, None], full, pale(full))
    missing, white, empty = (mpl.colors.to_rgba(grey) for grey in (MISSING, "white", EMPTY))
    found: dict[tuple[str, str], Colour] = {}
    for (cell, square), value, face in zip(grid.squares.items(), values, faces.tolist(), strict=True):
        without_colour = white if square.text else empty
        found[cell] = missing if square.is_missing else without_colour if np.isnan(value) else tuple(face)
    return found


def _draw_faces(axes: Axes, grid: Grid, faces: dict[tuple[str, str], Colour]) -> None:
    """The faces of all cells as one artist, and the hatching as another one.

    Cells of one colour are one path, because the time of drawing depends on the number of paths.
    """
    cells: dict[Colour, list[tuple[str, str]]] = defaultdict(list)
    for cell, face in faces.items():
        cells[face].append(cell)
    paths = [path_of_polygons(_corners(grid, members)) for members in cells.values()]
    axes.add_collection(PathCollection(paths, facecolors=list(cells), edgecolors="white", linewidths=0.8))
    hatched = [cell for cell in faces if grid.squares[cell].is_hatched]
    if hatched:
        corners = list(_corners(grid, hatched))
        lines = PolyCollection(corners, facecolors="none", edgecolors=FAINT, linewidths=0)
        lines.set_hatch("/////")
        lines.set_alpha(0.55)
        axes.add_collection(lines)


def _corners(grid: Grid, cells: Iterable[tuple[str, str]]) -> Floats:
    """The corners of each cell: shape (cells, 4, 2)."""
    lefts, tops = grid.lefts, grid.tops
    origins = np.array([(lefts[column], tops[row]) for row, column in cells]).reshape(-1, 1, 2)
    corners: Floats = origins + np.array([(0, 0), (1, 0), (1, 1), (0, 1)])
    return corners


def path_of_polygons(corners: Floats) -> Path:
    """Polygons as one path, from their corners of shape (polygons, corners, 2)."""
    num, num_corners = corners.shape[:2]
    closed = np.concatenate([corners, corners[:, :1]], axis=1)
    codes = np.full(num_corners + 1, Path.LINETO)
    codes[[0, -1]] = Path.MOVETO, Path.CLOSEPOLY
    return Path(closed.reshape(-1, 2), np.tile(codes, num))


def _draw_numbers(axes: Axes, grid: Grid, faces: dict[tuple[str, str], Colour], size: Size) -> None:
    cell_width = points_of(axes)[0] / grid.extent[0]
    numbers = numbers_in(grid, cell_width, size)
    if not numbers.font:
        _draw_dots(axes, grid, faces)
        numbers = Numbers(font=SMALLEST, is_short=True)
        faces = {cell: face for cell, face in faces.items() if np.isnan(grid.squares[cell].value)}
    plain: list[Label] = []
    for cell, face in faces.items():
        labels = list(_labels(grid, cell, face, numbers, cell_width))
        if not grid.squares[cell].is_hatched:
            plain += labels
            continue
        # A box in the colour of the cell keeps the digits readable on hatching.
        style: dict[str, Any] = {"bbox": {"facecolor": face, "edgecolor": "none", "pad": 0.6}, "ha": "center"}
        for label in labels:
            text = write(axes, label.x, label.y, label.text, va="center_baseline", color=label.colour, **style)
            text.set(fontsize=label.font, weight=label.weight)
    axes.add_artist(Labels(plain))


def _labels(grid: Grid, cell: tuple[str, str], face: Colour, numbers: Numbers, cell_width: float) -> Iterator[Label]:
    """The lines of a cell that fit."""
    square = grid.squares[cell]
    x, top = grid.lefts[cell[1]] + 0.5, grid.tops[cell[0]]
    text, small = square.lines(is_short=numbers.is_short)
    has_small, ink = bool(small and numbers.small), ink_on(face)
    total = LINE * (numbers.font + numbers.small) + 3
    middle = (1.5 + LINE * numbers.font / 2) / total if has_small else 0.5
    if text and text_width(text, numbers.font) <= cell_width:
        yield Label(
            x=x, y=top + middle, text=text, font=numbers.font, colour=ink, weight=_weight(is_bold=square.is_bold)
        )
    if has_small:
        below = (1.5 + LINE * numbers.font + LINE * numbers.small / 2) / total
        yield Label(x=x, y=top + below, text=small, font=numbers.small, colour=ink)


def _weight(*, is_bold: bool) -> str:
    return "bold" if is_bold else "normal"


def _draw_dots(axes: Axes, grid: Grid, faces: dict[tuple[str, str], Colour]) -> None:
    """A dot in each settled cell, in cells that are too narrow for numbers."""
    lefts, tops = grid.lefts, grid.tops
    settled: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for (row, column), square in grid.squares.items():
        if square.is_bold:
            settled[ink_on(faces[row, column])].append((lefts[column] + 0.5, tops[row] + 0.5))
    for ink, places in settled.items():
        x, y = np.array(places).T
        axes.scatter(x, y, s=3.0, color=ink, linewidths=0)


def _draw_row_labels(axes: Axes, grid: Grid, size: Size) -> None:
    drawn = row_labels(grid, size)
    width, height = (length / num for length, num in zip(points_of(axes), grid.extent, strict=True))
    labels = []
    for row, top in grid.tops.items():
        lines = grid.row_label(row).split("\n")
        for number, line in enumerate(lines):
            y = top + 0.5 + (number - (len(lines) - 1) / 2) * BETWEEN * size.font / height
            label = Label(x=-4 / width, y=y, text=drawn[line], font=size.font, colour=INK, align="right")
            labels.append(label)
    axes.add_artist(Labels(labels))


def _draw_header(axes: Axes, grid: Grid, header: Header) -> None:
    height, font = points_of(axes)[1] / grid.extent[1], header.font
    tops = list(grid.tops.values()) if grid.is_triangle else [0.0] * len(grid.columns)
    labels = []
    for (column, left), text, top in zip(grid.lefts.items(), header.labels, tops, strict=True):
        colour, lines = FAINT if column in grid.at_chance else INK, text.split("\n")
        for number, line in enumerate(reversed(lines)):
            above = 3.0 if header.is_vertical else 3 + (number + 0.5) * BETWEEN * font
            place: dict[str, Any] = {"x": left + 0.5, "y": top - above / height}
            place |= {"align": "left", "is_vertical": True} if header.is_vertical else {}
            labels.append(Label(text=line, font=font, colour=colour, **place))
    axes.add_artist(Labels(labels))


def _draw_groups(axes: Axes, grid: Grid, header: Header, cell_width: float, size: Size) -> None:
    """A line between two groups, and the name of each group once above its columns if it fits."""
    spans = grid.spans
    above = 1 + (header.height + 2) / points_of(axes)[1]
    for number, (name, left, right) in enumerate(spans):
        if number and not _is_gap(grid, left):
            axes.plot([left, left], [0, grid.extent[1]], color=FAINT, lw=0.6, clip_on=False)
        label = _with_note(grid, name, (right - left) * cell_width - 3, size.small)
        style: dict[str, Any] = {"ha": "center", "va": "bottom", "fontsize": size.small, "color": FAINT}
        write(axes, (left + right) / 2, above, label, transform=axes.get_xaxis_transform(), **style)


def _is_gap(grid: Grid, left: float) -> bool:
    return any(grid.lefts[column] == left for column in grid.column_gaps if column in grid.lefts)


def _with_note(grid: Grid, group: str, width: float, font: float) -> str:
    """The name of a group and its note; the name alone, or its start, if both do not fit."""
    name, note = grid.group_label(group), grid.group_notes.get(group, "")
    short = _cut(name, width - text_width(note, font), font)
    return short + note if short else _cut(name, width, font)


def _cut(name: str, width: float, font: float) -> str:
    """The name, or its start with a point; "" if fewer than four letters fit."""
    for end in _ends(name):
        if text_width(end, font) <= width:
            return end
    return ""


def _ends(name: str) -> Iterator[str]:
    yield name
    for length in range(len(name) - 2, 3, -1):
        yield f"{name[:length].rstrip()}."
