"""Places of names beside the points of a panel, so that no name covers another one."""

import numpy as np
from matplotlib.axes import Axes
from scipy.optimize import isotonic_regression

from ..results.stats import Floats
from .sizes import POINTS


def extent(axes: Axes) -> tuple[float, float]:
    """Width and height of the inside of the axes in points."""
    box, points = axes.get_window_extent(), POINTS / axes.figure.get_dpi()
    return box.width * points, box.height * points


def spread(values: Floats, limits: tuple[float, float], line: float) -> Floats:
    """Places of lines of text near the values: in their order, without overlap, and inside the limits if they fit.

    `line` is the height of a line as a share of the distance between the limits. Without limits, these are the nearest
    places in the sense of least squares (isotonic regression).
    """
    step = line * (limits[1] - limits[0])
    order = np.argsort(values, kind="stable")
    ranks = step * np.arange(len(values))
    starts = isotonic_regression(values[order] - ranks).x
    starts = np.clip(starts, limits[0] + step / 2, limits[1] - step / 2 - ranks[-1])
    places = np.empty(len(values))
    places[order] = starts + ranks
    return places
