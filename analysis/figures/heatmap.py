"""Heatmaps of one model: its transfer matrix, and its gains by language."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import ScaledTranslation

from sweeper.space import Space

from ..results.correlate import MEAN, comparable_targets
from ..results.marks import DAGGER, DEGREE, DOUBLE_DAGGER, SECTION, STAR
from ..results.matrix import Matrix, entry
from ..results.results import Results
from .colours import FAINT, INK
from .grid import Grid, Square, draw_grid, draw_key

HEADROOM = 44
"""Points between the cells and the title, for the names of columns and groups."""


def heatmap(results: Results) -> Figure:
    """The transfer matrix: scores of the reference recipe in the first row, gains of the other recipes below."""
    matrix = results.matrix
    grid = matrix_grid(matrix, results.space)
    figure = Figure(figsize=(2.6 + 0.86 * len(grid.columns), 2.0 + 0.52 * len(grid.rows)), layout="constrained")
    base = "the same-seed baseline" if matrix.is_baseline else f"{matrix.reference}, same seed"
    axes = draw_grid(figure.subplots(), grid, f"gain over {base} (points)")
    title = f"Gain over {matrix.reference} by intermediate training" if matrix.reference else "Scores (no baseline)"
    _draw_title(axes, f"{title} · {_source(results)}")
    _draw_footnote(axes, "mean over languages and seeds; ± standard deviation over seeds")
    draw_key(axes, grid, _key_texts(matrix))
    return figure


def language_map(results: Results) -> Figure:
    """The mean gain over recipes for each language and target."""
    matrix = results.matrix
    grid = language_grid(results.languages, matrix, results.space)
    figure = Figure(figsize=(2.4 + 0.80 * len(grid.columns), 1.9 + 0.25 * len(grid.rows)), layout="constrained")
    axes = draw_grid(figure.subplots(), grid, "mean gain (points)")
    base = "" if matrix.is_baseline else f" over {matrix.reference}"
    _draw_title(axes, f"Mean gain{base} by language · {_source(results)}")
    _draw_footnote(
        axes, f"n: recipes in the mean. Cells marked {DAGGER} or {STAR} are left out, {DEGREE} only in its languages"
    )
    draw_key(axes, grid, _key_texts(matrix))
    return figure


def matrix_grid(matrix: Matrix, space: Space) -> Grid:
    """Scores of the reference and gains of the other recipes, in points.

    A column with the mean gain is added if every recipe has a gain on every target. The mean is over the targets on
    which no recipe trains on the same rows or lacks languages, if there are two or more. A reference that lacks
    languages gets its mark also in the mean.
    """
    recipes, targets = list(matrix.scores.index), list(matrix.scores.columns)
    squares = {(recipe, target): _square(matrix, recipe, target) for recipe in recipes for target in targets}
    groups: list[str] = [space.task(target).group for target in targets]
    columns = list(targets)
    is_whole = bool(matrix.recipes) and comparable_targets(matrix.gains.loc[matrix.recipes]) == tuple(targets)
    over = comparable_targets(matrix.summarised)
    if is_whole and len(over) > 1:
        columns.append(MEAN)
        groups.append("")
        squares |= {(recipe, MEAN): _mean_square(matrix, recipe, over) for recipe in recipes}
    return Grid(
        rows=(*([matrix.reference] if matrix.reference else []), *matrix.recipes),
        columns=tuple(columns),
        squares=squares,
        groups=tuple(groups),
        strip=matrix.reference,
        captions={
            **({matrix.reference: f"{matrix.reference}\n(score)"} if matrix.reference else {}),
            **{target: f"{target}{DOUBLE_DAGGER}" for target in matrix.single_split},
            **({MEAN: f"mean of {len(over)}"} if len(over) < len(targets) else {}),
        },
    )


def language_grid(languages: pd.DataFrame, matrix: Matrix, space: Space) -> Grid:
    """Languages x targets: mean gain in points over the recipes.

    Cells with the same rows and cells that lack languages are left out. The mean of a language also leaves out the
    recipes that are not zero-shot in it.

    `languages` is a `language_table`. The cell of a language without evaluation data is empty. The cell of a language
    with scores and without gains is missing.
    """
    table = languages[languages["main"] & languages["recipe"].isin(matrix.recipes)]
    usable, targets = matrix.summarised, list(matrix.scores.columns)
    # English first, because targets are trained in it.
    names = sorted(set(table["language"]), key=lambda language: (language != "en", language))
    squares: dict[tuple[str, str], Square] = {}
    captions = {}
    for target in targets:
        recipes = list(usable.index[usable[target].notna()])
        captions[target] = f"{target}\n(n = {len(recipes)})"
        rows = table[table["target"] == target]
        is_included = [
            recipe in recipes and matrix.is_zero_shot((recipe, target), language)
            for recipe, language in zip(rows["recipe"], rows["language"], strict=True)
        ]
        means = rows[np.array(is_included, dtype=bool)].groupby("language")["gain"].mean() * 100
        for language in names:
            has_data = language in set(rows["language"])
            squares[language, target] = _language_square(float(means.get(language, np.nan)), has_data=has_data)
    groups = tuple(space.task(target).group for target in targets)
    return Grid(rows=tuple(names), columns=tuple(targets), squares=squares, groups=groups, captions=captions)


def _square(matrix: Matrix, recipe: str, target: str) -> Square:
    is_reference = recipe == matrix.reference
    score = entry(matrix.scores, (recipe, target))
    value = score if is_reference else entry(matrix.gains, (recipe, target))
    sd = entry(matrix.score_sd if is_reference else matrix.gain_sd, (recipe, target))
    is_hatched = (recipe, target) in matrix.marks.same_rows
    marks = matrix.marks.signs(recipe, target) + (STAR if (recipe, target) in matrix.lacking else "")
    if np.isnan(score):
        return Square(text="–", is_missing=True, is_hatched=is_hatched)
    if np.isnan(value):
        return Square(text=f"{100 * score:.1f}{marks}", small="score only", is_missing=True, is_hatched=is_hatched)
    return Square(
        text=f"{100 * value:.1f}{marks}" if is_reference else f"{100 * value:+z.1f}{marks}",
        small="" if np.isnan(sd) else f"±{100 * sd:.1f}",
        value=np.nan if is_reference else 100 * value,
        is_hatched=is_hatched,
    )


def _mean_square(matrix: Matrix, recipe: str, over: Sequence[str]) -> Square:
    marks = matrix.marks.of_row(recipe, over)
    marks += STAR if any((recipe, target) in matrix.lacking for target in over) else ""
    if recipe == matrix.reference:
        return Square(text=f"{100 * matrix.scores.loc[recipe, list(over)].mean():.1f}{marks}")
    mean = 100 * float(np.mean([entry(matrix.gains, (recipe, target)) for target in over]))
    return Square(text=f"{mean:+z.1f}{marks}", value=mean)


def _language_square(gain: float, *, has_data: bool) -> Square:
    if np.isnan(gain):
        return Square(text="–", is_missing=True) if has_data else Square(text="")
    return Square(text=f"{gain:+z.1f}", value=gain)


def _source(results: Results) -> str:
    return f"{results.model}, {results.space.evaluate}, seeds {', '.join(map(str, results.space.seeds))}"


def _draw_title(axes: Axes, text: str) -> None:
    axes.set_title(text, loc="left", fontsize=10.5, color=INK, pad=HEADROOM)


def _draw_footnote(axes: Axes, text: str) -> None:
    # An offset in points is the same distance from the cells for any number of rows.
    below = ScaledTranslation(0, -4 / 72, axes.figure.dpi_scale_trans)
    axes.text(1, 0, text, transform=axes.transAxes + below, ha="right", va="top", fontsize=7, color=FAINT)


def _key_texts(matrix: Matrix) -> dict[str, str]:
    reference = "baseline" if matrix.is_baseline else matrix.reference
    return {
        "same rows": f"{DAGGER} same rows: recipe and target train on them",
        "same items": f"{SECTION} same items: the recipe trains on them in another language",
        "not zero-shot": f"{DEGREE} not zero-shot: the recipe has labelled data in one of the languages",
        "missing": f"no score yet, or no score of {reference} with the same seed",
        "lacking": f"{STAR} lacks languages that other recipes have",
        "single": f"{DOUBLE_DAGGER} dev and test are the same rows",
    }
