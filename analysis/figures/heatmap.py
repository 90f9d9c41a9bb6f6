"""The transfer matrix as a picture: scores of the reference row above, gains of every other row below."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from matplotlib.patheffects import withStroke
from matplotlib.transforms import ScaledTranslation

from sweeper.space import Space

from ..results.correlate import comparable_targets
from ..results.marks import DAGGER, DOUBLE_DAGGER, STAR
from ..results.matrix import Matrix, entry

DIVERGING = "RdBu"
MISSING, NOTHING = "0.88", "0.98"
"""Greys of a cell that should be there, and of one that cannot."""
INK, FAINT = "0.10", "0.45"
HEADROOM = 44
"""Points above the cells for the names of columns and groups."""
Colour = tuple[float, float, float, float]
"""Red, green, blue, alpha: 0 to 1."""


@dataclass(frozen=True, kw_only=True)
class Square:
    """One cell as it is drawn."""

    text: str
    """"–" where there is nothing."""
    small: str = ""
    """Second line: the standard deviation over seeds."""
    value: float = np.nan
    """What is coloured, in points; nan leaves the cell white, or grey where it is missing."""
    is_flagged: bool = False
    is_missing: bool = False


@dataclass(frozen=True, kw_only=True)
class Grid:
    """A matrix ready to be drawn: every number decided, none of it placed."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    squares: Mapping[tuple[str, str], Square]
    """(row, column) -> what stands there."""
    groups: tuple[str, ...] = ()
    """Group of each column; a line is drawn where it changes."""
    strip: str = ""
    """Row of scores without colours, set apart above the others."""
    captions: Mapping[str, str] = field(default_factory=dict)
    """Row or column -> label, where it is not its name."""

    @property
    def limit(self) -> float:
        """End of the colour scale on both sides of 0, in points; 1 at least, lest noise look like effect."""
        values = [abs(square.value) for square in self.squares.values() if not np.isnan(square.value)]
        return max(1.0, float(np.quantile(values, 0.95))) if values else 1.0


def matrix_grid(matrix: Matrix, space: Space) -> Grid:
    """Scores of the reference and gains in points. A column with the mean gain only where every row has every gain."""
    recipes, targets = list(matrix.scores.index), list(matrix.scores.columns)
    squares = {(recipe, target): _square(matrix, recipe, target) for recipe in recipes for target in targets}
    groups: list[str] = [space.task(target).group for target in targets]
    columns = list(targets)
    if len(targets) > 1 and matrix.rows and comparable_targets(matrix.gains.loc[matrix.rows]) == tuple(targets):
        columns.append("mean")
        groups.append("")
        squares |= {(recipe, "mean"): _mean_square(matrix, recipe) for recipe in recipes}
    return Grid(
        rows=(*([matrix.reference] if matrix.reference else []), *matrix.rows),
        columns=tuple(columns),
        squares=squares,
        groups=tuple(groups),
        strip=matrix.reference,
        captions={
            **({matrix.reference: f"{matrix.reference}\n(score)"} if matrix.reference else {}),
            **{target: f"{target}{DOUBLE_DAGGER}" for target in matrix.single_split},
        },
    )


def language_grid(table: pd.DataFrame, matrix: Matrix, space: Space) -> Grid:
    """Languages x targets: mean gain in points over the rows that are neither flagged, nor missing, nor incomplete.

    Takes `matrix.languages`. A language that a target has no data in is blank; one that lacks gains is missing.
    """
    table = table[table["main"] & table["recipe"].isin(matrix.rows)]
    usable, targets = matrix.unflagged, list(matrix.scores.columns)
    names = sorted(set(table["language"]), key=lambda language: (language != "en", language))
    squares: dict[tuple[str, str], Square] = {}
    captions = {}
    for target in targets:
        recipes = list(usable.index[usable[target].notna()])
        captions[target] = f"{target}\n(n = {len(recipes)})"
        rows = table[table["target"] == target]
        means = rows[rows["recipe"].isin(recipes)].groupby("language")["gain"].mean() * 100
        for language in names:
            has_data = language in set(rows["language"])
            squares[language, target] = _language_square(float(means.get(language, np.nan)), has_data=has_data)
    groups = tuple(space.task(target).group for target in targets)
    return Grid(rows=tuple(names), columns=tuple(targets), squares=squares, groups=groups, captions=captions)


