"""The mean gain of a recipe over targets, and of a benchmark, against calculations by hand."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats as scipy_stats

from analysis.report.tables import mean_gain_rows, seeds_only
from analysis.results.benchmark import OVERALL, benchmark_means
from analysis.results.estimates import mean_estimates
from analysis.results.load import load
from analysis.results.results import compute_results
from analysis.results.row_means import compared_targets, item_parts_of_means, mean_rows, with_intervals
from sweeper.space import Recipe, Stage, Target

BASE = {"tags": [0.50, 0.52, 0.49], "pairs": [0.40, 0.41, 0.42]}
SCORES = {
    "once": {"tags": [0.60, 0.65, 0.58], "pairs": [0.41, 0.44, 0.45]},
    "twice": {"tags": [0.55, 0.50, 0.51], "pairs": [0.43, 0.39, 0.46]},
}


@pytest.fixture
def two_targets(make_run):
    """Two recipes and the baseline on two targets with three seeds."""
    stage = Stage(tasks=("middle_qa",))
    recipes = (Recipe(name="baseline"), Recipe(name="once", stages=(stage,)), Recipe(name="twice", stages=(stage,) * 2))
    run = make_run(seeds=(1, 2, 3), targets=(Target(task="tags"), Target(task="pairs")), recipes=recipes)
    return fill(run, {"baseline": BASE, **SCORES})


def fill(run, scores):
    for recipe, by_target in scores.items():
        for target, values in by_target.items():
            for seed, value in enumerate(values, 1):
                if not math.isnan(value):
                    run.cell(recipe, target, seed, {"en": value, "de": value})
    return run


def row(table, recipe, unit="score"):
    return table[(table["recipe"] == recipe) & (table["unit"] == unit)].iloc[0]


def test_a_target_with_a_marked_cell_is_in_no_mean(full_run):
    results = compute_results(full_run.url)
    assert compared_targets(results.estimates) == ("tags", "search")
    means = results.row_means
    assert means.attrs["targets"] == ("tags", "search")
    assert row(means, "small_nli")["gain"] == pytest.approx((0.15 + 0.02) / 2)
    assert row(means, "large_nli")["gain"] == pytest.approx(-0.10 / 2)


def test_the_interval_of_a_mean_keeps_the_seeds_of_the_targets_together(two_targets):
    averaged = row(compute_results(two_targets.url).row_means, "once")
    by_seed = np.mean([np.subtract(SCORES["once"][name], BASE[name]) for name in BASE], axis=0)
    expected = scipy_stats.ttest_1samp(by_seed, 0)
    assert (averaged["gain"], averaged["num_seeds"], averaged["num_targets"]) == pytest.approx((by_seed.mean(), 3, 2))
    assert (averaged["low"], averaged["high"]) == pytest.approx(tuple(expected.confidence_interval(0.95)))
    assert averaged["p"] == pytest.approx(expected.pvalue)


def test_a_mean_in_units_of_spread_divides_each_target_by_its_standard_deviation_over_recipes(two_targets):
    averaged = row(compute_results(two_targets.url).row_means, "once", "spread")
    spreads = {name: np.std([np.mean(of[name]) for of in (BASE, *SCORES.values())], ddof=1) for name in BASE}
    gains = [(np.mean(SCORES["once"][name]) - np.mean(BASE[name])) / spreads[name] for name in BASE]
    assert averaged["gain"] == pytest.approx(np.mean(gains))


def test_p_values_of_means_are_corrected_for_the_number_of_recipes(two_targets):
    table = compute_results(two_targets.url).row_means
    table = table[table["unit"] == "score"]
    assert sorted(table["q"]) == pytest.approx(sorted(scipy_stats.false_discovery_control(table["p"])))


def test_only_seeds_with_every_target_in_the_row_and_in_the_reference_count(make_run, two_targets):
    scores = {"baseline": {**BASE, "pairs": [0.40, 0.41, math.nan]}, **SCORES}
    scores["once"] = {**scores["once"], "tags": [math.nan, 0.65, 0.58]}
    changes = {name: getattr(two_targets.space, name) for name in ("seeds", "targets", "recipes")}
    run = fill(make_run("unequal", **changes), scores)
    table = compute_results(run.url).row_means
    assert (row(table, "once")["num_seeds"], row(table, "once")["note"]) == (1, "one seed")
    assert row(table, "once")["gain"] == pytest.approx((0.65 - 0.52 + 0.44 - 0.41) / 2)
    assert row(table, "twice")["num_seeds"] == 2


def test_a_recipe_without_any_gain_takes_no_target_from_the_means(full_run, make_run):
    run = make_run("half")
    for recipe, extra in (("baseline", 0.0), ("middle_qa", 0.1)):
        for seed in (1, 2):
            run.cell(recipe, "tags", seed, {"en": 0.5 + extra * seed})
    results = compute_results(run.url)
    assert compared_targets(results.estimates) == ("tags",)
    assert set(results.row_means["recipe"]) == {"middle_qa"}


def test_without_a_gain_there_are_no_means(make_run):
    run = make_run()
    run.cell("baseline", "tags", 1, {"en": 0.5})
    assert compute_results(run.url).row_means.empty
    assert compared_targets(mean_estimates(compute_results(run.url).estimates)) == ()


def test_a_reference_without_a_seed_on_one_of_two_targets_is_repeated_for_every_seed(full_run):
    results = compute_results(full_run.url)
    seeds = results.seeds[results.seeds["language"] == "mean"]
    rows = mean_rows(seeds.dropna(subset="score"), ["tags", "search"], (1, 2), "baseline")
    base = rows[rows["recipe"] == "baseline"]
    assert base["seed"].tolist() == [1, 2]
    assert base["score"].tolist() == pytest.approx([(0.5 + 0.2) / 2] * 2)
    alone = mean_rows(seeds.dropna(subset="score"), ["search"], (1, 2), "baseline")
    assert alone.loc[alone["recipe"] == "baseline", "seed"].isna().tolist() == [True]
    assert with_intervals(alone, "baseline").set_index("recipe").loc["small_nli", "num_seeds"] == 2


def test_a_gain_in_a_benchmark_is_over_the_seeds_that_the_row_and_the_baseline_share(make_run):
    from sweeper.tasks.catalog import CATALOG

    recipes = (Recipe(name="baseline"), Recipe(name="mnli", stages=(Stage(tasks=("mnli",)),)))
    targets = (Target(task="xnli"), Target(task="pawsx"))
    run = make_run(seeds=(1, 2, 3), recipes=recipes, targets=targets, tasks=(), evaluate="test")
    scores = {"baseline": [(0.60, 0.80), (0.62, 0.81), (0.50, None)], "mnli": [(0.65, 0.83), (0.70, 0.82), (0.70, 0.9)]}
    for recipe, by_seed in scores.items():
        for seed, values in enumerate(by_seed, 1):
            for name, value in zip(("xnli", "pawsx"), values, strict=True):
                if value is not None:
                    training = run.trained(recipe, run.space.task(name).training_task, seed)
                    languages = CATALOG[name].rows("test")
                    run.scored(training, name, dict.fromkeys(languages, value), split="test")
    means = benchmark_means(load(run.url), "tiny")[0]
    averaged = means.gains.set_index(["group", "recipe"]).loc[("classification", "mnli")]
    gains = [(0.05 + 0.03) / 2, (0.08 + 0.01) / 2]
    assert (averaged["gain"], averaged["num_seeds"]) == pytest.approx((np.mean(gains), 2))
    expected = scipy_stats.ttest_1samp(gains, 0).confidence_interval(0.95)
    assert (averaged["low"], averaged["high"]) == pytest.approx(tuple(expected))
    assert means.groups.loc["baseline", "classification"] == pytest.approx((0.70 + 0.715) / 2)
    assert means.tasks.loc["baseline", "xnli"] == pytest.approx((0.60 + 0.62 + 0.50) / 3)
    assert OVERALL not in set(means.gains["group"])
    assert (averaged["basis"], seeds_only(means)) == ("seeds", ["classification"])
    assert mean_gain_rows(means) == [["mnli", "+4.2 ± 3.2 (n = 2)"]]
    assert math.isnan(averaged["q"])  # the third seed is missing
    cells = one_seed_cells(
        recipe="mnli",
        target=["xnli", "pawsx"],
        basis="seeds and items",
        num_seeds=2,
        se_seed=0.01,
        marks="",
        note="",
    )
    with_items = benchmark_means(load(run.url), "tiny", "", cells)[0]
    wider = with_items.gains.set_index(["group", "recipe"]).loc[("classification", "mnli")]
    assert (wider["basis"], seeds_only(with_items)) == ("seeds and items", [])
    added = (0.02**2 - 0.01**2 + 0.03**2 - 0.01**2) / 4
    assert wider["se"] ** 2 == pytest.approx(averaged["se"] ** 2 + added)


def test_the_items_of_several_targets_add_to_the_variance_of_a_mean():
    cells = pd.DataFrame(
        {
            "recipe": "once",
            "target": ["tags", "pairs"],
            "language": "mean",
            "condition": "clean",
            "basis": "seeds and items",
            "num_items": [100, 50],
            "num_seeds": 3,
            "se_item": [0.02, 0.03],
            "se_seed": [0.01, 0.02],
            "se": [0.021, 0.032],
        }
    )
    rows = [("once", seed, 0.5 + gain, gain) for seed, gain in enumerate((0.10, 0.14, 0.09))]
    rows += [("baseline", seed, 0.5, 0.0) for seed in range(3)]
    table = pd.DataFrame(rows, columns=["recipe", "seed", "score", "gain"])
    table = table.assign(condition="clean", language="mean", target="mean")
    added = (0.021**2 - 0.01**2 + 0.032**2 - 0.02**2) / 4
    extra = item_parts_of_means(cells, ["tags", "pairs"], pd.Series(1.0, index=["tags", "pairs"]))
    averaged = with_intervals(table, "baseline", extra).iloc[0]
    assert averaged["basis"] == "seeds and items"
    assert averaged["se"] ** 2 == pytest.approx(np.var([0.10, 0.14, 0.09], ddof=1) / 3 + added)
    assert averaged["se_item"] == pytest.approx(math.hypot(0.02, 0.03) / 2)
    scaled = item_parts_of_means(cells, ["tags", "pairs"], pd.Series(0.5, index=["tags", "pairs"]))
    assert scaled["added"].iloc[0] == pytest.approx(4 * added)


def test_a_recipe_that_is_bimodal_on_one_target_has_no_interval_and_enters_no_prior_of_a_mean():
    random = np.random.default_rng(41)
    names = ["baseline", *(f"r{number}" for number in range(9))]
    scores = 0.5 + 0.01 * random.normal(size=(10, 4))
    # The gap is eight standard deviations wide, too narrow to be seen in the mean.
    scores[3, 2] -= 0.08
    rows = [
        (name, seed, score, score - scores[0, seed])
        for name, by_seed in zip(names, scores, strict=True)
        for seed, score in enumerate(by_seed)
    ]
    table = pd.DataFrame(rows, columns=["recipe", "seed", "score", "gain"])
    table = table.assign(condition="clean", language="mean", target="mean")
    named, unnamed = (with_intervals(table, "baseline", None, names).set_index("recipe") for names in (["r2"], []))
    assert (named.loc["r2", "note"], unnamed.loc["r2", "note"]) == ("bimodal", "")
    assert math.isnan(named.loc["r2", "low"])
    without = with_intervals(table[table["recipe"] != "r2"], "baseline").set_index("recipe")
    assert named["se"].drop("r2").to_dict() == pytest.approx(without["se"].to_dict())
    assert (named["se"].drop("r2") < unnamed["se"].drop("r2")).all()


def one_seed_cells(**changes):
    """Estimates of a recipe with one seed on two targets."""
    columns = {
        "recipe": "r0",
        "target": ["tags", "pairs"],
        "language": "mean",
        "condition": "clean",
        "basis": "items",
        "num_items": [100, 50],
        "num_seeds": 1,
        "se_item": [0.02, 0.03],
        "se_seed": np.nan,
        "se": [0.02, 0.03],
    }
    return pd.DataFrame({**columns, **changes})


def test_the_mean_of_one_seed_has_an_interval_about_items_only():
    rows = [("r0", 1, 0.6, 0.1), ("baseline", 1, 0.5, 0.0)]
    table = pd.DataFrame(rows, columns=["recipe", "seed", "score", "gain"])
    table = table.assign(condition="clean", language="mean", target="mean")
    scale = pd.Series(1.0, index=["tags", "pairs"])
    means = [
        with_intervals(table, "baseline", item_parts_of_means(cells, ["tags", "pairs"], scale)).iloc[0]
        for cells in (one_seed_cells(), one_seed_cells(num_seeds=[1, 2]))
    ]
    error = math.hypot(0.02, 0.03) / 2
    df = error**4 / ((0.02 / 2) ** 4 / 99 + (0.03 / 2) ** 4 / 49)
    assert (means[0]["basis"], means[0]["note"]) == ("items", "one seed")
    assert math.isnan(means[0]["se_seed"])
    assert means[0]["high"] - means[0]["low"] == pytest.approx(2 * scipy_stats.t.ppf(0.975, df) * error)
    # The items of a cell with two seeds have less noise than those of one seed.
    assert (means[1]["basis"], means[1]["note"]) == ("", "one seed")


def test_the_mean_of_a_recipe_that_lacks_a_seed_has_no_corrected_p(make_run, two_targets):
    changes = {name: getattr(two_targets.space, name) for name in ("seeds", "targets", "recipes")}
    scores = {"baseline": BASE, **SCORES}
    scores["once"] = {**scores["once"], "tags": [math.nan, 0.65, 0.58]}
    table = compute_results(fill(make_run("lacking", **changes), scores).url).row_means
    assert not math.isnan(row(table, "once")["p"]) and math.isnan(row(table, "once")["q"])
    assert row(table, "twice")["q"] == pytest.approx(row(table, "twice")["p"])
