"""The size of the page of a large run, and the time in which a browser shows it."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from analysis.page.comparisons import CONDITION_COLUMNS, MOST_ROWS
from analysis.page.data import PageSource, page_data, to_json
from analysis.page.page import render_page
from analysis.results.load import load
from analysis.results.results import results_of_run
from sweeper.space import Target
from sweeper.tasks.languages import PANX
from tests.analysis.conftest import SPACE, _empty_run, _task
from tests.page.conftest import Opened

NUM_RECIPES, NUM_TARGETS, SEEDS = 11, 9, (1, 2, 3, 4, 5)
LIMIT = 1_500_000
"""Bytes."""


@pytest.fixture(scope="module")
def large_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of 11 x 9 cells in 40 languages with five seeds: two measured cells and copies of them.

    Each cell has scores under one condition, which is the most that a page has by language.
    """
    parent = tmp_path_factory.mktemp("large")
    changes = {"tasks": (*SPACE.tasks, _task("names", PANX)), "targets": (Target(task="names"),), "seeds": SEEDS}
    run = _empty_run(parent, recipes=SPACE.recipes[:2], **changes)
    for row, recipe in enumerate(run.space.recipes):
        for seed in SEEDS:
            values = {name: 0.3 + (7 * row + 5 * seed + 3 * place) % 97 / 211.7 for place, name in enumerate(PANX)}
            run.cell(recipe.name, "names", seed, values)
    data = load(run.url)
    small = page_data(PageSource(data=data, results=results_of_run(data), run=run.url))
    path = parent / "report.html"
    path.write_bytes(render_page("large", run.url, to_json(enlarged(small))))
    return path


def enlarged(data: dict[str, Any]) -> dict[str, Any]:
    """The data with copies of the cell of the second recipe: every cell has its own languages, seeds and trials."""
    model = data["models"][0]
    cell = model["cells"][1]
    languages = cell["languages"]
    values = dict.fromkeys(CONDITION_COLUMNS, languages["score"])
    under_typos = {"language": languages["language"], **values}
    cell["conditions"] = [{"condition": "typos", "score": 0.5, "drop": 0.1, "languages": under_typos}]
    assert NUM_RECIPES * NUM_TARGETS * len(languages["language"]) <= MOST_ROWS
    recipes, targets = (
        [f"{name}_{number}" for number in range(num)]
        for name, num in (("intermediate", NUM_RECIPES), ("target", NUM_TARGETS))
    )
    cells = [{**cell, "recipe": recipe, "target": target} for recipe in recipes for target in targets]
    num_copies = len(cells) * len(SEEDS) // len(data["trials"]["key"]) + 1
    return {
        **data,
        "recipes": [{"recipe": name, "stages": [[name]]} for name in recipes],
        "targets": [{**data["targets"][0], "target": name} for name in targets],
        "models": [{**model, "reference": recipes[0], "cells": cells, "rows": {}}],
        "trials": {name: values * num_copies for name, values in data["trials"].items()},
    }


def test_the_page_of_99_cells_in_40_languages_is_smaller_than_1_5_megabytes(large_page: Path) -> None:
    assert large_page.stat().st_size < LIMIT


def test_a_browser_shows_a_large_page_within_three_seconds(show: Callable[..., Opened], large_page: Path) -> None:
    start = time.monotonic()
    page = show(large_page)
    assert page.tab.locator("#matrix tbody td").count() == NUM_RECIPES * NUM_TARGETS
    assert page.tab.locator("#languages tbody tr").count() == len(PANX)
    assert time.monotonic() - start < 3 * 3  # three times the usual limit, for busy machines
