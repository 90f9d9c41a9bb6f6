"""Figures of gains against the distance of the language, read back from the axes."""

import re
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from analysis.figures.distances import distance_figure, distances, language_points, recipe_points
from analysis.figures.dots import Dots
from analysis.figures.files import formats
from analysis.figures.labels import Labels
from analysis.figures.pages import FIGURES
from analysis.figures.search import recipe_colours
from analysis.figures.sizes import POINTS, SIZES, TEXT, text_width
from analysis.numbers import signed_text
from analysis.results.results import compute_results
from sweeper.tasks.distances import distance
from sweeper.tasks.languages import FAMILIES
from tests.analysis.conftest import _empty_run
from tests.analysis.test_figures import check_texts, words
from tests.analysis.test_language_traits import LANGUAGES, SLOPE, run_of

ENGLISH_GAIN = 0.1


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Gains of two recipes that fall with the syntactic distance, on a target with few languages and one with many.

    The English gain is far above the line of the other languages.
    """
    names = tuple(name for name in FAMILIES if not np.isnan(distance("syntactic", "en", name)))
    gain_in = {name: SLOPE * distance("syntactic", "en", name) for name in names}
    gain_in["en"] = ENGLISH_GAIN
    folder = tmp_path_factory.mktemp("distances")
    return compute_results(run_of(lambda **changes: _empty_run(folder, **changes), names, gain_in, LANGUAGES).url)


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_distances_have_readable_fonts_and_no_text_overlaps_or_leaves_the_figure(size, results):
    figure = distance_figure(results, size)
    assert figure.get_figwidth() == size.width
    check_texts(figure)
    assert len(figure.axes) == 3  # two targets and their mean


def test_a_panel_has_a_dot_for_each_language_and_recipe_and_the_planted_slope(results):
    axes = Figure(figsize=(4, 3)).subplots()
    assert distances(axes, results, "near") is axes
    recipes, means = axes.collections
    faces = [to_hex(face) for face in recipes.get_facecolors()]
    inks = recipe_colours(results)
    assert faces == [inks["one"]] * len(LANGUAGES) + [inks["two"]] * len(LANGUAGES)
    shown = recipe_points(results, "syntactic")
    shown = shown.loc[shown["target"] == "near", ["distance", "gain"]]
    np.testing.assert_allclose(recipes.get_offsets(), shown.to_numpy(float))
    assert len(means.get_offsets()) == len(LANGUAGES)
    points = language_points(results, "near", "syntactic").set_index("language")
    np.testing.assert_allclose(means.get_offsets(), points[["distance", "gain"]].to_numpy(float))
    (x0, y0), *_, (x1, y1) = axes.lines[-1].get_xydata()
    assert (y1 - y0) / (x1 - x0) == pytest.approx(100 * SLOPE, abs=2)
    title = axes.get_title("left")
    agreement = results.seed_agreement.set_index("target")["differences"]["near"]
    assert title.startswith("near: −2.0 ± 0.") and title.endswith(", n = 8")
    key = [text.get_text() for text in distance_figure(results).texts]
    assert any("r: agreement of two halves of the seeds on how languages differ" in text for text in key)
    assert f"near r = {signed_text(agreement, 2)}" in key


def test_a_language_is_named_beside_its_dot_unless_the_name_would_cover_something(results):
    axes = Figure(figsize=(4, 3)).subplots()
    few = distances(axes, results, "near").findobj(Labels)[0].labels
    assert {label.text for label in few} <= set(LANGUAGES)
    assert len({label.text for label in few}) == len(few) >= 5
    points = language_points(results, "near", "syntactic").set_index("language")[["distance", "gain"]]
    ends = axes.transData.transform([points.loc[label.text].to_numpy(float) for label in few])
    shown = axes.transData.transform([(label.x, label.y) for label in few])
    assert np.abs(ends - shown).max() < 2 * TEXT.font / POINTS * axes.figure.get_dpi()


def test_a_vector_file_has_each_dot_in_the_order_of_drawing_and_a_path_for_each_run_of_a_colour():
    axes = Figure(figsize=(2, 2)).subplots()
    colours = ["#ff0000", "#ff0000", "#0000ff", "#ff0000"]
    axes.add_collection(Dots(axes, [(0.1, 0.1), (0.5, 0.5), (0.5, 0.6), (0.9, 0.9)], colours, 2.0))
    drawn = formats(axes.figure, ["svg"])["svg"].decode()
    paths = re.findall(r'<path d="([^"]*)"[^>]*stroke: (#[0-9a-f]{6})[^>]*stroke-linecap: round', drawn)
    assert [(path.count("M "), path.count("L "), colour) for path, colour in paths] == [
        (2, 2, "#ff0000"),
        (1, 1, "#0000ff"),
        (1, 1, "#ff0000"),
    ]


@pytest.mark.parametrize("target", ["far", "near"])
def test_no_code_covers_a_dot_or_the_line(target, results):
    figure = distance_figure(results)
    (axes,) = (axes for axes in figure.axes if axes.get_title("left").startswith(f"{target}:"))
    marks = [dots.get_offsets() for dots in axes.collections] + [axes.lines[-1].get_xydata()]
    to_points = POINTS / figure.dpi
    shown = to_points * axes.transData.transform(np.concatenate(marks))
    labels = axes.findobj(Labels)[0].labels
    assert len(labels) >= 3
    for label in labels:
        x, y = to_points * axes.transData.transform((label.x, label.y))
        half = text_width(label.text, label.font) / 2, label.font / 2
        assert not (np.abs(shown - (x, y)) < half).all(axis=1).any(), label.text


def test_english_is_an_open_circle_beside_the_line_of_the_other_languages(results):
    axes = distances(Figure(figsize=(4, 3)).subplots(), results, "near")
    means = axes.collections[-1]
    points = language_points(results, "near", "syntactic")
    is_open = [tuple(face) == (1, 1, 1, 1) for face in means.get_facecolors()]
    assert is_open == (points["language"] == "en").tolist()
    assert points.set_index("language").loc["en", "gain"] > axes.lines[-1].get_ydata().max() + 5


def test_cells_with_the_same_rows_have_no_dots_because_the_means_leave_them_out(results):
    estimates = results.estimates
    chosen = (estimates["recipe"] == "two") & (estimates["target"] == "near")
    marked = replace(results, estimates=estimates.assign(marks=estimates["marks"].mask(chosen, "same rows")))
    points = recipe_points(marked, "syntactic")
    assert set(points.loc[points["target"] == "near", "recipe"]) == {"one"}
    assert set(points.loc[points["target"] == "far", "recipe"]) == {"one", "two"}


def test_a_run_with_few_languages_has_no_figure_of_distances(full_run):
    assert distance_figure(compute_results(full_run.url)) is None


def test_a_distance_figure_explains_its_dots_and_a_report_has_it(results):
    assert "large dots: means over cells" in " ".join(words(distance_figure(results)))
    assert FIGURES["distances"] is distance_figure
