"""Figures: texts, colours and lines, read back from the axes."""

import math
from dataclasses import replace

import matplotlib as mpl
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from analysis.figures.colours import MISSING, ink_on
from analysis.figures.grid import draw_grid
from analysis.figures.heatmap import heatmap, language_grid, language_map, matrix_grid
from analysis.figures.scatter import correlation_map, draw_pairs, draw_trait
from analysis.results.results import compute_results


@pytest.fixture
def drawn(full_run):
    """The grid of the full run, and the axes it was drawn on."""
    grid = matrix_grid(compute_results(full_run.url).matrix, full_run.space)
    return grid, draw_grid(Figure().subplots(), grid, "gain")


def texts(axes):
    return [text.get_text() for text in axes.texts]


def faces(axes):
    return [patch.get_facecolor() for patch in axes.patches if isinstance(patch, Rectangle) and patch.get_fill()]


def test_the_cells_contain_scores_of_the_baseline_and_gains_of_the_other_recipes(drawn):
    grid, axes = drawn
    assert grid.rows == ("baseline", "small_nli", "large_nli", "middle_qa")
    assert [grid.squares["baseline", target].text for target in ("tags", "pairs", "search")] == ["50.0", "34.0", "20.0"]
    assert grid.squares["small_nli", "tags"].text == "+15.0"
    assert grid.squares["small_nli", "tags"].small == "±7.1"
    assert {"50.0", "+15.0", "±7.1", "-10.0"} <= set(texts(axes))


def test_a_gain_and_a_loss_of_equal_size_are_equally_far_from_white(drawn):
    grid, axes = drawn
    colours = mpl.colormaps["RdBu"]
    by_text = dict(zip([square.text for square in grid.squares.values()], faces(axes), strict=True))
    share = 0.5 + 0.5 * 10 / grid.limit
    assert by_text["-10.0"] == pytest.approx(colours(1 - share), abs=0.02)
    assert by_text["50.0"] == mpl.colors.to_rgba("white")


def test_cells_with_the_same_rows_are_hatched_and_daggered(drawn):
    grid, axes = drawn
    assert grid.squares["small_nli", "pairs"].text == "+4.0†"
    hatched = [patch for patch in axes.patches if patch.get_hatch()]
    assert len(hatched) == 2


def test_a_missing_cell_is_grey_with_a_dash_and_there_is_no_mean_column(make_run):
    run = make_run()
    run.cell("baseline", "tags", 1, {"en": 0.5})
    grid = matrix_grid(compute_results(run.url).matrix, run.space)
    axes = draw_grid(Figure().subplots(), grid, "gain")
    assert grid.squares["small_nli", "tags"].text == "–"
    assert grid.columns == ("tags", "pairs", "search")
    assert faces(axes).count(mpl.colors.to_rgba(MISSING)) == 11


def test_a_score_without_a_baseline_is_shown_as_a_score(make_run):
    run = make_run()
    run.cell("small_nli", "tags", 1, {"en": 0.5})
    square = matrix_grid(compute_results(run.url).matrix, run.space).squares["small_nli", "tags"]
    assert (square.text, square.small, square.is_missing) == ("50.0", "score only", True)


def test_there_is_a_mean_column_only_if_no_gain_is_missing(drawn):
    grid, _ = drawn
    assert grid.columns[-1] == "mean"


def test_the_mean_of_a_reference_that_lacks_languages_is_marked(make_run):
    run = make_run()
    for target in ("tags", "pairs", "search"):
        run.cell("baseline", target, 1, {"en": 0.5})
        for recipe in run.space.recipes[1:]:
            run.cell(recipe.name, target, 1, {"en": 0.6, "de": 0.2})
    squares = matrix_grid(compute_results(run.url).matrix, run.space).squares
    assert (squares["baseline", "tags"].text, squares["baseline", "mean"].text) == ("50.0*", "50.0*")
    assert squares["middle_qa", "mean"].text == "+10.0"


