"""Colours that all figures share. Greys are written as matplotlib does: "0" is black, "1" is white."""

from functools import lru_cache

import numpy as np
import numpy.typing as npt

DIVERGING = "RdBu"
"""Colour map for gains and correlations: red below 0, blue above."""
MISSING, EMPTY = "0.88", "0.98"
"""Cell without a score yet, and cell that cannot have one."""
INK, FAINT = "0.10", "0.40"
"""Text and lines, and those of less importance. Both have a contrast of more than 4.5 on white."""
DOT = "#2166ac"
PALE = 0.30
"""Share of its own colour that a pale cell has; the rest is white."""
Colour = tuple[float, ...]
"""Red, green, blue, alpha: 0 to 1."""


def luminance(face: Colour) -> float:
    """Relative luminance of a colour, 0 to 1, as in WCAG 2.1."""
    red, green, blue = (level / 12.92 if level <= 0.04045 else ((level + 0.055) / 1.055) ** 2.4 for level in face[:3])
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first: Colour, second: Colour) -> float:
    """Contrast ratio of two colours, 1 to 21, as in WCAG 2.1. Text needs 4.5."""
    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


@lru_cache(10_000)
def ink_on(face: Colour) -> str:
    """Black or white, whichever has the higher contrast on that colour. The contrast is at least 4.58."""
    return "white" if luminance(face) < 0.179 else "black"


def pale(faces: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Colours (an array with red, green, blue and alpha in its last dimension) mixed with white."""
    colours = np.array(faces, dtype=float)
    colours[..., :3] = 1 - PALE * (1 - colours[..., :3])
    return colours
