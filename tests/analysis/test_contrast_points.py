"""The points of slopes: sums at each value of a covariate, their spread over languages, and their figure."""

import itertools
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis.figures.contrast_points import MOST, contrast_points, point_figure
from analysis.figures.contrasts import contrast_figure
from analysis.report.questions import question_files
from analysis.results.contrast_points import point_table
from analysis.results.contrasts import contrast_table
from sweeper.space import EACH, Contrast, Model, Slope, Term
from tests.analysis.test_contrasts import LANGUAGES, means, random_scores, space, tables

SIZES = {"small": 1.0, "large": 2.0, "huge": 4.0}
MODELS = tuple(Model(name=name, id=f"t/{name}") for name in SIZES)
GAIN = (Term(recipe="r1", model=EACH), Term(recipe="baseline", model=EACH, weight=-1.0))
SCALE = Contrast(
    name="scale", terms=GAIN, slope=Slope(axis="model", covariate="size", values=SIZES), targets=("t1", "t2")
)
FAR = Contrast(
    name="far",
    terms=(Term(recipe="r1"), Term(recipe="baseline", weight=-1.0)),
    slope=Slope(axis="language", covariate="distance", values={"en": 0.0, "de": 0.2, "sw": 0.9}),
    targets=("t1",),
)


def data_of(*contrasts: Contrast):
    given = replace(space(models=MODELS), contrasts=contrasts)
    scores = random_scores(given)
    return tables(given, scores), scores


def test_the_line_through_the_points_of_a_slope_has_its_estimate():
    data, _ = data_of(SCALE, FAR, replace(SCALE, name="each", each=("target", "language")))
    points = point_table(data)
    slopes = contrast_table(data)
    for _, slope in slopes.iterrows():
        same = points[["contrast", "model", "target", "language"]] == slope[["contrast", "model", "target", "language"]]
        rows = points[same.all(axis=1)]
        assert len(rows) == 3
        assert np.polyfit(rows["value"], rows["estimate"], 1)[0] == pytest.approx(slope["estimate"])
    assert len(points) == 3 * len(slopes)


def test_a_slope_on_a_logarithm_is_per_decade_and_its_axis_has_a_label_that_fits():
    slope = Slope(axis="model", covariate="log10_parameters", values=SIZES, unit="decade of parameters")
    data, _ = data_of(*(replace(SCALE, name=f"scale {number}", slope=slope) for number in range(4)))
    figure = point_figure(point_table(data), "scale")
    assert {axes.get_xlabel() for axes in figure.axes} == {"parameters (log10)"}
    table = contrast_table(data)
    assert set(table["covariate_unit"]) == {"decade of parameters"}
    assert [axes.get_xlabel() for axes in contrast_figure(table, "scale").axes] == ["points per decade of parameters"]
    page = question_files(data, table)["questions-contrasts.md"].decode()
    assert "points per decade of parameters, " in page
    assert "per unit of" not in page


def test_a_label_without_space_for_its_unit_has_none():
    slope = replace(SCALE.slope, unit="an uncommonly long description of the unit of the sizes of these models")
    data, _ = data_of(*(replace(SCALE, name=f"scale {number}", slope=slope) for number in range(4)))
    assert point_figure(point_table(data), "scale").axes[0].get_xlabel() == "size"


def test_a_point_has_the_standard_deviation_of_its_sums_over_languages():
    data, scores = data_of(SCALE)
    for _, row in point_table(data).iterrows():
        by_language = [
            np.mean(
                [
                    np.mean(scores[row["point"], "r1", target, language])
                    - np.mean(scores[row["point"], "baseline", target, language])
                    for target in ("t1", "t2")
                ]
            )
            for language in LANGUAGES
        ]
        assert row["sd_languages"] == pytest.approx(np.std(by_language, ddof=1))
        assert row["num_languages"] == 3


def test_a_slope_without_an_estimate_has_no_points():
    data, scores = data_of(FAR)
    lacking = {name: values for name, values in scores.items() if name[3] != "de"}
    assert point_table(tables(data.space, lacking)).empty


def test_points_have_the_targets_and_languages_of_their_slope():
    huge = replace(SCALE, targets=(), slope=replace(SCALE.slope, values=SIZES))
    some = replace(FAR, name="some")
    data, scores = data_of(huge, replace(some, languages=LANGUAGES))
    scores = {name: values for name, values in scores.items() if name[:3:2] != ("huge", "t2")}
    data = tables(data.space, scores)
    points, slopes = point_table(data), contrast_table(data)
    assert set(points.loc[points["contrast"] == "some", "point"]) == set(LANGUAGES)
    for _, slope in slopes.iterrows():
        rows = points[(points["contrast"] == slope["contrast"]) & (points["model"] == slope["model"])]
        assert np.polyfit(rows["value"], rows["estimate"], 1)[0] == pytest.approx(slope["estimate"])


def test_the_figure_has_a_panel_for_each_slope_and_names_the_points():
    data, scores = data_of(SCALE, FAR)
    points = point_table(data)
    figure = point_figure(points, "family")
    assert figure is not None
    assert len(figure.axes) == 4
    axes = contrast_points(figure.axes[0], points[points["contrast"] == "scale"])
    assert {text.get_text().strip() for text in axes.texts} == set(SIZES)
    gain = (means(scores, "huge", "r1", "t1") - means(scores, "huge", "baseline", "t1")).mean()
    gain += (means(scores, "huge", "r1", "t2") - means(scores, "huge", "baseline", "t2")).mean()
    drawn = axes.lines[-1].get_ydata() if len(axes.lines[-1].get_ydata()) == 3 else axes.lines[-2].get_ydata()
    assert drawn[-1] == pytest.approx(50 * gain)


def test_names_of_points_cover_neither_each_other_nor_an_interval():
    data, _ = data_of(SCALE)
    rows = point_table(data)
    rows = pd.concat([rows.assign(point=[f"{name} {number}" for name in rows["point"]]) for number in range(3)])
    figure = point_figure(rows, "family")
    assert figure is not None
    axes = figure.axes[0]
    boxes = [text.get_window_extent() for text in axes.texts]
    assert len(boxes) == 3 * len(SIZES)
    assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))
    highest = axes.transData.transform((0, 100 * rows["high"].max()))[1]
    assert min(box.y0 for box in boxes) >= highest
    assert max(box.y1 for box in boxes) <= axes.get_window_extent().y1
    assert axes.get_yticks().max() <= 100 * rows["high"].max() + 10


def test_a_family_with_many_slopes_says_how_many_are_not_drawn():
    many = [replace(SCALE, name=f"slope {number}") for number in range(MOST + 2)]
    data, _ = data_of(*many)
    figure = point_figure(point_table(data), "family")
    assert figure is not None
    assert len(figure.axes) == MOST
    assert any("2 more slopes are in slope_points.csv" in text.get_text() for text in figure.texts)


def test_the_page_of_a_family_has_the_points_of_its_slopes():
    data, _ = data_of(SCALE)
    files = question_files(data, contrast_table(data))
    page = files["questions-contrasts.md"].decode()
    assert "![questions-contrasts-points](questions-contrasts-points.png)" in page
    assert "| slope | point | value | estimate | sd over languages | languages | unit |" in page
    assert page.count("| scale | ") == 4  # the slope and its three points
    assert {"slope_points.csv", "questions-contrasts-points.pdf"} <= set(files)
