"""Languages, predictors of transfer and predicted cells as tables of the appendix."""

import numpy as np
import pandas as pd

from ..numbers import gain_text, p_alone, p_text, signed_text
from ..results.estimates import UNSUMMARISED, has_mark
from ..results.results import Results
from ..results.seed_part import MEAN
from .tables import Row, markdown

NUM_SHOWN = 10
"""Number of differences to English that a report shows; the file english.csv has all."""


def agreement_rows(results: Results) -> list[Row]:
    """One row per target: number of values, agreement of gains, agreement of what differs between languages."""
    return [
        [row["target"], int(row["num_values"]), *(_share(float(row[name])) for name in ("gains", "differences"))]
        for _, row in results.seed_agreement.iterrows()
    ]


def difference_rows(results: Results) -> list[Row]:
    """The differences to English that are furthest from 0 in standard errors, with q and the number of items.

    Only differences that summaries include. Those of one seed, whose interval is about items alone, come last.
    """
    table = results.english_differences
    if table.empty:
        return []
    table = table[~has_mark(table, UNSUMMARISED) & table["se"].notna()]
    order = table.assign(is_partial=table["basis"] == "items", nearness=-(table["difference"] / table["se"]).abs())
    kept = table.loc[order.sort_values(["is_partial", "nearness"], kind="stable").index[:NUM_SHOWN]]
    return [
        [
            *(row["recipe"], row["target"], row["language"]),
            gain_text(float(row["difference"]), float(row["low"]), float(row["high"])),
            p_text(float(row["q"]), "q").removeprefix("q ").removeprefix("= ") or "–",
            row["basis"],
            int(row["num_items"]) or "–",
        ]
        for _, row in kept.iterrows()
    ]


def ranking_table(results: Results) -> str:
    """The mean quality of each predictor of transfer as Markdown, or why none can be judged."""
    table = results.rankings[(results.rankings["target"] == MEAN) & results.rankings["ndcg"].notna()]
    if table.empty:
        notes = sorted({str(note) for note in results.rankings["note"] if note})
        return f"No predictor can be judged: {', '.join(notes) or 'no target has gains'}."
    rows = [
        [
            row["predictor"],
            f"{row['ndcg']:.2f}",
            *(f"{100 * row[name]:.1f}" for name in ("regret_1", "regret_3")),
            "–" if np.isnan(row["low"]) else f"{signed_text(row['low'], 2)} to {signed_text(row['high'], 2)}",
            p_alone(float(row["p_holm"])),
            int(row["n"]),
            "–" if pd.isna(row["seconds"]) else f"{row['seconds']:.1f}",
            "yes" if row["recommended"] else "no",
        ]
        for _, row in table.iterrows()
    ]
    header = [
        "predictor",
        "NDCG",
        "regret@1",
        "regret@3",
        "NDCG over the recipe mean",
        "corrected p",
        "targets",
        "seconds",
        "recommended",
    ]
    return markdown(header, rows)


def completion_text(results: Results) -> str:
    """The predicted gains of missing cells as Markdown, or why there are none."""
    found = results.completion
    if found.note:
        return found.note
    if found.cells.empty:
        return "No cell is missing."
    rows = [
        [row["recipe"], row["target"], gain_text(float(row["gain"]), float(row["low"]), float(row["high"]))]
        for _, row in found.cells.iterrows()
    ]
    text = markdown(["recipe", "target", "predicted gain"], rows)
    if found.next_cell:
        text += f"\n\nThe cell that is most worth measuring next: `{found.next_cell[0]}` on `{found.next_cell[1]}`."
    return text


def _share(value: float) -> str:
    return signed_text(value, 2)
