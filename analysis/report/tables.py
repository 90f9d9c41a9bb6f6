"""Tables of the report, as Markdown or CSV."""

import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from ..numbers import MINUS, gain_text, points_text, signed_text
from ..results.benchmark import Means
from ..results.layers import LayerScores
from ..results.marks import DOUBLE_DAGGER, STAR, Marks
from ..results.matrix import Matrix, entry
from ..results.published import Comparison
from ..results.trivial import PreparationLevel, TargetLevel, Verdict

Row = Sequence[object]
VERDICTS: Mapping[Verdict, str] = {
    "above": "above",
    "unclear": "**not clearly above**",
    "not above": "**not above**",
    "unknown": "unknown",
}
NOT_CLEARLY_ABOVE: tuple[Verdict, ...] = ("unclear", "not above")


def markdown(header: Sequence[str], rows: Iterable[Row]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(_escaped(cell) for cell in line) + " |" for line in lines)


def score_table(matrix: Matrix) -> str:
    """Scores in points with their standard deviation over seeds, as Markdown."""

    def cell(recipe: str, target: str) -> str:
        value, spread = 100 * entry(matrix.scores, (recipe, target)), 100 * entry(matrix.score_sd, (recipe, target))
        if np.isnan(value):
            return "–"
        text = f"{value:.1f}" + ("" if np.isnan(spread) else f" ± {spread:.1f}")
        # An asterisk without a backslash could start emphasis.
        return text + matrix.marks.signs(recipe, target) + (f"\\{STAR}" if (recipe, target) in matrix.lacking else "")

    targets = [str(name) for name in matrix.scores.columns]
    rows = [[recipe, *(cell(recipe, target) for target in targets)] for recipe in matrix.scores.index]
    names = [f"{name}{DOUBLE_DAGGER if name in matrix.single_split else ''}" for name in targets]
    return markdown(["recipe", *names], rows)


def target_rows(levels: Iterable[TargetLevel]) -> list[Row]:
    """One row per target: metric, language, number of examples, trivial, reference and best other score, verdict."""
    return [
        [
            level.target,
            level.metric,
            level.language or "mean of languages",
            level.num_examples,
            points(level.trivial),
            points(level.reference),
            f"{points(level.best)} ({level.best_recipe})" if level.best_recipe else "–",
            VERDICTS[level.verdict],
        ]
        for level in levels
    ]


def preparation_rows(levels: Iterable[PreparationLevel]) -> list[Row]:
    """One row per recipe and task: metric, number of seeds and examples, trivial and measured score, verdict."""
    return [
        [
            level.recipe,
            level.task,
            level.metric,
            level.num_seeds,
            level.num_examples,
            points(level.trivial),
            points(level.score),
            VERDICTS[level.verdict],
        ]
        for level in levels
    ]


def mean_rows(means: Means) -> list[Row]:
    """One row per recipe: the means of groups and of all tasks in points."""
    return [
        [recipe, *(points(value) for value in row)]
        for recipe, row in zip(means.shown.index, means.shown.to_numpy(), strict=True)
    ]


def mean_gain_rows(means: Means) -> list[Row]:
    """One row per recipe: its gain in the shown groups with half of the 95 % interval, and the number of seeds."""
    groups = list(means.shown)
    table = means.gains[means.gains["group"].isin(groups) & means.gains["gain"].notna()]
    cells = {
        (row["recipe"], row["group"]): gain_text(
            float(row["gain"]), float(row["low"]), float(row["high"]), str(row["note"])
        )
        + f" (n = {int(row['num_seeds'])})"
        for _, row in table.iterrows()
    }
    recipes = list(dict.fromkeys(table["recipe"]))
    ordered = [name for name in means.groups.index if name in recipes]
    return [[recipe, *(cells.get((recipe, group), "–") for group in groups)] for recipe in ordered]


def seeds_only(means: Means) -> list[str]:
    """The shown groups in which an interval is about new seeds only."""
    table = means.gains[means.gains["group"].isin(list(means.shown)) & (means.gains["basis"] == "seeds")]
    return list(dict.fromkeys(table["group"]))


def published_rows(comparisons: Iterable[Comparison]) -> list[Row]:
    """One row per published gain: recipe, measured gain, published gain, split."""
    return [
        [
            comparison.published.label,
            "–" if comparison.measured is None else points_text(comparison.measured),
            signed_text(comparison.published.gain),
            comparison.published.split,
        ]
        for comparison in comparisons
    ]


def layer_rows(layers: LayerScores) -> tuple[list[str], list[Row]]:
    """Header and rows in points; the layer that the matrix shows is bold, the last column is the best layer."""
    columns = [float(layer) for layer in layers.scores.columns.to_numpy()]

    def mark(text: str, layer: float) -> str:
        return f"**{text}**" if layer == layers.shown else text

    header = ["recipe", *(mark(f"{layer:.2f}", layer) for layer in columns), "best"]
    rows: list[Row] = []
    for recipe, values in zip(layers.scores.index, layers.scores.to_numpy(), strict=True):
        cells = [mark(points(value), layer) for layer, value in zip(columns, values, strict=True)]
        rows.append([recipe, *cells, f"{columns[int(np.nanargmax(values))]:.2f}"])
    return header, rows


def points(value: float) -> str:
    """A fraction of 1 as points with one decimal, "–" for nan. The sign of a negative number is a minus."""
    return "–" if np.isnan(value) else f"{100 * value:z.1f}".replace("-", MINUS)


def percent(value: float) -> str:
    """A fraction of 1 in percent with one decimal, "–" for nan."""
    return "–" if np.isnan(value) else f"{points(value)} %"


def marks_csv(marks: Marks) -> bytes:
    """A line per mark of a cell: recipe, target, mark, and what it refers to (tasks or languages)."""
    kinds = {"same rows": marks.same_rows, "same items": marks.same_items, "not zero-shot": marks.not_zero_shot}
    rows = [(*cell, kind, " ".join(names)) for kind, cells in kinds.items() for cell, names in cells.items()]
    return str(pd.DataFrame(rows, columns=["recipe", "target", "mark", "refers to"]).to_csv(index=False)).encode()


def layer_csv(layers: Mapping[str, LayerScores]) -> bytes:
    """A CSV file with columns target, recipe, layer, score (points), without missing scores."""
    tables = [
        (100 * table.scores)
        .reset_index()
        .melt("recipe", var_name="layer", value_name="score")
        .assign(target=target)
        .dropna()
        for target, table in layers.items()
    ]
    rows = pd.concat(tables)[["target", "recipe", "layer", "score"]].astype({"layer": float})
    return str(rows.to_csv(index=False, float_format="%.4f")).encode()


def _escaped(cell: object) -> str:
    # A backslash before a bar would escape the backslash of the bar.
    return re.sub(r"(\\*)\|", r"\1\1\\|", str(cell)).replace("\n", " ")
