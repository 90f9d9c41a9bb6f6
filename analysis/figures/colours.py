"""Colours that all figures share. Greys are written as matplotlib does: "0" is black, "1" is white."""

DIVERGING = "RdBu"
"""Colour map for gains and correlations: red below 0, blue above."""
MISSING, EMPTY = "0.88", "0.98"
"""Cell without a score yet, and cell that cannot have one."""
INK, FAINT = "0.10", "0.45"
"""Text and lines, and those of less importance."""
DOT = "#2166ac"
Colour = tuple[float, float, float, float]
"""Red, green, blue, alpha: 0 to 1."""


def ink_on(face: Colour) -> str:
    """Black or white, whichever has the higher contrast on that colour (relative luminance as in WCAG 2.1)."""
    red, green, blue = (level / 12.92 if level <= 0.04045 else ((level + 0.055) / 1.055) ** 2.4 for level in face[:3])
    return "white" if 0.2126 * red + 0.7152 * green + 0.0722 * blue < 0.18 else INK
