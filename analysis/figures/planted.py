"""Planted and measured gains side by side, in one grid."""

from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sweeper.space import Space

from ..numbers import signed_text
from ..results.planted import Outcome, Planted, PlantedCell, planted_title
from ..results.results import Results
from ..results.stats import LEVEL
from .grid import Grid, Square, side_by_side
from .heatmap import source
from .key import Entry, Key
from .layout import draw_grid, grid_figure
from .sizes import TEXT, Size

PLANTED, MEASURED = "planted (grade)", "measured (points)"
"""The titles of the two halves of the grid."""
MARKS: Mapping[Outcome, str] = {"found": "✓ found", "missed": "○ missed", "false gain": "✗ false gain"}
"""Outcome -> its mark in the measured half. The other outcomes have none."""


def planted_grid(planted: Planted, space: Space) -> Grid:
    """The planted gains on the left and the measured ones on the right.

    The colours of each half are relative to its own largest values. Cells without a comparable gain are missing in both
    halves.
    """
    rows = tuple(dict.fromkeys(recipe for recipe, _ in planted.cells))
    reached = {target for _, target in planted.cells}
    columns = tuple(target.task for target in space.targets if target.task in reached)
    grades, gains = _limits(planted)
    left = {cell: _planted_square(value, grades) for cell, value in planted.cells.items()}
    right = {cell: _measured_square(value, gains) for cell, value in planted.cells.items()}
    missing = {(row, column): Square(text="–", is_missing=True) for row in rows for column in columns}
    halves = {
        title: Grid(rows=rows, columns=columns, squares={**missing, **squares}, bounds=1.0)
        for title, squares in ((PLANTED, left), (MEASURED, right))
    }
    return side_by_side(halves)


def planted_map(axes: Axes, results: Results, *, size: Size = TEXT) -> Axes:
    """Draw planted and measured gains. Returns the axes; raises ValueError if the results have no planted gains."""
    return draw_grid(axes, planted_grid(planted_of(results), results.space), _key(results), size)


def planted_figure(results: Results, size: Size = TEXT) -> Figure:
    """The two halves and the numbers of outcomes, as a figure of a given width."""
    planted = planted_of(results)
    title = f"{source(results)} · {planted_title(planted)}"
    return grid_figure(planted_grid(planted, results.space), _key(results), title, size)


def planted_of(results: Results) -> Planted:
    """The planted gains of the results. Raises ValueError if they have none."""
    if results.planted is None:
        raise ValueError(f"The results of {results.model} have no planted gains to draw.")
    return results.planted


def _limits(planted: Planted) -> tuple[float, float]:
    """The largest grade, and the gain in points that only two cells exceed; at least 1 each."""
    grades = [abs(cell.planted) for cell in planted.cells.values()]
    gains = sorted(abs(100 * cell.gain) for cell in planted.cells.values())
    return max(1.0, *grades), max(1.0, gains[-3:][0])


def _planted_square(cell: PlantedCell, limit: float) -> Square:
    text = signed_text(cell.planted, 2) if cell.planted else "0"
    return Square(text=text, short=signed_text(cell.planted, 1) if cell.planted else "0", value=cell.planted / limit)


def _measured_square(cell: PlantedCell, limit: float) -> Square:
    mark, is_reported = MARKS.get(cell.outcome, ""), cell.q < LEVEL
    return Square(
        text=signed_text(100 * cell.gain, 1),
        short=signed_text(100 * cell.gain, 0),
        small=mark,
        small_short=mark[:1],
        value=100 * cell.gain / limit,
        is_settled=is_reported,
        is_bold=is_reported,
    )


def _key(results: Results) -> Key:
    marks = {cell.outcome for cell in planted_of(results).cells.values()}
    texts = {
        "found": "✓ found: a planted gain or loss with q < 0.05",
        "missed": "○ missed: a planted gain or loss with q of at least 0.05",
        "false gain": "✗ false gain: nothing planted, gain with q < 0.05",
    }
    over = results.matrix.reference_words.replace("`", "")
    entries = [Entry(text=f"measured: gain over {over}; bold: q < 0.05; a bold loss at 0 is no error")]
    return Key(label="", entries=(*entries, *(Entry(text=text) for name, text in texts.items() if name in marks)))
