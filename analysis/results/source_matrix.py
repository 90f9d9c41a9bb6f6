"""Recipes that differ only in their training language: what each gains over English in each target language."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from sweeper.space import CLEAN, difference

from .contrast_seeds import by_score, scores_of_seeds
from .contrast_sums import Score
from .contrasts import contrast_table
from .load import RunData
from .seed_part import ENGLISH
from .source_languages import large_groups

COLUMNS = (
    *("group", "model", "target", "source", "language", "score", "gain", "num_seeds", "num_items"),
    *("low", "high", "basis", "note"),
)
"""Columns of the table; scores, gains and bounds are fractions of 1. group: the first recipe of those that differ only
in their training language. score: mean over seeds. gain: the difference to the English source on the same seeds and
items, with its 95 % interval, as of a contrast; nan for English itself."""


def source_matrix(data: RunData, targets: Sequence[str]) -> pd.DataFrame:
    """A row for each source language and language of the targets, for groups of at least MIN_N sources with English."""
    scores = by_score(scores_of_seeds(data)[0])
    parts = [pd.DataFrame(columns=list(COLUMNS))]
    for first, group in large_groups(data.space).items():
        each = [
            difference(source, recipe, group[ENGLISH], targets=tuple(targets), each=("target", "language"))
            for source, recipe in group.items()
            if source != ENGLISH and targets
        ]
        table = contrast_table(data, each).rename(columns={"contrast": "source", "estimate": "gain"})
        table = table[table["gain"].notna()]
        english = table.drop_duplicates(["model", "target", "language"]).assign(source=ENGLISH, note="", basis="")
        english[["gain", "low", "high"]] = np.nan
        both = pd.concat([english, table], ignore_index=True)
        both["score"] = [
            float(np.nanmean(scores[Score(row["model"], group[row["source"]], row["target"], CLEAN, row["language"])]))
            for row in both.to_dict("records")
        ]
        parts.append(both.assign(group=first)[list(COLUMNS)])
    return pd.concat([part for part in parts if len(part)] or parts, ignore_index=True)
