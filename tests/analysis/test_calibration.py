"""Calibration: errors and scores by hand, for all formats, and in a report."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis.results import calibration as module
from analysis.results.attacks import attacks
from analysis.results.calibration import brier_score, calibration, calibrations, expected_calibration_error
from analysis.results.chance import CleanScores
from analysis.results.load import load
from sweeper.space import Condition
from tests.analysis.conftest import SPACE
from tests.analysis.texts import text_report

NAMES = ["a", "b", "c", "d"]


def outcomes(**columns):
    table = pd.DataFrame({"language": "en", "example": NAMES, "group": NAMES, "prediction": "yes", **columns})
    if "log_p_prediction" in columns:
        table["log_p_prediction"] = np.log(columns["log_p_prediction"]).astype(np.float32)
    return table


def test_the_calibration_error_is_the_mean_gap_of_the_bins_weighted_by_their_examples():
    confidence, correct = np.array([0.95, 0.96, 0.52, 0.53]), np.array([1.0, 0.0, 1.0, 1.0])
    # Bins of 1/15: the first two are in the last bin, the others in the eighth.
    assert expected_calibration_error(confidence, correct) == pytest.approx(0.5 * abs(0.5 - 0.955) + 0.5 * (1 - 0.525))
    assert expected_calibration_error(np.array([0.0, 1.0]), np.array([0.0, 1.0])) == 0


def test_a_model_whose_probabilities_are_right_has_a_small_error_and_a_confident_one_a_large_one():
    random = np.random.default_rng(0)
    confidence = random.uniform(0.3, 1.0, 20_000)
    correct = (random.random(20_000) < confidence).astype(float)
    assert expected_calibration_error(confidence, correct) < 0.02
    assert expected_calibration_error(np.full(20_000, 0.99), correct) == pytest.approx(0.99 - correct.mean())


def test_the_brier_score_is_the_mean_squared_distance_to_what_happened():
    assert brier_score(np.array([0.9, 0.4]), np.array([1.0, 0.0])) == pytest.approx((0.01 + 0.16) / 2)
    assert brier_score(np.full(10, 0.5), np.arange(10) % 2.0) == 0.25


def test_a_sentence_is_correct_if_all_of_its_tags_are_and_an_answer_if_its_text_is():
    probabilities = [0.9, 0.8, 0.7, 0.6]
    (tags,) = calibrations(outcomes(tokens=4, tokens_correct=[4, 3, 4, 0], log_p_prediction=probabilities), "r", 1)
    assert (tags.accuracy, tags.confidence) == pytest.approx((0.5, 0.75))
    answers = outcomes(em=[1.0, 0.0, 1.0, 1.0], f1=[1.0, 0.5, 1.0, 1.0], log_p_prediction=probabilities)
    # No answer: the stored probability is that of a text.
    (spans,) = calibrations(answers.assign(prediction=["x", "y", "z", ""]), "r", None)
    assert (spans.num_examples, spans.seed) == (3, -1)
    assert spans.accuracy == pytest.approx(2 / 3)
    assert not list(calibrations(answers.drop(columns="log_p_prediction"), "r", 1))
    assert not list(calibrations(outcomes(correct=1), "r", 1)), "retrieval has no probabilities"


@pytest.fixture
def run(make_run):
    run = make_run(targets=tuple(target for target in SPACE.targets if target.task == "pairs"))
    for recipe, confidence in (("baseline", 0.9), ("middle_qa", 0.5)):
        for seed in (1, 2):
            training = run.trained(recipe, "small_nli", seed)
            one = outcomes(correct=[1, 0, 1, 0], log_p_prediction=[confidence] * 4, log_p_gold=-1.0)
            table = pd.concat([one, one.assign(language="de")], ignore_index=True)
            run.scored(training, "pairs", {"en": 0.5, "de": 0.5}, table=table)
    return run


def test_each_recipe_target_and_language_has_its_calibration_and_the_values_are_kept(run, monkeypatch):
    table = calibration(load(run.url))
    cells = table.set_index(["recipe", "language"])
    assert set(cells.index) == {(r, name) for r in ("baseline", "middle_qa") for name in ("mean", "en", "de")}
    for language, num in (("en", 4), ("mean", 8)):
        row = cells.loc[("baseline", language)]
        assert (row["accuracy"], row["confidence"], row["ece"]) == pytest.approx((0.5, 0.9, 0.4))
        assert row["brier"] == pytest.approx((0.01 + 0.81) / 2)
        assert (row["num_seeds"], row["num_examples"]) == (2, num)
    assert cells.loc[("middle_qa", "en"), "ece"] == pytest.approx(0, abs=1e-6)
    monkeypatch.setattr(module, "read_outcomes", None)
    pd.testing.assert_frame_equal(calibration(load(run.url)), table)


def test_the_report_has_the_calibration_of_ledgers_with_log_probabilities(run):
    folder = text_report(run.url).path.parent
    appendix = (folder / "appendix.md").read_text(encoding="utf-8")
    assert "## Calibration" in appendix and "| baseline | 40.0 / 0.410 |" in appendix
    assert pd.read_csv(folder / "calibration.csv")["ece"].max() == pytest.approx(40.0)
    assert "calibration.csv" in (folder / "report.md").read_text(encoding="utf-8")


def test_the_report_of_a_ledger_without_log_probabilities_has_no_calibration(full_run):
    folder = text_report(full_run.url).path.parent
    assert not (folder / "calibration.csv").exists()
    assert "## Calibration" not in (folder / "appendix.md").read_text(encoding="utf-8")


def test_success_rates_of_tagging_are_about_whole_sentences_and_there_is_no_worst_score(make_run):
    attack = Condition(name="typos", perturbation="keyboard")
    run = make_run(targets=tuple(replace(t, conditions=(attack,)) for t in SPACE.targets if t.task == "tags"))
    for seed in (1, 2):
        training = run.trained("baseline", "tags", seed)
        for condition, num_right in (("clean", [4, 4, 3, 4]), ("typos", [4, 2, 4, 4])):
            table = outcomes(tokens=4, tokens_correct=num_right)
            run.scored(training, "tags", {"en": 0.9}, table=table, condition=condition)
    clean = CleanScores(levels={("tiny", "baseline", "tags", "en"): (0.9, 0.1, np.nan, 100.0)}, no_input=frozenset())
    table = attacks(load(run.url), clean).set_index("language")
    assert (table.loc["en", "success"], table.loc["en", "num_correct"]) == pytest.approx((1 / 3, 3))
    assert np.isnan(table.loc["en", "worst"])
