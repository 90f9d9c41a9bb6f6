"""Slopes on the distance between the texts of recipes and of targets."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis.figures.contrast_points import point_figure
from analysis.results.contrast_points import point_table
from analysis.results.contrasts import contrast_table
from analysis.results.load import PREDICTOR_COLUMNS
from sweeper.errors import UserError
from sweeper.space import EACH, Contrast, Model, Recipe, Slope, Term, interaction
from tests.analysis.test_contrasts import means, only, random_scores, space, tables

TEXTS = ("r1", "r2", "r3")
OVERLAPS = {("r1", "t1"): 0.9, ("r2", "t1"): 0.8, ("r3", "t1"): 0.4} | {
    ("r1", "t2"): 0.5,
    ("r2", "t2"): 0.7,
    ("r3", "t2"): 0.6,
}
SLOPE = Slope(axis="recipe", covariate="subword_distance", points=TEXTS, unit="percent of the subwords")
NEAR = Contrast(name="near", terms=(Term(recipe=EACH), Term(recipe="baseline", weight=-1.0)), slope=SLOPE)


def data_of(*contrasts, overlaps=OVERLAPS):
    given = replace(space(models=(Model(name="small", id="t/small"),), predictors=True), contrasts=contrasts)
    scores = random_scores(given)
    rows = [
        ("small", *pair, seed, "subword_overlap", value, 1.0) for pair, value in overlaps.items() for seed in (1, 2)
    ]
    predictors = pd.DataFrame(rows, columns=PREDICTOR_COLUMNS)
    return replace(tables(given, scores), predictors=predictors), scores


def regression(scores, pairs, score_of):
    """The slope of a regression of scores on distances with a constant for each target, by least squares."""
    targets = sorted({target for _, target in pairs})
    design = [[100 * (1 - OVERLAPS[pair]), *(float(pair[1] == target) for target in targets)] for pair in pairs]
    values = [score_of(*pair) for pair in pairs]
    return np.linalg.lstsq(np.array(design), np.array(values), rcond=None)[0][0]


def test_the_slope_is_that_of_a_regression_with_a_constant_for_each_target():
    data, scores = data_of(NEAR)
    row = only(contrast_table(data))
    expected = regression(scores, list(OVERLAPS), lambda recipe, target: means(scores, "small", recipe, target).mean())
    assert row["estimate"] == pytest.approx(expected)
    assert (row["targets"], row["num_seeds"]) == ("t1 t2", 3)


def test_each_target_alone_has_the_slope_of_its_recipes():
    data, scores = data_of(replace(NEAR, each=("target",)))
    table = contrast_table(data).set_index("target")
    for target in ("t1", "t2"):
        pairs = [pair for pair in OVERLAPS if pair[1] == target]
        expected = regression(scores, pairs, lambda recipe, on: means(scores, "small", recipe, on).mean())
        assert table.loc[target, "estimate"] == pytest.approx(expected)


def test_a_recipe_of_each_point_can_be_named_by_a_pattern():
    both = interaction("both", "* then r4", EACH, "r4", "baseline", slope=SLOPE)
    given = space(num_recipes=4, models=(Model(name="small", id="t/small"),), predictors=True)
    pairs = tuple(
        Recipe(name=f"{name} then r4", stages=(*given.recipes[index].stages, *given.recipes[4].stages))
        for index, name in enumerate(TEXTS, start=1)
    )
    given = replace(given, recipes=(*given.recipes, *pairs), contrasts=(both,))
    scores = random_scores(given)
    data = replace(tables(given, scores), predictors=data_of(NEAR)[0].predictors)

    def interaction_of(recipe, target):
        names = (f"{recipe} then r4", recipe, "r4", "baseline")
        first, *others = (means(scores, "small", name, target).mean() for name in names)
        return first - others[0] - others[1] + others[2]

    expected = regression(scores, list(OVERLAPS), interaction_of)
    assert only(contrast_table(data))["estimate"] == pytest.approx(expected)


def test_a_target_without_distances_is_left_out_and_a_named_one_gives_the_reason():
    overlaps = {pair: value for pair, value in OVERLAPS.items() if pair[1] == "t1"}
    data, _ = data_of(NEAR, replace(NEAR, name="named", targets=("t1", "t2")), overlaps=overlaps)
    table = contrast_table(data).set_index("contrast")
    assert table.loc["near", "targets"] == "t1"
    assert np.isnan(table.loc["named", "estimate"])
    assert table.loc["named", "note"] == "r1 (small) has no subword_distance from t2"


@pytest.mark.parametrize("overlaps", [(0.5, 0.5, 0.5), (0.877, 0.877, 0.877), (0.999, 0.999, 0.999), (0.5, 0.5, 0.7)])
def test_distances_of_which_fewer_than_three_differ_have_no_slope(overlaps):
    data, _ = data_of(NEAR, overlaps={pair: overlaps[TEXTS.index(pair[0])] for pair in OVERLAPS})
    row = only(contrast_table(data))
    assert (np.isnan(row["estimate"]), row["note"]) == (True, "fewer than 3 recipes differ in their subword_distance")


def test_the_line_through_the_points_has_the_slope_and_the_figure_names_recipe_and_target():
    data, _ = data_of(NEAR)
    points = point_table(data)
    assert list(points["point"]) == ["r1, t1", "r2, t1", "r3, t1", "r2, t2", "r3, t2", "r1, t2"]
    estimate = only(contrast_table(data))["estimate"]
    assert np.polyfit(points["value"], points["estimate"], 1)[0] == pytest.approx(estimate)
    assert points.groupby(points["point"].str[-2:])["value"].sum().to_list() == pytest.approx([0, 0])
    figure = point_figure(points, "near")
    texts = {text.get_text() for axes in figure.axes for text in axes.texts}
    assert {f" {name}" for name in points["point"]} <= texts
    label = figure.axes[0].get_xlabel()
    assert label == "subword distance in units of percent of the subwords"


@pytest.mark.parametrize(
    ("contrast", "changes", "message"),
    [
        (NEAR, {"predictors": False}, "'subword_distance' is measured by the predictors of transfer: set `predictors="),
        (replace(NEAR, slope=replace(SLOPE, points=("r1", "r2"))), {}, "at least 3 different values"),
        (replace(NEAR, slope=replace(SLOPE, points=("r1", "r2", "baseline"))), {}, "'baseline' has no stage"),
        (replace(NEAR, slope=replace(SLOPE, covariate="text_distances")), {}, "text_distance"),
        (replace(NEAR, terms=(Term(recipe="* then r4"),)), {}, "'r1 then r4'"),
    ],
)
def test_a_slope_on_distances_that_cannot_be_measured_is_refused(contrast, changes, message):
    with pytest.raises(UserError, match=message.replace("*", r"\*")):
        replace(space(), **{"predictors": True, "contrasts": (contrast,), **changes})


def test_targets_of_terms_are_refused_because_distances_differ_between_targets():
    with pytest.raises(UserError, match="Remove `targets` from its terms"):
        replace(NEAR, terms=(Term(recipe=EACH, targets=("t1",)),))
