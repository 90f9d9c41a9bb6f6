"""Figures with several panels of the same size."""

import math

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .sizes import Size

NARROWEST = 150.0
"""Smallest width of a panel in points, at a font of 7.5 points."""


def panels(num: int, size: Size, height: float, narrowest: float = NARROWEST) -> tuple[Figure, list[Axes]]:
    """A figure of the width of `size` with `num` axes, as many side by side as fit.

    `height` is that of a panel in inches, at a font of 7.5 points.
    """
    scale = size.font / 7.5
    num_columns = max(1, min(num, int(size.points / (narrowest * scale))))
    num_rows = math.ceil(num / num_columns)
    shape = (size.width, num_rows * height * scale)
    figure = Figure(figsize=shape, dpi=size.dpi, layout="constrained")
    grid = figure.subplots(num_rows, num_columns, squeeze=False)
    for axes in grid.flat[num:]:
        axes.set_axis_off()
    return figure, list(grid.flat[:num])
