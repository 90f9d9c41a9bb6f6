"""Correlations of gains: the tables of a run, from hand-made ledgers."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.results.correlate import as_square
from analysis.results.load import load
from analysis.results.multitask import multitask_gains
from analysis.results.results import compute_results
from analysis.results.selection_gains import selection_gains
from analysis.results.stats import correlation_ratio, spearman_interval
from sweeper.space import Recipe, Stage, Target, Training
from tests.analysis.conftest import SPACE, _empty_run, _task

SEEDS = (1, 2, 3, 4)
TRUTH = np.random.default_rng(11).normal(0, 0.1, (7, 6))
"""True gains of seven recipes on six targets. The second recipe has the gains of the first, the third the opposite."""
TRUTH[1], TRUTH[2] = TRUTH[0], -TRUTH[0]


def wide_space(languages=("en",)):
    """Seven recipes of one task, one of two tasks, and six targets that train themselves."""
    sources = [_task(f"s{number}", train_size=100 * (number + 1)) for number in range(7)]
    targets = [_task(f"t{number}", languages) for number in range(6)]
    recipes = [Recipe(name=task.name, stages=(Stage(tasks=(task.name,)),)) for task in sources]
    both = Recipe(name="both", stages=(Stage(tasks=("s0", "s3")),))
    return {
        "recipes": (Recipe(name="baseline"), *recipes, both),
        "targets": tuple(Target(task=task.name) for task in targets),
        "tasks": (*sources, *targets),
        "seeds": SEEDS,
    }


@pytest.fixture(scope="module")
def wide(tmp_path_factory):
    """The correlations of a run with the gains of TRUTH, and noise that the rows of a target share."""
    run = _empty_run(tmp_path_factory.mktemp("wide"), **wide_space())
    random = np.random.default_rng(12)
    for target in range(6):
        for seed in SEEDS:
            base = 0.5 + 0.02 * random.normal()
            names = {"baseline": 0.0, **{f"s{row}": TRUTH[row, target] for row in range(7)}}
            names["both"] = TRUTH[[0, 3], target].mean() + 0.05
            for recipe, gain in names.items():
                run.cell(recipe, f"t{target}", seed, {"en": base + gain + 0.002 * random.normal()}, value=base + gain)
    for row in range(7):
        for seed in SEEDS:
            run.scored(run.trained(f"s{row}", seed=seed), f"s{row}", {"en": 0.25 + 0.1 * row})
    return compute_results(run.url)


def pair(table, a, b):
    return table[(table["a"] == a) & (table["b"] == b)].iloc[0]


def predictor(correlations, trait, target):
    table = correlations.predictors
    return table[(table["trait"] == trait) & (table["target"] == target)].iloc[0]


def test_recipes_with_equal_and_opposite_gains_are_correlated_accordingly(wide):
    table = wide.correlations.recipes
    same, opposite = pair(table, "s0", "s1"), pair(table, "s0", "s2")
    assert same["rho"] > 0.9
    assert opposite["rho"] < -0.9
    assert (same["n"], opposite["n"]) == (6, 6)
    assert same["low"] < same["rho"] < same["high"]
    assert same["p"] <= same["q"] <= 1


def test_similar_recipes_are_neighbours_in_the_clustered_order(wide):
    order = wide.correlations.recipe_order
    assert abs(order.index("s0") - order.index("s1")) == 1
    assert sorted(order) == sorted(wide.matrix.recipes)


def test_targets_are_correlated_over_recipes(wide):
    row = pair(wide.correlations.targets, "t0", "t1")
    assert row["n"] == 8
    truth = np.vstack([TRUTH, TRUTH[[0, 3]].mean(axis=0) + 0.05])
    assert row["rho"] == pytest.approx(stats.pearsonr(truth[:, 0], truth[:, 1]).statistic, abs=0.05)


def test_the_selection_gain_is_correlated_with_the_reported_one_for_each_target(wide):
    table = wide.correlations.selection.set_index("target")
    assert list(table.index) == [f"t{number}" for number in range(6)]
    assert (table["rho"] > 0.9).all()


def test_a_recipe_of_two_tasks_is_compared_with_the_mean_and_the_best_of_its_tasks(wide):
    table = wide.correlations.multitask.set_index(["recipe", "target"])
    for target in range(6):
        row = table.loc[("both", f"t{target}")]
        assert row["num_members"] == 2
        assert row["over_mean"] == pytest.approx(0.05, abs=0.01)
        assert row["mean_low"] < row["over_mean"] < row["mean_high"]
        best = ("s0", "s3")[int(TRUTH[3, target] > TRUTH[0, target])]
        assert row["best_member"] == best
        expected = 0.05 - abs(TRUTH[0, target] - TRUTH[3, target]) / 2
        assert row["over_best"] == pytest.approx(expected, abs=0.01)


def test_the_best_single_task_is_not_favoured_by_the_seeds_that_chose_it(make_run):
    run = make_run(**wide_space())
    random = np.random.default_rng(13)
    for target in range(6):
        for recipe in ("baseline", "s0", "s3", "both"):
            for seed in SEEDS:
                run.cell(recipe, f"t{target}", seed, {"en": 0.5 + 0.05 * random.normal()})
    results = compute_results(run.url)
    table = multitask_gains(run.space, results.seeds, results.estimates)
    scores = results.matrix.scores
    naive = np.mean([scores.loc["both", t] - scores.loc[["s0", "s3"], t].max() for t in table["target"]])
    assert table["over_best"].mean() > naive


def test_traits_have_a_rank_correlation_with_an_interval_and_the_mean_gain(wide):
    correlations = wide.correlations
    size = predictor(correlations, "train_size", "t0")
    expected = stats.spearmanr(np.arange(7), TRUTH[:, 0]).statistic
    assert size["rho"] == pytest.approx(expected, abs=0.08)
    assert size["low"] <= size["rho"] <= size["high"]
    assert correlations.mean_over == tuple(f"t{number}" for number in range(6))
    assert correlations.traits["mean"].iloc[0] == pytest.approx(TRUTH[0].mean(), abs=0.005)
    assert correlations.traits.loc["s3", "headroom"] == pytest.approx(0.3 / 0.75)
    assert correlations.traits.loc["s3", "seen"] == np.mean([50 * seed for seed in SEEDS])
    assert math.isnan(predictor(correlations, "format", "t0")["rho"])  # all tasks have one format


def test_cells_with_the_same_rows_are_left_out(full_run):
    # Only one recipe shares no data with `pairs`.
    pairs = compute_results(full_run.url).correlations.targets.set_index(["a", "b"])
    assert pairs.loc[("tags", "pairs"), "n"] == 1
    assert math.isnan(pairs.loc[("tags", "pairs"), "rho"])
    assert pairs.loc[("tags", "search"), "n"] == 3


def test_with_few_rows_or_one_seed_there_is_no_correlation_and_a_sentence_says_why(full_run, make_run):
    few = compute_results(full_run.url).correlations
    assert few.recipes["rho"].isna().all()
    assert few.notes[0] == "No correlations: 3 recipes and 3 targets, at least 6 are needed."
    assert any("`search`" in note or "search depends on no seed" in note for note in few.notes)
    one = make_run("one", seeds=(1,), targets=SPACE.targets[:1])
    one.cell("baseline", "tags", 1, {"en": 0.5, "de": 0.5})
    one.cell("small_nli", "tags", 1, {"en": 0.6, "de": 0.5})
    notes = compute_results(one.url).correlations.notes
    assert any(note.startswith("No correlation between gains is shown: with one seed") for note in notes)


def test_english_gains_are_correlated_with_those_of_zero_shot_languages(make_run):
    space = wide_space(("en", "de", "fr"))
    run = make_run(**{**space, "targets": space["targets"][:1]})
    random = np.random.default_rng(14)
    for seed in SEEDS:
        for row, recipe in enumerate(("baseline", *(f"s{number}" for number in range(7)))):
            gain = 0.0 if row == 0 else TRUTH[row - 1, 0]
            values = {"en": 0.5 + gain, "de": 0.4 + 2 * gain, "fr": 0.3 + gain}
            run.cell(recipe, "t0", seed, {name: v + 0.001 * random.normal() for name, v in values.items()})
    (row,) = compute_results(run.url).correlations.english.itertuples()
    assert row.target == "t0"
    assert row.rho > 0.95
    assert row.n == 7


def test_pairs_make_a_symmetric_square():
    pairs = pd.DataFrame({"a": ["x", "x"], "b": ["y", "z"], "n": [3, 4]})
    square = as_square(pairs, ["x", "y", "z"], "n")
    assert square[0, 1] == square[1, 0] == 3
    assert math.isnan(square[1, 1])
    assert math.isnan(square[1, 2])


def test_the_correlation_ratio_is_the_share_of_variance_between_categories():
    eta, p = correlation_ratio(["a", "a", "a", "b", "b", "b"], [1.0, 1.1, 0.9, 3.0, 3.1, 2.9])
    between = stats.f_oneway([1.0, 1.1, 0.9], [3.0, 3.1, 2.9]).statistic
    assert eta**2 == pytest.approx(between / (between + 4))
    assert p == pytest.approx(0.1, abs=0.02)  # 2 of the 20 divisions are as extreme
    assert math.isnan(correlation_ratio(["a", "b", "c"], [1.0, 2.0, 3.0])[0])
    assert math.isnan(correlation_ratio(["a", "a", "a"], [1.0, 2.0, 3.0])[0])


def test_the_interval_of_a_rank_correlation_is_the_jackknife():
    random = np.random.default_rng(15)
    first, second = random.normal(size=9), random.normal(size=9)
    low, high = spearman_interval(first.tolist(), second.tolist())
    z = [np.arctanh(stats.spearmanr(np.delete(first, n), np.delete(second, n)).statistic) for n in range(9)]
    half = stats.t.ppf(0.975, 8) * np.sqrt(8 / 9 * ((np.array(z) - np.mean(z)) ** 2).sum())
    centre = np.arctanh(stats.spearmanr(first, second).statistic)
    assert np.arctanh([low, high]) == pytest.approx([centre - half, centre + half])


def unfinished(run, seeds_of):
    """Write random scores of all cells of a wide run; `seeds_of(recipe, target)` are the seeds of a cell."""
    random = np.random.default_rng(16)
    for target in range(6):
        for row, recipe in enumerate(("baseline", *(f"s{number}" for number in range(7)))):
            gain = 0.0 if row == 0 else TRUTH[row - 1, target]
            for seed in seeds_of(recipe, f"t{target}"):
                run.cell(recipe, f"t{target}", seed, {"en": 0.5 + gain + 0.002 * random.normal()})
    return compute_results(run.url).correlations


@pytest.mark.parametrize("last", [(), ("baseline", "s0")], ids=["missing everywhere", "begun"])
def test_a_seed_that_the_sweep_has_not_finished_removes_no_correlation(make_run, last):
    found_pairs = unfinished(make_run(**wide_space()), lambda recipe, _: SEEDS if recipe in last else SEEDS[:3])
    assert found_pairs.seeds == SEEDS[:3]
    assert pair(found_pairs.recipes, "s0", "s1")["rho"] > 0.9
    assert pair(found_pairs.targets, "t0", "t1")["n"] == 7
    assert any("use the seeds 1, 2, 3: fewer than half" in note for note in found_pairs.notes) == bool(last)


def test_with_one_of_several_asked_seeds_a_sentence_says_that_one_seed_has_no_correlation(make_run):
    correlations = unfinished(make_run(**wide_space()), lambda *_: SEEDS[:1])
    assert correlations.recipes["rho"].isna().all()
    assert correlations.notes[0].startswith("No correlation between gains is shown: with one seed")


def small_space(**changes):
    """The baseline, two single-task recipes and their mixture on one target, with four seeds."""
    space = wide_space()
    recipes = [recipe for recipe in space["recipes"] if recipe.name in ("baseline", "s0", "s3", "both")]
    return {**space, "recipes": tuple(recipes), "targets": space["targets"][:1], **changes}


def small_scores(run, names):
    """Write random scores of recipes on t0; returns recipe -> scores by seed."""
    random = np.random.default_rng(17)
    scores = {name: 0.5 + 0.05 * random.normal(size=len(SEEDS)) for name in names}
    for name, by_seed in scores.items():
        for seed, score in zip(SEEDS, by_seed, strict=True):
            run.cell(name, "t0", seed, {"en": score})
    return scores


def test_a_mixture_has_an_interval_in_a_matrix_without_a_prior(make_run):
    run = make_run(**small_space())
    scores = small_scores(run, ["baseline", "s0", "s3", "both"])
    (row,) = compute_results(run.url).correlations.multitask.itertuples()
    difference = scores["both"] - (scores["s0"] + scores["s3"]) / 2
    assert row.over_mean == pytest.approx(difference.mean())
    assert row.mean_low < row.over_mean < row.mean_high
    plain = 2 * stats.t.ppf(0.975, 3) * stats.sem(difference)
    assert 0.4 * plain < row.mean_high - row.mean_low < 2.5 * plain
    assert row.best_low < row.over_best < row.best_high


def test_two_recipes_of_the_same_single_task_share_its_weight_in_the_mean(make_run):
    twice = Recipe(name="s0 twice", stages=(Stage(tasks=("s0",)), Stage(tasks=("s0",))))
    run = make_run(**small_space(recipes=(*small_space()["recipes"], twice)))
    scores = small_scores(run, ["baseline", "s0", "s3", "both", "s0 twice"])
    (row,) = compute_results(run.url).correlations.multitask.itertuples()
    expected = scores["both"] - ((scores["s0"] + scores["s0 twice"]) / 2 + scores["s3"]) / 2
    assert (row.num_members, row.over_mean) == (3, pytest.approx(expected.mean()))
    assert row.best_member == max(("s0", "s3", "s0 twice"), key=lambda name: scores[name].mean())


def test_targets_with_one_training_task_have_the_selection_gains_of_their_own_trainings(make_run):
    tasks = (*SPACE.tasks, replace(SPACE.tasks[4], name="more"))
    targets = (Target(task="pairs"), Target(task="more", training=Training(epochs=7)))
    run = make_run(tasks=tasks, targets=targets, seeds=(1,))
    for recipe, gain in (("baseline", 0.0), ("middle_qa", 0.1)):
        for target, epochs in (("pairs", 1), ("more", 7)):
            value = 0.5 + gain * epochs
            training = run.trained(recipe, "small_nli", 1, dials={"epochs": epochs}, value=value)
            run.scored(training, target, {"en": 0.5, "de": 0.5})
    gains = selection_gains(load(run.url), "tiny", "baseline").set_index("target")["gain"]
    assert gains.to_dict() == pytest.approx({"pairs": 0.1, "more": 0.7})
