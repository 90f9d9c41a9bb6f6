"""Contrasts and claims as sentences, in reports and on pages."""

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from sweeper.space import Claim

from .numbers import p_text, points_text
from .results.contrasts import row_labels
from .results.stats import LEVEL


def unit_text(unit: str, covariate_unit: str) -> str:
    """The unit of an estimate in words."""
    return f"{unit} per {covariate_unit}" if covariate_unit else unit


def sentences(rows: pd.DataFrame) -> Iterator[str]:
    """One sentence for each estimate of a contrast."""
    for (_, row), label in zip(rows.iterrows(), row_labels(rows), strict=True):
        if pd.isna(row["estimate"]):
            yield f"{label}: no estimate, because {row['note']}."
        else:
            unit = unit_text(row["unit"], row["covariate_unit"])
            yield f"{label}: {points_text(row['estimate'])} {unit}{_certainty(row)}."


def _certainty(row: "pd.Series[Any]") -> str:
    """The interval and p of a row, or the reason why there is none."""
    low, high = float(row["low"]), float(row["high"])
    if pd.isna(low):
        return f", without an interval ({row['note']})"
    p = float(row["p_holm"])
    about = " about new items only" if row["basis"] == "items" else ""
    interval = f"95 % interval of this estimate alone{about} {points_text(low)} to {points_text(high)}"
    if pd.isna(p):
        return f", not tested: {row['note']} ({interval})"
    verdict = "differs from 0" if p < LEVEL else "not distinguished from 0"
    return f", {verdict} ({p_text(p, 'corrected p')}; {interval})"


def claim_sentences(claims: Sequence[Claim], table: pd.DataFrame) -> Iterator[str]:
    """One sentence for each claim and model, from a `claim_table`."""
    for claim in claims:
        for _, row in table[table["claim"] == claim.name].iterrows():
            model = f" ({row['model']})" if row["model"] else ""
            needs = " and ".join(f"`{name}`" for name in claim.contrasts)
            if pd.isna(row["p"]):
                yield f"Claim{model}: {claim.name}. It needs {needs}, and is not tested, because not all of them are."
                continue
            verdict = "holds" if row["holds"] else "is not supported"
            p = p_text(row["p_holm"], "corrected one-sided p")
            yield f"Claim{model}: {claim.name}. It needs {needs}, and {verdict} ({p})."
