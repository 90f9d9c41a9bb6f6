"""Planted and measured gains side by side: two panels with the same rows and columns."""

from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sweeper.space import Space

from ..results.matrix import Cell
from ..results.planted import Outcome, Planted, PlantedCell
from ..results.results import Results
from .colours import FAINT, INK
from .grid import Grid, Square, draw_grid
from .heatmap import HEADROOM

MARKS: Mapping[Outcome, str] = {"found": "✓ found", "missed": "○ missed", "false gain": "✗ false gain"}
"""Outcome -> its mark in the measured panel. The other outcomes have none."""
WIDEST = 6
"""Most columns of panels that are drawn side by side. Wider panels are drawn one below the other."""


def planted_grids(planted: Planted, space: Space) -> tuple[Grid, Grid]:
    """The planted and the measured panel. Cells without a comparable gain are marked as missing in both."""
    rows = tuple(dict.fromkeys(recipe for recipe, _ in planted.cells))
    reached = {target for _, target in planted.cells}
    columns = tuple(target.task for target in space.targets if target.task in reached)
    absent = {(row, column): Square(text="–", is_missing=True) for row in rows for column in columns}
    groups = tuple(space.task(column).group for column in columns)

    def grid(squares: Mapping[Cell, Square]) -> Grid:
        return Grid(rows=rows, columns=columns, squares={**absent, **squares}, groups=groups)

    return (
        grid({cell: _planted_square(value) for cell, value in planted.cells.items()}),
        grid({cell: _measured_square(value) for cell, value in planted.cells.items()}),
    )


def planted_map(results: Results, title: str) -> Figure:
    """The two panels under a title. Raises ValueError if the results have no planted gains."""
    if results.planted is None:
        raise ValueError(f"The results of {results.model} have no planted gains to draw.")
    grids = planted_grids(results.planted, results.space)
    num_rows, num_columns = len(grids[0].rows), len(grids[0].columns)
    is_wide = num_columns > WIDEST
    size = (1.8 + 0.78 * num_columns, 1.35 + 0.52 * num_rows)
    figure = Figure(figsize=(size[0], 2 * size[1]) if is_wide else (2 * size[0], size[1]), layout="constrained")
    panels = figure.subplots(2, 1) if is_wide else figure.subplots(1, 2)
    figure.suptitle(title, x=0.01, ha="left", fontsize=10.5, color=INK)
    _draw_panel(panels[0], grids[0], "Planted", "grade")
    _draw_panel(panels[1], grids[1], f"Measured gain over {results.matrix.reference_words.replace('`', '')}", "points")
    return figure


def _draw_panel(axes: Axes, grid: Grid, title: str, unit: str) -> None:
    draw_grid(axes, grid, unit)
    axes.set_title(title, loc="left", fontsize=9.5, color=FAINT, pad=HEADROOM - 6)


def _planted_square(cell: PlantedCell) -> Square:
    return Square(text=f"{cell.planted:+.2f}" if cell.planted else "0", value=cell.planted)


def _measured_square(cell: PlantedCell) -> Square:
    return Square(text=f"{100 * cell.gain:+z.1f}", small=MARKS.get(cell.outcome, ""), value=100 * cell.gain)
