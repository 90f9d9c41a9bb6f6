"""The tables of a report as CSV files, in points where the values are scores or gains."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..results.correlate import PAIR_COLUMNS
from ..results.load import RunData, further_metrics
from ..results.results import Results

IN_POINTS = (
    *("score", "gain", "difference", "corrected", "regret_1", "regret_3", "trivial", "mean", "sd"),
    *("se_seed", "se_item", "se", "low", "high"),
)
"""Columns that are fractions of 1 in results and points (x 100) in files."""


OTHER_UNITS: Mapping[str, tuple[str, ...]] = {
    "correlations": (),
    "predictors": ("regret_1", "regret_3"),
    "distances": ("slope", "se_seed", "low", "high"),
}
"""Table -> its columns in points, if the bounds of its intervals are not those of scores or gains."""


TRIAL_COLUMNS = (
    *("name", "key", "kind", "role", "phase", "model", "recipe", "task", "seed", "state", "reason"),
    *("selection_value", "dials", "steps", "tokens", "seconds", "started", "host", "device"),
)
"""Columns of trials.csv."""

POINT_DECIMALS = 9
"""Decimals of values in points: rounding errors, about 1e-14, are written as 0."""


def csv(table: pd.DataFrame, points: Sequence[str] = IN_POINTS) -> bytes:
    """A table as a CSV file, with the columns `points` multiplied by 100. Missing values are empty."""
    scales = dict.fromkeys(points, 100.0)
    texts = [_texts(table[column], scales.get(column)) for column in table.columns]
    lines = map(",".join, zip(*texts, strict=True))  # much faster than `DataFrame.to_csv`, with the same text
    return "\n".join([",".join(map(_field, table.columns)), *lines, ""]).encode()


def _texts(column: "pd.Series[Any]", scale: float | None) -> list[str]:
    """The values of a column as they are written: numbers with a point in six digits, missing ones empty."""
    if scale is not None or pd.api.types.is_float_dtype(column.dtype):
        numbers = column.to_numpy(dtype=float, na_value=np.nan)
        if scale is not None:
            numbers = np.round(numbers * scale, POINT_DECIMALS) + 0.0  # and -0.0 becomes 0.0
        return ["" if math.isnan(number) else f"{number:.6g}" for number in numbers.tolist()]
    codes, distinct = pd.factorize(column)
    fields = np.array([*map(_field, distinct), ""], dtype=object)  # a missing value has the code -1
    return list(fields[codes])


def _field(content: object) -> str:
    """A value in quotes if its text contains a character with a meaning in CSV files."""
    text = str(content)
    return '"' + text.replace('"', '""') + '"' if any(sign in text for sign in ',"\n\r') else text


def table_files(results: Results, suffix: str = "") -> dict[str, bytes]:
    """Name -> content of the CSV files of one model.

    cells.csv: the estimates of all cells, their means over languages; languages.csv: the same for each language, and
    its further metrics (EM, F1);
    seeds.csv: score and gain of each seed; means.csv: the mean gain of each recipe; best.csv: the sets of best rows;
    correlations.csv: all correlations; english.csv: differences to English; distances.csv: slopes of gains on the
    distance of a language; families.csv: gains by family, script and resources; predictors.csv: predictors of transfer.
    """
    estimates, correlations = results.estimates, results.correlations
    is_mean = estimates["language"] == "mean"
    named = {
        "recipes": correlations.recipes,
        "targets": correlations.targets,
        "English and zero-shot": correlations.english.rename(columns={"target": "a"}),
        "selection and score": correlations.selection.rename(columns={"target": "a"}),
        "traits": correlations.predictors.rename(columns={"trait": "a", "target": "b"}),
    }
    languages = estimates[~is_mean].merge(_zero_shot(results), on=["recipe", "target", "language"], how="left")
    further = further_metrics(results.gains)
    pairs = pd.concat(
        [table.assign(family=family) for family, table in named.items() if len(table)]
        or [pd.DataFrame(columns=[*PAIR_COLUMNS, "family"])]
    )
    tables: Mapping[str, pd.DataFrame] = {
        "cells": estimates[is_mean],
        "languages": languages.merge(_further(results), on=["recipe", "target", "condition", "language"], how="left"),
        "seeds": results.seeds,
        "means": _means(results),
        "best": results.leaders.rows,
        "correlations": pairs,
        "english": results.english_differences,
        "distances": results.language_traits.slopes,
        "families": results.language_traits.groups,
        "predictors": results.rankings,
    }
    in_points = {**OTHER_UNITS, "languages": (*IN_POINTS, *further)}
    return {f"{name}{suffix}.csv": csv(table, in_points.get(name, IN_POINTS)) for name, table in tables.items()}


def _means(results: Results) -> pd.DataFrame:
    """The row means so that `csv` gives points for scores and leaves spreads as they are."""
    table = results.row_means.copy()
    columns = ["gain", "se_seed", "se_item", "se", "low", "high"]
    table.loc[table["unit"] == "spread", columns] /= 100
    return table


def _further(results: Results) -> pd.DataFrame:
    """The means over seeds of the further metrics of each cell, condition and language, a column for each."""
    rows = results.gains[results.gains["metric"].isin(further_metrics(results.gains))]
    keys = ["recipe", "target", "condition", "language"]
    return rows.pivot_table(index=keys, columns="metric", values="value").reset_index()


def _zero_shot(results: Results) -> pd.DataFrame:
    """Whether each cell is zero-shot in each language."""
    columns = ["recipe", "target", "language", "zero_shot"]
    return results.languages.loc[results.languages["main"], columns].drop_duplicates(columns[:3])


def trials_csv(data: RunData) -> bytes:
    """A line for each training in the ledger: what it is, how it ended, its dials, costs and machine."""
    rows = [
        {
            "name": record.spec.name,
            "key": record.key,
            "kind": record.spec.kind,
            "role": record.spec.role,
            "phase": record.spec.phase,
            "model": record.spec.model.name,
            "recipe": record.spec.recipe,
            "task": record.spec.task,
            "seed": record.spec.seed,
            "state": record.state,
            "reason": record.reason,
            "selection_value": record.value,
            "dials": " ".join(f"{name}={value}" for name, value in record.spec.dials.items()),
            "steps": record.steps,
            "tokens": record.tokens,
            "seconds": record.timing.get("total"),
            "started": record.machine.get("started", ""),
            "host": record.machine.get("host", ""),
            "device": record.machine.get("device", ""),
        }
        for record in data.trainings
    ]
    return csv(pd.DataFrame(rows, columns=list(TRIAL_COLUMNS)), ("selection_value",))
