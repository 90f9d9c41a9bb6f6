"""The planted truth in words and as a table."""

import math

import pandas as pd

from ..results.planted import Planted, outcome_phrases
from ..results.stats import LEVEL


def planted_finding(planted: Planted) -> str:
    """Sentences with the numbers of planted gains found and of false gains, and the rank correlation."""
    counts, rho = outcome_phrases(planted), planted.correlation.rho
    sentences = [
        f"{', '.join(counts)} (q < {LEVEL})." if counts else "There are too few seeds to test the planted gains."
    ]
    if not math.isnan(rho):
        num = len(planted.cells)
        sentences.append(f"The rank correlation of planted and measured gains is {rho:.2f} over {num} cells.")
    return " ".join(sentences)


def planted_csv(planted: Planted) -> bytes:
    """A line per cell: recipe, target, planted grade, measured gain in points, q, outcome."""
    rows = [(*name, cell.planted, 100 * cell.gain, cell.q, cell.outcome) for name, cell in planted.cells.items()]
    table = pd.DataFrame(rows, columns=["recipe", "target", "planted", "gain", "q", "outcome"])
    return str(table.to_csv(index=False, float_format="%.4f")).encode()
