"""The cells of a page: rounded numbers, languages and seeds."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from analysis.page.cells import cell_values
from analysis.page.numbers import five_digits, json_values
from analysis.page.summaries import best_values, correlation_values, predictor_values
from analysis.results.correlate import PAIR_COLUMNS
from analysis.results.ranking import COLUMNS
from analysis.results.results import compute_results
from tests.analysis.conftest import Run


def cells_of(run: Run) -> dict[tuple[str, str], dict[str, Any]]:
    cells = [(recipe.name, target.task) for recipe in run.space.recipes for target in run.space.targets]
    return {(cell["recipe"], cell["target"]): cell for cell in cell_values(compute_results(run.url), cells)}


def test_numbers_are_rounded_to_five_digits_exactly_as_python_rounds_them() -> None:
    random = np.random.default_rng(0)
    powers = 10.0 ** np.arange(-30, 30)
    numbers = np.concatenate(
        [
            random.normal(0, 1, 2000) * 10.0 ** random.integers(-25, 12, 2000),
            np.arange(200_000, 202_000) / 2_000_000,  # every second one is in the middle between two rounded numbers
            *(powers, np.nextafter(powers, 0), np.nextafter(powers, np.inf), [0.0, -0.0, 5e-324]),
        ]
    )
    assert five_digits(numbers).tolist() == [float(f"{number:.5g}") for number in numbers]


def test_a_missing_number_is_none_and_an_integer_stays_an_integer() -> None:
    assert json_values(pd.Series([0.123456, float("nan"), float("inf")])) == [0.12346, None, None]
    assert json_values(pd.Series([1, None], dtype="Int64")) == [1, None]
    assert repr(json_values(pd.Series([1, 2]))) == "[1, 2]"


def test_a_language_that_one_seed_lacks_has_no_score_of_that_seed(full_run: Run) -> None:
    full_run.cell("baseline", "tags", 1, {"fr": 0.5})
    full_run.cell("small_nli", "tags", 1, {"fr": 0.7})
    cell = cells_of(full_run)["small_nli", "tags"]
    place = cell["languages"]["language"].index("fr")
    assert [seed["score"][place] for seed in cell["seeds"]] == [0.7, None]
    assert [round(seed["gain"][place], 5) if seed["gain"][place] else None for seed in cell["seeds"]] == [0.2, None]
    assert cell["languages"]["count"][place] == 100


def test_a_score_without_a_seed_is_listed_after_the_seeds_of_its_gains(full_run: Run) -> None:
    cells = cells_of(full_run)
    assert [seed["seed"] for seed in cells["baseline", "search"]["seeds"]] == [None]
    assert cells["baseline", "search"]["seeds"][0]["score"] == [0.3, 0.1]
    assert [seed["seed"] for seed in cells["small_nli", "search"]["seeds"]] == [1, 2]
    assert [seed["gain"] for seed in cells["small_nli", "search"]["seeds"]] == [[0.01, 0.01], [0.03, 0.03]]


def test_a_cell_without_a_score_has_its_names_only(make_run: Any) -> None:
    run: Run = make_run()
    run.cell("baseline", "tags", 1, {"en": 0.5})
    assert cells_of(run)["small_nli", "tags"] == {"recipe": "small_nli", "target": "tags", "num_seeds": 0}


def test_the_summaries_of_a_page_have_the_best_sets_correlations_and_judged_predictors(full_run: Run) -> None:
    results = compute_results(full_run.url)
    assert best_values(results)["target"] == list(dict.fromkeys(results.leaders.rows["target"]))
    assert correlation_values(results)["rho"] == predictor_values(results)["ndcg"] == []
    pairs = pd.DataFrame([("a", "b", 0.5, 0.1, 0.9, 9, 0.01, 0.02), ("a", "c", *[np.nan] * 6)], columns=[*PAIR_COLUMNS])
    more = pairs.assign(rho=[-0.8, np.nan])
    correlations = replace(results.correlations, recipes=pairs, targets=more)
    judged = pd.DataFrame(
        [("size", "mean", 0.8, 0.01, 0.0, 3, -0.2, 0.1, np.nan, np.nan, "", np.nan, False)], columns=[*COLUMNS]
    )
    results = replace(results, correlations=correlations, rankings=pd.concat([judged, judged.assign(target="tags")]))
    assert [correlation_values(results)[name] for name in ("of", "rho")] == [["targets", "recipes"], [-0.8, 0.5]]
    assert predictor_values(results)["predictor"] == ["size"]
    assert predictor_values(results)["seconds"] == [None]
