"""Scores and gains against sums done by hand."""

import math
from dataclasses import replace

import pytest

from analysis.results.gains import gain_table
from analysis.results.load import load
from analysis.results.matrix import language_table, seed_differences, transfer_matrix
from sweeper.errors import UserError
from sweeper.space import Target


def test_a_score_is_the_mean_over_languages_then_over_seeds(full_run):
    found = transfer_matrix(load(full_run.url), "tiny")
    assert found.scores.loc["baseline", "tags"] == pytest.approx(0.50)
    assert found.scores.loc["small_nli", "tags"] == pytest.approx((0.60 + 0.70) / 2)
    assert found.score_sd.loc["small_nli", "tags"] == pytest.approx(0.1 / math.sqrt(2))
    assert found.num_seeds.loc["small_nli", "tags"] == 2


def test_rows_and_columns_stand_in_the_order_of_the_space(full_run):
    found = transfer_matrix(load(full_run.url), "tiny")
    assert list(found.scores.index) == ["baseline", "small_nli", "large_nli", "middle_qa"]
    assert list(found.scores.columns) == ["tags", "pairs", "search"]


def test_a_gain_is_the_mean_difference_to_the_baseline_of_the_same_seed(full_run):
    found = transfer_matrix(load(full_run.url), "tiny")
    assert found.gains.loc["small_nli"].tolist() == pytest.approx([0.15, 0.04, 0.02])
    assert found.gains.loc["large_nli"].tolist() == pytest.approx([-0.10, 0.08, 0.00])
    assert found.gains.loc["baseline"].tolist() == pytest.approx([0, 0, 0])
    assert found.gain_sd.loc["small_nli", "tags"] == pytest.approx(0.1 / math.sqrt(2))


def test_a_baseline_without_a_seed_stands_beside_every_seed(full_run):
    found = transfer_matrix(load(full_run.url), "tiny")
    assert found.num_pairs.loc["small_nli", "search"] == 2
    assert found.num_seeds.loc["baseline", "search"] == 1
    assert math.isnan(found.score_sd.loc["baseline", "search"])


def test_a_seed_that_the_baseline_lacks_has_no_part_in_the_gain(make_run):
    run = make_run()
    run.cell("baseline", "tags", 1, {"en": 0.5})
    run.cell("small_nli", "tags", 1, {"en": 0.6})
    run.cell("small_nli", "tags", 2, {"en": 0.9})
    found = transfer_matrix(load(run.url), "tiny")
    assert found.gains.loc["small_nli", "tags"] == pytest.approx(0.1)
    assert (found.num_pairs.loc["small_nli", "tags"], found.num_seeds.loc["small_nli", "tags"]) == (1, 2)


def test_a_cell_without_a_baseline_is_blank_rather_than_zero(make_run):
    run = make_run()
    run.cell("small_nli", "tags", 1, {"en": 0.6})
    found = transfer_matrix(load(run.url), "tiny")
    assert math.isnan(found.gains.loc["small_nli", "tags"])
    assert found.scores.loc["small_nli", "tags"] == pytest.approx(0.6)
    assert math.isnan(found.scores.loc["baseline", "tags"])


def test_a_cell_that_lacks_languages_says_which_and_gains_only_over_the_shared_ones(make_run):
    run = make_run()
    run.cell("baseline", "tags", 1, {"en": 0.6, "de": 0.2})
    run.cell("small_nli", "tags", 1, {"en": 0.7})
    found = transfer_matrix(load(run.url), "tiny")
    assert found.lacking == {("small_nli", "tags"): ("de",)}
    assert found.gains.loc["small_nli", "tags"] == pytest.approx(0.1)
    assert math.isnan(found.unflagged.loc["small_nli", "tags"])


def test_seeds_with_different_languages_are_compared_on_those_they_share(make_run):
    run = make_run()
    run.cell("baseline", "tags", 1, {"en": 0.6, "de": 0.2})
    run.cell("baseline", "tags", 2, {"en": 0.8})
    found = transfer_matrix(load(run.url), "tiny")
    assert found.scores.loc["baseline", "tags"] == pytest.approx(0.7)
    assert found.lacking == {("baseline", "tags"): ("de",)}


def test_rows_that_repeat_the_targets_own_training_data_are_flagged(full_run):
    found = transfer_matrix(load(full_run.url), "tiny")
    assert found.flags == {("small_nli", "pairs"): ("small_nli",), ("large_nli", "pairs"): ("large_nli",)}
    assert math.isnan(found.unflagged.loc["large_nli", "pairs"])
    assert found.unflagged.loc["middle_qa", "pairs"] == pytest.approx(-0.02)


def test_where_less_is_better_a_fall_is_a_gain(make_run):
    space = make_run().space
    tasks = tuple(replace(task, format="mlm", scorer="loss") if task.name == "tags" else task for task in space.tasks)
    run = make_run("loss", tasks=tasks, targets=(Target(task="tags"),))
    run.cell("baseline", "tags", 1, {"en": 3.0})
    run.cell("small_nli", "tags", 1, {"en": 2.0})
    assert transfer_matrix(load(run.url), "tiny").gains.loc["small_nli", "tags"] == pytest.approx(1.0)


