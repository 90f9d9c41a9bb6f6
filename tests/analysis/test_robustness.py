"""Drops, the worst condition and success rates, on hand-made outcomes."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import analysis
from analysis.page.state import LiveRun
from analysis.report.methods_data import condition_sentences
from analysis.results.attacks import attacks, attacks_of
from analysis.results.chance import clean_scores
from analysis.results.contrasts import contrast_table
from analysis.results.load import load
from analysis.results.robustness import robustness
from analysis.results.success import share
from sweeper.files.folder import Folder
from sweeper.files.serialize import write_json
from sweeper.run.growth import check_growth
from sweeper.run.ledger import Ledger
from sweeper.space import Condition, Contrast, Term
from tests.analysis.conftest import SPACE
from tests.analysis.texts import text_report

CONDITIONS = (
    Condition(name="typos", perturbation="keyboard"),
    Condition(name="bare", perturbation="diacritics"),
)
CORRECT = {
    # Eight examples: recipe -> condition -> what is correct.
    "baseline": {"clean": "11110000", "typos": "10010000", "bare": "11110000"},
    "middle_qa": {"clean": "11101100", "typos": "11000100", "bare": "01101100"},
}


def outcomes(correct, language="en"):
    """Outcomes with one digit for each example."""
    names = [str(number) for number in range(len(correct))]
    columns = {"language": language, "example": names, "group": names, "correct": [int(bit) for bit in correct]}
    return pd.DataFrame(columns)


@pytest.fixture
def run(make_run):
    targets = tuple(
        replace(target, conditions=CONDITIONS) if target.task == "pairs" else target for target in SPACE.targets
    )
    run = make_run(targets=targets)
    for recipe, conditions in CORRECT.items():
        for seed in (1, 2):
            training = run.trained(recipe, "small_nli", seed)
            for condition, correct in conditions.items():
                bits = [int(bit) for bit in correct]
                if seed == 2:
                    bits[-1] = 1 if condition == "clean" else 0
                table = outcomes("".join(map(str, bits)))
                run.scored(training, "pairs", {"en": float(np.mean(bits))}, table=table, condition=condition)
    return run


def row(table, recipe, condition, language="en"):
    rows = table[(table["recipe"] == recipe) & (table["condition"] == condition) & (table["language"] == language)]
    assert len(rows) == 1
    return rows.iloc[0]


def test_a_drop_is_the_clean_score_minus_the_score_under_the_condition(run):
    typos = row(robustness(load(run.url)), "baseline", "typos")
    # Seed 1: 4/8 and 2/8; seed 2: 5/8 and 2/8.
    assert (typos["clean"], typos["score"], typos["drop"]) == pytest.approx((4.5 / 8, 2 / 8, 2.5 / 8))
    assert typos["relative_drop"] == pytest.approx(2.5 / 4.5)
    assert typos["low"] < typos["drop"] < typos["high"]
    assert typos["num_items"] == 8


def test_the_mean_over_languages_equals_the_only_language(run):
    table = robustness(load(run.url))
    alone, mean = (row(table, "middle_qa", "typos", language) for language in ("en", "mean"))
    for column in ("clean", "score", "drop", "success", "success_high", "shared", "num_shared", "worst"):
        assert alone[column] == pytest.approx(mean[column])


def test_success_is_about_the_examples_that_the_recipe_answers_correctly_when_clean(run):
    typos = row(robustness(load(run.url)), "baseline", "typos")
    # Seed 1: 2 of 4 examples become wrong; seed 2: 3 of 5.
    assert (typos["success"], typos["num_correct"]) == pytest.approx((5 / 9, 4.5))
    assert 0 < typos["success_low"] < typos["success"] < typos["success_high"] < 1


def test_recipes_are_compared_on_the_examples_that_all_of_them_answer_correctly_when_clean(run):
    table = robustness(load(run.url))
    baseline, middle = (row(table, recipe, "typos") for recipe in ("baseline", "middle_qa"))
    # Both recipes are correct on examples 0 to 2 in seed 1, and also on example 7 in seed 2.
    assert (baseline["shared"], baseline["num_shared"]) == pytest.approx((5 / 7, 3.5))
    assert (middle["shared"], middle["num_shared"]) == pytest.approx((3 / 7, 3.5))
    assert middle["difference"] == pytest.approx(-2 / 7)
    assert middle["difference_low"] < -2 / 7 < middle["difference_high"]
    assert middle["reference"] == "baseline" and not baseline["reference"]


def test_a_recipe_at_chance_has_no_success_and_takes_no_example_from_the_shared_ones(run):
    data = load(run.url)
    table = data.table.copy()
    table.loc[table["recipe"] == "baseline", "trivial"] = 0.6
    found = robustness(replace(data, table=table))
    baseline, middle = (row(found, recipe, "typos") for recipe in ("baseline", "middle_qa"))
    assert np.isnan(baseline["success"]) and np.isnan(baseline["shared"])
    # Seed 1: 2 of 5 examples; seed 2: 3 of 6.
    assert (middle["success"], middle["num_correct"]) == pytest.approx((5 / 11, 5.5))
    assert (middle["shared"], middle["num_shared"]) == pytest.approx((5 / 11, 5.5))


def test_success_is_about_the_seeds_that_have_a_score_under_the_condition(run):
    data = load(run.url)
    missing = ("baseline", 2, "typos")
    kept = [score for score in data.cell_scores if (score.recipe, score.seed, score.condition) != missing]
    typos = row(attacks(replace(data, cell_scores=tuple(kept)), clean_scores(data)), "baseline", "typos")
    # Seed 1 alone: 2 of 4 examples become wrong. Seed 2 has no score, which is no success of 0 %.
    assert (typos["success"], typos["num_correct"]) == pytest.approx((2 / 4, 4))
    assert (typos["shared"], typos["num_shared"]) == pytest.approx((2 / 3, 3))


def test_examples_of_all_languages_count_equally_in_a_success_rate(make_run):
    run = make_run(targets=tuple(replace(t, conditions=CONDITIONS if t.task == "pairs" else ()) for t in SPACE.targets))
    for recipe in ("baseline", "middle_qa"):
        for seed in (1, 2):
            training = run.trained(recipe, "small_nli", seed)
            for condition, (english, german) in {"clean": ("111111", "1100"), "typos": ("111110", "0000")}.items():
                table = pd.concat([outcomes(english, "en"), outcomes(german, "de")], ignore_index=True)
                values = table.groupby("language")["correct"].mean().to_dict()
                run.scored(training, "pairs", values, table=table, condition=condition)
    table = robustness(load(run.url))
    assert row(table, "baseline", "typos", "en")["success"] == pytest.approx(1 / 6)
    assert row(table, "baseline", "typos", "de")["success"] == 1
    pooled = row(table, "baseline", "typos", "mean")
    assert (pooled["success"], pooled["num_correct"]) == pytest.approx((3 / 8, 8))
    assert row(table, "middle_qa", "typos", "mean")["difference"] == 0


def test_the_interval_of_a_success_rate_of_independent_examples_is_that_of_wilson():
    # 100 groups of one example, 30 of which become wrong, in one seed.
    wrong = np.array([[1.0] * 30 + [0.0] * 70])
    rate = share(np.ones((1, 100)), wrong, np.arange(100), False)
    assert rate.value == pytest.approx(0.3)
    # Wilson's interval of 30 of 100 is 0.219 to 0.396.
    assert (rate.low, rate.high) == pytest.approx((0.219, 0.396), abs=0.004)
    # Ten groups of ten equal examples say as much as ten examples.
    repeated = np.repeat([[1.0] * 3 + [0.0] * 7], 10, axis=1)
    grouped = share(np.ones((1, 100)), repeated, np.repeat(np.arange(10), 10), False)
    assert grouped.high - grouped.low > 2.5 * (rate.high - rate.low)
    none = share(np.ones((1, 100)), np.zeros((1, 100)), np.arange(100), False)
    assert (none.low, none.high) == pytest.approx((0.0, 0.037), abs=0.001)


def test_the_interval_of_a_success_rate_covers_it_in_the_nominal_share_of_draws():
    draws = np.random.default_rng(0)
    num_covered = 0
    for _ in range(400):
        # Effects of seeds, items and both on whether an example becomes wrong.
        logits = draws.normal(0, 0.3, (6, 1)) + draws.normal(0, 1.0, (1, 80))
        wrong = (draws.random((6, 80)) < 1 / (1 + np.exp(-logits))).astype(float)
        rate = share(np.ones((6, 80)), wrong, np.arange(80), False)
        num_covered += rate.low <= 0.5 <= rate.high
    assert 0.93 <= num_covered / 400 <= 0.995


def test_the_worst_score_takes_the_lowest_of_each_example_over_all_conditions(run):
    table = robustness(load(run.url))
    worst = row(table, "middle_qa", "bare")
    # Correct under clean, typos and bare: examples 1 and 5, in both seeds.
    assert worst["worst"] == pytest.approx(2 / 8)
    assert worst["num_attacks"] == 2


def test_the_worst_score_has_each_attack_once_with_its_largest_budget_and_none_without_input():
    few, many = (Condition(name=f"typos {budget}", perturbation="keyboard", budget=budget) for budget in (0.1, 0.3))
    german = replace(many, name="German typos", budget=0.5, languages=("de",))
    empty = Condition(name="empty", perturbation="null_input")
    again = replace(many, name="again", seed=1)
    before, after = (
        Condition(name=side, perturbation="distractor", side=side, budget=1.0) for side in ("before", "after")
    )
    assert attacks_of([many, few, empty]) == ["typos 0.3"]
    assert attacks_of([few, german]) == ["German typos"]
    assert set(attacks_of([few, many, again, before, after])) == {"typos 0.3", "again", "before", "after"}


def test_a_target_without_attacks_has_no_worst_score(run):
    empty = tuple(replace(condition, perturbation="null_input") for condition in CONDITIONS)
    targets = tuple(replace(target, conditions=target.conditions and empty) for target in run.space.targets)
    Folder(run.url).write("space.json", write_json(replace(run.space, targets=targets)))
    typos = row(robustness(load(run.url)), "baseline", "typos")
    assert np.isnan(typos["worst"])
    assert typos["num_attacks"] == 0


@pytest.mark.parametrize("scorer", ["chunks", "accuracy"])
def test_tagging_has_no_worst_score_with_either_scorer(make_run, scorer):
    tasks = tuple(replace(task, scorer=scorer) if task.name == "tags" else task for task in SPACE.tasks)
    targets = tuple(replace(t, conditions=CONDITIONS if t.task == "tags" else ()) for t in SPACE.targets)
    run = make_run(tasks=tasks, targets=targets)
    words = {"language": "en", "example": ["0", "1"], "group": ["0", "1"], "tokens": [4, 2]}
    chunks = {f"chunks_{of}": [1, 1] for of in ("correct", "predicted", "gold")}
    for recipe in ("baseline", "middle_qa"):
        training = run.trained(recipe, "tags")
        for condition, correct in {"clean": [4, 2], "typos": [3, 2], "bare": [4, 1]}.items():
            table = pd.DataFrame({**words, "tokens_correct": correct, "correct": correct, **chunks})
            run.scored(training, "tags", {"en": sum(correct) / 6}, table=table, condition=condition)
    assert robustness(load(run.url))["worst"].isna().all()


def test_the_methods_and_the_page_define_success_by_the_examples_of_the_recipe_itself(run):
    text = " ".join(condition_sentences(run.space, robustness(load(run.url))))
    page = (Path(analysis.__file__).parent / "page" / "page.html.j2").read_text()
    for shown in (text, page):
        assert "among those that the recipe answers correctly when clean in the same seed." in shown
    assert "Recipes are compared on the examples that all of them answer correctly." in text


def test_a_condition_without_any_change_has_a_drop_of_zero(run):
    table = robustness(load(run.url))
    bare = row(table, "baseline", "bare")
    # Only seed 2 differs, by its last example.
    assert bare["drop"] == pytest.approx(0.5 / 8)
    assert bare["success"] == pytest.approx(1 / 9)


def test_a_cell_whose_clean_score_is_not_above_the_trivial_one_has_no_drop(run):
    data = load(run.url)
    table = data.table.copy()
    table.loc[table["recipe"] == "baseline", "trivial"] = 0.6
    found = robustness(replace(data, table=table))
    typos = row(found, "baseline", "typos")
    assert np.isnan(typos["drop"]) and np.isnan(typos["low"])
    assert typos["note"] == "at chance"
    assert np.isfinite(row(found, "middle_qa", "typos")["drop"])


def test_a_clean_score_less_than_two_standard_errors_above_the_trivial_one_is_at_chance(run):
    data = load(run.url)
    # 4.5/8 correct of 100 examples: the standard error is 0.05.
    for trivial, note in ((0.44, "no drop"), (0.48, "at chance")):
        table = data.table.assign(trivial=trivial)
        is_chance = row(robustness(replace(data, table=table)), "baseline", "typos")["note"] == "at chance"
        assert is_chance == (note == "at chance")


def test_a_clean_score_must_also_be_above_that_without_input(run):
    target = next(target for target in run.space.targets if target.conditions)
    empty = replace(CONDITIONS[1], perturbation="null_input")
    targets = tuple(replace(t, conditions=(CONDITIONS[0], empty)) if t is target else t for t in run.space.targets)
    terms = (Term(recipe="baseline"), Term(recipe="baseline", condition="typos", weight=-1.0))
    contrast = Contrast(name="typos", terms=terms, targets=("pairs",))
    space = replace(run.space, targets=targets, contrasts=(contrast,))
    data = load(run.url)
    before = contrast_table(replace(data, space=replace(run.space, contrasts=(contrast,)))).iloc[0]
    assert before["note"] == "" and np.isfinite(before["p"])
    found = replace(data, space=space)
    # The baseline has 4/8 without input in both seeds, and 4/8 or 5/8 with it.
    table = robustness(found)
    assert row(table, "baseline", "typos")["note"] == "at chance"
    assert row(table, "baseline", "bare")["note"] != "at chance", "the drop without input is no selection"
    after = contrast_table(found).iloc[0]
    assert after["note"] == "at chance" and np.isnan(after["p"])
    assert after["estimate"] == before["estimate"]


def test_clean_score_and_drop_are_about_the_same_seeds(run):
    training = run.trained("baseline", "small_nli", 3)
    run.scored(training, "pairs", {"en": 1.0}, table=outcomes("11111111"))
    Folder(run.url).write("space.json", write_json(replace(run.space, seeds=(1, 2, 3))))
    typos = row(robustness(load(run.url)), "baseline", "typos")
    assert typos["clean"] - typos["score"] == pytest.approx(typos["drop"])
    assert typos["num_seeds"] == 2


def test_a_condition_of_some_languages_leaves_the_worst_score_of_the_others_as_it_is(make_run):
    some = (CONDITIONS[0], replace(CONDITIONS[1], languages=("de",)))
    run = make_run(targets=tuple(replace(t, conditions=some if t.task == "pairs" else ()) for t in SPACE.targets))
    for recipe in ("baseline", "middle_qa"):
        for seed in (1, 2):
            training = run.trained(recipe, "small_nli", seed)
            for condition, bits in {"clean": "1110", "typos": "1100", "bare": "0110"}.items():
                languages = ("de",) if condition == "bare" else ("en", "de")
                table = pd.concat([outcomes(bits, language) for language in languages], ignore_index=True)
                values = table.groupby("language")["correct"].mean().to_dict()
                run.scored(training, "pairs", values, table=table, condition=condition)
    table = robustness(load(run.url))
    english, german, both = (row(table, "baseline", "typos", language) for language in ("en", "de", "mean"))
    assert (english["worst"], english["num_attacks"]) == (2 / 4, 1)
    assert (german["worst"], german["num_attacks"]) == (1 / 4, 2)
    assert both["worst"] == pytest.approx(3 / 8)
    assert both["num_correct"] == english["num_correct"] + german["num_correct"] == 6


def test_further_metrics_are_given_clean_and_under_each_condition_in_each_language(run):
    exact = {"clean": 0.5, "typos": 0.25, "bare": 0.5}
    for score in load(run.url).cell_scores:
        value = exact[score.condition] + 0.1 * (score.seed - 1)
        metrics = {"en": {**score.metrics["en"], "em": value}}
        table = run.ledger.outcomes(score)
        run.ledger.write_score(replace(score, metrics=metrics), table)
    table = robustness(load(run.url))
    for language in ("en", "mean"):
        typos = row(table, "baseline", "typos", language)
        # Means over both seeds.
        assert (typos["clean_em"], typos["em"]) == pytest.approx((0.55, 0.3))
    report = text_report(run.url)
    page = (report.path.parent / "robustness.md").read_text(encoding="utf-8")
    assert "| metric | recipe | mean | en |" in page
    assert "| EM | baseline | 55.0 → 30.0 | 55.0 → 30.0 |" in page
    by_language = pd.read_csv(report.path.parent / "languages.csv").set_index(["recipe", "condition", "language"])
    assert by_language.loc[("baseline", "clean", "en"), "em"] == pytest.approx(55.0)
    assert by_language.loc[("baseline", "typos", "en"), "em"] == pytest.approx(30.0)
    assert pd.read_csv(report.path.parent / "robustness.csv")["clean_em"].max() == pytest.approx(55.0)


def test_a_space_without_conditions_has_no_rows(full_run):
    assert robustness(load(full_run.url)).empty


def test_conditions_can_be_added_to_a_finished_run_and_leave_the_matrix_as_it_is(run):
    check_growth(SPACE, run.space, run.url)
    before = load(run.url)
    Folder(run.url).write("space.json", write_json(SPACE))
    after = load(run.url)
    clean = before.table[before.table["condition"] == "clean"].reset_index(drop=True)
    again = after.table[after.table["condition"] == "clean"].reset_index(drop=True)
    pd.testing.assert_frame_equal(clean, again)


def test_the_report_has_a_page_of_drops_in_points(run):
    Folder(run.url).write("space.json", write_json(replace(run.space, note="a note on the space")))
    report = text_report(run.url)
    page = (report.path.parent / "robustness.md").read_text(encoding="utf-8")
    assert "Replicate seeds: 1, 2. Scored split: dev." in page and "a note on the space" in page
    assert "## pairs, typos (tiny)" in page
    assert "| baseline | 56.2 | 25.0 | +31.2 ± " in page
    assert "| baseline | – | 4.5 | – | 3.5 | – |" in page, "fewer than ten examples have no rate"
    assert "[scores under further conditions](robustness.md)" in report.path.read_text(encoding="utf-8")
    csv = pd.read_csv(report.path.parent / "robustness.csv")
    assert csv["drop"].max() > 1, "in points"
    assert "![Scores under conditions](frontier.png)" in page
    assert (report.path.parent / "frontier.pdf").read_bytes().startswith(b"%PDF")


def test_the_matrix_of_a_report_shows_clean_scores_only(run):
    report = text_report(run.url)
    cells = pd.read_csv(report.path.parent / "cells.csv")
    clean = cells[(cells["condition"] == "clean") & (cells["recipe"] == "baseline") & (cells["target"] == "pairs")]
    assert clean["score"].item() == pytest.approx(56.25)
    assert "56.2" in (report.path.parent / "appendix.md").read_text(encoding="utf-8")


@pytest.fixture
def opened(monkeypatch):
    """The scores whose outcomes are read, one after the other."""
    read, names = Ledger.outcomes, []

    def outcomes_of(ledger, record):
        names.append(record.outcomes)
        return read(ledger, record)

    monkeypatch.setattr(Ledger, "outcomes", outcomes_of)
    return names


def test_outcomes_are_read_once_for_the_same_scores(run, opened):
    first = robustness(load(run.url))
    assert len(set(opened)) == 12
    opened.clear()
    pd.testing.assert_frame_equal(robustness(load(run.url)), first)
    run.trained("small_nli", "small_nli", 1)
    pd.testing.assert_frame_equal(robustness(load(run.url)), first)
    assert opened == []


def test_outcomes_that_changed_or_could_not_be_read_are_read_again(run, opened):
    first = robustness(load(run.url))
    opened.clear()
    (score,) = (
        score
        for score in load(run.url).cell_scores
        if (score.recipe, score.seed, score.condition) == ("baseline", 1, "typos")
    )
    Path(run.url, "ledger", score.outcomes).write_bytes(b"PAR1")
    damaged = row(robustness(load(run.url)), "baseline", "typos")
    assert score.outcomes in opened and damaged["success"] != row(first, "baseline", "typos")["success"]
    opened.clear()
    # Damaged files may be readable later, so that nothing is kept.
    robustness(load(run.url))
    assert score.outcomes in opened
    run.ledger.write_score(score, outcomes("10010000"))
    pd.testing.assert_frame_equal(robustness(load(run.url)), first)


def test_an_update_of_the_dashboard_without_a_new_score_reads_no_outcomes(run, opened):
    live = LiveRun(run.url)
    live.update()
    before = live.latest
    assert opened and any("conditions" in cell for cell in json.loads(before.data)["models"][0]["cells"])
    opened.clear()
    run.trained("small_nli", "small_nli", 1)
    live.update()
    assert live.latest is not before and opened == []
