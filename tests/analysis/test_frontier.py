"""The figure of scores under conditions against clean scores."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from analysis.figures.frontier import frontier, frontier_figure
from analysis.figures.sizes import SIZES
from analysis.results.robustness import on_frontier
from tests.analysis.test_figures import check_texts, words

SCORES = {"balanced": (0.6, 0.5), "robust": (0.5, 0.6), "dominated": (0.5, 0.5), "accurate": (0.7, 0.1)}
"""Recipe -> its clean score and its score under a condition."""


def table(conditions: tuple[str, ...] = ("typos",), scores: dict[str, tuple[float, float]] = SCORES) -> pd.DataFrame:
    rows = [
        ("tiny", recipe, "pairs", condition, "mean", clean, score, clean - score - 0.05, clean - score + 0.05)
        for condition in conditions
        for recipe, (clean, score) in scores.items()
    ]
    names = ["model", "recipe", "target", "condition", "language", "clean", "score", "low", "high"]
    return pd.DataFrame(rows, columns=names).assign(note="")


def test_a_recipe_that_no_other_one_beats_in_both_scores_is_on_the_frontier() -> None:
    rows = table()
    assert set(rows.loc[on_frontier(rows), "recipe"]) == {"balanced", "robust", "accurate"}


def test_recipes_with_equal_scores_are_both_on_the_frontier() -> None:
    assert on_frontier(table(scores={"a": (0.5, 0.5), "b": (0.5, 0.5)})).all()


def test_the_panel_has_a_dot_in_points_for_each_recipe_and_bold_names_on_the_frontier() -> None:
    axes = Figure().subplots()
    assert frontier(axes, table()) is axes
    line, best, others = axes.lines
    assert sorted(zip(*best.get_data(), strict=True)) == [(50, 60), (60, 50), (70, 10)]
    assert list(zip(*line.get_data(), strict=True)) == [(50, 60), (60, 50), (70, 10)]
    assert list(zip(*others.get_data(), strict=True)) == [(50, 50)]
    assert {text.get_text(): text.get_fontweight() for text in axes.texts} == {
        **dict.fromkeys(("balanced", "robust", "accurate"), "bold"),
        "dominated": "normal",
    }


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_names_of_recipes_with_nearly_equal_scores_do_not_overlap(size) -> None:
    scores = {f"intermediate task {number}": (0.5 + number / 1000, 0.4) for number in range(12)}
    figure = frontier_figure(table(("typos", "spaces"), scores), size)
    assert figure is not None and figure.get_figwidth() == size.width
    check_texts(figure)


def test_the_figure_says_how_uncertain_a_drop_is() -> None:
    figure = frontier_figure(table())
    assert figure is not None
    assert "median half width of the 95 % interval of a drop: 5.0 points" in words(figure)
    without = frontier_figure(table().assign(low=np.nan, high=np.nan))
    assert without is not None and "the drops have no interval" in words(without)


def test_a_condition_with_one_recipe_has_no_figure() -> None:
    assert frontier_figure(table(scores={"baseline": (0.5, 0.4)})) is None


def test_a_recipe_at_chance_is_not_drawn() -> None:
    scores = table()
    scores.loc[scores["recipe"] == "accurate", "note"] = "at chance"
    figure = frontier_figure(scores)
    assert figure is not None
    assert "accurate" not in words(figure) and "balanced" in words(figure)
