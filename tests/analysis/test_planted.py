"""Planted gains beside measured ones: the truth of a space, its comparison with chosen scores, the report's section."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from matplotlib.text import Text

from analysis.figures.planted import MEASURED, PLANTED, planted_figure, planted_grid
from analysis.report.planted import planted_csv, planted_finding
from analysis.report.report import write_report
from analysis.results.load import load
from analysis.results.marks import marks_of
from analysis.results.matrix import Cell, Matrix, transfer_matrix
from analysis.results.planted import Planted, PlantedCell, compare_planted, planted_title
from analysis.results.results import compute_results
from search_spaces.demo import SPACE as DEMO
from sweeper.world.truth import planted_gains

SURE, UNSURE = 0.01, 0.2
FOUR_SEEDS = (1, 2, 3, 4)
COLUMNS = tuple(target.task for target in DEMO.targets)


def cell(planted: float, gain: float, q: float = SURE) -> PlantedCell:
    return PlantedCell(planted=planted, gain=gain, q=q)


def numbered(*cells: PlantedCell) -> Planted:
    """The first cells of the demo, recipe by recipe, with these values."""
    names = [(recipe.name, target.task) for recipe in DEMO.recipes[1:] for target in DEMO.targets]
    return Planted(dict(zip(names, cells, strict=False)))


GAINS: Mapping[Cell, float] = {("claims", "names"): 0.07, ("gaps", "names"): 0.1, ("gaps", "words"): 0.05}
"""Measured gains; all other cells score like the baseline, a thousandth above or below."""


@pytest.fixture
def demo_run(make_run: Callable[..., Any]) -> str:
    """A run of the demo with four seeds and a score for every cell."""
    run = make_run(**vars(replace(DEMO, seeds=FOUR_SEEDS)))
    for recipe, target, seed in product(DEMO.recipes, DEMO.targets, FOUR_SEEDS):
        gain = GAINS.get((recipe.name, target.task), 0.0) + 0.001 * (-1) ** seed if recipe.stages else 0.0
        training = run.trained(recipe.name, target.task, seed)
        run.scored(training, target.task, dict.fromkeys(("en", "xa"), 0.4 + gain), split="test")
    return str(run.url)


@pytest.fixture
def scored(demo_run: str) -> Callable[..., Matrix]:
    """Returns a function from the name of a reference to the matrix of the run."""
    return lambda against="": transfer_matrix(load(demo_run), "tiny", against)


def test_the_cells_have_the_planted_gain_of_the_world_and_the_measured_gain_of_the_run(scored) -> None:
    planted = compare_planted(scored(), {}, DEMO)
    assert planted is not None
    assert list(planted.cells) == [(row.name, column.task) for row in DEMO.recipes[1:] for column in DEMO.targets]
    assert planted.cells["claims", "names"].planted == pytest.approx(2 / 3)
    assert planted.cells["gaps", "names"].planted == 1
    assert planted.cells["parts", "names"].planted == 0
    assert planted.cells["claims", "names"].gain == pytest.approx(0.07)


def test_a_space_without_a_world_has_no_planted_truth(scored) -> None:
    assert compare_planted(scored(), {}, replace(DEMO, world="")) is None


def test_planted_gains_are_relative_to_the_reference(scored) -> None:
    planted = compare_planted(scored("claims"), {}, DEMO)
    assert planted is not None
    assert planted.cells["gaps", "names"].planted == pytest.approx(1 - 2 / 3)
    assert planted.cells["rewrites", "words"].planted == 0  # a third against a third
    assert ("claims", "names") not in planted.cells


def test_a_cell_without_a_score_is_left_out(make_run) -> None:
    run = make_run(**vars(DEMO))
    for recipe in ("baseline", "claims"):
        run.scored(run.trained(recipe, "names", 1), "names", {"en": 0.5, "xa": 0.5}, split="test")
    planted = compare_planted(transfer_matrix(load(run.url), "tiny"), {}, DEMO)
    assert planted is not None
    assert list(planted.cells) == [("claims", "names")]
    assert planted.cells["claims", "names"].outcome == "not tested"


@pytest.mark.parametrize(
    ("planted", "gain", "q", "outcome"),
    [
        (0.5, 0.1, SURE, "found"),
        (0.5, 0.1, UNSURE, "missed"),
        (0.5, -0.1, SURE, "missed"),
        (-0.5, -0.1, SURE, "found"),
        (-0.5, 0.1, SURE, "missed"),
        (0, 0.1, SURE, "false gain"),
        (0, 0.1, UNSURE, "no gain"),
        (0, -0.1, SURE, "no gain"),
        (0.5, 0.1, math.nan, "not tested"),
    ],
)
def test_a_gain_is_found_only_with_its_planted_sign_and_only_a_gain_contradicts_a_zero(
    planted: float, gain: float, q: float, outcome: str
) -> None:
    assert cell(planted, gain, q).outcome == outcome


def test_the_finding_counts_gains_zeros_and_losses() -> None:
    planted = numbered(cell(1, 0.3), cell(0.5, 0.2), cell(0.3, 0.1, UNSURE), cell(0, 0.0, UNSURE), cell(0, -0.1))
    assert planted_finding(planted) == (
        "2 of 3 planted gains found, 0 of 2 planted zeros reported as gains (q < 0.05). "
        "The rank correlation of planted and measured gains is 0.97 over 5 cells."
    )
    with_loss = numbered(cell(1, 0.3), cell(-1, -0.2), cell(0, 0.1))
    assert planted_title(with_loss) == (
        "1 of 1 planted gains found, 1 of 1 planted losses found, 1 of 1 planted zeros reported as gains; "
        "rank correlation 1.00"
    )


def test_without_a_test_only_the_rank_correlation_is_stated() -> None:
    untested = numbered(*(cell(grade, gain, math.nan) for grade, gain in ((1, 0.3), (0.5, 0.2), (0, 0.1))))
    assert planted_finding(untested) == (
        "There are too few seeds to test the planted gains. "
        "The rank correlation of planted and measured gains is 1.00 over 3 cells."
    )
    assert planted_title(untested) == "rank correlation 1.00"


def test_gains_in_the_planted_order_reach_the_ceiling_of_the_correlation() -> None:
    ordered = numbered(cell(0, 0.01), cell(0, 0.02), cell(0.5, 0.1), cell(1, 0.2))
    assert ordered.correlation.rho == ordered.ceiling < 1


def test_the_table_has_a_line_per_cell() -> None:
    lines = planted_csv(numbered(cell(0.5, 0.123), cell(0, -0.01, UNSURE))).decode().splitlines()
    assert lines == [
        "recipe,target,planted,gain,q,outcome",
        "claims,xclaims,0.5000,12.3000,0.0100,found",
        "claims,words,0.0000,-1.0000,0.2000,no gain",
    ]


def test_the_two_panels_have_the_same_rows_and_columns_and_mark_the_outcomes() -> None:
    planted = numbered(*(cell(0.5, 0.1, SURE) for _ in range(3)), cell(0, 0.2), *(cell(0.5, 0.1, UNSURE),) * 2)
    grid = planted_grid(planted, DEMO)
    left, right = ([f"{half} {name}" for name in COLUMNS] for half in (PLANTED, MEASURED))
    assert (grid.rows, list(grid.columns)) == (("claims", "rewrites"), [*left, *right])
    assert [grid.squares["claims", name].text for name in left] == ["+0.50", "+0.50", "+0.50", "0"]
    assert grid.squares["claims", f"{MEASURED} xclaims"].small == "✓ found"
    assert grid.squares["claims", f"{MEASURED} few_questions"].small == "✗ false gain"
    assert grid.squares["rewrites", f"{MEASURED} xclaims"].small == "○ missed"
    assert grid.squares["rewrites", f"{MEASURED} names"].is_missing


def test_the_figure_has_planted_gains_on_the_left_and_measured_ones_on_the_right(demo_run: str) -> None:
    [axes] = planted_figure(compute_results(demo_run)).axes
    place = {text.get_text(): text.get_position()[0] for text in axes.findobj(Text)}
    assert place["+0.67"] < place[MEASURED] < place["✓ found"] < 8.3
    assert place[PLANTED] < place["+0.67"] or place[PLANTED] < 4


def test_the_report_of_the_demo_begins_with_the_planted_truth(demo_run: str) -> None:
    report = write_report(demo_run)
    sentence = (
        "2 of 9 planted gains found, 1 of 7 planted zeros reported as gains (q < 0.05). "
        "The rank correlation of planted and measured gains is 0.33 over 16 cells."
    )
    assert report.findings[0] == sentence
    assert report.findings[1].startswith("Of 16 cells")
    text = report.path.read_text(encoding="utf-8")
    assert text.index("## Findings") < text.index(sentence) < text.index("## Gains")
    assert "](planted.png)" in text
    assert (report.path.parent / "planted.png").is_file()
    assert (report.path.parent / "planted.csv").read_bytes().startswith(b"recipe,target,planted,gain,q,outcome")


def test_a_report_on_real_data_has_no_planted_truth(full_report, full_run) -> None:
    assert "lanted" not in full_report.path.read_text(encoding="utf-8")
    assert not list(full_report.path.parent.glob("planted*"))
    assert "planted" not in " ".join(full_report.findings)
    with pytest.raises(ValueError, match="no planted gains"):
        planted_figure(compute_results(full_run.url))


def test_the_demo_plants_gains_and_zeros_and_no_cell_with_the_same_rows() -> None:
    truth = planted_gains(DEMO)
    assert sum(gain > 0 for gain in truth.values()) == 9
    assert sum(gain == 0 for gain in truth.values()) == 7
    assert not marks_of(DEMO).same_rows
