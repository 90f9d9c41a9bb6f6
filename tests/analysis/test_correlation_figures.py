"""Figures of correlations and traits, read back from the axes."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from analysis.figures.correlations import correlation_figure, correlation_grid, correlation_key, correlations
from analysis.figures.sizes import SIZES, TEXT
from analysis.figures.traits import _apart, trait, trait_figure
from analysis.results.correlate import PERFECT
from analysis.results.results import compute_results
from tests.analysis.test_figures import check_texts, words


def pairs(names):
    """A table of pairs: rho falls from 0.9, every second q is small, and the last pair has no correlation."""
    places = list(combinations(names, 2))
    rho = np.linspace(0.9, -0.9, len(places))
    q = np.where(np.arange(len(places)) % 2, 0.5, 0.01)
    table = pd.DataFrame(places, columns=["a", "b"]).assign(rho=rho, low=rho - 0.1, high=rho + 0.1, n=9, p=0.01, q=q)
    table.loc[len(table) - 1, ["rho", "low", "high", "p", "q"]] = np.nan
    return table


@pytest.fixture(scope="module")
def results(full_report):
    """The results of a full run, with correlations of nine recipes with long names and seven targets."""
    results = compute_results(str(full_report.path.parent.parent))
    recipes = [f"paraphrase_identification_{number}" for number in range(9)]
    targets = [f"xnli{number}" for number in range(7)]
    found = replace(
        results.correlations,
        recipes=pairs(recipes),
        recipe_order=tuple(recipes[::-1]),
        targets=pairs(targets),
        target_order=tuple(targets),
    )
    return replace(results, correlations=found)


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_correlations_have_readable_fonts_and_no_text_overlaps_or_leaves_the_figure(size, results):
    for figure in (correlation_figure(results, size), trait_figure(results, size)):
        assert figure.get_figwidth() == size.width
        check_texts(figure)


def test_each_pair_is_drawn_once_below_the_diagonal_in_the_clustered_order(results):
    grid = correlation_grid(results, "recipes")
    order = results.correlations.recipe_order
    assert (grid.rows, grid.columns) == (order[1:], order[:-1])
    assert len(grid.squares) == 9 * 8 / 2
    assert all(order.index(row) > order.index(column) for row, column in grid.squares)


def test_correlations_that_survive_the_correction_are_bold_and_missing_ones_are_grey(results):
    grid = correlation_grid(results, "targets")
    table = results.correlations.targets
    assert grid.squares["xnli1", "xnli0"].text == "+.90"
    assert grid.squares["xnli1", "xnli0"].small == "+.80 to +1.00"
    bold = sum(square.is_bold for square in grid.squares.values())
    assert bold == (table["q"] < 0.05).sum()
    assert [cell for cell, square in grid.squares.items() if square.is_missing] == [("xnli6", "xnli5")]


def test_the_correlations_have_a_colour_scale_from_minus_1_to_1(results):
    figure = correlation_figure(results)
    assert correlation_grid(results, "targets").limit == 1
    assert {"correlation", "q < 0.05 (corrected)", "0.0"} <= set(words(figure))


def test_the_key_explains_intervals_and_perfect_correlations_only_where_they_are_drawn(results):
    def texts(pairs):
        changed = replace(results.correlations, targets=pairs, notes=(PERFECT,))
        grid = correlation_grid(replace(results, correlations=changed), "targets")
        return " ".join(entry.text for entry in correlation_key(replace(results, correlations=changed), [grid]).entries)

    table = results.correlations.targets
    assert "jackknife" in texts(table) and PERFECT not in texts(table)
    assert "fewer than 6 common values" in texts(table) and "common values" not in texts(table.fillna({"rho": 0.5}))
    without = texts(table.assign(low=np.nan, high=np.nan))
    assert "jackknife" not in without and PERFECT in without


def test_trainings_that_saw_almost_equal_counts_have_no_panel(results):
    traits = results.correlations.traits
    close = traits.assign(train_size=[1000 + number for number in range(len(traits))])
    changed = replace(results, correlations=replace(results.correlations, traits=close))
    assert "published training examples" in [axes.get_xlabel() for axes in trait_figure(results).axes]
    assert "published training examples" not in [axes.get_xlabel() for axes in trait_figure(changed).axes]


def test_correlations_are_drawn_on_the_axes_of_the_user_and_returned(results):
    axes = Figure().subplots()
    assert correlations(axes, results, "targets") is axes
    with pytest.raises(ValueError, match="at least two recipes"):
        alone = replace(results.correlations, recipe_order=("one",))
        correlations(axes, replace(results, correlations=alone))


def test_a_triangle_in_which_most_pairs_have_no_correlation_is_left_to_the_table(results):
    def titles(num_missing):
        table = results.correlations.targets.copy()
        table.loc[: num_missing - 1, "rho"] = np.nan
        return words(correlation_figure(replace(results, correlations=replace(results.correlations, targets=table))))

    # One of 21 pairs has no correlation from the start.
    assert "xnli1" in titles(9) and "xnli1" not in titles(11)


def test_a_run_with_too_few_recipes_and_targets_has_no_figure_of_correlations(full_run):
    assert correlation_figure(compute_results(full_run.url)) is None


def test_a_trait_has_a_dot_with_an_interval_for_each_recipe(results):
    axes = Figure().subplots()
    assert trait(axes, results, "headroom", size=TEXT) is axes
    rows = results.row_means[results.row_means["unit"] == "score"].set_index("recipe")
    found = {bar.get_label(): bar[0].get_ydata()[0] for bar in axes.containers}
    assert found == pytest.approx(
        {name: 100 * rows.loc[name, "gain"] for name in ("small_nli", "large_nli", "middle_qa")}
    )
    assert axes.get_title(loc="left") == "n = 3: too few for a correlation"
    assert "axes of counts are logarithmic" in words(trait_figure(results))


def test_recipes_with_equal_traits_are_drawn_side_by_side():
    values = pd.Series({"a": 400.0, "b": 640.0, "c": 640.0})
    for is_log in (True, False):
        apart = _apart(values, is_log=is_log)
        assert apart["a"] == 400.0
        assert apart["b"] < 640.0 < apart["c"]
        assert apart["c"] - apart["b"] < 40
