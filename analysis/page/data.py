"""The data of a page as JSON values: the cells of each model with their languages, seeds and trials."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

import sweeper
from sweeper.scoring.scorers import SCORERS
from sweeper.space import Space
from sweeper.tasks.languages import FAMILIES

from ..results.load import CLEAN, RunData, main_scores
from ..results.matrix import Cell
from ..results.results import Results
from ..results.seed_part import MEAN
from .trials import failures, hardware, studies, trials

FORMAT = 1
"""Version of `report.json`. Raised when an older reader would misread a newer file."""
CELL_COLUMNS = (
    *("score", "gain", "num_seeds", "num_items", "se_seed", "se_item", "se", "df", "low", "high", "p", "q"),
    *("marks", "at_chance", "basis", "note"),
)
"""Columns of `cells.csv` that a cell of the page has."""
LANGUAGE_COLUMNS = ("language", "score", "gain", "num_seeds", "num_items", "se", "low", "high", "p", "marks", "note")
"""Columns of the estimates that the languages of a cell have, beside `count`: the number of evaluation examples."""


ROW_COLUMNS = ("recipe", "gain", "num_targets", "num_seeds", "se", "df", "low", "high", "p", "q", "basis", "note")
"""Columns of the mean gains of recipes."""


@dataclass(frozen=True, kw_only=True)
class PageSource:
    """Everything that a page shows of a run, apart from the trials that run now."""

    data: RunData
    results: Sequence[Results]
    """One for each model; empty while the run has no score."""
    run: str
    """Path or URL of the run folder, as users write it in commands."""
    findings: Sequence[str] = ()
    """Sentences for the top of the page."""
    lost: Mapping[str, str] | None = None
    """Key of a trial that left no record -> the end of its traceback."""


def page_data(source: PageSource) -> dict[str, Any]:
    """The content of `report.json`: JSON values, with None for a missing number.

    Scores, gains and bounds are fractions of 1. Tables are dictionaries of columns, so that `pandas.DataFrame(table)`
    reads each of them.
    """
    data, space = source.data, source.data.space
    return {
        "format": FORMAT,
        "version": sweeper.__version__,
        "run": source.run,
        "space": {"name": space.name, "title": space.title, "evaluate": space.evaluate, "seeds": list(space.seeds)},
        "findings": list(source.findings),
        "targets": [_target(space, target.task) for target in space.targets],
        "recipes": [
            {"recipe": recipe.name, "stages": [list(stage.tasks) for stage in recipe.stages]}
            for recipe in space.recipes
        ],
        "models": _models(source),
        "trials": trials(data),
        "studies": studies(data),
        "failures": failures(data),
        "lost": [{"key": key, "reason": reason} for key, reason in (source.lost or {}).items()],
        "hardware": hardware(data),
        "damaged": list(data.damaged),
        "notes": list(data.notes),
        "num_outdated": data.num_outdated,
    }


def to_json(value: Any) -> bytes:
    """JSON without white space. Raises ValueError for nan, which JSON does not have."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _target(space: Space, name: str) -> dict[str, Any]:
    task = space.task(name)
    scorer = SCORERS[task.scorer]
    return {
        "target": name,
        "title": task.title,
        "group": task.group,
        "metric": scorer.label,
        "higher_is_better": scorer.higher_is_better,
        "training_task": task.training_task,
    }


def _models(source: PageSource) -> list[dict[str, Any]]:
    by_name = {results.model: results for results in source.results}
    space = source.data.space
    return [
        _model(source.data, by_name[model.name]) if model.name in by_name else _empty_model(space, model.name)
        for model in space.models
    ]


def _empty_model(space: Space, name: str) -> dict[str, Any]:
    """A model without scores: its cells have names only."""
    cells = [
        {"recipe": recipe.name, "target": target.task, "num_seeds": 0}
        for recipe in space.recipes
        for target in space.targets
    ]
    reference = space.baseline.name if space.baseline else ""
    return {"model": name, "reference": reference, "cells": cells, "rows": {}, "at_chance": [], "languages": {}}


def _model(data: RunData, results: Results) -> dict[str, Any]:
    table = results.estimates[results.estimates["condition"] == CLEAN]
    estimates = {
        (str(recipe), str(target)): rows for (recipe, target), rows in table.groupby(["recipe", "target"], sort=False)
    }
    seeds = _seeds(main_scores(results.gains))
    space = data.space
    cells = ((recipe.name, target.task) for recipe in space.recipes for target in space.targets)
    return {
        "model": results.model,
        "reference": results.matrix.reference,
        "cells": [_cell(cell, estimates.get(cell), seeds.get(cell)) for cell in cells],
        "rows": _columns(results.row_means[results.row_means["unit"] == "score"], ROW_COLUMNS),
        "at_chance": sorted(set(table.loc[table["at_chance"], "target"])),
        "languages": _languages(results),
    }


def _cell(cell: Cell, rows: pd.DataFrame | None, seeds: pd.DataFrame | None) -> dict[str, Any]:
    """One cell: its estimate, the same by language, and the scores and gains of each seed."""
    named: dict[str, Any] = {"recipe": cell[0], "target": cell[1]}
    if rows is None:
        return {**named, "num_seeds": 0}
    is_mean = rows["language"] == MEAN
    mean, languages = rows[is_mean], rows[~is_mean]
    values = {name: column[0] for name, column in _columns(mean, CELL_COLUMNS).items()} if len(mean) else {}
    names = list(languages["language"])
    by_language = _columns(languages, LANGUAGE_COLUMNS)
    if seeds is None:
        return {**named, **values, "languages": by_language, "seeds": []}
    by_language["count"] = _numbers(seeds.groupby("language")["count"].min().reindex(names))
    return {**named, **values, "languages": by_language, "seeds": list(_by_seed(seeds, names))}


def _seeds(scores: pd.DataFrame) -> dict[Cell, pd.DataFrame]:
    columns = ["recipe", "target", "seed", "language", "value", "gain", "count", "training"]
    groups = scores[columns].groupby(["recipe", "target"], sort=False)
    return {(str(recipe), str(target)): rows for (recipe, target), rows in groups}


def _by_seed(rows: pd.DataFrame, languages: list[str]) -> Iterator[dict[str, Any]]:
    """For each seed of a cell: its training, and score and gain in the order of the languages of the cell."""
    for seed, seed_rows in rows.groupby("seed", dropna=False):
        by_language = seed_rows.drop_duplicates("language").set_index("language").reindex(languages)
        yield {
            "seed": None if pd.isna(seed) else int(str(seed)),
            "training": str(seed_rows["training"].iloc[0]),
            "score": _numbers(by_language["value"]),
            "gain": _numbers(by_language["gain"]),
        }


def _languages(results: Results) -> dict[str, list[Any]]:
    """The languages of the model: columns language and family ("" if unknown), English first."""
    names = sorted(set(results.languages["language"]), key=lambda language: (language != "en", language))
    return {"language": names, "family": [FAMILIES.get(name, "") for name in names]}


def _columns(table: pd.DataFrame, names: Sequence[str]) -> dict[str, list[Any]]:
    return {name: _numbers(table[name]) for name in names}


def _numbers(column: "pd.Series[Any]") -> list[Any]:
    return [_plain(value) for value in column.tolist()]


def _plain(value: Any) -> Any:
    """A value of a column as JSON: five significant digits, None for nan."""
    if isinstance(value, float):
        return float(f"{value:.5g}") if math.isfinite(value) else None
    return None if value is pd.NA else value
