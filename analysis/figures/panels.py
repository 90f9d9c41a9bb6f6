"""Figures with several panels of the same size, placed without a layout engine."""

import math
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from .colours import FAINT, INK
from .key import Entry, Line, flow, swatch_style
from .sizes import LINE, POINTS, Size, text_width, wrapped
from .texts import LITERAL, write

EDGE = 3.0
"""Points between the content of a figure and its edges."""


@dataclass(frozen=True, kw_only=True)
class Panels:
    """The shape of a figure with `num` panels. Lengths are in points."""

    num: int
    height: float
    """Height of the inside of a panel."""
    narrowest: float
    """Smallest width of the inside of a panel; as many panels as fit are side by side."""
    left: float
    """Width of the labels at the left of the figure."""
    between: float = 0.0
    """Width of the labels at the left of the other panels, if they have any."""
    right: float = 0.0
    """Width of the labels at the right of the figure."""
    has_titles: bool = True
    """Whether there is space for a title above each panel."""
    title: str = ""
    """Title of the figure."""
    notes: tuple[Entry, ...] = ()
    """Entries below the panels."""


def panel_figure(panels: Panels, size: Size) -> tuple[Figure, list[Axes]]:
    """A figure of the width of `size`, and its panels from left to right and from top to bottom.

    Each panel has space for ticks and the label of its axis below it.
    """
    gap = panels.between + 1.5 * size.font
    inside = size.points - EDGE - panels.left - max(panels.right, 1.5 * size.font)
    num_columns = max(1, min(panels.num, int((inside + gap) / (panels.narrowest + gap))))
    num_rows = math.ceil(panels.num / num_columns)
    num_columns = math.ceil(panels.num / num_rows)  # equally many in each row
    width = (inside - gap * (num_columns - 1)) / num_columns
    above, below = LINE * size.font + 5 if panels.has_titles else 3.0, LINE * size.font + LINE * size.small + 8
    titles = wrapped(panels.title, size.points - 2 * EDGE, size.font)
    notes = flow(panels.notes, size.points - 2 * EDGE, size)
    num_lines = 1 + max((line.number for line in notes), default=-1)
    top = EDGE + len(titles) * LINE * size.font
    bottom = EDGE + num_lines * LINE * size.small
    total = top + num_rows * (above + panels.height + below) + bottom
    figure = Figure(figsize=(size.width, total / POINTS), dpi=size.dpi)
    style: dict[str, Any] = {"va": "top", "fontsize": size.font, "color": INK, "linespacing": LINE}
    write(figure, EDGE / size.points, 1 - EDGE / total, "\n".join(titles), **style)
    for line in notes:
        _draw_note(figure, line, EDGE + (num_lines - line.number - 0.5) * LINE * size.small, size)
    axes = []
    for number in range(panels.num):
        row, column = divmod(number, num_columns)
        x = EDGE + panels.left + column * (width + gap)
        y = total - top - row * (above + panels.height + below) - above - panels.height
        axes.append(figure.add_axes((x / size.points, y / total, width / size.points, panels.height / total)))
    return figure, axes


def _draw_note(figure: Figure, line: Line, y: float, size: Size) -> None:
    """`y` is the height of the middle of the line above the lower edge of the figure, in points."""
    width, height = figure.get_size_inches() * POINTS
    x = EDGE + line.left
    style: dict[str, Any] = {"va": "center_baseline", "fontsize": size.small, "color": FAINT}
    write(figure, (x + line.indent) / width, y / height, line.text, **style)
    if line.swatch:
        wide, tall = 1.6 * size.small / width, 0.8 * size.small / height
        place = (x / width, y / height - tall / 2)
        figure.add_artist(Rectangle(place, wide, tall, transform=figure.transFigure, **swatch_style(line.swatch)))


def style_axes(axes: Axes, size: Size, *, title: str = "", x: str = "", y: str = "") -> Axes:
    """Fonts and lines of a panel. A title or label that is too long loses its end. Returns the axes."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set(color=FAINT, linewidth=0.6)
    axes.tick_params(labelsize=size.small, colors=INK, length=2.5, width=0.6, pad=2)
    width = axes.get_window_extent().width / axes.figure.get_dpi() * POINTS
    style: dict[str, Any] = {**LITERAL, "fontsize": size.font, "color": INK}
    # With y, matplotlib does not look for ticks above the axes each time that it draws the title.
    axes.set_title(_cut(title, width, size.font), loc="left", pad=4, y=1.0, **style)
    axes.set_xlabel(_cut(x, width + 2 * size.font, size.font), labelpad=2, **style)
    axes.set_ylabel(y, labelpad=2, **style)
    return axes


def _cut(text: str, width: float, font: float) -> str:
    for end in range(len(text), 1, -1):
        shown = text if end == len(text) else f"{text[:end]}…"
        if text_width(shown, font) <= width:
            return shown
    return text[:1]
