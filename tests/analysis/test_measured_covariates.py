"""Slopes on the measured difficulty of the tasks of recipes."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis.report.questions import question_files
from analysis.results.contrast_points import point_table
from analysis.results.contrasts import contrast_table
from analysis.results.load import COLUMNS
from sweeper.errors import UserError
from sweeper.space import EACH, Contrast, Model, Slope, Term
from tests.analysis.test_contrasts import means, only, random_scores, space, tables

DEV_SCORES = {"r1": 0.5, "r2": 0.7, "r3": 0.9}
"""Recipe of one task -> its score on the dev data of the task, whose trivial score is 0.3."""
SLOPE = Slope(axis="recipe", covariate="own_headroom", points=tuple(DEV_SCORES), unit="1 % of the headroom")
DIFFICULTY = Contrast(name="difficulty", terms=(Term(recipe=EACH),), slope=SLOPE)


def data_of(contrast, dev_scores=DEV_SCORES):
    given = replace(space(models=(Model(name="small", id="t/small"),)), contrasts=(contrast,))
    scores = random_scores(given)
    rows = [
        ("small", name, name, seed, "dev", "clean", "en", "accuracy", value, 0.3, 100, True, "training")
        for name, value in dev_scores.items()
        for seed in given.seeds
    ]
    measured = pd.DataFrame.from_records(rows, columns=COLUMNS).astype({"seed": "Int64"})
    return replace(tables(given, scores), preparation_scores=measured), scores


def test_the_slope_is_that_of_a_regression_on_the_share_of_the_headroom_with_a_constant_for_each_target():
    data, scores = data_of(DIFFICULTY)
    row = only(contrast_table(data))
    pairs = [(recipe, target) for recipe in DEV_SCORES for target in ("t1", "t2")]
    design = [[100 * (DEV_SCORES[recipe] - 0.3) / 0.7, target == "t1", target == "t2"] for recipe, target in pairs]
    values = [means(scores, "small", *pair).mean() for pair in pairs]
    slope = np.linalg.lstsq(np.array(design, dtype=float), np.array(values), rcond=None)[0][0]
    assert row["estimate"] == pytest.approx(slope)
    assert list(point_table(data)["point"].str[:2]) == ["r1", "r2", "r3"] * 2


def test_a_page_with_a_slope_on_difficulty_says_that_it_is_not_about_new_tasks():
    data, _ = data_of(DIFFICULTY)
    page = question_files(data, contrast_table(data))["questions-contrasts.md"].decode()
    assert "it is not about new tasks" in page
    known = replace(DIFFICULTY, slope=replace(SLOPE, covariate="dose", values={"r1": 0, "r2": 1, "r3": 2}))
    data, _ = data_of(known)
    assert "new tasks" not in question_files(data, contrast_table(data))["questions-contrasts.md"].decode()


def test_a_recipe_without_the_measure_gives_the_reason():
    data, _ = data_of(DIFFICULTY, {name: value for name, value in DEV_SCORES.items() if name != "r2"})
    row = only(
        contrast_table(replace(data, space=replace(data.space, contrasts=(replace(DIFFICULTY, targets=("t1",)),))))
    )
    assert np.isnan(row["estimate"])
    assert row["note"] == "r2 (small) has no own_headroom"


@pytest.mark.parametrize(
    ("slope", "message"),
    [
        (replace(SLOPE, covariate="usable_information"), "measured with twins without input: set `null_twins=True`"),
        (replace(SLOPE, points=("r1", "r2", "baseline")), "'baseline' has no 'own_headroom', which is that of recipes"),
        (replace(SLOPE, covariate="own_headrooms"), "own_headroom"),
    ],
)
def test_a_slope_on_a_difficulty_that_cannot_be_measured_is_refused(slope, message):
    with pytest.raises(UserError, match=message):
        space(replace(DIFFICULTY, slope=slope))