def draw_grid(axes: Axes, grid: Grid, label: str) -> Axes:
    """Draw a grid on the axes, with its colour bar (named `label`), and return them."""
    scale = mpl.colors.TwoSlopeNorm(0.0, -grid.limit, grid.limit)
    colours = mpl.colormaps[DIVERGING]
    heights = {row: place + (0.25 if grid.strip and place else 0.0) for place, row in enumerate(grid.rows)}
    for (row, column), square in grid.squares.items():
        _draw_square(axes, (grid.columns.index(column), heights[row]), square, colours(scale(square.value)))
    _draw_frame(axes, grid, heights)
    if any(not np.isnan(square.value) for square in grid.squares.values()):
        place = axes.inset_axes((1.02, 0.0, 0.02, 1.0))
        bar = axes.figure.colorbar(mpl.cm.ScalarMappable(scale, colours), cax=place, extend="both", extendfrac=0.02)
        bar.set_label(label, color=INK, fontsize=8)
        bar.ax.tick_params(labelsize=8, colors=INK)
        bar.outline.set_visible(False)
    return axes


def draw_key(axes: Axes, grid: Grid, notes: Mapping[str, str]) -> Axes:
    """The legend of a grid. `notes`: the text of `flagged`, `missing`, `lacking` and `single`, shown if it occurs."""
    shown = list(grid.squares.values())
    blank = Patch(facecolor="none", edgecolor="none")
    keys = {
        "flagged": (any(s.is_flagged for s in shown), Patch(facecolor="white", edgecolor=FAINT, hatch="////", lw=0.5)),
        "missing": (any(s.is_missing for s in shown), Patch(facecolor=MISSING, edgecolor=FAINT, lw=0.5)),
        "lacking": (any(STAR in s.text for s in shown), blank),
        "single": (any(DOUBLE_DAGGER in text for text in grid.captions.values()), blank),
    }
    handles = [patch for name, (occurs, patch) in keys.items() if occurs and name in notes]
    texts = [notes[name] for name, (occurs, _) in keys.items() if occurs and name in notes]
    if handles:
        axes.legend(
            handles, texts, loc="upper left", bbox_to_anchor=(0.0, -0.03), frameon=False, fontsize=7.5, labelcolor=INK
        )
    return axes


def heatmap(matrix: Matrix, space: Space) -> Figure:
    """The picture of one model's matrix."""
    grid = matrix_grid(matrix, space)
    figure = Figure(figsize=(2.6 + 0.86 * len(grid.columns), 2.0 + 0.52 * len(grid.rows)), layout="constrained")
    over = "the same-seed baseline" if matrix.is_baseline else f"{matrix.reference} of the same seed"
    axes = draw_grid(figure.subplots(), grid, f"gain over {over} (points)")
    what = f"Gain over {matrix.reference} by intermediate training" if matrix.reference else "Scores (no baseline)"
    _title(axes, f"{what} · {_run(matrix, space)}")
    _footnote(axes, "mean over languages and seeds; ± standard deviation over seeds")
    return _keyed(figure, axes, grid, matrix)


def language_map(table: pd.DataFrame, matrix: Matrix, space: Space) -> Figure:
    """The picture of gains by language."""
    grid = language_grid(table, matrix, space)
    figure = Figure(figsize=(2.4 + 0.80 * len(grid.columns), 1.9 + 0.25 * len(grid.rows)), layout="constrained")
    axes = draw_grid(figure.subplots(), grid, "mean gain (points)")
    over = "" if matrix.is_baseline else f" over {matrix.reference}"
    _title(axes, f"Mean gain{over} by language · {_run(matrix, space)}")
    _footnote(axes, "n: rows behind the mean, neither flagged nor incomplete")
    return _keyed(figure, axes, grid, matrix)


def _run(matrix: Matrix, space: Space) -> str:
    return f"{matrix.model}, {space.evaluate}, seeds {', '.join(map(str, space.seeds))}"


def _title(axes: Axes, text: str) -> None:
    axes.set_title(text, loc="left", fontsize=10.5, color=INK, pad=HEADROOM)


def _footnote(axes: Axes, text: str) -> None:
    # A margin in points keeps its distance from the cells at any number of rows.
    below = ScaledTranslation(0, -4 / 72, axes.figure.dpi_scale_trans)
    axes.text(1, 0, text, transform=axes.transAxes + below, ha="right", va="top", fontsize=7, color=FAINT)


def _keyed(figure: Figure, axes: Axes, grid: Grid, matrix: Matrix) -> Figure:
    rival = "baseline" if matrix.is_baseline else matrix.reference
    notes = {
        "flagged": f"{DAGGER} the intermediate task repeats the target's own data (mean: holds such cells)",
        "missing": f"no score yet, or no {rival} score to compare with",
        "lacking": f"{STAR} lacks languages that other rows have",
        "single": f"{DOUBLE_DAGGER} dev and test are one split",
    }
    draw_key(axes, grid, notes)
    return figure