def test_the_mean_column_leaves_out_targets_on_whose_rows_a_recipe_trains(drawn):
    grid, _ = drawn
    assert grid.captions["mean"] == "mean of 2"
    assert grid.squares["middle_qa", "mean"].text == "+0.0"
    assert grid.squares["small_nli", "mean"].text == "+8.5"
    assert grid.squares["baseline", "mean"].text == "35.0"


def test_a_line_separates_two_groups_of_targets(drawn):
    grid, axes = drawn
    assert grid.groups == ("tagging", "classification", "retrieval", "")
    assert [line.get_xdata()[0] for line in axes.lines] == [0.5, 1.5, 2.5]
    assert {"tagging", "classification", "retrieval"} <= set(texts(axes))


def test_the_legend_has_only_entries_that_occur(full_run):
    axes = heatmap(compute_results(full_run.url)).axes[0]
    texts = [text.get_text() for text in axes.get_legend().get_texts()]
    assert len(texts) == 1 and texts[0].startswith("† same rows: recipe and target train on them")


def test_the_gain_of_a_language_is_the_mean_over_recipes_without_the_same_rows(full_run):
    results = compute_results(full_run.url)
    grid = language_grid(results.languages, results.matrix, full_run.space)
    assert grid.rows == ("en", "de", "fr")
    assert grid.squares["de", "tags"].value == pytest.approx((15 - 10 + 5) / 3)
    assert grid.squares["en", "pairs"].value == pytest.approx(-2.0)
    assert grid.squares["en", "search"].text == ""
    assert grid.captions["pairs"] == "pairs\n(n = 1)"


def test_text_is_white_on_dark_cells_only():
    assert ink_on((0.0, 0.1, 0.3, 1.0)) == "white"
    assert ink_on((0.9, 0.9, 0.9, 1.0)) != "white"


def test_correlations_are_drawn_with_their_n_and_p(full_run):
    correlations = compute_results(full_run.url).correlations
    axes = draw_pairs(Figure().subplots(), correlations.targets, ["tags", "pairs", "search"], "over {} recipes")
    assert texts(axes) == ["", "–", "+0.50", "–", "", "–", "+0.50", "–", ""]
    assert axes.get_title(loc="left").startswith("over 1 to 3 recipes")
    scatter = draw_trait(Figure().subplots(), correlations, "own_dev")
    assert sorted(texts(scatter)) == ["large_nli", "middle_qa", "small_nli"]
    assert "ρ = -0.50, n = 3, p = 1.00" in scatter.get_title(loc="left")


def test_a_trait_without_values_is_an_empty_panel_with_the_reason(make_run):
    run = make_run()
    run.cell("baseline", "tags", 1, {"en": 0.5})
    correlations = compute_results(run.url).correlations
    axes = draw_trait(Figure().subplots(), correlations, "own_dev")
    assert texts(axes) == ["no target on which every recipe has a gain"]
    assert math.isnan(correlations.traits["own_dev"].max())


def test_figures_name_the_recipe_that_gains_are_measured_against(full_run):
    results = compute_results(full_run.url, against="middle_qa")
    grid = matrix_grid(results.matrix, full_run.space)
    assert (grid.strip, grid.rows[0]) == ("middle_qa", "middle_qa")
    assert grid.squares["baseline", "search"].text == "+5.0"
    assert heatmap(results).axes[0].get_title(loc="left").startswith("Gain over middle_qa by")
    assert language_map(results).axes[0].get_title(loc="left").startswith("Mean gain over middle_qa by language")
    assert correlation_map(results).get_suptitle() == "Gains over middle_qa"


def test_a_target_with_a_single_split_is_marked_and_explained(make_run):
    tasks = tuple(replace(task, test=task.dev) if task.name == "tags" else task for task in make_run().space.tasks)
    run = make_run("single", tasks=tasks)
    for recipe in ("baseline", "small_nli"):
        run.cell(recipe, "tags", 1, {"en": 0.5})
    figure = heatmap(compute_results(run.url))
    (axes,) = [axes for axes in figure.axes if axes.get_legend()]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["tags‡", "pairs", "search"]
    assert "‡ dev and test are the same rows" in [text.get_text() for text in axes.get_legend().get_texts()]
