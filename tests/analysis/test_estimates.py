"""The table of estimates: its rows, intervals, family of tests, marks and notes, on small runs."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats as scipy_stats

from analysis.results.estimates import (
    COLUMNS,
    MEAN,
    cell_estimates,
    estimate_of,
    grid,
    is_settled,
    is_significant,
    is_summarised,
    mean_estimates,
)
from analysis.results.item_part import combined
from analysis.results.load import load
from analysis.results.results import compute_results
from analysis.results.stats import adjusted


def table_of(run, **options):
    return compute_results(run.url, **options).estimates


def filled(run, gains, target="tags"):
    """Write seeds 1, 2, ... of the baseline at 0.5, and of each recipe in `gains` (recipe -> gain of each seed)."""
    for seed in range(1, 1 + max(map(len, gains.values()))):
        run.cell("baseline", target, seed, {"en": 0.5, "de": 0.5})
    for recipe, values in gains.items():
        for seed, gain in enumerate(values, 1):
            run.cell(recipe, target, seed, {"en": 0.5 + gain, "de": 0.5 + gain})
    return run


def test_the_table_has_a_row_for_each_cell_and_language_and_the_columns_of_an_estimate(full_run):
    table = table_of(full_run)
    assert list(table.columns) == list(COLUMNS)
    assert len(mean_estimates(table)) == 4 * 3
    assert table["language"].head(3).tolist() == [MEAN, "de", "en"]
    assert table.groupby(["recipe", "target"], sort=False).size().eq(3).all()
    names = [recipe.name for recipe in full_run.space.recipes]
    assert mean_estimates(table)["recipe"].drop_duplicates().tolist() == names


def test_gain_and_score_of_a_cell_are_those_of_the_matrix(full_run):
    results = compute_results(full_run.url)
    gains = grid(results.estimates, "gain", results.matrix)
    assert gains.drop("baseline").equals(results.matrix.gains.drop("baseline"))
    assert gains.loc["baseline"].isna().all()
    assert grid(results.estimates, "score", results.matrix).equals(results.matrix.scores)


def test_an_interval_is_that_of_the_paired_t_test(make_run):
    run = filled(make_run(seeds=(1, 2, 3)), {"small_nli": [0.10, 0.20, 0.12]})
    estimated = estimate_of(table_of(run), ("small_nli", "tags"))
    expected = scipy_stats.ttest_1samp([0.10, 0.20, 0.12], 0)
    assert (estimated.low, estimated.high) == pytest.approx(tuple(expected.confidence_interval(0.95)))
    assert (estimated.p, estimated.q, estimated.df, estimated.num_seeds) == pytest.approx(
        (expected.pvalue, expected.pvalue, 2, 3)
    )
    assert estimated.half_width == pytest.approx((estimated.high - estimated.low) / 2)
    assert (estimated.is_settled, estimated.is_significant, estimated.basis, estimated.note) == (
        True,
        True,
        "seeds",
        "no outcomes",
    )


def test_equal_differences_have_no_interval_and_no_p_although_their_last_bits_differ(make_run):
    gains = [0.60 - 0.55, 0.70 - 0.65, 0.80 - 0.75]
    run = make_run(seeds=(1, 2, 3))
    for seed, (score, base) in enumerate([(0.60, 0.55), (0.70, 0.65), (0.80, 0.75)], 1):
        run.cell("baseline", "tags", seed, {"en": base})
        run.cell("small_nli", "tags", seed, {"en": score})
    assert np.ptp(gains) > 0
    estimated = estimate_of(table_of(run), ("small_nli", "tags"))
    assert estimated.gain == pytest.approx(0.05)
    assert np.isnan([estimated.se, estimated.low, estimated.high, estimated.p, estimated.q]).all()
    assert (estimated.basis, estimated.note) == ("", "equal differences")


def test_differences_that_are_equal_and_about_zero_have_no_interval(make_run):
    run = make_run(seeds=(1, 2, 3))
    for seed, score in enumerate([0.1 + 0.2, 0.3, 0.1 + 0.2], 1):
        run.cell("baseline", "tags", seed, {"en": 0.3})
        run.cell("small_nli", "tags", seed, {"en": score})
    assert estimate_of(table_of(run), ("small_nli", "tags")).note == "equal differences"


def test_one_seed_has_no_interval_and_says_so(make_run):
    estimated = estimate_of(table_of(filled(make_run(seeds=(1,)), {"small_nli": [0.1]})), ("small_nli", "tags"))
    assert (estimated.gain, estimated.note, estimated.marks) == (pytest.approx(0.1), "one seed", "")
    assert math.isnan(estimated.low)


def test_only_complete_cells_without_the_same_rows_are_corrected_for_their_number(make_run):
    run = filled(make_run(seeds=(1, 2, 3)), {"middle_qa": [0.1, 0.2, 0.15]})
    filled(run, {"small_nli": [0.1, 0.2, 0.1], "middle_qa": [0.1, 0.2, 0.4]}, target="pairs")
    run.cell("large_nli", "tags", 1, {"en": 0.7})
    run.cell("large_nli", "tags", 2, {"en": 0.8})
    cells = cell_estimates(table_of(run))
    same_rows, incomplete = cells["small_nli", "pairs"], cells["large_nli", "tags"]
    assert same_rows.has("same rows") and not math.isnan(same_rows.p) and math.isnan(same_rows.q)
    assert incomplete.marks == "lacks languages, lacks seeds" and math.isnan(incomplete.q)
    assert incomplete.note == "incomplete"
    family = [cells["middle_qa", "tags"], cells["middle_qa", "pairs"]]
    assert [cell.q for cell in family] == pytest.approx(adjusted([cell.p for cell in family]))


def test_a_cell_that_lacks_a_seed_has_an_interval_and_a_note_and_takes_no_part_in_the_correction(make_run):
    run = filled(make_run(seeds=(1, 2, 3)), {"middle_qa": [0.1, 0.2, 0.15], "small_nli": [0.1, 0.3]})
    cells = cell_estimates(table_of(run))
    complete, lacking = cells["middle_qa", "tags"], cells["small_nli", "tags"]
    assert (lacking.marks, lacking.note) == ("lacks seeds", "incomplete")
    assert not math.isnan(lacking.p) and math.isnan(lacking.q)
    assert complete.q == pytest.approx(complete.p)


def test_the_languages_have_intervals_and_no_corrected_p(make_run):
    run = filled(make_run(seeds=(1, 2, 3)), {"middle_qa": [0.1, 0.2, 0.15]})
    estimated = estimate_of(table_of(run), ("middle_qa", "tags"), "de")
    assert not math.isnan(estimated.p) and math.isnan(estimated.q)
    assert estimate_of(table_of(run), ("middle_qa", "tags"), "fr") is None


def test_a_metric_that_is_not_a_number_counts_as_a_missing_language(make_run):
    run = make_run()
    run.cell("baseline", "tags", 1, {"en": 0.6, "de": 0.2})
    run.cell("small_nli", "tags", 1, {"en": 0.7, "de": math.nan})
    table = table_of(run)
    estimated = estimate_of(table, ("small_nli", "tags"))
    assert (estimated.score, estimated.gain) == pytest.approx((0.7, 0.1))
    assert estimated.has("lacks languages")
    assert estimate_of(table, ("small_nli", "tags"), "de") is None


def test_a_cell_without_a_score_of_the_reference_says_so(make_run):
    run = make_run()
    run.cell("small_nli", "tags", 1, {"en": 0.6})
    estimated = estimate_of(table_of(run), ("small_nli", "tags"))
    assert (estimated.note, estimated.num_seeds, estimated.score) == ("no reference", 0, 0.6)
    assert math.isnan(estimated.gain)


def test_seeds_that_the_row_or_its_reference_lacks_are_marked_and_not_counted(make_run):
    run = filled(make_run(seeds=(1, 2, 3)), {"small_nli": [0.1, 0.2]})
    run.cell("small_nli", "tags", 3, {"en": 0.9, "de": 0.9})
    estimated = estimate_of(table_of(run), ("small_nli", "tags"))
    assert (estimated.num_seeds, estimated.marks) == (2, "lacks seeds")


def test_a_baseline_without_a_seed_does_not_lack_seeds(full_run):
    cells = cell_estimates(table_of(full_run))
    assert cells["baseline", "search"].marks == cells["small_nli", "search"].marks == ""
    assert cells["baseline", "search"].num_seeds == 1


def test_a_target_whose_reference_is_not_above_the_trivial_score_is_at_chance(make_run):
    run = make_run(seeds=(1,))
    run.cell("baseline", "tags", 1, {"en": 0.2, "de": 0.9})
    run.cell("baseline", "pairs", 1, {"en": 0.6, "de": 0.1})
    cells = cell_estimates(table_of(run))
    assert (cells["baseline", "tags"].at_chance, cells["baseline", "pairs"].at_chance) == (True, False)


def test_the_gain_of_a_loss_has_its_sign_reversed_and_its_score_has_not(make_run):
    space = make_run().space
    tasks = tuple(replace(task, format="mlm", scorer="loss") if task.name == "tags" else task for task in space.tasks)
    run = make_run("loss", tasks=tasks)
    run.cell("baseline", "tags", 1, {"en": 3.0})
    run.cell("small_nli", "tags", 1, {"en": 2.0})
    estimated = estimate_of(table_of(run), ("small_nli", "tags"))
    assert (estimated.score, estimated.gain) == pytest.approx((2.0, 1.0))


def test_scores_under_another_condition_have_rows_of_their_own_outside_the_family(make_run):
    run = make_run(seeds=(1, 2))
    for recipe, base in (("baseline", 0.5), ("small_nli", 0.6)):
        for seed in (1, 2):
            training = run.trained(recipe, "tags", seed)
            run.scored(training, "tags", {"en": base + seed / 50 * base})
            run.scored(training, "tags", {"en": base - 0.3 + seed / 50 * base}, condition="attacked")
    table = table_of(run)
    attacked = estimate_of(table, ("small_nli", "tags"), condition="attacked")
    assert (attacked.gain, attacked.num_seeds) == (pytest.approx(0.103), 2)
    assert math.isnan(attacked.q) and not math.isnan(estimate_of(table, ("small_nli", "tags")).q)


def test_the_columns_of_a_frame_of_estimates_agree_with_the_single_ones(make_run):
    run = filled(make_run(seeds=(1, 2, 3)), {"middle_qa": [0.1, 0.11, 0.1], "small_nli": [0.1, -0.2, 0.3]})
    table = mean_estimates(table_of(run))
    cells = list(cell_estimates(table).values())
    assert is_settled(table).tolist() == [cell.is_settled for cell in cells] == [False, False, True]
    assert is_significant(table).tolist() == [cell.is_significant for cell in cells]
    assert is_summarised(table).tolist() == [False, True, True]


def test_a_correction_leaves_its_argument_as_it_is():
    values = np.array([0.01, 0.04])
    assert adjusted(values) == pytest.approx([0.02, 0.04])
    assert values.tolist() == [0.01, 0.04]


def test_loading_leaves_out_no_other_language_of_a_score_with_a_missing_metric(make_run):
    run = make_run()
    run.cell("baseline", "tags", 1, {"en": 0.6, "de": math.nan})
    assert load(run.url).table["language"].tolist() == ["en"]


LANGUAGES = ("en", "de")


def outcomes(run, recipe, seed, correct):
    """Score a recipe on `pairs` with the given outcomes of its examples, equal in both languages."""
    names = [str(number) for number in range(len(correct))]
    parts = [
        pd.DataFrame({"language": code, "example": names, "group": names, "correct": correct}) for code in LANGUAGES
    ]
    training = run.trained(recipe, "small_nli", seed)
    scores = dict.fromkeys(LANGUAGES, float(np.mean(correct)))
    run.scored(training, "pairs", scores, table=pd.concat(parts, ignore_index=True))


def measured_on_items(run, num_seeds, num_items=50):
    """Write two rows with outcomes; returns the gain of each seed and item, shape (seeds, items)."""
    random = np.random.default_rng(5)
    base, row = random.integers(0, 2, (2, num_seeds, num_items))
    for seed in range(num_seeds):
        outcomes(run, "baseline", seed + 1, base[seed])
        outcomes(run, "middle_qa", seed + 1, row[seed])
    return row - base


def test_seeds_and_items_together_are_the_crossed_random_effects_of_an_analysis_of_variance(make_run):
    run = make_run(seeds=(1, 2, 3))
    gains = measured_on_items(run, 3)
    seeds, items = gains.shape
    by_seed = items * gains.mean(axis=1).var(ddof=1)
    by_item = seeds * gains.mean(axis=0).var(ddof=1)
    centred = gains - gains.mean(axis=0) - gains.mean(axis=1, keepdims=True) + gains.mean()
    within = (centred**2).sum() / ((seeds - 1) * (items - 1))
    estimated = estimate_of(table_of(run), ("middle_qa", "pairs"))
    assert (estimated.basis, estimated.note, estimated.num_items) == ("seeds and items", "", items)
    assert estimated.se_seed**2 == pytest.approx(by_seed / gains.size)
    assert estimated.se_item**2 == pytest.approx(by_item / gains.size)
    expected = max(by_seed + by_item - within, by_seed, by_item) / gains.size
    assert estimated.se**2 == pytest.approx(expected)
    of_seeds, of_items = (scipy_stats.t.ppf(0.975, num - 1) ** 2 for num in (seeds, items))
    squared = max(of_seeds * by_seed + of_items * max(by_item - within, 0), of_items * by_item) / gains.size
    assert (estimated.high - estimated.gain) ** 2 == pytest.approx(squared)


def test_one_seed_has_an_interval_over_items_that_settles_nothing(make_run):
    run = make_run(seeds=(1,))
    gains = measured_on_items(run, 1)[0]
    estimated = estimate_of(table_of(run), ("middle_qa", "pairs"))
    expected = scipy_stats.ttest_1samp(gains, 0)
    assert (estimated.basis, estimated.note) == ("items", "one seed")
    assert (estimated.low, estimated.high) == pytest.approx(tuple(expected.confidence_interval(0.95)))
    assert estimated.p == pytest.approx(expected.pvalue)
    assert math.isnan(estimated.q)
    assert not replace(estimated, low=0.1, high=0.2).is_settled


def test_nothing_is_added_for_items_where_each_seed_has_its_own(make_run):
    space = make_run().space
    rows = {code: (replace(space.task("pairs").dev[code][0], config="draw_{seed}"),) for code in ("en", "de")}
    tasks = tuple(replace(task, dev=rows) if task.name == "pairs" else task for task in space.tasks)
    run = make_run("drawn", seeds=(1, 2, 3), tasks=tasks)
    gains = measured_on_items(run, 3).mean(axis=1)
    estimated = estimate_of(table_of(run), ("middle_qa", "pairs"))
    assert (estimated.basis, estimated.num_items) == ("seeds and items", 50)
    assert estimated.se == pytest.approx(estimated.se_seed) == pytest.approx(gains.std(ddof=1) / math.sqrt(3))


def test_a_reference_without_a_seed_adds_the_variance_of_its_items_only(make_run):
    run = make_run(seeds=(1, 2, 3))
    random = np.random.default_rng(5)
    base, rows = random.integers(0, 2, 50), random.integers(0, 2, (3, 50))

    def write(recipe, seed, correct):
        names = [str(number) for number in range(50)]
        frame = pd.DataFrame({"language": "de", "example": names, "group": names, "correct": correct})
        training = run.trained(recipe) if seed is None else run.trained(recipe, seed=seed)
        run.scored(training, "search", {"de": float(correct.mean())}, seed=seed, table=frame)

    write("baseline", None, base)
    for seed, correct in enumerate(rows, 1):
        write("middle_qa", seed, correct)
    estimated = estimate_of(table_of(run), ("middle_qa", "search"))
    assert estimated.se_seed == pytest.approx(scipy_stats.sem(rows.mean(axis=1)))
    assert estimated.se_item == pytest.approx(scipy_stats.sem(rows.mean(axis=0) - base))
    assert estimated.basis == "seeds and items"


def test_the_variance_of_seeds_and_items_is_never_below_the_larger_part():
    total, df = combined(0.02, 2, 0.05, 40, 0.06)
    assert total == pytest.approx(0.05)
    assert scipy_stats.t.ppf(0.975, df) ** 2 * total == pytest.approx(scipy_stats.t.ppf(0.975, 2) ** 2 * 0.02)
    assert [float(value) for value in combined(np.nan, np.nan, 0.05, 40, np.nan)] == [0.05, 40]
    assert [float(value) for value in combined(0.02, 2, np.nan, np.nan, np.nan)] == [0.02, 2]


def test_a_part_over_items_of_0_leaves_the_interval_over_seeds():
    assert [float(value) for value in combined(0.02, 2, 0.0, np.nan, 0.0)] == pytest.approx([0.02, 2])


def test_the_interval_over_seeds_and_items_combines_those_of_both():
    total, df = combined(0.02, 1, 0.05, 40, 0.01)
    expected = scipy_stats.t.ppf(0.975, 1) ** 2 * 0.02 + scipy_stats.t.ppf(0.975, 40) ** 2 * 0.04
    assert total == pytest.approx(0.06)
    assert scipy_stats.t.ppf(0.975, df) ** 2 * total == pytest.approx(expected)
    # Items that add nothing have no degrees of freedom.
    assert [float(value) for value in combined(0.02, 5, 0.0, np.nan, 0.0)] == [0.02, 5]
    # Without variation between seeds, only the items are left.
    assert [float(value) for value in combined(0.0, 1, 0.05, 40, 0.0)] == pytest.approx([0.05, 40])


def test_equal_outcomes_of_one_seed_give_no_interval(make_run):
    run = make_run(seeds=(1,))
    for recipe in ("baseline", "middle_qa"):
        outcomes(run, recipe, 1, np.arange(50) % 2)
    estimated = estimate_of(table_of(run), ("middle_qa", "pairs"))
    assert (estimated.gain, estimated.basis, estimated.note) == (0, "", "one seed")
    assert np.isnan([estimated.se, estimated.low, estimated.p]).all()
