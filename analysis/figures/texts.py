"""Texts of figures that show names as they are: matplotlib would typeset a formula between two dollar signs."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

LITERAL: Mapping[str, Any] = {"parse_math": False}
"""Style of all texts. A name with dollar signs that is no valid formula would end the drawing."""


def write(parent: Axes | Figure, x: float, y: float, text: str, **style: Any) -> Text:
    """Write a text on axes or on a figure, with the style of a `Text` of matplotlib."""
    return parent.text(x, y, text, **LITERAL, **style)


def name_rows(axes: Axes, places: npt.ArrayLike, names: Sequence[str]) -> None:
    """Write names beside the y axis."""
    axes.set_yticks(places, names, **LITERAL)
