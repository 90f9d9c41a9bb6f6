"""Tables of the report: frames in, Markdown or plain rows out."""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from ..results.load import CLEAN, Study
from ..results.marks import DAGGER, DOUBLE_DAGGER, STAR
from ..results.matrix import Matrix, cells_of, entry

Cells = Sequence[object]
BEATS = "beats it"
UNKNOWN = "unknown"


def markdown(header: Sequence[str], rows: Iterable[Cells]) -> str:
    """A Markdown table; text columns to the left, bars in the text escaped."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(_escaped(cell) for cell in line) + " |" for line in lines)


def matrix_table(matrix: Matrix, values: pd.DataFrame, sd: pd.DataFrame, *, signed: bool) -> str:
    """Scores or gains in points with their standard deviation over seeds; flags, gaps and missing cells marked."""
    form = "{:+z.1f}" if signed else "{:.1f}"

    def cell(recipe: str, target: str) -> str:
        value, spread = 100 * entry(values, (recipe, target)), 100 * entry(sd, (recipe, target))
        if np.isnan(value):
            return "–"
        text = form.format(value) + ("" if np.isnan(spread) else f" ± {spread:.1f}")
        flag = DAGGER if (recipe, target) in matrix.flags else ""
        return text + flag + (f"\\{STAR}" if (recipe, target) in matrix.lacking else "")

    recipes = matrix.rows if signed else list(matrix.scores.index)
    rows = [[recipe, *(cell(recipe, target) for target in values.columns)] for recipe in recipes]
    names = [f"{name}{DOUBLE_DAGGER if name in matrix.single_split else ''}" for name in values.columns]
    return markdown(["recipe", *names], rows)


def trivial_rows(study: Study, matrix: Matrix) -> list[list[object]]:
    """A row a target: English score of the reference, of the best other row, trivial score, and what that amounts to.

    Targets without English evaluation data (retrieval) take the mean over their languages.
    """
    table = study.table
    table = table[table["main"] & (table["condition"] == CLEAN) & (table["model"] == matrix.model)]
    found = []
    for target, scores in table.groupby("target", sort=False):
        where = "en" if (scores["language"] == "en").any() else "mean of languages"
        rows = scores[scores["language"] == "en"] if where == "en" else scores
        means = rows.groupby("recipe")["value"].mean()
        trivial, count = rows["trivial"].mean(), int(rows["count"].min())
        base = means.get(matrix.reference, np.nan)
        others = means.drop(matrix.reference, errors="ignore")
        best = f"{points(others.max())} ({others.idxmax()})" if len(others) else "–"
        metric = rows["metric"].iloc[0]
        found.append([target, metric, where, count, points(trivial), points(base), best, verdict(base, trivial, count)])
    order = {target.task: place for place, target in enumerate(study.space.targets)}
    return sorted(found, key=lambda row: order[str(row[0])])


def own_rows(study: Study, model: str) -> list[list[object]]:
    """A row for each preparation and task: its dev score beside the trivial one, and what that amounts to."""
    own = study.own[study.own["main"] & (study.own["model"] == model)]
    found = []
    for cell, rows in cells_of(own):
        value, trivial, count = rows["value"].mean(), rows["trivial"].mean(), int(rows["count"].min())
        seeds = rows["seed"].nunique()
        metric = rows["metric"].iloc[0]
        found.append([*cell, metric, seeds, count, points(trivial), points(value), verdict(value, trivial, count)])
    order = {recipe.name: place for place, recipe in enumerate(study.space.recipes)}
    return sorted(found, key=lambda row: order[str(row[0])])


def verdict(value: float, trivial: float, count: int) -> str:
    """Whether a score beats the trivial one by more than two standard errors of a share of `count` examples.

    The binomial standard error stands in for the metric's own, which F1 and exact match do not have in closed form.
    """
    if np.isnan(value) or np.isnan(trivial):
        return UNKNOWN
    error = np.sqrt(max(trivial * (1 - trivial), value * (1 - value)) / max(count, 1))
    if value <= trivial:
        return "**does not beat it**"
    return BEATS if value - trivial > 2 * error else "**above it by less than chance variation**"


def points(value: float) -> str:
    """A fraction of 1 as points with one digit, "–" where it is missing."""
    return "–" if np.isnan(value) else f"{100 * value:.1f}"


def wide_csv(values: pd.DataFrame) -> bytes:
    """First column the recipe, then the targets, in points; missing cells are empty."""
    return str((100 * values).rename_axis("recipe").to_csv(float_format="%.4f")).encode()


def language_csv(table: pd.DataFrame) -> bytes:
    """The per-language table with scores and gains in points."""
    scaled = table.copy()
    for column in ("mean", "sd", "trivial", "gain"):
        scaled[column] = 100 * scaled[column]
    return str(scaled.to_csv(index=False, float_format="%.4f")).encode()


def layer_rows(scores: pd.DataFrame, own: float) -> tuple[list[str], list[list[object]]]:
    """Header and rows of a table in points; the layer that the matrix shows is bold, and the best one stands last."""
    layers = [float(layer) for layer in scores.columns.to_numpy()]

    def mark(text: str, layer: float) -> str:
        return f"**{text}**" if layer == own else text

    header = ["recipe", *(mark(f"{layer:.2f}", layer) for layer in layers), "best"]
    rows: list[list[object]] = []
    for recipe, values in zip(scores.index, scores.to_numpy(), strict=True):
        cells = [mark(points(value), layer) for layer, value in zip(layers, values, strict=True)]
        rows.append([recipe, *cells, f"{layers[int(np.nanargmax(values))]:.2f}"])
    return header, rows


def layer_csv(tables: dict[str, pd.DataFrame]) -> bytes:
    """Columns target, recipe, layer, score (points); scores that are missing have no line."""
    parts = [
        (100 * scores).reset_index().melt("recipe", var_name="layer", value_name="score").assign(target=name).dropna()
        for name, scores in tables.items()
    ]
    found = pd.concat(parts)[["target", "recipe", "layer", "score"]].astype({"layer": float})
    return str(found.to_csv(index=False, float_format="%.4f")).encode()


def _escaped(cell: object) -> str:
    return str(cell).replace("|", "\\|").replace("\n", " ")
