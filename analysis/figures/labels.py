"""Many short texts as one artist, which is made and drawn much faster than a `Text` for each of them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.colors import to_rgba
from matplotlib.font_manager import FontProperties
from matplotlib.path import Path
from matplotlib.text import Text
from matplotlib.transforms import IdentityTransform

from .sizes import unit_outline, unit_width
from .texts import LITERAL

Floats = npt.NDArray[np.float64]
Align = Literal["left", "center", "right"]
SHARES: Mapping[Align, float] = {"left": 0.0, "center": 0.5, "right": 1.0}
"""Part of a text -> share of its width before that part."""
VERTICAL: Mapping[Align, str] = {"left": "bottom", "center": "center", "right": "top"}
"""Part of a vertical text -> its name in matplotlib."""
ASCENT = 0.76
"""Height of a line above its baseline in DejaVu Sans, in units of the font size."""


@dataclass(frozen=True, kw_only=True)
class Label:
    """One line of text at a place of the axes, in data coordinates. Its middle line goes through the place."""

    x: float
    y: float
    text: str
    align: Align = "center"
    """Which part of the text is at the place."""
    is_vertical: bool = False
    """Whether the text is written from below."""
    font: float
    """Font size in points."""
    colour: str
    weight: str = "normal"


class Labels(Artist):
    """Texts in the axes to which it is added. `get_children` returns them as `Text` objects, which are copies."""

    zorder = Text.zorder

    def __init__(self, labels: Sequence[Label]) -> None:
        super().__init__()
        self.labels = labels

    def get_children(self) -> list[Artist]:
        """The labels as texts, for searches such as `findobj`."""
        texts = [self._text(label, label.x, label.y) for label in self.labels]
        for text in texts:
            text.set_transform(self._parent.transData)
        return list(texts)

    def draw(self, renderer: Any) -> None:
        """Draw all labels: as outlines in a raster image, where each of them would take long, else as texts."""
        if not self.get_visible():
            return
        places = self._parent.transData.transform([(label.x, label.y) for label in self.labels]).reshape(-1, 2)
        points = renderer.points_to_pixels(1.0)
        sizes = np.array([label.font * points for label in self.labels])
        along = [SHARES[label.align] * unit_width(label.text, label.weight) for label in self.labels]
        shifts = np.column_stack([np.array(along) * sizes, ASCENT * sizes / 2])
        are_vertical = np.array([label.is_vertical for label in self.labels], dtype=bool)
        starts = places - np.where(are_vertical[:, None], _turned(shifts), shifts)
        if isinstance(renderer, RendererAgg):
            self._draw_outlines(renderer, starts, sizes)
        else:
            self._draw_texts(renderer, starts)
        self.stale = False

    def _draw_outlines(self, renderer: Any, starts: Floats, sizes: Floats) -> None:
        """Draw the labels of each colour as one path, from the starts of their baselines in pixels."""
        for colour, numbers in self._by_colour().items():
            outlines = [unit_outline(self.labels[number].text, self.labels[number].weight) for number in numbers]
            turned = [
                _turned(corners) if self.labels[n].is_vertical else corners
                for (corners, _), n in zip(outlines, numbers, strict=True)
            ]
            moved = [corners * sizes[n] + starts[n] for corners, n in zip(turned, numbers, strict=True)]
            path = Path(np.concatenate(moved), np.concatenate([codes for _, codes in outlines]))
            gc = renderer.new_gc()
            gc.set_linewidth(0)
            gc.set_snap(False)
            renderer.draw_path(gc, path, IdentityTransform(), to_rgba(colour))
            gc.restore()

    def _draw_texts(self, renderer: Any, starts: Floats) -> None:
        fonts = {(label.font, label.weight) for label in self.labels}
        properties = {font: FontProperties(size=font[0], weight=font[1]) for font in fonts}
        if renderer.flipy():
            starts = np.array([0, renderer.get_canvas_width_height()[1]]) + np.array([1, -1]) * starts
        for colour, numbers in self._by_colour().items():
            gc = renderer.new_gc()
            gc.set_foreground(colour)
            for label, (x, y) in zip([self.labels[n] for n in numbers], starts[numbers].tolist(), strict=True):
                renderer.draw_text(gc, x, y, label.text, properties[label.font, label.weight], 90 * label.is_vertical)
            gc.restore()

    def _by_colour(self) -> dict[str, list[int]]:
        """Colour -> the numbers of its labels, without empty ones."""
        groups: dict[str, list[int]] = defaultdict(list)
        for number, label in enumerate(self.labels):
            if label.text.strip():
                groups[label.colour].append(number)
        return groups

    def _text(self, label: Label, x: float, y: float) -> Text:
        style: dict[str, Any] = {"ha": label.align, "va": "center_baseline", **LITERAL}
        if label.is_vertical:
            style |= {"rotation": 90, "ha": "center", "va": VERTICAL[label.align]}
        text = Text(x, y, label.text, fontsize=label.font, weight=label.weight, color=label.colour, **style)
        text.set_figure(self._parent.figure)
        return text

    @property
    def _parent(self) -> Any:
        if self.axes is None:
            raise ValueError("Labels are drawn on axes: add them with axes.add_artist.")
        return self.axes


def _turned(vectors: Floats) -> Floats:
    """Vectors of shape (vectors, 2) turned to the left by a right angle."""
    return np.column_stack([-vectors[:, 1], vectors[:, 0]])