def test_attacked_text_stays_out_of_the_clean_matrix_but_in_the_table(make_run):
    run = make_run()
    training = run.trained("baseline", "tags", 1)
    run.scored(training, "tags", {"en": 0.6})
    run.scored(training, "tags", {"en": 0.2}, condition="attacked")
    study = load(run.url)
    assert transfer_matrix(study, "tiny").scores.loc["baseline", "tags"] == pytest.approx(0.6)
    assert set(gain_table(study, "tiny")["condition"]) == {"clean", "attacked"}


def test_every_language_has_its_mean_spread_and_gain(full_run):
    table = language_table(full_run.space, gain_table(load(full_run.url), "tiny")).set_index(
        ["recipe", "target", "language"]
    )
    row = table.loc[("small_nli", "tags", "de")]
    assert row["mean"] == pytest.approx(0.55)
    assert row["gain"] == pytest.approx(0.15)
    assert (row["num_seeds"], row["trivial"], row["count"], row["metric"]) == (2, 0.25, 100, "f1")


def test_gains_against_another_row_are_differences_to_that_row_of_the_same_seed(full_run):
    found = transfer_matrix(load(full_run.url), "tiny", against="small_nli")
    assert (found.reference, found.is_baseline) == ("small_nli", False)
    assert found.recipes == ["baseline", "large_nli", "middle_qa"]
    assert found.gains.loc["middle_qa", "tags"] == pytest.approx(0.05 - 0.15)
    assert found.gain_sd.loc["middle_qa", "tags"] == pytest.approx(0.1 / math.sqrt(2))
    assert found.gains.loc["small_nli"].tolist() == pytest.approx([0, 0, 0])
    assert found.scores.equals(transfer_matrix(load(full_run.url), "tiny").scores)


def test_a_score_without_a_seed_is_compared_with_every_seed_of_the_reference_and_stays_one_score(full_run):
    found, plain = (
        transfer_matrix(load(full_run.url), "tiny", against="small_nli"),
        transfer_matrix(load(full_run.url), "tiny"),
    )
    assert found.gains.loc["baseline", "search"] == pytest.approx(-0.02)
    assert found.num_pairs.loc["baseline", "search"] == 2
    assert found.gain_sd.loc["baseline", "search"] == pytest.approx(plain.gain_sd.loc["small_nli", "search"])
    assert found.num_seeds.loc["baseline", "search"] == 1
    assert math.isnan(found.score_sd.loc["baseline", "search"])


def test_no_gain_counts_in_a_column_whose_training_data_the_reference_repeats(full_run):
    found = transfer_matrix(load(full_run.url), "tiny", against="small_nli")
    assert found.unflagged["pairs"].isna().all()
    assert found.unflagged["tags"].notna().all()


def test_gains_against_an_unknown_row_are_answered_with_the_nearest_one(full_run):
    with pytest.raises(
        UserError, match=r"No recipe is called 'smal_nli'\. Did you mean 'small_nli'\? Known: baseline, "
    ):
        transfer_matrix(load(full_run.url), "tiny", against="smal_nli")


def test_the_baseline_named_as_reference_is_the_default(full_run):
    study = load(full_run.url)
    named, default = transfer_matrix(study, "tiny", against="baseline"), transfer_matrix(study, "tiny")
    assert named.gains.equals(default.gains)
    assert named.reference_words == default.reference_words == "the baseline"


def test_each_row_differs_from_its_own_reference_seed_by_seed(full_run):
    pairs = {"middle_qa": "small_nli", "small_nli": "baseline"}
    found = seed_differences(load(full_run.url), "tiny", pairs)
    assert list(found.columns) == ["recipe", "reference", "target", "seed", "gain"]
    assert dict(zip(found["recipe"], found["reference"], strict=True)) == pairs
    tags = found[found["target"] == "tags"]
    assert tags["seed"].tolist() == [1, 2, 1, 2]
    assert tags["gain"].tolist() == pytest.approx([-0.05, -0.15, 0.10, 0.20])
    search = found[(found["target"] == "search") & (found["recipe"] == "small_nli")]
    assert search["gain"].tolist() == pytest.approx([0.01, 0.03])


def test_a_difference_that_one_side_lacks_is_left_out(make_run):
    run = make_run()
    run.cell("small_nli", "tags", 1, {"en": 0.6})
    run.cell("middle_qa", "tags", 1, {"en": 0.5})
    run.cell("middle_qa", "tags", 2, {"en": 0.9})
    pairs = {"middle_qa": "small_nli", "large_nli": "baseline"}
    found = seed_differences(load(run.url), "tiny", pairs)
    assert found[["recipe", "target", "seed"]].to_numpy().tolist() == [["middle_qa", "tags", 1]]
    assert seed_differences(load(run.url), "tiny", {}).empty
    with pytest.raises(UserError, match="Did you mean 'large_nli'"):
        seed_differences(load(run.url), "tiny", {"large_nil": "baseline"})
