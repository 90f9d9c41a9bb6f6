"""Many small dots as one artist, which is drawn much faster than a marker for each of them."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.collections import CircleCollection
from matplotlib.path import Path
from matplotlib.transforms import IdentityTransform

from ..results.stats import Floats


class Dots(CircleCollection):
    """Opaque dots of one size without edges. Later dots cover earlier ones."""

    def __init__(self, axes: Axes, places: npt.ArrayLike, colours: Sequence[str], diameter: float) -> None:
        """`places` are in data coordinates (dots, 2), and the diameter is in points."""
        self.diameter, self.colours = diameter, tuple(colours)
        style: dict[str, Any] = {"offsets": places, "offset_transform": axes.transData}
        super().__init__([np.pi * (diameter / 2) ** 2], facecolors=list(colours), linewidths=0, **style)

    def draw(self, renderer: Any) -> None:
        """Draw the dots: in a vector file as the round ends of lines without length, a path for a run of a colour."""
        if isinstance(renderer, RendererAgg):
            super().draw(renderer)
            return
        places = self.get_offset_transform().transform(np.asarray(self.get_offsets()))
        start = 0
        for colour, run in groupby(self.colours):
            end = start + len(list(run))
            self._draw_run(renderer, places[start:end], colour)
            start = end
        self.stale = False

    def _draw_run(self, renderer: Any, places: Floats, colour: str) -> None:
        """`places` are in pixels."""
        path = Path(np.repeat(places, 2, axis=0), np.tile([Path.MOVETO, Path.LINETO], len(places)))
        path.should_simplify = False  # lines without length would be removed
        gc = renderer.new_gc()
        self._set_gc_clip(gc)  # type: ignore[attr-defined]
        gc.set_foreground(colour)
        gc.set_linewidth(renderer.points_to_pixels(self.diameter))
        gc.set_capstyle("round")
        renderer.draw_path(gc, path, IdentityTransform(), None)
        gc.restore()
