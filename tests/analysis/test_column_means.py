"""The mean gain of a target over recipes, against calculations by hand."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.results.item_part import combined
from analysis.results.results import compute_results
from sweeper.space import Recipe, Stage, Target

NUM = 60
NAMES = ("baseline", "once", "twice")


def filled(make_run, num_seeds, *, lacks_seed=False, with_items=True):
    """Two recipes and the baseline on `pairs`. Returns the run and the outcomes: recipe -> (seeds, items)."""
    stage = Stage(tasks=("middle_qa",))
    recipes = (Recipe(name="baseline"), Recipe(name="once", stages=(stage,)), Recipe(name="twice", stages=(stage,) * 2))
    run = make_run(
        f"{num_seeds}{lacks_seed}{with_items}",
        seeds=tuple(range(1, num_seeds + 1)),
        targets=(Target(task="pairs"),),
        recipes=recipes,
    )
    random = np.random.default_rng(51)
    ease = random.normal(size=NUM)
    correct = {
        name: (ease + random.normal(size=(num_seeds, NUM)) > -0.3 * n).astype(int) for n, name in enumerate(NAMES)
    }
    names = [str(number) for number in range(NUM)]
    for name, by_seed in correct.items():
        for seed, values in enumerate(by_seed, 1):
            if lacks_seed and (name, seed) == ("twice", num_seeds):
                continue
            table = pd.DataFrame({"language": "en", "example": names, "group": names, "correct": values})
            extra = {"table": table} if with_items else {}
            run.scored(run.trained(name, "small_nli", seed), "pairs", {"en": float(values.mean())}, **extra)
    return compute_results(run.url), correct


def test_the_interval_of_a_column_mean_is_about_seeds_and_the_items_that_its_recipes_share(make_run):
    results, correct = filled(make_run, 4)
    (row,) = results.column_means.itertuples()
    gains = (correct["once"] + correct["twice"]) / 2 - correct["baseline"]
    by_seed, by_item = gains.mean(axis=1), gains.mean(axis=0)
    within = gains - by_item - by_seed[:, None] + gains.mean()
    residual = (within**2).sum() / (3 * (NUM - 1)) / gains.size
    total, df = combined(by_seed.var(ddof=1) / 4, 3, by_item.var(ddof=1) / NUM, NUM - 1, residual)
    assert (row.gain, row.num_recipes, row.num_seeds, row.num_items) == (pytest.approx(gains.mean()), 2, 4, NUM)
    assert (row.basis, row.note) == ("seeds and items", "")
    assert row.se_item**2 == pytest.approx(by_item.var(ddof=1) / NUM)
    assert (row.se**2, row.df) == pytest.approx((float(total), float(df)))
    assert row.high - row.gain == pytest.approx(stats.t.ppf(0.975, df) * math.sqrt(total))


def test_a_column_mean_of_one_seed_is_about_items_only(make_run):
    results, correct = filled(make_run, 1)
    (row,) = results.column_means.itertuples()
    gains = (correct["once"][0] + correct["twice"][0]) / 2 - correct["baseline"][0]
    expected = stats.ttest_1samp(gains, 0).confidence_interval(0.95)
    assert (row.basis, row.note) == ("items", "one seed")
    assert (row.low, row.high) == pytest.approx((expected.low, expected.high))


def test_a_column_mean_without_outcomes_or_with_other_seeds_is_about_seeds_only(make_run):
    for results, _ in (filled(make_run, 3, with_items=False), filled(make_run, 3, lacks_seed=True)):
        (row,) = results.column_means.itertuples()
        assert (row.basis, row.num_items) == ("seeds", 0)
        assert math.isnan(row.se_item) and row.low < row.gain < row.high
