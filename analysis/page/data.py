"""The data of a page as JSON values: the targets, the models with their cells, the trials."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pydantic_core

import sweeper
from sweeper.scoring.scorers import SCORERS
from sweeper.space import CLEAN, Space
from sweeper.tasks.languages import FAMILIES

from ..results.load import RunData
from ..results.results import Results
from .cells import cell_values, columns_of
from .comparisons import claim_values, condition_values, contrast_values
from .summaries import best_values, correlation_values, predictor_values
from .trials import failures, hardware, studies, trials

FORMAT = 1
"""Version of `report.json`. Raised when an older reader would misread a newer file."""
ROW_COLUMNS = ("recipe", "gain", "num_targets", "num_seeds", "se", "df", "low", "high", "p", "q", "basis", "note")
"""Columns of the mean gains of recipes."""


@dataclass(frozen=True, kw_only=True)
class PageSource:
    """Everything that a page shows of a run, apart from the trials that run now."""

    data: RunData
    results: Sequence[Results]
    """One for each model; empty while the run has no score."""
    contrasts: pd.DataFrame | None = None
    """The `contrast_table` of the run, if its space has contrasts and the run a score."""
    conditions: pd.DataFrame | None = None
    """The table of `robustness`, if the run has a score."""
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
        "contrasts": contrast_values(space, source.contrasts),
        "claims": claim_values(space, source.contrasts),
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
    """JSON without white space. Raises ValueError for nan and infinity, which JSON does not have."""
    # The serializer of pydantic is five times as fast, but cannot refuse these numbers.
    written = pydantic_core.to_json(value, inf_nan_mode="constants")
    if b"NaN" in written or b"Infinity" in written:  # perhaps only in a text
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    return written


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
        _model(by_name[model.name], source.conditions) if model.name in by_name else _empty_model(space, model.name)
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
    empty: dict[str, Any] = {name: {} for name in ("rows", "languages", "best", "correlations", "predictors")}
    return {"model": name, "reference": reference, "cells": cells, "at_chance": [], "notes": [], **empty}


def _model(results: Results, conditions: pd.DataFrame | None) -> dict[str, Any]:
    space, means = results.space, results.row_means
    estimates = results.estimates[results.estimates["condition"] == CLEAN]
    cells = ((recipe.name, target.task) for recipe in space.recipes for target in space.targets)
    return {
        "model": results.model,
        "reference": results.matrix.reference,
        "cells": _with_conditions(cell_values(results, cells), results.model, conditions),
        "rows": columns_of(means[means["unit"] == "score"], ROW_COLUMNS),
        "at_chance": sorted(set(estimates.loc[estimates["at_chance"], "target"])),
        "languages": _languages(results),
        "best": best_values(results),
        "correlations": correlation_values(results),
        "predictors": predictor_values(results),
        "notes": list(results.correlations.notes),
    }


def _with_conditions(
    cells: Sequence[dict[str, Any]], model: str, conditions: pd.DataFrame | None
) -> list[dict[str, Any]]:
    """The cells of a model, with `conditions` where a cell has scores under some."""
    if conditions is None or conditions.empty:
        return list(cells)
    values = condition_values(conditions[conditions["model"] == model])
    names = ((cell["recipe"], cell["target"]) for cell in cells)
    return [
        cell | ({"conditions": values[name]} if name in values else {}) for name, cell in zip(names, cells, strict=True)
    ]


def _languages(results: Results) -> dict[str, list[Any]]:
    """The languages of the model: columns language and family ("" if unknown), English first."""
    names = sorted(set(results.languages["language"]), key=lambda language: (language != "en", language))
    return {"language": names, "family": [FAMILIES.get(name, "") for name in names]}
