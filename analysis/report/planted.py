"""The planted truth in words and as a table."""

import math
from collections.abc import Sequence

import pandas as pd

from ..results.planted import Outcome, Planted
from ..results.stats import LEVEL


def planted_finding(planted: Planted) -> str:
    """Sentences with the numbers of planted gains found and of false gains, and the rank correlation."""
    counts, rho = _counts(planted), planted.correlation.rho
    sentences = [
        f"{', '.join(counts)} (q < {LEVEL})." if counts else "There are too few seeds to test the planted gains."
    ]
    if not math.isnan(rho):
        num = len(planted.cells)
        sentences.append(f"The rank correlation of planted and measured gains is {rho:.2f} over {num} cells.")
    return " ".join(sentences)


def planted_title(planted: Planted) -> str:
    """The same numbers as the title of the figure."""
    rho = planted.correlation.rho
    related = "" if math.isnan(rho) else f"rank correlation {rho:.2f}"
    return "; ".join(text for text in (", ".join(_counts(planted)), related) if text)


def planted_csv(planted: Planted) -> bytes:
    """A line per cell: recipe, target, planted grade, measured gain in points, q, outcome."""
    rows = [(*name, cell.planted, 100 * cell.gain, cell.q, cell.outcome) for name, cell in planted.cells.items()]
    table = pd.DataFrame(rows, columns=["recipe", "target", "planted", "gain", "q", "outcome"])
    return str(table.to_csv(index=False, float_format="%.4f")).encode()


def _counts(planted: Planted) -> list[str]:
    gains, zeros, losses = planted.outcomes(1), planted.outcomes(0), planted.outcomes(-1)
    texts = [_share(gains, "found", "planted gain", "found"), _share(losses, "found", "planted loss", "found")]
    texts.append(_share(zeros, "false gain", "planted zero", "reported as gains"))
    return [text for text in texts if text]


def _share(outcomes: Sequence[Outcome], counted: Outcome, noun: str, verb: str) -> str:
    """Phrase such as `8 of 9 planted gains found`; "" without outcomes."""
    plural = "es" if noun.endswith("s") else "s"
    return f"{outcomes.count(counted)} of {len(outcomes)} {noun}{plural} {verb}" if outcomes else ""
