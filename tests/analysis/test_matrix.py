"""Scores and gains against hand-computed values."""

import math
from dataclasses import replace

import pytest

from analysis.results.gains import gain_table
from analysis.results.load import load
from analysis.results.matrix import language_table, seed_differences, transfer_matrix
from sweeper.errors import UserError
from sweeper.space import Target


def test_a_score_is_the_mean_over_languages_then_over_seeds(full_run):
    matrix = transfer_matrix(load(full_run.url), "tiny")
    assert matrix.scores.loc["baseline", "tags"] == pytest.approx(0.50)
    assert matrix.scores.loc["small_nli", "tags"] == pytest.approx((0.60 + 0.70) / 2)
    assert matrix.score_sd.loc["small_nli", "tags"] == pytest.approx(0.1 / math.sqrt(2))
    assert matrix.num_seeds.loc["small_nli", "tags"] == 2


def test_recipes_and_targets_have_the_order_of_the_space(full_run):
    matrix = transfer_matrix(load(full_run.url), "tiny")
    assert list(matrix.scores.index) == ["baseline", "small_nli", "large_nli", "middle_qa"]
    assert list(matrix.scores.columns) == ["tags", "pairs", "search"]


def test_a_gain_is_the_mean_difference_to_the_baseline_of_the_same_seed(full_run):
    matrix = transfer_matrix(load(full_run.url), "tiny")
    assert matrix.gains.loc["small_nli"].tolist() == pytest.approx([0.15, 0.04, 0.02])
    assert matrix.gains.loc["large_nli"].tolist() == pytest.approx([-0.10, 0.08, 0.00])
    assert matrix.gains.loc["baseline"].tolist() == pytest.approx([0, 0, 0])
    assert matrix.gain_sd.loc["small_nli", "tags"] == pytest.approx(0.1 / math.sqrt(2))


def test_a_baseline_without_a_seed_is_compared_with_every_seed(full_run):
    matrix = transfer_matrix(load(full_run.url), "tiny")
    assert matrix.num_pairs.loc["small_nli", "search"] == 2
    assert matrix.num_seeds.loc["baseline", "search"] == 1
    assert math.isnan(matrix.score_sd.loc["baseline", "search"])


def test_a_seed_that_the_baseline_lacks_is_not_part_of_the_gain(make_run):
    run = make_run()
    run.cell("baseline", "tags", 1, {"en": 0.5})
    run.cell("small_nli", "tags", 1, {"en": 0.6})
    run.cell("small_nli", "tags", 2, {"en": 0.9})
    matrix = transfer_matrix(load(run.url), "tiny")
    assert matrix.gains.loc["small_nli", "tags"] == pytest.approx(0.1)
    assert (matrix.num_pairs.loc["small_nli", "tags"], matrix.num_seeds.loc["small_nli", "tags"]) == (1, 2)


def test_a_cell_without_a_baseline_has_no_gain_instead_of_zero(make_run):
    run = make_run()
    run.cell("small_nli", "tags", 1, {"en": 0.6})
    matrix = transfer_matrix(load(run.url), "tiny")
    assert math.isnan(matrix.gains.loc["small_nli", "tags"])
    assert matrix.scores.loc["small_nli", "tags"] == pytest.approx(0.6)
    assert math.isnan(matrix.scores.loc["baseline", "tags"])


def test_a_cell_that_lacks_languages_names_them_and_its_gain_is_over_the_shared_ones(make_run):
    run = make_run()
    run.cell("baseline", "tags", 1, {"en": 0.6, "de": 0.2})
    run.cell("small_nli", "tags", 1, {"en": 0.7})
    matrix = transfer_matrix(load(run.url), "tiny")
    assert matrix.lacking == {("small_nli", "tags"): ("de",)}
    assert matrix.gains.loc["small_nli", "tags"] == pytest.approx(0.1)
    assert math.isnan(matrix.summarised.loc["small_nli", "tags"])


def test_seeds_with_different_languages_are_compared_on_the_shared_ones(make_run):
    run = make_run()
    run.cell("baseline", "tags", 1, {"en": 0.6, "de": 0.2})
    run.cell("baseline", "tags", 2, {"en": 0.8})
    matrix = transfer_matrix(load(run.url), "tiny")
    assert matrix.scores.loc["baseline", "tags"] == pytest.approx(0.7)
    assert matrix.lacking == {("baseline", "tags"): ("de",)}


def test_cells_with_the_same_rows_are_marked_and_left_out_of_summaries(full_run):
    matrix = transfer_matrix(load(full_run.url), "tiny")
    assert matrix.marks.same_rows == {("small_nli", "pairs"): ("small_nli",), ("large_nli", "pairs"): ("large_nli",)}
    assert math.isnan(matrix.summarised.loc["large_nli", "pairs"])
    assert matrix.summarised.loc["middle_qa", "pairs"] == pytest.approx(-0.02)


def test_a_lower_loss_is_a_gain(make_run):
    space = make_run().space
    tasks = tuple(replace(task, format="mlm", scorer="loss") if task.name == "tags" else task for task in space.tasks)
    run = make_run("loss", tasks=tasks, targets=(Target(task="tags"),))
    run.cell("baseline", "tags", 1, {"en": 3.0})
    run.cell("small_nli", "tags", 1, {"en": 2.0})
    assert transfer_matrix(load(run.url), "tiny").gains.loc["small_nli", "tags"] == pytest.approx(1.0)


