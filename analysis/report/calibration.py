"""The calibration of predictions: a table for the appendix, and a CSV file."""

import pandas as pd

from sweeper.space import CLEAN

from ..results.seed_part import MEAN
from .files import csv
from .tables import markdown

FILE = "calibration.csv"
IN_POINTS = ("accuracy", "confidence", "ece")
"""Columns of the CSV file in percent."""


def calibration_files(table: pd.DataFrame) -> dict[str, bytes]:
    """Name -> content of calibration.csv from the table of `calibration`; empty without log-probabilities."""
    return {FILE: csv(table, IN_POINTS)} if len(table) else {}


def calibration_table(table: pd.DataFrame, model: str) -> str:
    """The errors and Brier scores of one model without conditions, recipes x targets, as Markdown; "" without any."""
    is_shown = (table["model"] == model) & (table["condition"] == CLEAN) & (table["language"] == MEAN)
    shown = table[is_shown].set_index(["recipe", "target"])
    if shown.empty:
        return ""
    targets = list(dict.fromkeys(shown.index.get_level_values("target")))
    cells = {
        cell: f"{100 * ece:.1f} / {brier:.3f}" for cell, ece, brier in shown[["ece", "brier"]].itertuples(name=None)
    }
    rows = [
        [recipe, *(cells.get((recipe, target), "–") for target in targets)]
        for recipe in dict.fromkeys(shown.index.get_level_values("recipe"))
    ]
    return markdown(["recipe", *targets], rows)
