"""Figures of gains against the distance of the language, read back from the axes."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from analysis.figures.distances import distance_figure, distances, language_points
from analysis.figures.labels import Labels
from analysis.figures.pages import FIGURES
from analysis.figures.sizes import SIZES
from analysis.results.results import compute_results
from sweeper.tasks.distances import distance
from sweeper.tasks.languages import FAMILIES
from tests.analysis.conftest import _empty_run
from tests.analysis.test_figures import check_texts, words
from tests.analysis.test_language_traits import LANGUAGES, SLOPE, run_of


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Gains of two recipes that fall with the syntactic distance, on a target with few languages and one with many."""
    names = tuple(name for name in FAMILIES if not np.isnan(distance("syntactic", "en", name)))
    gain_in = {name: SLOPE * distance("syntactic", "en", name) for name in names}
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
    *recipes, means = axes.collections
    assert [dots.get_label() for dots in recipes] == ["one", "two"]
    assert [len(dots.get_offsets()) for dots in (*recipes, means)] == [len(LANGUAGES)] * 3
    points = language_points(results, "near", "syntactic").set_index("language")
    np.testing.assert_allclose(means.get_offsets(), points[["distance", "gain"]].to_numpy(float))
    (x0, x1), (y0, y1) = (np.asarray(ends, dtype=float) for ends in axes.lines[-1].get_data())
    assert (y1 - y0) / (x1 - x0) == pytest.approx(100 * SLOPE, abs=2)
    title = axes.get_title("left")
    assert title.startswith("near: −2.0 ± 0.") and title.endswith(", n = 9")


def test_a_language_is_named_above_its_dot_unless_the_name_would_cover_something(results):
    axes = Figure(figsize=(4, 3)).subplots()
    few = distances(axes, results, "near").findobj(Labels)[0].labels
    assert {label.text for label in few} <= set(LANGUAGES)
    assert len({label.text for label in few}) == len(few) >= 5
    heights = language_points(results, "near", "syntactic").set_index("language")["gain"]
    assert all(label.y > heights[label.text] for label in few)


def test_a_run_with_few_languages_has_no_figure_of_distances(full_run):
    assert distance_figure(compute_results(full_run.url)) is None


def test_a_distance_figure_explains_its_dots_and_a_report_has_it(results):
    assert "large dots: means over recipes" in " ".join(words(distance_figure(results)))
    assert FIGURES["distances"] is distance_figure
