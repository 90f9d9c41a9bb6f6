"""The best recipes of a run: sets, corrected gains and seeds needed, from hand-made ledgers."""

import math

import numpy as np
import pandas as pd
import pytest

from analysis.results.correlate import noise
from analysis.results.results import compute_results
from sweeper.space import Search
from tests.analysis.conftest import SPACE, _empty_run
from tests.analysis.test_correlate import SEEDS, wide_space

NOISE = 0.002
GAINS = {f"s{number}": 0.0 for number in range(7)} | {"s5": 0.2, "s6": 0.2}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Nine recipes on six targets; s5 and s6 gain 20 points on t0 and t1, the others nothing."""
    run = _empty_run(tmp_path_factory.mktemp("leaders"), **wide_space())
    random = np.random.default_rng(21)
    for target in range(6):
        for seed in SEEDS:
            shared = 0.3 * random.normal()  # the effect of a seed on all rows cancels in differences
            for recipe in ("baseline", *GAINS, "both"):
                gain = GAINS.get(recipe, 0.0) if target < 2 else 0.0
                score = 0.5 + 0.1 * shared + gain + NOISE * random.normal()
                run.cell(recipe, f"t{target}", seed, {"en": score})
    return compute_results(run.url)


def rows_of(results, target):
    rows = results.leaders.rows
    return rows[rows["target"] == target].set_index("recipe")


def test_recipes_that_are_far_better_form_the_set_of_best_rows(results):
    for target in ("t0", "t1", "mean"):
        rows = rows_of(results, target)
        assert set(rows.index[rows["is_best"]]) == {"s5", "s6"}


def test_equally_good_recipes_are_all_in_the_set_and_so_is_the_reference(results):
    assert rows_of(results, "t3")["is_best"].all()
    assert "baseline" in rows_of(results, "t3").index


def test_the_corrected_gain_keeps_an_effect_and_removes_noise(results):
    rows = rows_of(results, "t0")
    assert rows.loc["s5", "corrected"] == pytest.approx(0.2, abs=3 * NOISE)
    assert abs(rows.loc["s1", "corrected"]) < abs(rows.loc["s1", "gain"]) + 1e-12
    assert math.isnan(rows.loc["baseline", "corrected"])
    mean = rows_of(results, "mean").loc["s5"]
    parts = [rows_of(results, f"t{number}").loc["s5", "corrected"] for number in range(6)]
    assert mean["corrected"] == pytest.approx(np.mean(parts))
    assert mean["gain"] == pytest.approx(0.4 / 6, abs=3 * NOISE)


def test_the_seeds_needed_are_those_of_the_two_highest_rows(results):
    row = results.leaders.targets.set_index("target").loc["t0"]
    assert {row["best"], row["runner_up"]} == {"s5", "s6"}
    assert row["seeds_needed"] > 0
    assert (row["num_best"], row["num_rows"], row["num_seeds"]) == (2, 9, len(SEEDS))
    assert row["difference"] >= 0


def test_cells_with_the_same_rows_take_no_part_and_one_seed_gives_no_set(full_run, make_run):
    rows = compute_results(full_run.url).leaders.rows
    assert set(rows.loc[rows["target"] == "pairs", "recipe"]) == {"baseline", "middle_qa"}
    run = make_run("one", seeds=(1,))
    for recipe, value in (("baseline", 0.5), ("small_nli", 0.9), ("middle_qa", 0.2)):
        run.cell(recipe, "tags", 1, {"en": value, "de": value})
    found = compute_results(run.url).leaders
    assert found.rows["is_best"].all()
    assert found.rows["corrected"].isna().all()
    assert found.targets["seeds_needed"].isna().all()


def test_a_run_without_a_reference_still_has_sets_and_no_gains(make_run):
    run = make_run(recipes=SPACE.recipes[1:], search=Search(scope="cell", trials=1))
    for seed in (1, 2):
        run.cell("small_nli", "tags", seed, {"en": 0.9, "de": 0.9})
        run.cell("middle_qa", "tags", seed, {"en": 0.3, "de": 0.3})
    rows = compute_results(run.url).leaders.rows
    assert isinstance(rows, pd.DataFrame)
    assert rows["gain"].isna().all()


def collapsed_results(parent, drop):
    """Nine recipes on three targets; s2 loses `drop` in its last seed on t0."""
    run = _empty_run(parent, **{**wide_space(), "targets": wide_space()["targets"][:3]})
    random = np.random.default_rng(22)
    for target in range(3):
        for recipe in ("baseline", *GAINS, "both"):
            for seed in SEEDS:
                loss = drop if (recipe, target, seed) == ("s2", 0, SEEDS[-1]) else 0.0
                run.cell(recipe, f"t{target}", seed, {"en": 0.5 - loss + NOISE * random.normal()})
    return compute_results(run.url)


@pytest.fixture(scope="module")
def collapses(tmp_path_factory):
    """The same results without and with a collapsed training."""
    return [collapsed_results(tmp_path_factory.mktemp("collapse"), drop) for drop in (0.0, 0.03)]


def test_a_collapsed_training_widens_no_interval_of_another_mean(collapses):
    plain, collapsed = (results.row_means[results.row_means["unit"] == "score"] for results in collapses)
    plain, collapsed = plain.set_index("recipe"), collapsed.set_index("recipe")
    assert (plain.loc["s2", "note"], collapsed.loc["s2", "note"]) == ("", "bimodal")
    assert math.isnan(collapsed.loc["s2", "low"])
    # The other rows lose one of ten variances of their prior, and one of ten rows of their seed effects.
    ratio = (collapsed["se"] / plain["se"]).drop("s2")
    assert ratio.between(0.6, 1.6).all()


def test_a_collapsed_training_changes_no_corrected_gain_of_another_row_and_no_noise_of_its_target(collapses):
    plain, collapsed = (rows_of(results, "t0") for results in collapses)
    assert math.isnan(collapsed.loc["s2", "corrected"])
    assert collapsed.loc["s2", "is_best"]
    others = plain.index.difference(["s2", "baseline"])
    assert (collapsed["corrected"] - plain["corrected"]).loc[others].abs().max() < NOISE / 2
    levels = [noise(results.seeds, ["t0"])[0] for results in collapses]
    assert levels[1] == pytest.approx(levels[0], rel=0.2)


def test_a_collapsed_training_widens_no_comparison_of_a_recipe_of_several_tasks(collapses):
    plain, collapsed = (results.correlations.multitask.set_index("target") for results in collapses)
    widths = [table["mean_high"] - table["mean_low"] for table in (plain, collapsed)]
    assert widths[1]["t0"] == pytest.approx(widths[0]["t0"], rel=0.3)
