"""Gains by language beside English, from hand-made ledgers."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.report.prediction import difference_rows
from analysis.results.language_effects import seed_agreement
from analysis.results.results import compute_results
from tests.analysis.test_correlate import SEEDS, wide_space

NUM = 60


@pytest.fixture
def results(make_run):
    """Recipe s0 gains 10 points more in German than in English. The items of the languages are the same."""
    space = wide_space(("en", "de"))
    run = make_run(**{**space, "targets": space["targets"][:1]})
    random = np.random.default_rng(31)
    for seed in SEEDS:
        for recipe in ("baseline", *(f"s{number}" for number in range(7))):
            frames = []
            for language in ("en", "de"):
                share = 0.5 + 0.1 * (recipe == "s0" and language == "de")
                correct = (np.arange(NUM) < share * NUM).astype(int) ^ (random.random(NUM) < 0.02).astype(int)
                names = [str(number) for number in range(NUM)]
                frames.append(
                    pd.DataFrame({"language": language, "example": names, "group": names, "correct": correct})
                )
            table = pd.concat(frames, ignore_index=True)
            values = table.groupby("language")["correct"].mean().to_dict()
            run.scored(run.trained(recipe, "t0", seed), "t0", values, table=table)
    return compute_results(run.url)


def test_the_difference_to_english_has_an_interval_over_seeds_and_the_same_items(results):
    table = results.english_differences.set_index("recipe")
    row = table.loc["s0"]
    assert row["difference"] == pytest.approx(0.1, abs=0.03)
    assert row["low"] < row["difference"] < row["high"]
    assert (row["num_seeds"], row["num_items"]) == (len(SEEDS), NUM)
    assert row["se"] >= max(row["se_seed"], row["se_item"]) > 0
    assert set(table["language"]) == {"de"}
    assert "baseline" not in table.index


def test_the_difference_is_that_of_the_gains_by_seed(results):
    seeds = results.seeds[results.seeds["recipe"] == "s0"].pivot(index="seed", columns="language", values="gain")
    difference = (seeds["de"] - seeds["en"]).mean()
    assert results.english_differences.set_index("recipe").loc["s0", "difference"] == pytest.approx(difference)


def frame(values):
    """`scores_by_seed` of one target from gains of shape (recipes, languages, seeds)."""
    rows = [
        (f"r{r}", "t", "clean", f"l{n}", seed, gain, gain)
        for r, by_language in enumerate(values)
        for n, by_seed in enumerate(by_language)
        for seed, gain in enumerate(by_seed)
    ]
    return pd.DataFrame(rows, columns=["recipe", "target", "condition", "language", "seed", "score", "gain"])


def cells(values, same_rows=()):
    """The means over languages of the same gains as a table of estimates; `same_rows` are numbers of recipes."""
    rows = [
        (f"r{r}", "t", "clean", "mean", gains.mean(), "same rows" * (r in same_rows)) for r, gains in enumerate(values)
    ]
    return pd.DataFrame(rows, columns=["recipe", "target", "condition", "language", "gain", "marks"])


def agreement(values, seeds, same_rows=()):
    (row,) = seed_agreement(frame(values), cells(values, same_rows), seeds).itertuples()
    return row


def test_the_agreement_of_halves_is_their_correlation_and_that_of_noise_is_near_zero():
    random = np.random.default_rng(32)
    values = random.normal(size=(6, 5, 2))
    row = agreement(values, [0, 1])
    first, second = values[..., 0].ravel(), values[..., 1].ravel()
    assert row.num_values == 30
    assert row.gains == pytest.approx(stats.pearsonr(first, second).statistic)
    steady = np.repeat(random.normal(size=(6, 5, 1)), 4, axis=2)
    row = agreement(steady, range(4))
    assert row.gains == pytest.approx(1)
    assert row.differences == pytest.approx(1)


def test_the_agreement_of_differences_leaves_out_what_all_languages_share():
    random = np.random.default_rng(33)
    shared = random.normal(size=(20, 1, 1)) * 5 + random.normal(size=(20, 8, 4))
    row = agreement(shared, range(4))
    assert row.gains > 0.9
    assert abs(row.differences) < 0.2


def test_one_seed_has_no_agreement():
    row = agreement(np.ones((2, 3, 1)), [0])
    assert np.isnan(row.gains)


def test_the_agreement_leaves_out_cells_with_the_same_rows():
    random = np.random.default_rng(34)
    values = random.normal(size=(6, 5, 2))
    row = agreement(values, [0, 1], same_rows=(0,))
    assert row.num_values == 25
    assert row.gains == pytest.approx(agreement(values[1:], [0, 1]).gains)


def test_differences_to_english_are_corrected_for_their_number(results):
    table = results.english_differences
    assert (table["basis"] == "seeds and items").all()
    assert table["q"].tolist() == pytest.approx(stats.false_discovery_control(table["p"]).tolist())
    assert (table["q"] > table["p"]).any()
    (first, *_) = difference_rows(results)
    assert first[:3] == ["s0", "t0", "de"]


def test_differences_of_cells_with_the_same_rows_keep_their_mark_and_have_no_q(full_run):
    table = compute_results(full_run.url).english_differences.set_index(["recipe", "target"])
    assert table.loc[("small_nli", "pairs"), "marks"] == "same rows"
    assert table["q"].isna()[("small_nli", "pairs")]
    assert not [row for row in difference_rows(compute_results(full_run.url)) if row[1] == "pairs" and "nli" in row[0]]


def test_a_difference_of_one_seed_is_about_items_and_has_no_q(make_run):
    run = make_run(seeds=(1,))
    random = np.random.default_rng(34)
    for recipe in ("baseline", "middle_qa"):
        names = [str(number) for number in range(NUM)]
        correct = random.integers(0, 2, (2, NUM))
        table = pd.concat(
            pd.DataFrame({"language": code, "example": names, "group": names, "correct": values})
            for code, values in zip(("en", "de"), correct, strict=True)
        )
        values = {"en": float(correct[0].mean()), "de": float(correct[1].mean())}
        run.scored(run.trained(recipe, "small_nli", 1), "pairs", values, table=table)
    (row,) = compute_results(run.url).english_differences.itertuples()
    assert (row.basis, row.note) == ("items", "one seed")
    assert row.low < row.difference < row.high
    assert np.isnan(row.q)
    assert difference_rows(compute_results(run.url))[0][4:6] == ["–", "items"]
