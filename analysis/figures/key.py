"""The key below a grid: its colour scale, and what its signs and colours mean."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.patches import Polygon, Rectangle
from matplotlib.ticker import MaxNLocator

from .cells import points_of, scale_of
from .colours import DIVERGING, FAINT, INK, MISSING, pale
from .grid import Grid
from .sizes import LINE, Size, text_width, wrapped

NUM_STEPS = 65
"""Colours of the drawn scale."""
POINTED = 0.8
"""Width of a pointed end of the scale, in units of the font size."""
TICK = 2.9
"""Space for the label of a tick, in units of its font size."""
Swatch = str
"""What stands before the text of an entry: "hatched", "missing", a colour, or "" for nothing."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One line of the key."""

    text: str
    swatch: Swatch = ""
    is_about_numbers: bool = False
    """Whether it explains numbers, so that it is left out of a grid without them."""


@dataclass(frozen=True, kw_only=True)
class Key:
    """The key of a grid."""

    label: str
    """What the colours mean, with their unit; "" for no colour scale."""
    entries: tuple[Entry, ...] = ()
    scales: tuple[str, ...] = ()
    """Words beside the scale of full colours and beside that of pale colours; one scale without words if empty."""
    dots: str = "dot: the interval excludes 0"
    """The meaning of a dot, in a grid without numbers."""
    beyond: tuple[bool, bool] = (False, False)
    """Whether values are below the lower and above the upper end of the colour scale; such an end is pointed."""

    @property
    def without_numbers(self) -> "Key":
        """The key of a grid whose cells are too narrow for numbers."""
        entries = [entry for entry in self.entries if not entry.is_about_numbers]
        return replace(self, entries=(Entry(text=self.dots), *entries))


def key_height(key: Key, grid: Grid, width: float, size: Size) -> float:
    """Height of the key in points if it is `width` points wide, with the space above it."""
    num_lines = 1 + max((line.number for line in flow(key.entries, width, size)), default=-1)
    return 6 + (_scale_height(key, size) if _has_scale(key, grid) else 0.0) + num_lines * LINE * size.small


def draw_key(axes: Axes, key: Key, grid: Grid, left: float, size: Size, wide: float = 0.0) -> Axes:
    """Draw the key below the cells, from `left` points left of them. Returns the axes.

    It is `wide` points wide, by default up to the right edge of the cells.
    """
    width, height = points_of(axes)
    wide, below = wide or left + width, 6.0
    if _has_scale(key, grid):
        _draw_scale(axes, key, grid, size, below, wide - left)
        below += _scale_height(key, size)
    style: dict[str, Any] = {
        "va": "center_baseline",
        "fontsize": size.small,
        "color": FAINT,
        "transform": axes.transAxes,
    }
    for line in flow(key.entries, wide, size):
        middle = below + (line.number + 0.5) * LINE * size.small
        axes.text((line.left + line.indent - left) / width, -middle / height, line.text, **style)
        if line.swatch:
            _draw_swatch(axes, line.swatch, line.left - left, middle, size)
    return axes


@dataclass(frozen=True, kw_only=True)
class Line:
    """A piece of an entry that is drawn on one line."""

    number: int
    left: float
    """Points from the left edge of the key."""
    indent: float
    """Points between `left` and the text, for the swatch."""
    text: str
    swatch: Swatch = ""


def flow(entries: Sequence[Entry], width: float, size: Size) -> list[Line]:
    """The entries, line by line. An entry that fits into the rest of a line is put there."""
    lines: list[Line] = []
    number, left = 0, 0.0
    for entry in entries:
        indent = 2.2 * size.small if entry.swatch else 0.0
        if left and left + indent + text_width(entry.text, size.small) > width:
            number, left = number + 1, 0.0
        pieces = wrapped(entry.text, width - left - indent, size.small)
        for position, text in enumerate(pieces):
            swatch = entry.swatch if position == 0 else ""
            lines.append(Line(number=number + position, left=left, indent=indent, text=text, swatch=swatch))
        number += len(pieces) - 1
        left = width if len(pieces) > 1 else left + indent + text_width(entry.text, size.small) + 2.5 * size.small
    return lines


