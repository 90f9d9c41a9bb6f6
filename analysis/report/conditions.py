"""Scores under further conditions, as a page and as a CSV file."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any
from urllib.parse import quote

import pandas as pd

from sweeper.scoring.scorers import LABELS

from ..figures.files import formats
from ..figures.frontier import frontier_figure
from ..numbers import gain_text
from ..results.chance import without_input
from ..results.load import RunData
from ..results.robustness import COLUMNS
from ..results.seed_part import MEAN
from ..results.success import FEWEST
from .documents import document
from .files import csv
from .sections import setting
from .tables import markdown, percent, points

IN_POINTS = (
    *("clean", "score", "drop", "se", "low", "high", "relative_drop", "worst", "success", "success_low"),
    *("success_high", "shared", "shared_low", "shared_high", "difference", "difference_low", "difference_high"),
)
"""Columns of the CSV file in points or percent."""
PAGE = "robustness.md"


def condition_files(data: RunData, table: pd.DataFrame) -> dict[str, bytes]:
    """Name -> content of robustness.md, its figures and robustness.csv; empty for a space without conditions.

    `table` is that of `robustness`.
    """
    if table.empty:
        return {}
    further = [str(name) for name in table if name not in COLUMNS]
    files, names = {"robustness.csv": csv(table, (*IN_POINTS, *further))}, []
    # A good score without a question or text is no robustness.
    no_input = without_input(data.space)
    attacks = table[[pair not in no_input for pair in zip(table["target"], table["condition"], strict=True)]]
    for model, rows in attacks.groupby("model", sort=False):
        figure = frontier_figure(rows)
        if figure:
            names.append("frontier" if len(data.space.models) == 1 else f"frontier-{model}")
            files |= {f"{names[-1]}.{ending}": drawn for ending, drawn in formats(figure, ("pdf", "png")).items()}
    return {PAGE: document(page_text(table, names, setting(data.space))), **files}


def page_text(table: pd.DataFrame, figures: Sequence[str] = (), about: str = "") -> str:
    """The page: a table for each model, target and condition, over the mean of languages.

    `figures` are the names of its figures, `about` is a text about the space.
    """
    means = table[table["language"] == MEAN]
    blocks = [
        "# Scores under further conditions",
        *([about] if about else []),
        *(f"![Scores under conditions]({quote(name)}.png)" for name in figures),
    ]
    for (model, target, condition), rows in means.groupby(["model", "target", "condition"], sort=False):
        is_here = (table["model"] == model) & (table["target"] == target) & (table["condition"] == condition)
        blocks += [f"## {target}, {condition} ({model})", markdown(list(HEADER), list(_lines(rows)))]
        blocks += [*_successes(rows), *_by_metric(table[is_here])]
    blocks.append(
        "Values are in points or percent, for the mean over languages; robustness.csv has each language. The drop is "
        "the clean score minus the score under the condition, on the same items, ± half the width of its 95 % interval "
        "about new seeds and new items. It is left out where the clean score of the recipe is at chance: not above the "
        "trivial score, nor above its own score without input if there is one, by two standard errors. Tables by "
        "language have the clean value of a metric and that under the condition."
    )
    blocks.append(
        "Success is the share of the examples that become wrong, among those that the recipe answers correctly when "
        "clean in the same seed. The examples of all languages count equally. Recipes are compared on shared examples, "
        "which each of them answers correctly when clean; the difference is to the first of them. The 95 % intervals "
        "are about new seeds and new items (of a rate: Wilson 1927 with the effective number of examples, Korn & "
        "Graubard 1998). Recipes at chance are left out, and rates of fewer than "
        f"{FEWEST} examples in a seed. robustness.csv has these too, and each language."
    )
    blocks.append(
        "Worst of k is the score if each example has its lowest score under clean data and k attacks. Conditions that "
        "differ only in their budget are one attack, with the largest budget. A condition without input is none. If "
        "languages have different attacks, k is their mean. Tagging has no worst score, because its metrics are no "
        "means over sentences; a sentence is correct if all of its tags are."
    )
    return "\n\n".join(blocks) + "\n"


HEADER = (
    "recipe",
    "clean",
    "score",
    "drop",
    "relative drop",
    "worst of k",
    "k",
    "seeds",
    "note",
)


def _successes(rows: pd.DataFrame) -> Iterator[str]:
    """A table of the success rates of a condition, of the recipes that are above chance."""
    rated = rows[rows["success"].notna()]
    lines = []
    for row in rated.to_dict("records"):
        bounds = (row["difference"], row["difference_low"], row["difference_high"])
        rates = [*_rate(row, "success", "num_correct"), *_rate(row, "shared", "num_shared")]
        lines.append([row["recipe"], *rates, "–" if row["num_shared"] < FEWEST else gain_text(*bounds)])
    if lines:
        minus = f"points above {rated['recipe'].iloc[0]}"
        yield markdown(["recipe", "success", "examples", "on shared examples", "shared examples", minus], lines)


def _rate(row: Mapping[Hashable, Any], name: str, count: str) -> tuple[str, str]:
    """A rate with its interval, "–" if it has too few examples, and the number of examples."""
    num = f"{row[count]:.3g}"
    if row[count] < FEWEST:
        return "–", num
    low, high = points(row[f"{name}_low"]), points(row[f"{name}_high"])
    interval = "" if low == "–" else f" ({low} to {high})"
    return f"{percent(row[name])}{interval}", num


def _by_metric(rows: pd.DataFrame) -> Iterator[str]:
    """A table of the further metrics in each language: clean, and under the condition of the rows."""
    metrics = [str(name) for name in rows if f"clean_{name}" in rows and rows[name].notna().any()]
    languages = list(dict.fromkeys(rows["language"]))
    lines = []
    for metric, recipe in product(metrics, dict.fromkeys(rows["recipe"])):
        cells = rows[rows["recipe"] == recipe].set_index("language")[[f"clean_{metric}", metric]].reindex(languages)
        values = [f"{points(clean)} → {points(score)}" for clean, score in cells.itertuples(index=False)]
        lines.append([LABELS.get(metric, metric), recipe, *values])
    if lines:
        yield markdown(["metric", "recipe", *languages], lines)


def _lines(rows: pd.DataFrame) -> Iterator[list[str]]:
    for row in rows.to_dict("records"):
        yield [
            str(row["recipe"]),
            points(row["clean"]),
            points(row["score"]),
            gain_text(row["drop"], row["low"], row["high"], row["note"]),
            percent(row["relative_drop"]),
            points(row["worst"]),
            "–" if pd.isna(row["num_attacks"]) else f"{row['num_attacks']:.3g}",
            str(row["num_seeds"]),
            str(row["note"]),
        ]
