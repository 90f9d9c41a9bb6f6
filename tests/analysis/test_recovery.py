"""The counts of `benchmarks/recovery.py`, on worlds of a few cells with known answers."""

import argparse
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from analysis.results.moderation import gain_variances
from benchmarks.recovery import Outcome, Verdict, null, planted, recovered, worlds_in
from search_spaces.demo_null import SPACE as NULL
from search_spaces.demo_recovery import SPACE as RECOVERY
from sweeper.run.run import Run

SURE, UNSURE = 0.01, 0.2


def cell(planted: float, measured: float, p: float, num_seeds: int = 10, has_same_rows: bool = False) -> Verdict:
    return Verdict(planted=planted, measured=measured, p=p, num_seeds=num_seeds, has_same_rows=has_same_rows)


def world(*cells: Verdict) -> Outcome:
    return Outcome(cells=cells)


def test_a_zero_counts_on_either_side_and_a_gain_or_loss_only_with_its_planted_sign() -> None:
    zeros = world(cell(0, 0.1, SURE), cell(0, -0.1, SURE), cell(0, 0.1, UNSURE)).zeros
    assert zeros == [True, True, False]
    large = world(cell(0.5, 0.1, SURE), cell(1, -0.1, SURE), cell(0.5, 0.1, UNSURE)).large
    assert large == [True, False, False]
    harms = world(cell(-0.5, -0.1, SURE), cell(-1, 0.1, SURE), cell(-0.5, -0.1, UNSURE)).harms
    assert harms == [True, False, False]


def test_a_small_gain_is_neither_large_nor_zero() -> None:
    assert not world(cell(1 / 3, 0.1, SURE)).large
    assert not world(cell(1 / 3, 0.1, SURE)).zeros


def test_a_cell_with_the_same_rows_is_not_counted_as_a_large_gain() -> None:
    assert world(cell(1, 0.3, SURE, has_same_rows=True), cell(1, 0.3, SURE)).large == [True]


def test_a_cell_without_a_test_is_reported_and_not_counted() -> None:
    outcome = world(cell(0, 0.0, math.nan), cell(1, math.nan, math.nan, num_seeds=1), cell(0, 0.1, UNSURE))
    assert outcome.zeros == [False]
    assert outcome.large == []
    assert outcome.lacking(seeds=10) == "  untested 2/3  fewest seeds 1"


def test_a_missing_seed_is_reported_and_a_complete_world_has_no_report() -> None:
    assert world(cell(1, 0.3, SURE, num_seeds=9), cell(0, 0.1, UNSURE)).lacking(seeds=10) == "  fewest seeds 9"
    assert world(cell(1, 0.3, SURE), cell(0, 0.1, UNSURE)).lacking(seeds=10) == ""


def test_gains_in_the_planted_order_reach_the_ceiling() -> None:
    ordered = world(cell(0, 0.01, UNSURE), cell(0, 0.02, UNSURE), cell(0.5, 0.1, SURE), cell(1, 0.2, SURE))
    assert ordered.correlation == ordered.ceiling < 1
    reversed_ = world(*(cell(verdict.planted, -verdict.measured, verdict.p) for verdict in ordered.cells))
    assert reversed_.correlation == -ordered.ceiling


def fill(run: Any, recipe: str, gain: float) -> None:
    """Add three seeds of one target: 60 points plus the gain, with seeds one point apart."""
    for seed in (1, 2, 3):
        value = 0.6 + gain + 0.01 * (seed - 2)
        run.scored(run.trained(recipe, "xquestions", seed), "xquestions", {"en": value}, split="test")


def test_a_recipe_is_measured_against_its_placebo_with_the_same_seeds(make_run: Any) -> None:
    run = make_run(**vars(replace(RECOVERY, seeds=(1, 2, 3))))
    for recipe, gain in (("baseline", 0.3), ("questions", 0.1), ("placebo_questions", 0.0), ("parts", -0.05)):
        fill(run, recipe, gain)
    training = run.trained("placebo_parts", "xquestions", 1)
    run.scored(training, "xquestions", {"en": 0.6}, split="test")
    verdicts = dict(zip(planted(RECOVERY), recovered(Path(run.url)).cells, strict=True))
    questions, parts = verdicts["questions", "xquestions"], verdicts["parts", "xquestions"]
    assert questions.measured == pytest.approx(0.1)
    assert (questions.num_seeds, questions.has_same_rows) == (3, True)
    assert questions.planted == planted(RECOVERY)["questions", "xquestions"] > 0
    assert parts.measured == pytest.approx(-0.06)
    assert (parts.num_seeds, parts.has_same_rows) == (1, False)
    assert math.isnan(parts.p)
    assert verdicts["questions", "names"].num_seeds == 0


def test_a_world_is_judged_by_the_test_of_a_report_and_by_the_paired_t_test(make_run: Any) -> None:
    run = make_run(**vars(replace(RECOVERY, seeds=(1, 2, 3))))
    recipes = [recipe.name for recipe in RECOVERY.recipes][5:]
    scores = 0.6 + 0.05 * np.random.default_rng(0).normal(size=(16, 3))
    for recipe, values in zip(recipes, scores, strict=True):
        for seed, value in enumerate(values, 1):
            run.scored(run.trained(recipe, "xquestions", seed), "xquestions", {"en": value}, split="test")
    verdicts = dict(zip(planted(RECOVERY), recovered(Path(run.url)).cells, strict=True))
    row, base = recipes.index("parts"), recipes.index("placebo_parts")
    expected = stats.ttest_1samp(scores[row] - scores[base], 0).pvalue
    assert verdicts["parts", "xquestions"].plain_p == pytest.approx(expected)
    variance, df, _ = gain_variances(scores[None], base)
    statistic = np.mean(scores[row] - scores[base]) / np.sqrt(variance[0, row] / 3)
    assert verdicts["parts", "xquestions"].p == pytest.approx(2 * stats.t.sf(abs(statistic), df[0, row]))


def test_each_second_null_recipe_is_measured_against_the_one_before_it(make_run: Any) -> None:
    run = make_run(**vars(replace(NULL, seeds=(1, 2, 3))))
    for recipe, gain in (("null_1", 0.1), ("null_2", 0.3), ("null_3", 0.2)):
        fill(run, recipe, gain)
    measured = [cell.measured for cell in null(Path(run.url)).cells if cell.num_seeds]
    assert measured == [pytest.approx(0.2)]


def test_a_run_without_scores_has_all_cells_and_no_test(tmp_path: Path) -> None:
    for space, read, num in ((RECOVERY, recovered, 90), (NULL, null, 45)):
        Run.at(str(tmp_path / space.name)).keep_space(space)
        outcome = read(tmp_path / space.name)
        assert len(outcome.cells) == num
        assert outcome.tested == []
        assert outcome.lacking(seeds=10) == f"  untested {num}/{num}  fewest seeds 0"


def test_worlds_are_distinct_whole_numbers_or_none() -> None:
    assert worlds_in("1,2,13") == [1, 2, 13]
    assert worlds_in("none") == worlds_in("") == []
    for wrong in ("1,x", "1,", "1,01"):
        with pytest.raises(argparse.ArgumentTypeError, match=f"got '{wrong}'"):
            worlds_in(wrong)
