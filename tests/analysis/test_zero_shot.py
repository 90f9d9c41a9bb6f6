"""The table of `benchmarks/zero_shot.py` for hand-made scores."""

from dataclasses import replace

import pandas as pd
import pytest

from analysis.results.load import load
from benchmarks.zero_shot import FAR, scores
from sweeper.space import Search
from tests.spaces import MATRIX

SPACE = replace(
    MATRIX,
    recipes=MATRIX.recipes[:1],
    targets=tuple(target for target in MATRIX.targets if target.task in ("words", "xquestions")),
    search=Search(scope="target", trials=1),
)


@pytest.fixture
def table(make_run) -> pd.DataFrame:
    """Words: 90 points, less with distance, and one point between two seeds. Questions: 45 and 55 points."""
    run = make_run(**vars(SPACE))
    for seed in (1, 2):
        falling = {code: 0.9 - 0.07 * number + 0.01 * seed for number, code in enumerate(("en", *FAR))}
        unsure = dict.fromkeys(("en", *FAR), 0.35 + 0.1 * seed) | {FAR[0]: 0.65}
        for target, values in (("words", falling), ("xquestions", unsure)):
            training = run.trained("baseline", target, seed)
            run.scored(training, target, values, split="test")
    return scores(load(run.url), "baseline")


def test_scores_that_fall_with_distance_correlate_with_it_negatively(table: pd.DataFrame) -> None:
    words = table.loc["words"]
    assert words["en"] == 91.5
    assert words["rho"] < -0.95
    assert words["p"] < 0.01


def test_a_language_counts_as_above_a_level_only_by_two_standard_errors(table: pd.DataFrame) -> None:
    """Questions: 50 points, error 5 in all but one language; the trivial score is 25 points, the guess 50."""
    assert table.loc["xquestions", "guess"] == 50
    assert table.loc["xquestions", "error"] == 5
    assert table.loc["xquestions", "above trivial"] == len(FAR)
    assert table.loc["xquestions", "above guess"] == 1


def test_words_are_compared_with_the_guess_of_each_language(table: pd.DataFrame) -> None:
    """84.5 points and 7 less per language: 77.5 in xb is above its guess of 71, 70.5 in xf below its guess of 73."""
    assert FAR[1:3] == ["xb", "xf"]
    assert table.loc["words", "guess"] == pytest.approx(70.7, abs=0.1)
    assert table.loc["words", "error"] == 0.5
    assert table.loc["words", "above guess"] == 2


def test_with_one_seed_no_language_is_counted_as_above(make_run) -> None:
    run = make_run(**vars(SPACE))
    run.scored(run.trained("baseline", "words", 1), "words", dict.fromkeys(("en", *FAR), 0.9), split="test")
    counted = scores(load(run.url), "baseline").loc["words", ["above trivial", "above guess"]]
    assert counted.isna().all()
