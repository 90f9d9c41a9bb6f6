"""Sizes of figures, and the space that text takes: no figure has a font below 6 points."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import accumulate

import numpy as np
import numpy.typing as npt
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from sweeper.errors import unknown

Floats = npt.NDArray[np.float64]
POINTS = 72.0
"""Points in an inch."""
SMALLEST = 6.0
"""Smallest font in points, which is still readable in print."""
HINTING = 1.04
"""Largest width of text in a PNG file, where letters are moved to whole pixels, relative to its width in a PDF file."""
LINE = 1.25
"""Height of a line of text, in units of its font size."""


NUMERIC = frozenset("0123456789.+-\N{MINUS SIGN}±%<")
"""Characters without kerning between them. Texts of them, most of those in a figure, are composed of characters."""


@dataclass(frozen=True, kw_only=True)
class Size:
    """The size of a figure. Its height follows from its content."""

    name: str
    width: float
    """Width in inches."""
    font: float
    """Font size of labels and numbers, in points. Numbers become smaller if they do not fit, down to SMALLEST."""
    small: float
    """Font size of notes and ticks, in points."""
    dpi: int
    """Resolution of the PNG file."""
    tallest: float
    """Largest height in inches, if the content fits with smaller fonts."""

    @property
    def smaller(self) -> "Size":
        """The same size with smaller fonts."""
        return replace(self, font=max(SMALLEST, self.font - 0.5), small=max(SMALLEST, self.small - 0.5))

    @property
    def points(self) -> float:
        """Width in points."""
        return self.width * POINTS


COLUMN = Size(name="column", width=3.33, font=6.5, small=6.0, dpi=300, tallest=9.0)
TEXT = Size(name="text", width=6.75, font=7.5, small=6.5, dpi=200, tallest=9.0)
SLIDE = Size(name="slide", width=13.33, font=14.0, small=11.0, dpi=144, tallest=7.5)
SIZES: Mapping[str, Size] = {size.name: size for size in (COLUMN, TEXT, SLIDE)}
"""Name -> size: a column of a paper with two columns, its full text width, a slide of 16:9."""


def size_of(name: str) -> Size:
    """The size of that name. Raises UserError if it is unknown."""
    if name not in SIZES:
        raise unknown("size", name, SIZES)
    return SIZES[name]


def fonts_of(size: Size) -> list[float]:
    """Font sizes from that of `size` down to SMALLEST."""
    return [size.font - step / 2 for step in range(int(2 * (size.font - SMALLEST)) + 1)]


def text_width(text: str, font: float, weight: str = "normal") -> float:
    """Width of one line of text in points, with HINTING."""
    return HINTING * unit_width(text, weight) * font


@cache
def unit_width(text: str, weight: str) -> float:
    """Width of one line of text in units of the font size."""
    if len(text) > 1 and NUMERIC.issuperset(text):
        return sum(unit_width(character, weight) for character in text)
    width, _, _ = text_to_path.get_text_width_height_descent(text, _unit_font(weight), ismath=False)
    return float(width) / 100


@cache
def unit_outline(text: str, weight: str) -> tuple[Floats, npt.NDArray[np.uint8]]:
    """The outlines of the letters of a text in units of the font size, from the start of its baseline.

    Returns the vertices and the codes of a path.
    """
    if len(text) > 1 and NUMERIC.issuperset(text):
        starts = accumulate((unit_width(character, weight) for character in text), initial=0.0)
        outlines = [(unit_outline(character, weight), start) for character, start in zip(text, starts, strict=False)]
        moved = [corners + np.array([start, 0.0]) for (corners, _), start in outlines]
        return np.concatenate(moved), np.concatenate([codes for (_, codes), _ in outlines])
    vertices, codes = text_to_path.get_text_path(_unit_font(weight), text, ismath=False)
    return np.asarray(vertices, dtype=float) / text_to_path.FONT_SCALE, np.asarray(codes, dtype=np.uint8)


@cache
def _unit_font(weight: str) -> FontProperties:
    return FontProperties(family=["DejaVu Sans"], size=100, weight=weight)


def widest(texts: Iterable[str], font: float, weight: str = "normal") -> float:
    """Width in points of the widest line of the texts; 0 without texts."""
    return max((text_width(line, font, weight) for text in texts for line in text.split("\n")), default=0.0)


def wrapped(text: str, width: float, font: float) -> list[str]:
    """The lines of a text that fit into `width` points. A longer word has a line of its own."""
    lines: list[str] = []
    for word in text.split():
        if lines and text_width(f"{lines[-1]} {word}", font) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def shortened(names: Sequence[str], width: float, font: float) -> dict[str, str]:
    """Name -> the name with "…" instead of its middle, if it is wider than `width` points.

    The shortened names are distinct: the place of "…" is the same in all of them, and if no place separates them the
    names stay whole.
    """
    for share in (0.6, 0.5, 0.4, 0.8, 0.3, 0.2, 0.1, 1.0, 0.0):
        short = {name: _shortened(name, width, font, share) for name in names}
        if len(set(short.values())) == len(set(names)):
            return short
    return {name: name for name in names}


def _shortened(name: str, width: float, font: float, share: float) -> str:
    """`share` of the characters that are kept are those at the start."""
    for num_kept in range(len(name), 1, -1):
        num_start = round(share * num_kept)
        end = name[len(name) - (num_kept - num_start) :]
        text = name if num_kept == len(name) else f"{name[:num_start]}…{end}"
        if text_width(text, font) <= width:
            return text
    return name[:1] + "…"