def _square(matrix: Matrix, recipe: str, target: str) -> Square:
    is_strip = recipe == matrix.reference
    score = entry(matrix.scores, (recipe, target))
    value = score if is_strip else entry(matrix.gains, (recipe, target))
    sd = entry(matrix.score_sd if is_strip else matrix.gain_sd, (recipe, target))
    is_flagged = (recipe, target) in matrix.flags
    marks = (DAGGER if is_flagged else "") + (STAR if (recipe, target) in matrix.lacking else "")
    if np.isnan(score):
        return Square(text="–", is_missing=True, is_flagged=is_flagged)
    if np.isnan(value):
        return Square(text=f"{100 * score:.1f}{marks}", small="score only", is_missing=True, is_flagged=is_flagged)
    return Square(
        text=f"{100 * value:.1f}{marks}" if is_strip else f"{100 * value:+z.1f}{marks}",
        small="" if np.isnan(sd) else f"±{100 * sd:.1f}",
        value=np.nan if is_strip else 100 * value,
        is_flagged=is_flagged,
    )


def _mean_square(matrix: Matrix, recipe: str) -> Square:
    marks = DAGGER if any(row == recipe for row, _ in matrix.flags) else ""
    marks += STAR if any(row == recipe for row, _ in matrix.lacking) else ""
    if recipe == matrix.reference:
        return Square(text=f"{100 * matrix.scores.loc[recipe].mean():.1f}{marks}")
    mean = 100 * float(np.mean([entry(matrix.gains, (recipe, target)) for target in matrix.gains.columns]))
    return Square(text=f"{mean:+z.1f}{marks}", value=mean)


def _language_square(gain: float, *, has_data: bool) -> Square:
    if np.isnan(gain):
        return Square(text="–", is_missing=True) if has_data else Square(text="")
    return Square(text=f"{gain:+z.1f}", value=gain)


def _draw_square(axes: Axes, place: tuple[float, float], square: Square, colour: Colour) -> None:
    x, y = place
    face = _face(square, colour)
    ink = ink_on(face)
    axes.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=face, edgecolor="white", lw=1.0))
    if square.is_flagged:
        axes.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, fill=False, hatch="////", edgecolor=ink, lw=0, alpha=0.35))
    # A halo in the cell's own colour keeps the digits readable on a hatched cell.
    halo = [withStroke(linewidth=2.5, foreground=face)]
    # With a second line the pair is centred on the cell.
    shift = 0.12 if square.small else 0.0
    axes.text(x, y - shift, square.text, ha="center", va="center", fontsize=8.5, color=ink, path_effects=halo)
    if square.small:
        axes.text(x, y + 0.25, square.small, ha="center", va="center", fontsize=6.2, color=ink, path_effects=halo)


def _face(square: Square, colour: Colour) -> Colour:
    if square.is_missing:
        return mpl.colors.to_rgba(MISSING)
    if np.isnan(square.value):
        return mpl.colors.to_rgba("white" if square.text else NOTHING)
    return colour


def ink_on(face: Colour) -> str:
    """Black or white, whichever has the higher contrast on that colour (relative luminance as in WCAG 2.1)."""
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in face[:3])
    return "white" if 0.2126 * red + 0.7152 * green + 0.0722 * blue < 0.18 else INK


def _draw_frame(axes: Axes, grid: Grid, heights: Mapping[str, float]) -> None:
    bottom, width = max(heights.values(), default=0) + 0.5, len(grid.columns)
    axes.set_xlim(-0.5, width - 0.5)
    axes.set_ylim(bottom, -0.5)
    axes.set_xticks(range(width), [grid.captions.get(name, name) for name in grid.columns], fontsize=8.5, color=INK)
    axes.set_yticks(
        list(heights.values()), [grid.captions.get(name, name) for name in heights], fontsize=8.5, color=INK
    )
    axes.tick_params(length=0, top=False, labeltop=True, bottom=False, labelbottom=False)
    for side in axes.spines.values():
        side.set_visible(False)
    _draw_groups(axes, grid)


def _draw_groups(axes: Axes, grid: Grid) -> None:
    """A line where the group changes, and its name once above its columns."""
    if not grid.groups:
        return
    edges = [0, *(n + 1 for n, (a, b) in enumerate(pairwise(grid.groups)) if a != b), len(grid.groups)]
    lift = 26 if any("\n" in grid.captions.get(name, "") for name in grid.columns) else 16
    for start, end in pairwise(edges):
        if start:
            axes.axvline(start - 0.5, color=INK, lw=1.2)
        axes.annotate(
            _group_label(grid.groups[start]),
            ((start + end) / 2 - 0.5, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(0, lift),
            textcoords="offset points",
            ha="center",
            fontsize=8,
            color=FAINT,
            style="italic",
        )


def _group_label(group: str) -> str:
    # "qa" is the only group that is an abbreviation.
    return group.upper() if group == "qa" else group
