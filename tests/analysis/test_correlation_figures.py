"""Figures of correlations, read back from the axes."""

import math

import pandas as pd
from matplotlib.figure import Figure

from analysis.figures.scatter import correlation_map, draw_pairs, draw_trait
from analysis.results.results import compute_results


def texts(axes):
    return [text.get_text() for text in axes.texts]


def test_correlations_are_drawn_with_their_n_and_p(full_run):
    correlations = compute_results(full_run.url).correlations
    pairs = pd.DataFrame({"a": ["tags", "tags"], "b": ["pairs", "search"], "n": [1, 3]})
    pairs = pairs.assign(rho=[math.nan, 0.5], p=[math.nan, 0.2])
    axes = draw_pairs(Figure().subplots(), pairs, ["tags", "pairs", "search"], "over {} recipes")
    assert texts(axes) == ["", "–", "+0.50", "–", "", "–", "+0.50", "–", ""]
    assert axes.get_title(loc="left").startswith("over 1 to 3 recipes")
    scatter = draw_trait(Figure().subplots(), correlations, "headroom")
    assert sorted(texts(scatter)) == ["large_nli", "middle_qa", "small_nli"]
    assert "no correlation (n = 3)" in scatter.get_title(loc="left")


def test_a_trait_without_values_is_an_empty_panel_with_the_reason(make_run):
    run = make_run()
    run.cell("baseline", "tags", 1, {"en": 0.5})
    correlations = compute_results(run.url).correlations
    axes = draw_trait(Figure().subplots(), correlations, "headroom")
    assert texts(axes) == ["no target on which every recipe has a gain"]
    assert math.isnan(correlations.traits["headroom"].max())


def test_the_figure_of_correlations_names_the_recipe_that_gains_are_measured_against(full_run):
    figure = correlation_map(compute_results(full_run.url, against="middle_qa"))
    assert figure.get_suptitle() == "Gains over middle_qa"
