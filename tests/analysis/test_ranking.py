"""Predictors of transfer, judged by the order in which they put the recipes of a target."""

from dataclasses import replace
from itertools import permutations

import numpy as np
import pandas as pd
import pytest

from analysis.results.halves import MIN_N
from analysis.results.ranking import BAR, BY_LANGUAGE, RANDOM, RETRIEVAL, ndcg, predictions, rankings, regret
from analysis.results.results import compute_results
from analysis.results.traits import TRAITS
from sweeper.space import Target
from tests.analysis.conftest import SPACE, _task

RECIPES = [f"recipe {number}" for number in range(8)]
TARGETS = ["tags", "pairs", "search"]
NO_TRAITS = pd.DataFrame(columns=list(TRAITS), dtype=float)


def gains(seed=0, noise=0.2):
    """Gains that differ by recipe, alike on all targets, with noise."""
    random = np.random.default_rng(seed)
    effects = random.normal(size=(8, 1)) * [0.1, 0.2, 0.05]
    return pd.DataFrame(effects + noise * random.normal(size=(8, 3)) * [0.1, 0.2, 0.05], RECIPES, TARGETS)


def measured(values, name="logme"):
    rows = [("tiny", r, t, 1, name, values.loc[r, t], 2.0) for r in values.index for t in values.columns]
    return pd.DataFrame(rows, columns=["model", "recipe", "target", "seed", "predictor", "value", "seconds"])


def row(table, predictor, target="mean"):
    return table[(table["predictor"] == predictor) & (table["target"] == target)].iloc[0]


def test_the_ndcg_of_a_few_orders_is_that_of_a_calculation_by_hand():
    values = np.array([0.3, 0.1, -0.1])  # relevance 1, 0.5, 0
    ideal = 1 + 0.5 / np.log2(3)
    assert ndcg(np.array([3.0, 2.0, 1.0]), values) == pytest.approx(1)
    assert ndcg(np.array([1.0, 2.0, 3.0]), values) == pytest.approx((0.5 / np.log2(3) + 1 / 2) / ideal)
    assert np.isnan(ndcg(np.array([1.0, 2.0, 3.0]), np.ones(3)))


def test_the_ndcg_of_equal_predictions_is_the_mean_over_their_orders():
    values = np.array([0.3, 0.1, -0.1, 0.2])
    orders = [ndcg(np.array(order, dtype=float), values) for order in permutations(range(4))]
    assert ndcg(np.zeros(4), values) == pytest.approx(np.mean(orders))


def test_the_regret_is_the_distance_of_the_best_chosen_recipe_to_the_best_one():
    predicted, values = np.array([4.0, 3.0, 2.0, 1.0]), np.array([0.0, 0.1, -0.2, 0.3])
    assert [regret(predicted, values, k) for k in (1, 2, 3, 4)] == pytest.approx([0.3, 0.2, 0.2, 0.0])
    assert regret(np.zeros(4), values, 1) == pytest.approx(0.5)


def test_the_row_mean_leaves_out_the_target_that_it_ranks():
    table = gains()
    changed = table.assign(tags=table["tags"].sample(frac=1, random_state=1).to_numpy())
    both = [predictions(SPACE, frame, NO_TRAITS, measured(table).iloc[:0])[BAR] for frame in (table, changed)]
    pd.testing.assert_series_equal(both[0]["tags"], both[1]["tags"])
    assert not np.allclose(both[0]["pairs"], both[1]["pairs"])
    # Only `search` is a retrieval target, so nothing predicts it from retrieval.
    assert predictions(SPACE, table, NO_TRAITS, measured(table).iloc[:0])[RETRIEVAL]["search"].isna().all()


def test_a_predictor_is_recommended_only_if_it_ranks_better_than_the_row_mean():
    table = gains(noise=3.0)
    perfect, useless = measured(table), measured(-table, "knn")
    ranked = rankings(SPACE, table, NO_TRAITS, pd.concat([perfect, useless]))
    assert row(ranked, "logme")["ndcg"] == pytest.approx(1)
    assert row(ranked, "logme")["regret_1"] == 0
    assert row(ranked, "logme")["seconds"] == 2.0
    assert row(ranked, "logme")["recommended"]
    assert row(ranked, "knn")["high"] < 0
    assert not ranked.loc[ranked["predictor"] != "logme", "recommended"].any()
    assert 0 < row(ranked, RANDOM)["ndcg"] < 1


