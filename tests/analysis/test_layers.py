"""Retrieval scores by layer, which are shown beside the matrix."""

import csv

import pytest

from analysis.figures.layers import layer_figure, layer_lines
from analysis.report.report import write_report
from analysis.report.tables import layer_rows
from analysis.results.results import compute_results
from sweeper.space import Target

SEARCH = Target(task="search", layer=0.5, also_layers=(0.0, 0.5, 1.0))


@pytest.fixture
def layered(make_run):
    """Scores at three layers: 10, 30 and 20 points for the raw encoder, and more for two seeds of a recipe."""
    run = make_run(targets=(SEARCH,))
    raw = run.trained("baseline")
    rows = [run.trained("small_nli", seed=seed) for seed in (1, 2)]
    for layer, value in ((0.0, 0.1), (0.5, 0.3), (1.0, 0.2)):
        how = {"pooling": "mean", "layer": layer}
        kept(run, raw, value, seed=None, **how)
        for row, more in zip(rows, (0.1, 0.3), strict=True):
            kept(run, row, value + more * layer, **how)
    kept(run, raw, 0.9, seed=None, pooling="mean", layer=0.25)
    kept(run, raw, 0.9, seed=None, pooling="mean", layer=1.0, similarity="csls")
    return run


def kept(run, training, value, **changes):
    run.scored(training, "search", {"de": value, "fr": value}, **changes)


def test_a_table_of_layers_has_the_mean_over_languages_and_seeds(layered):
    scores = compute_results(layered.url).layers["search"].scores
    assert list(scores.index) == ["baseline", "small_nli"]
    assert list(scores.columns) == [0.0, 0.5, 1.0]
    assert scores.loc["baseline"].tolist() == pytest.approx([0.1, 0.3, 0.2])
    assert scores.loc["small_nli"].tolist() == pytest.approx([0.1, 0.4, 0.4])


def test_the_matrix_shows_only_the_layer_of_the_target(layered):
    matrix = compute_results(layered.url).matrix
    assert matrix.scores.loc["baseline", "search"] == pytest.approx(0.3)
    assert matrix.gains.loc["small_nli", "search"] == pytest.approx(0.1)


def test_the_layer_of_the_matrix_is_bold_and_the_best_layer_is_named(layered):
    header, rows = layer_rows(compute_results(layered.url).layers["search"])
    assert header == ["recipe", "0.00", "**0.50**", "1.00", "best"]
    assert rows[0] == ["baseline", "10.0", "**30.0**", "20.0", "0.50"]


def test_a_target_with_one_layer_has_no_table(full_run):
    assert compute_results(full_run.url).layers == {}


def test_the_figure_has_one_line_per_recipe_in_points_and_marks_the_layer_of_the_matrix(layered):
    results = compute_results(layered.url)
    [axes] = layer_figure(results).axes
    assert [line.get_label() for line in axes.lines[:2]] == ["baseline", "small_nli"]
    assert list(axes.lines[0].get_ydata()) == pytest.approx([10, 30, 20])
    assert list(axes.lines[2].get_xdata()) == [0.5, 0.5]
    assert layer_lines(axes, results.layers["search"]) is axes


def test_the_report_shows_layers_and_how_retrieval_was_scored(layered):
    where = write_report(layered.url).path
    appendix = (where.parent / "appendix.md").read_text()
    assert "| recipe | 0.00 | **0.50** | 1.00 | best |" in appendix
    assert "search: mean of the token vectors at 0.50 of the depth, cosine similarity" in where.read_text()
    with (where.parent / "layers.csv").open() as file:
        assert list(csv.reader(file))[:3] == [
            ["target", "recipe", "layer", "score"],
            ["search", "baseline", "0.0000", "10.0000"],
            ["search", "small_nli", "0.0000", "10.0000"],
        ]
    assert (where.parent / "layers.png").stat().st_size > 1000
