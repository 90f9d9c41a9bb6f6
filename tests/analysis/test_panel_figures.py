"""Figures of panels: forest, searches and timeline, read back from the axes."""

from dataclasses import replace
from typing import get_args

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from analysis.figures.colours import DOT
from analysis.figures.forest import UNSETTLED, forest, forest_figure
from analysis.figures.search import search, search_figure
from analysis.figures.sizes import SIZES
from analysis.figures.timeline import COLOURS, cost, timeline, timeline_figure
from analysis.results.load import load
from analysis.results.responses import COLUMNS
from analysis.results.results import compute_results
from analysis.results.timeline import COLUMNS as TRIAL_COLUMNS
from analysis.results.timeline import OTHER, ROLES
from analysis.results.timeline import timeline as timeline_table
from sweeper.records.spec import UnitKind
from tests.analysis.test_figures import check_texts, words


@pytest.fixture(scope="module")
def results(full_report):
    """The results of a full run, with searches and times made by hand."""
    searched = [
        ("s1", "baseline", "tags", "target", n, "learning_rate", rate, value, value == 0.6)
        for n, (rate, value) in enumerate([(1e-5, 0.4), (3e-5, 0.6), (1e-4, 0.5)])
    ]
    searched += [("s2", "small_nli", "small_nli", "prepare", 0, "learning_rate", 2.5e-5, 0.7, True)]
    trials = [
        ("small_nli/seed 1", "preparation", "done", "node1 7", "gpu x1", 0.0, 1.0),
        ("baseline -> tags 0", "search", "done", "node2 8", "gpu x1", 0.0, 0.5),
        ("baseline -> tags/seed 1", "target", "failed", "node2 8", "gpu x1", 0.5, np.nan),
        ("small_nli -> tags/seed 1", "target", "done", "node1 7", "gpu x1", 1.0, 1.0),
    ]
    return replace(
        compute_results(str(full_report.path.parent.parent)),
        responses=pd.DataFrame(searched, columns=list(COLUMNS)),
        timeline=pd.DataFrame(trials, columns=list(TRIAL_COLUMNS)),
    )


@pytest.mark.parametrize(
    "figure", [forest_figure, search_figure, timeline_figure], ids=["forest", "search", "timeline"]
)
@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_panels_have_readable_fonts_and_no_text_overlaps_or_leaves_the_figure(figure, size, results):
    drawn = figure(results, size)
    assert drawn.get_figwidth() == size.width
    check_texts(drawn)


def test_a_forest_has_the_interval_of_each_recipe_and_a_dot_for_each_seed(results):
    axes = Figure().subplots()
    assert forest(axes, results, "tags") is axes
    dots, gains = (collection.get_offsets() for collection in axes.collections if len(collection.get_offsets()) > 1)
    assert sorted(dots[:, 0]) == pytest.approx([-10, -10, 5, 5, 10, 20])
    assert gains[:, 0].tolist() == pytest.approx([15, -10, 5])
    lines = next(one for one in axes.collections if hasattr(one, "get_segments")).get_segments()
    row = results.estimates.set_index(["recipe", "target", "language"]).loc["small_nli", "tags", "mean"]
    assert lines[0][:, 0].tolist() == pytest.approx([100 * row["low"], 100 * row["high"]])


def test_a_forest_shows_settled_gains_in_blue_and_cells_with_the_same_rows_with_an_open_marker(results):
    settled = results.estimates.assign(low=0.01, high=0.09, basis="seeds")
    axes = forest(Figure().subplots(), replace(results, estimates=settled), "pairs")
    markers = axes.collections[-1]
    assert {to_hex(ink) for ink in markers.get_edgecolor()} == {DOT}
    assert [to_hex(face) for face in markers.get_facecolor()] == ["#ffffff", "#ffffff", DOT]
    unsettled = results.estimates.assign(low=-0.01, high=0.09)
    axes = forest(Figure().subplots(), replace(results, estimates=unsettled), "pairs")
    assert {to_hex(ink) for ink in axes.collections[-1].get_edgecolor()} == {to_hex(UNSETTLED)}
    assert "open circle: † same rows" in words(forest_figure(results))


def test_the_forest_explains_rows_without_a_gain_only_if_there_are_any(results):
    estimates = results.estimates
    chosen = (estimates["recipe"] == "small_nli") & (estimates["target"] == "tags")
    without = replace(results, estimates=estimates.assign(gain=estimates["gain"].mask(chosen)))
    assert "empty row: no gain" in words(forest_figure(without))
    assert "empty row: no gain" not in words(forest_figure(results))