def _has_scale(key: Key, grid: Grid) -> bool:
    return bool(key.label) and any(not np.isnan(square.value) for square in grid.squares.values())


def _scale_height(key: Key, size: Size) -> float:
    """Height in points: strips, ticks with the label, and a gap."""
    return max(1, len(key.scales)) * LINE * size.small + LINE * size.small + 6


def _draw_scale(axes: Axes, key: Key, grid: Grid, size: Size, below: float, room: float) -> None:
    width, height = points_of(axes)
    words = max((text_width(text, size.small) for text in key.scales), default=0.0)
    label = text_width(key.label, size.small)
    low, high = (POINTED * size.small * is_beyond for is_beyond in key.beyond)
    # The last tick may be at the end of the scale.
    gap = 3 + TICK / 2 * size.small + low + high
    long = max(6 * size.font - low - high, min(22 * size.small, room - max(words, label) - gap - 1))
    beside = 1 + (gap - low) / long
    num_strips = max(1, len(key.scales))
    tall = num_strips * LINE * size.small
    strips = axes.inset_axes((low / width, -(below + tall) / height, long / width, tall / height))
    steps = np.linspace(-grid.limit, grid.limit, NUM_STEPS)
    full = mpl.colormaps[DIVERGING](scale_of(grid)(steps))
    faces = np.stack([full, pale(full)][:num_strips])
    strips.imshow(faces, aspect="auto", extent=(-grid.limit, grid.limit, num_strips, 0), interpolation="nearest")
    _draw_points(strips, faces, low / long, high / long)
    strips.set_yticks([])
    strips.spines[:].set_visible(False)
    strips.set_xticks(_ticks(grid.limit, long / size.small))
    strips.tick_params(labelsize=size.small, colors=INK, length=2, width=0.5, pad=1)
    for number, text in enumerate(key.scales):
        style: dict[str, Any] = {"va": "center_baseline", "fontsize": size.small, "color": FAINT}
        strips.text(beside, 1 - (number + 0.5) / num_strips, text, transform=strips.transAxes, **style)
    strips.text(
        beside,
        -(3 + size.small / 2) / tall,
        key.label,
        transform=strips.transAxes,
        va="center_baseline",
        fontsize=size.small,
        color=INK,
    )


def _draw_points(strips: Axes, faces: npt.NDArray[np.float64], low: float, high: float) -> None:
    """Pointed ends of the given widths, in units of the scale; an end with width 0 is not pointed."""
    for number, row in enumerate(faces):
        top, bottom = 1 - number / len(faces), 1 - (number + 1) / len(faces)
        for end, wide, colour in ((0.0, -low, row[0]), (1.0, high, row[-1])):
            if wide:
                corners = [(end, top), (end, bottom), (end + wide, (top + bottom) / 2)]
                strips.add_patch(Polygon(corners, transform=strips.transAxes, clip_on=False, fc=colour, lw=0))


def _ticks(limit: float, room: float) -> list[float]:
    """Round values on a scale from -limit to limit. `room` is its length in units of the font size of the labels."""
    for num in (4, 3, 2):
        values = MaxNLocator(num, steps=[1, 2, 5, 10]).tick_values(-limit, limit)
        inside = [float(value) for value in values if abs(value) <= limit]
        if len(inside) > 1 and (inside[1] - inside[0]) / (2 * limit) * room > TICK:
            return inside
    power = 10.0 ** math.floor(math.log10(limit))
    end = math.floor(limit / power + 1e-9) * power  # the limit with one digit
    return [-end, end]


def swatch_style(swatch: Swatch) -> dict[str, Any]:
    """The style of the patch of an entry."""
    face, hatch = {"missing": (MISSING, None), "hatched": ("white", "/////")}.get(swatch, (swatch, None))
    return {"facecolor": face, "edgecolor": FAINT, "hatch": hatch, "lw": 0.4}


def _draw_swatch(axes: Axes, swatch: Swatch, left: float, middle: float, size: Size) -> None:
    width, height = points_of(axes)
    wide, tall = 1.6 * size.small / width, 0.9 * size.small / height
    place = (left / width, -(middle + 0.5 * size.small) / height)
    axes.add_patch(Rectangle(place, wide, tall, transform=axes.transAxes, clip_on=False, **swatch_style(swatch)))