def test_scores_on_attacked_text_are_in_the_table_and_not_in_the_matrix(make_run):
    run = make_run()
    training = run.trained("baseline", "tags", 1)
    run.scored(training, "tags", {"en": 0.6})
    run.scored(training, "tags", {"en": 0.2}, condition="attacked")
    data = load(run.url)
    assert transfer_matrix(data, "tiny").scores.loc["baseline", "tags"] == pytest.approx(0.6)
    assert set(gain_table(data, "tiny")["condition"]) == {"clean", "attacked"}


def test_each_language_has_a_mean_a_standard_deviation_and_a_gain(full_run):
    table = language_table(full_run.space, gain_table(load(full_run.url), "tiny")).set_index(
        ["recipe", "target", "language"]
    )
    row = table.loc[("small_nli", "tags", "de")]
    assert row["mean"] == pytest.approx(0.55)
    assert row["gain"] == pytest.approx(0.15)
    assert (row["num_seeds"], row["trivial"], row["count"], row["metric"]) == (2, 0.25, 100, "f1")


def test_gains_over_another_recipe_are_same_seed_differences_to_it(full_run):
    matrix = transfer_matrix(load(full_run.url), "tiny", against="small_nli")
    assert (matrix.reference, matrix.is_baseline) == ("small_nli", False)
    assert matrix.recipes == ["baseline", "large_nli", "middle_qa"]
    assert matrix.gains.loc["middle_qa", "tags"] == pytest.approx(0.05 - 0.15)
    assert matrix.gain_sd.loc["middle_qa", "tags"] == pytest.approx(0.1 / math.sqrt(2))
    assert matrix.gains.loc["small_nli"].tolist() == pytest.approx([0, 0, 0])
    assert matrix.scores.equals(transfer_matrix(load(full_run.url), "tiny").scores)


def test_a_score_without_a_seed_is_compared_with_every_seed_and_counts_as_one_score(full_run):
    matrix, plain = (
        transfer_matrix(load(full_run.url), "tiny", against="small_nli"),
        transfer_matrix(load(full_run.url), "tiny"),
    )
    assert matrix.gains.loc["baseline", "search"] == pytest.approx(-0.02)
    assert matrix.num_pairs.loc["baseline", "search"] == 2
    assert matrix.gain_sd.loc["baseline", "search"] == pytest.approx(plain.gain_sd.loc["small_nli", "search"])
    assert matrix.num_seeds.loc["baseline", "search"] == 1
    assert math.isnan(matrix.score_sd.loc["baseline", "search"])


def test_no_gain_is_summarised_on_a_target_whose_rows_the_reference_trains_on(full_run):
    matrix = transfer_matrix(load(full_run.url), "tiny", against="small_nli")
    assert matrix.summarised["pairs"].isna().all()
    assert matrix.summarised["tags"].notna().all()


def test_an_unknown_reference_is_refused_with_the_nearest_name(full_run):
    with pytest.raises(
        UserError, match=r"No recipe is called 'smal_nli'\. Did you mean 'small_nli'\? Known: baseline, "
    ):
        transfer_matrix(load(full_run.url), "tiny", against="smal_nli")


def test_the_baseline_as_reference_equals_the_default(full_run):
    data = load(full_run.url)
    named, default = transfer_matrix(data, "tiny", against="baseline"), transfer_matrix(data, "tiny")
    assert named.gains.equals(default.gains)
    assert named.reference_words == default.reference_words == "the baseline"


def test_seed_differences_are_same_seed_gains_over_the_reference_of_each_recipe(full_run):
    pairs = {"middle_qa": "small_nli", "small_nli": "baseline"}
    differences = seed_differences(load(full_run.url), "tiny", pairs)
    assert list(differences.columns) == ["recipe", "reference", "target", "seed", "gain"]
    assert dict(zip(differences["recipe"], differences["reference"], strict=True)) == pairs
    tags = differences[differences["target"] == "tags"]
    assert tags["seed"].tolist() == [1, 2, 1, 2]
    assert tags["gain"].tolist() == pytest.approx([-0.05, -0.15, 0.10, 0.20])
    search = differences[(differences["target"] == "search") & (differences["recipe"] == "small_nli")]
    assert search["gain"].tolist() == pytest.approx([0.01, 0.03])


def test_seeds_that_a_recipe_or_its_reference_lacks_are_left_out(make_run):
    run = make_run()
    run.cell("small_nli", "tags", 1, {"en": 0.6})
    run.cell("middle_qa", "tags", 1, {"en": 0.5})
    run.cell("middle_qa", "tags", 2, {"en": 0.9})
    pairs = {"middle_qa": "small_nli", "large_nli": "baseline"}
    differences = seed_differences(load(run.url), "tiny", pairs)
    assert differences[["recipe", "target", "seed"]].to_numpy().tolist() == [["middle_qa", "tags", 1]]
    assert seed_differences(load(run.url), "tiny", {}).empty
    with pytest.raises(UserError, match="Did you mean 'large_nli'"):
        seed_differences(load(run.url), "tiny", {"large_nil": "baseline"})
