"""The heatmap of one model: gains with their intervals, scores of the reference, means of rows and columns."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..numbers import num_decimals_of, signed_text
from ..results.estimates import Estimate, cell_estimates
from ..results.marks import DAGGER, DEGREE, DOUBLE_DAGGER, PILCROW, SECTION, STAR
from ..results.order import clustered
from ..results.results import Results
from .grid import MEAN, Grid, Square
from .key import Entry, Key
from .layout import draw_grid, grid_figure
from .sizes import TEXT, Size

Order = Literal["given", "clustered"]
"""Order of rows and columns: that of the space, or similar gains next to each other."""
ORDERS: tuple[Order, ...] = get_args(Order)
SIGNS = {
    "same rows": DAGGER,
    "same items": SECTION,
    "not zero-shot": DEGREE,
    "lacks languages": STAR,
    "lacks seeds": PILCROW,
}
"""Mark -> its sign in a cell."""
NO_INTERVAL = "±?"
"""Second line of a cell without an interval."""
WITHOUT_INTERVAL = f"{NO_INTERVAL} no interval: one seed, or equal gains"
BIMODAL = "bimodal (bim.): the seeds form two groups"


def heatmap(axes: Axes, results: Results, *, order: Order = "given", size: Size = TEXT) -> Axes:
    """Draw the transfer matrix: gains in points with the half width of their 95 % intervals. Returns the axes.

    The first row has the scores of the reference, the last row and the last column have means with their intervals.
    The labels and the key are drawn outside the axes; `size` decides their fonts.
    """
    grid = matrix_grid(results, order)
    return draw_grid(axes, grid, matrix_key(results, grid), size)


def heatmap_figure(results: Results, size: Size = TEXT, order: Order = "given") -> Figure:
    """The heatmap as a figure of a given width."""
    return heatmap_figures(results, order)(size)


def heatmap_figures(results: Results, order: Order = "given") -> Callable[[Size], Figure]:
    """The heatmap as a figure of each width, from cells that are made once."""
    grid = matrix_grid(results, order)
    return partial(grid_figure, grid, matrix_key(results, grid), source(results))


def source(results: Results) -> str:
    """The model, the split and the number of seeds, as the title of a figure."""
    asked, done = len(results.space.seeds), len(results.seeds_done)
    num = f"{done} of {asked}" if done < asked else str(asked)
    return f"{results.model} · {results.space.evaluate} · {num} seed{'s' if asked > 1 else ''}"


def matrix_grid(results: Results, order: Order = "given") -> Grid:
    """Scores of the reference, gains of the other recipes, and means of both; in points.

    The mean of a recipe is over the targets that every recipe has without a mark that summaries leave out
    (`Results.row_means`), the mean of a target over the recipes without such a mark (`Results.column_means`).
    """
    matrix = results.matrix
    recipes, targets = _ordered(matrix.gains.loc[matrix.recipes], order)
    estimates = cell_estimates(results.estimates)
    reference = (matrix.reference,) if matrix.reference else ()
    squares = {
        (recipe, target): _square(estimates.get((recipe, target)), is_reference=recipe == matrix.reference)
        for recipe in (*reference, *recipes)
        for target in targets
    }
    row_means, column_means = _row_squares(results, recipes), _column_squares(results)
    groups = [results.space.task(target).group for target in targets]
    return Grid(
        rows=(*reference, *recipes, *([MEAN] if column_means else [])),
        columns=(*targets, *([MEAN] if row_means else [])),
        squares=squares | row_means | column_means,
        groups=(*groups, *([""] if row_means else [])) if order == "given" else (),
        row_gaps=frozenset({MEAN, *(recipes[:1] if reference else [])}),
        column_gaps=frozenset({MEAN}),
        row_captions={**{name: f"{name} (score)" for name in reference}, MEAN: "mean"},
        column_captions={**{target: f"{target}{DOUBLE_DAGGER}" for target in matrix.single_split}, MEAN: "mean"},
        at_chance=frozenset(target for (_, target), estimate in estimates.items() if estimate.at_chance),
    )


def _ordered(gains: pd.DataFrame, order: Order) -> tuple[list[str], list[str]]:
    if order == "clustered":
        return clustered(gains), clustered(gains.T)
    return list(gains.index), list(gains.columns)


def _square(estimate: Estimate | None, *, is_reference: bool) -> Square:
    if estimate is None:
        return Square(text="–", is_missing=True)
    signs = "".join(sign for mark, sign in SIGNS.items() if mark in estimate.marks.split(", "))
    if is_reference:
        return _score_square(estimate.score, signs)
    if np.isnan(estimate.gain):
        text, short = f"{100 * estimate.score:.1f}{signs}", f"{100 * estimate.score:.0f}{signs}"
        return Square(text=text, short=short, small="score only", small_short="score", is_missing=True)
    return gain_square(estimate, signs, is_hatched=DAGGER in signs)


def _score_square(score: float, signs: str = "") -> Square:
    return Square(text=f"{100 * score:.1f}{signs}", short=f"{100 * score:.0f}{signs}")


def gain_square(estimate: Any, signs: str = "", *, is_hatched: bool = False) -> Square:
    """A gain with the half width of its interval.

    `estimate` has the attributes gain, low and high (fractions of 1), basis and note. As in `estimates`, an interval
    that does not include the variation between seeds settles nothing.
    """
    gain, half = 100 * estimate.gain, 50 * (estimate.high - estimate.low)
    shown = signs.replace(DAGGER, "") if is_hatched else signs
    num_decimals = num_decimals_of(gain, half)
    is_bimodal, is_settled = estimate.note == "bimodal", _excludes_0(estimate)
    return Square(
        text=signed_text(gain, num_decimals) + signs,
        short=signed_text(gain, 0),
        small="bimodal" if is_bimodal else NO_INTERVAL if np.isnan(half) else f"±{half:.{num_decimals}f}",
        # In a narrow cell the signs are in the second line, except for those that hatching shows.
        small_short=("bim." if is_bimodal else NO_INTERVAL if np.isnan(half) else _whole(half)) + shown,
        value=gain,
        is_settled=is_settled,
        is_bold=is_settled,
        is_hatched=is_hatched,
    )


def _excludes_0(estimate: Any) -> bool:
    return bool(estimate.basis.startswith("seeds") and (estimate.low > 0 or estimate.high < 0))


def _whole(half: float) -> str:
    """A half width without decimals; never 0, which would claim certainty."""
    return "±<1" if half < 0.5 else f"±{half:.0f}"


def _row_squares(results: Results, recipes: Sequence[str]) -> dict[tuple[str, str], Square]:
    """The means of the rows, and the mean score of the reference over the same targets."""
    means = results.row_means[results.row_means["unit"] == "score"]
    targets = list(results.row_means.attrs["targets"])
    if means.empty or len(targets) < 2:
        return {}
    squares = {(str(row.recipe), MEAN): gain_square(row) for row in means.itertuples() if row.recipe in recipes}
    if results.matrix.reference:
        scores = results.matrix.scores.loc[results.matrix.reference, targets]
        squares[results.matrix.reference, MEAN] = _score_square(float(np.mean(scores.to_numpy())))
    return squares


def _column_squares(results: Results) -> dict[tuple[str, str], Square]:
    rows = results.column_means[results.column_means["num_recipes"] > 1]
    return {(MEAN, str(row.target)): gain_square(row) for row in rows.itertuples()}


def matrix_key(results: Results, grid: Grid | None = None) -> Key:
    """The key of the heatmap: only signs that occur are explained. `grid`: its `matrix_grid`, if that exists."""
    matrix, grid = results.matrix, grid or matrix_grid(results)
    over = "baseline" if matrix.is_baseline else matrix.reference
    squares = grid.squares.values()
    text = "\n".join(f"{square.text}\n{square.small}" for square in squares)
    signs = "".join(square.text for square in squares)
    asked = len(results.space.seeds)
    entries = (
        ("±" in text, Entry(text=_interval_text(results), is_about_numbers=True)),
        (
            _has_means_over_seeds(results),
            Entry(text="± of some means: over seeds only, without items", is_about_numbers=True),
        ),
        (any(s.is_bold for s in squares), Entry(text="bold is not corrected for the number of cells")),
        (
            NO_INTERVAL in text,
            Entry(is_about_numbers=True, text=WITHOUT_INTERVAL),
        ),
        ("bimodal" in text, Entry(is_about_numbers=True, text=BIMODAL)),
        ((MEAN in grid.columns or MEAN in grid.rows), Entry(text=_mean_text(results, grid))),
        (bool(grid.at_chance), Entry(text=f"at chance: the score of the {over} is not above the trivial score")),
        (DAGGER in signs, Entry(text=f"{DAGGER} same rows: the recipe trains on rows of the target", swatch="hatched")),
        (SECTION in signs, Entry(text=f"{SECTION} same items: the recipe trains on them in another language")),
        (DEGREE in signs, Entry(text=f"{DEGREE} not zero-shot: the recipe has labelled data in one of the languages")),
        (STAR in signs, Entry(text=f"{STAR} lacks languages that other recipes have")),
        (PILCROW in signs, Entry(text=f"{PILCROW} fewer than the {asked} seeds that the space asks for")),
        (bool(matrix.single_split), Entry(text=f"{DOUBLE_DAGGER} dev and test are the same rows")),
        (any(s.is_missing for s in squares), Entry(text=f"no score, or none of the {over}", swatch="missing")),
    )
    return Key(
        label=f"gain over {over} (points)" if matrix.reference else "",
        entries=tuple(entry for applies, entry in entries if applies),
        scales=("bold: interval over seeds excludes 0", "pale: it does not"),
    )


def _interval_text(results: Results) -> str:
    bases = sorted({*results.estimates["basis"].unique()} - {""}, key=len)
    return f"± half width of the 95 % interval over {bases[-1] if bases else 'seeds'}"


def _has_means_over_seeds(results: Results) -> bool:
    """Whether the interval of a shown mean is about less than those of the cells."""
    rows = results.row_means[results.row_means["unit"] == "score"]
    bases = {*rows["basis"], *results.column_means["basis"]}
    return "seeds" in bases and "seeds and items" in {*results.estimates["basis"].unique()}


def _mean_text(results: Results, grid: Grid) -> str:
    targets = results.row_means.attrs["targets"]
    dropped = [target for target in results.matrix.scores.columns if target not in targets]
    rows = f"mean of a row: over {len(targets)} targets" if MEAN in grid.columns else ""
    without = f" (without {', '.join(dropped)})" if rows and dropped and len(dropped) <= 3 else ""
    columns = "mean of a column: over the recipes with comparable gains" if MEAN in grid.rows else ""
    return "; ".join(text for text in (rows + without, columns) if text)
