"""Gains against properties of the language, as rows of tables of the appendix."""

import numpy as np
import pandas as pd

from ..numbers import gain_text, p_alone, points_text, signed_text
from ..results.language_traits import CATEGORIES, NUMBERS, STEPS
from ..results.results import Results
from ..results.seed_part import MEAN
from .tables import Row

NUM_SHOWN = 10
"""Number of slopes that a report shows; the file distances.csv has all."""
OF_WORDS = {"gain": "all languages", "difference": "other languages"}


def slope_rows(results: Results) -> list[Row]:
    """The slopes with the smallest p: recipe, target, languages, property, slope, its se, rho, n, p, q."""
    table = results.language_traits.slopes
    table = table[table["trait"].isin(list(NUMBERS))].dropna(subset="p")
    kept = table.sort_values("p", kind="stable").head(NUM_SHOWN)
    return [
        [
            *(
                _words(row["recipe"], "all"),
                _words(row["target"], "mean"),
                OF_WORDS[row["of"]],
                _property(row["trait"]),
            ),
            gain_text(float(row["slope"]), float(row["low"]), float(row["high"])),
            "–" if pd.isna(row["se_seed"]) else f"{100 * row['se_seed']:.1f}",
            *(signed_text(row["rho"], 2), int(row["n"]), p_alone(row["p"]), p_alone(row["q"])),
        ]
        for _, row in kept.iterrows()
    ]


def category_rows(results: Results) -> list[Row]:
    """The correlation ratio of each category with the gains of all recipes: target, category, eta squared, n, p, q."""
    table = results.language_traits.slopes
    is_shown = table["trait"].isin(list(CATEGORIES)) & (table["recipe"] == MEAN) & (table["of"] == "gain")
    return [
        [
            *(_words(row["target"], "mean"), CATEGORIES[row["trait"]], f"{row['rho'] ** 2:.2f}", int(row["n"])),
            *(p_alone(row["p"]), p_alone(row["q"])),
        ]
        for _, row in table[is_shown].dropna(subset="p").iterrows()
    ]


def group_rows(results: Results) -> list[Row]:
    """Mean gain over the targets of the mean: category, group, languages, gain, difference to English."""
    table = results.language_traits.groups
    return [
        [
            *(CATEGORIES[row["category"]], row["group"], int(row["num_languages"])),
            *(_points(row["gain"]), _points(row["difference"])),
        ]
        for _, row in table[table["target"] == MEAN].iterrows()
    ]


def _property(trait: str) -> str:
    return f"{NUMBERS[trait]} (per {STEPS[trait]:g})"


def _words(name: str, mean: str) -> str:
    return mean if name == MEAN else name


def _points(number: float) -> str:
    return "–" if pd.isna(number) or np.isinf(number) else points_text(number)