def test_a_recommendation_is_corrected_for_the_number_of_predictors():
    table = gains(noise=3.0)
    # Nearly perfect, so that its p is not tiny.
    noise = pd.DataFrame(np.random.default_rng(3).normal(0, 1.0, table.shape), index=table.index, columns=table.columns)
    good = measured(table + noise)
    useless = [
        measured(table + 20 * np.random.default_rng(number).normal(size=table.shape), name)
        for number, name in enumerate(("knn", "h_score", "embedding"))
    ]
    alone, among = (rankings(SPACE, table, NO_TRAITS, pd.concat(frames)) for frames in ([good], [good, *useless]))
    assert row(alone, "logme")["p"] == row(among, "logme")["p"]
    num_tested = among.loc[among["target"] == "mean", "p"].notna().sum()
    assert num_tested >= 4
    smallest = among["p"].min()
    assert among["p_holm"].min() == pytest.approx(num_tested * smallest)
    is_recommended = among["recommended"]
    assert (among.loc[is_recommended, "p_holm"] < 0.05).all()
    assert np.isnan(row(among, RANDOM)["p"])


def test_a_predictor_that_a_target_does_not_have_is_not_defined_there():
    table = gains()
    ranked = rankings(SPACE, table, NO_TRAITS, measured(table[["tags"]]))
    assert row(ranked, "logme", "search")["note"] == "not defined"
    assert np.isnan(row(ranked, "logme", "search")["ndcg"])
    assert row(ranked, "logme")["n"] == 1
    assert np.isnan(row(ranked, "logme")["low"])


def test_few_recipes_are_not_ranked(full_run):
    ranked = compute_results(full_run.url).rankings
    assert set(ranked["target"]) == {*TARGETS, "mean"}
    assert ranked["ndcg"].isna().all()
    assert row(ranked, BAR)["note"] == f"fewer than {MIN_N} recipes"


def by_language(values, languages=("de", "fr")):
    """A table of languages with the same gains in each of them."""
    rows = [(r, t, name, True, values.loc[r, t]) for r in values.index for t in values.columns for name in languages]
    return pd.DataFrame(rows, columns=["recipe", "target", "language", "main", "gain"])


def test_retrieval_by_language_ranks_the_recipes_by_their_gains_in_the_same_language():
    table = gains(noise=3.0)
    # In German, retrieval has the order of the gains on tags, in French the opposite one.
    german = table.assign(search=table["tags"])
    rows = pd.concat([by_language(german, ["de"]), by_language(table.assign(search=-table["tags"]), ["fr"])])
    ranked = rankings(SPACE, table, NO_TRAITS, measured(table).iloc[:0], rows)
    values = table["tags"].to_numpy()
    worst = ndcg(-values, values)
    tags = row(ranked, BY_LANGUAGE, "tags")
    assert tags["ndcg"] == pytest.approx((1 + worst) / 2)
    assert tags["regret_1"] == pytest.approx((values.max() - values.min()) / 2)
    assert tags["n"] == len(values)
    # The only retrieval target predicts nothing about itself.
    assert row(ranked, BY_LANGUAGE, "search")["note"] == "not defined"
    assert row(ranked, BY_LANGUAGE)["n"] == 2


def test_retrieval_by_language_is_recommended_only_if_it_beats_the_recipe_mean():
    random = np.random.default_rng(3)
    names = [f"names {number}" for number in range(6)]
    targets = [*TARGETS, *names]
    space = replace(
        SPACE,
        tasks=(*SPACE.tasks, *(_task(name, ("en", "de")) for name in names)),
        targets=(*SPACE.targets, *(Target(task=name) for name in names)),
    )
    # Gains in a language depend on the language and not on the recipe alone.
    frames = {}
    for language in ("de", "fr"):
        effects = random.normal(size=(8, 1))
        frames[language] = pd.DataFrame(np.tile(effects, len(targets)), RECIPES, targets)
    table = pd.DataFrame(random.normal(size=(8, len(targets))), RECIPES, targets)
    rows = pd.concat([by_language(frame, [language]) for language, frame in frames.items()])
    ranked = rankings(space, table, NO_TRAITS, measured(table).iloc[:0], rows)
    assert row(ranked, BY_LANGUAGE)["ndcg"] == pytest.approx(1)
    assert row(ranked, BY_LANGUAGE)["recommended"]
    useless = pd.concat([by_language(table.assign(search=0.0), ["de"])])
    assert not row(rankings(space, table, NO_TRAITS, measured(table).iloc[:0], useless), BY_LANGUAGE)["recommended"]


def test_cells_that_summaries_leave_out_are_not_ranked_by_language():
    table = gains()
    rows = by_language(table)
    table.loc["recipe 0", "tags"] = np.nan
    ranked = rankings(SPACE, table, NO_TRAITS, measured(table).iloc[:0], rows)
    assert row(ranked, BY_LANGUAGE, "tags")["n"] == 7


def test_retrieval_in_another_language_predicts_nothing():
    table = gains()
    rows = by_language(table, ["de"])
    rows.loc[rows["target"] == "search", "language"] = "fr"
    ranked = rankings(SPACE, table, NO_TRAITS, measured(table).iloc[:0], rows)
    assert row(ranked, BY_LANGUAGE)["note"] == "not defined"