def test_a_search_has_a_line_for_each_study_and_a_large_dot_for_the_chosen_trial(results):
    axes = Figure().subplots()
    assert search(axes, results, "tags") is axes
    [line] = axes.lines
    assert (line.get_label(), list(line.get_ydata())) == ("baseline", [40, 60, 50])
    assert axes.collections[0].get_offsets().tolist() == [pytest.approx([3e-5, 60])]
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["1e-5", "3e-5", "1e-4"]
    assert words(search_figure(results)).count("recipes") == 1
    assert "large dot: chosen, the first of equal values" in words(search_figure(results))


def test_a_target_that_trains_on_another_task_has_a_panel_with_the_searches_of_that_task(results):
    table = results.responses.query("study == 's1'").assign(task="small_nli")
    searched = replace(results, responses=table)
    axes = search(Figure().subplots(), searched, "pairs")
    assert [list(line.get_ydata()) for line in axes.lines] == [[40, 60, 50]]
    assert [axes.get_title("left") for axes in search_figure(searched).axes] == ["pairs"]


def test_a_run_without_searches_has_no_figure_of_searches(full_run):
    assert search_figure(compute_results(full_run.url)) is None


def test_a_timeline_has_a_line_for_each_worker_and_the_cost_of_each_role(results):
    axes = Figure().subplots()
    assert timeline(axes, results) is axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["node1 7", "node2 8"]
    bars = {bars.get_label().split(":")[0]: bars for bars in axes.collections}
    assert set(bars) == {"preparation", "search", "target", "failed"} <= set(COLOURS)
    assert bars["target"].get_paths()[0].get_extents().bounds == pytest.approx((1.0, -0.4, 1.0, 0.8))
    assert "preparation: 1 trial, 1.0 h" in words(timeline_figure(results))
    assert cost(results.timeline) == "4 trials in 2.0 h on 2 workers (gpu x1), 2.5 h of work, busy 62 % of the time"


def test_a_timeline_has_a_colour_for_each_kind_of_trial():
    assert set(ROLES) == set(get_args(UnitKind))
    assert {*ROLES.values(), "search", "failed", OTHER} == set(COLOURS)


def test_workers_are_busy_with_the_trials_of_all_models(results):
    table = results.timeline
    others = table.assign(role=table["role"].where(table.index < 1, OTHER), state="failed")
    shared = replace(results, timeline=others)
    assert cost(others) == cost(table)
    shown = "\n".join(words(timeline_figure(shared)))
    assert f"{results.model} in colour · 4 trials in 2.0 h" in shown
    assert "other models: 3 trials" in shown


def test_a_timeline_has_the_trials_of_other_models_of_the_run(make_run):
    run = make_run()
    started = {"started": "2026-01-01T00:00:00+00:00", "host": "node1", "pid": "7", "device": "cpu x1"}
    run.trained("baseline", "tags", 0, machine=started, timing={"total": 1800.0})
    records = list(load(run.url).trainings)
    name = records[0].spec.model.name
    assert timeline_table(records, name)["role"].tolist() == ["target"]
    spec = records[0].spec
    other = replace(records[0], spec=replace(spec, model=replace(spec.model, name="b")))
    assert timeline_table([*records, other], name)["role"].tolist() == ["target", OTHER]
    assert timeline_table([other], name).empty


def test_searches_and_times_are_read_from_the_records_of_a_run(make_run):
    run = make_run()
    for number, (rate, value) in enumerate([(1e-4, 0.4), (2e-4, 0.6), (5e-4, None)]):
        started = {"started": f"2026-01-01T0{number}:00:00+00:00", "host": "node1", "pid": "7", "device": "gpu x1"}
        dials = {"learning_rate": rate, "epochs": 2}
        changes = {"role": "search", "study": "s", "number": number, "dials": dials, "value": value}
        run.trained("baseline", "tags", 0, machine=started, timing={"total": 1800.0}, **changes)
    run.trained("small_nli")
    run.cell("baseline", "tags", 1, {"en": 0.5})
    results = compute_results(run.url)
    found = results.responses
    assert found[["setting", "value", "is_chosen"]].values.tolist() == [[1e-4, 0.4, False], [2e-4, 0.6, True]]
    times = results.timeline
    assert times[["role", "worker", "start", "hours"]].values.tolist() == [
        ["search", "node1 7", float(number), 0.5] for number in range(3)
    ]


def test_a_run_without_times_has_no_timeline(full_run):
    assert timeline_figure(compute_results(full_run.url)) is None
