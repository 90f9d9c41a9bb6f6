"""Many short texts as one artist, which is made and drawn much faster than a `Text` for each of them."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.artist import Artist
from matplotlib.backend_bases import RendererBase
from matplotlib.text import Text
from matplotlib.transforms import IdentityTransform


@dataclass(frozen=True, kw_only=True)
class Label:
    """One line of text whose middle is at a place of the axes, in data coordinates."""

    x: float
    y: float
    text: str
    font: float
    """Font size in points."""
    colour: str
    weight: str = "normal"

    @property
    def style(self) -> tuple[str, float, str, str]:
        """Everything but the place."""
        return self.text, self.font, self.colour, self.weight


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

    def draw(self, renderer: RendererBase) -> None:
        """Draw all labels. Labels that differ in their place only are measured once."""
        if not self.get_visible():
            return
        groups: dict[tuple[str, float, str, str], list[Label]] = defaultdict(list)
        for label in self.labels:
            groups[label.style].append(label)
        height = renderer.get_canvas_width_height()[1] if renderer.flipy() else None
        for labels in groups.values():
            self._draw_equal(renderer, labels, height)
        self.stale = False

    def _draw_equal(self, renderer: RendererBase, labels: Sequence[Label], height: float | None) -> None:
        """Draw labels that differ in their place only. `height` is that of the canvas if its y axis points down."""
        sample = self._text(labels[0], 0.0, 0.0)
        sample.set_transform(IdentityTransform())
        box = sample.get_window_extent(renderer)
        gc = renderer.new_gc()
        gc.set_foreground(labels[0].colour)
        for x, y in self._parent.transData.transform([(label.x, label.y) for label in labels]):
            # The place is half of the ascent above the baseline, and the upper edge of the box another half.
            baseline = y - box.y1
            below = baseline if height is None else height - baseline
            renderer.draw_text(gc, x + box.x0, below, sample.get_text(), sample.get_fontproperties(), 0)
        gc.restore()

    def _text(self, label: Label, x: float, y: float) -> Text:
        style: dict[str, Any] = {"ha": "center", "va": "center_baseline", "parse_math": False}
        text = Text(x, y, label.text, fontsize=label.font, weight=label.weight, color=label.colour, **style)
        text.set_figure(self._parent.figure)
        return text

    @property
    def _parent(self) -> Any:
        if self.axes is None:
            raise ValueError("Labels are drawn on axes: add them with axes.add_artist.")
        return self.axes
