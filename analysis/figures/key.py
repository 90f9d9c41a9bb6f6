"""The key below a grid: its colour scale, and what its signs and colours mean."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.image import AxesImage
from matplotlib.patches import Polygon, Rectangle
from matplotlib.ticker import MaxNLocator

from ..numbers import MINUS
from ..results.stats import Floats
from .cells import points_of, scale_of
from .colours import DIVERGING, FAINT, INK, MISSING, pale
from .grid import Grid
from .labels import Align, Label, Labels
from .sizes import LINE, Size, text_width, wrapped
from .texts import write

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
        write(axes, (line.left + line.indent - left) / width, -middle / height, line.text, **style)
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
    """Draw the scale in the axes of the grid, because axes of its own would take longer than all cells."""
    words = max((text_width(text, size.small) for text in key.scales), default=0.0)
    label = text_width(key.label, size.small)
    low, high = (POINTED * size.small * is_beyond for is_beyond in key.beyond)
    # The last tick may be at the end of the scale.
    gap = 3 + TICK / 2 * size.small + low + high
    long = max(6 * size.font - low - high, min(22 * size.small, room - max(words, label) - gap - 1))
    num_strips = max(1, len(key.scales))
    bottom, line = below + num_strips * LINE * size.small, LINE * size.small
    steps = np.linspace(-grid.limit, grid.limit, NUM_STEPS)
    full = mpl.colormaps[DIVERGING](scale_of(grid)(steps))
    faces = np.stack([full, pale(full)][:num_strips])
    (left, right), (end, start) = _in_data(axes, [(low, bottom), (low + long, below)]).T.tolist()
    strips = AxesImage(axes, interpolation="nearest", extent=(left, right, end, start), clip_on=False)
    strips.set_data(faces)
    axes.add_image(strips)
    for number, row in enumerate(faces):
        _draw_point(axes, row[0], (low, below + number * line), (-low, line))
        _draw_point(axes, row[-1], (low + long, below + number * line), (high, line))
    ticks = _ticks(grid.limit, long / size.small)
    places = [low + (0.5 + tick / (2 * grid.limit)) * long for tick in ticks]
    ends = [_in_data(axes, [(place, bottom), (place, bottom + 2)]) for place in places]
    axes.add_collection(LineCollection(ends, colors=INK, linewidths=0.5, clip_on=False), autolim=False)
    under, beside = bottom + 3 + size.small / 2, long + gap
    texts: list[tuple[str, float, float, str, Align]] = [
        *((text, place, under, INK, "center") for text, place in zip(_texts(ticks), places, strict=True)),
        *((text, beside, below + (n + 0.5) * line, FAINT, "left") for n, text in enumerate(key.scales)),
        (key.label, beside, under, INK, "left"),
    ]
    middles = _in_data(axes, [(place, middle) for _, place, middle, _, _ in texts]).tolist()
    axes.add_artist(
        Labels(
            [
                Label(x=x, y=y, text=text, align=align, font=size.small, colour=colour)
                for (x, y), (text, _, _, colour, align) in zip(middles, texts, strict=True)
            ]
        )
    )


def _in_data(axes: Axes, places: Sequence[tuple[float, float]]) -> Floats:
    """Places in data coordinates, from points to the right of the left edge of the axes and below their lower edge."""
    width, height = points_of(axes)
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    scale = np.array([(right - left) / width, (bottom - top) / height])
    moved: Floats = np.array([left, bottom]) + np.array(places) * scale
    return moved


def _draw_point(axes: Axes, colour: Floats, corner: tuple[float, float], extent: tuple[float, float]) -> None:
    """A pointed end of a strip from its upper corner, in points; `extent` has its signed width and its height.

    Without a width, there is no point.
    """
    (x, y), (width, height) = corner, extent
    if width:
        corners = _in_data(axes, [(x, y), (x, y + height), (x + width, y + height / 2)])
        axes.add_patch(Polygon(corners, clip_on=False, fc=tuple(colour), lw=0))


def _texts(ticks: Sequence[float]) -> list[str]:
    """The ticks as texts with the same number of decimals, no more than they need."""
    num_decimals = next((num for num in range(6) if np.allclose(ticks, np.round(ticks, num), atol=1e-9)), 6)
    return [f"{tick:.{num_decimals}f}".replace("-", MINUS) for tick in np.round(ticks, num_decimals) + 0.0]


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
