"""Source languages of recipes: permuted labels, the regret of English, languages with few resources."""

import re
from dataclasses import replace
from itertools import permutations, product

import numpy as np
import pytest

from analysis.figures.sources import source_grid
from analysis.report.questions import question_files
from analysis.results.contrasts import contrast_table
from analysis.results.language_permutations import Roles, language_permutations, permuted_estimates
from analysis.results.source_languages import BOTH, FEW, OTHER, by_resources, large_groups, regret_of, regrets
from analysis.results.source_matrix import source_matrix
from sweeper.space import Contrast, Model, Recipe, Space, Stage, Target, Term, difference
from tests.analysis.test_contrasts import tables, task

LANGUAGES = ("en", "de", "fr", "sw", "ta", "th", "tr")
"""English and six others, of which Swahili, Tamil and others have different levels of resources."""
NAN = np.nan


def slope(values, target="t1", name="distance"):
    """A contrast with a weight for each source and target language, which sum to 0 in each row and column."""
    rest = np.array(values, dtype=float)
    rest = rest - rest.mean(axis=0) - rest.mean(axis=1, keepdims=True) + rest.mean()
    terms = [
        Term(recipe=source, weight=float(rest[i, j]), languages=(other,))
        for (i, source), (j, other) in product(enumerate(LANGUAGES), enumerate(LANGUAGES))
    ]
    return Contrast(name=name, family="typology", terms=tuple(terms), targets=(target,))


def a_space(*contrasts, num_seeds=3):
    intermediate = replace(task("nli"), train=dict.fromkeys(LANGUAGES, task("nli").train["en"]))
    target = replace(task("t1"), dev=dict.fromkeys(LANGUAGES, task("t1").dev["en"]))
    return Space(
        name="hand",
        models=(Model(name="small", id="t/small"),),
        recipes=(
            Recipe(name="baseline"),
            *(Recipe(name=name, stages=(Stage(tasks=("nli",), languages=(name,)),)) for name in LANGUAGES),
            Recipe(name="mix", stages=(Stage(tasks=("nli",), languages=("de", "fr")),)),
        ),
        targets=(Target(task="t1"),),
        tasks=(intermediate, target),
        seeds=tuple(range(1, num_seeds + 1)),
        contrasts=contrasts,
    )


def scores_of(given, values):
    """The score of each recipe in each language: values(source, language) plus noise of the seed."""
    random = np.random.default_rng(0)
    return {
        ("small", recipe.name, "t1", language): list(
            values(recipe.name, language) + random.normal(0, 0.001, len(given.seeds))
        )
        for recipe in given.recipes
        for language in LANGUAGES
    }


DISTANCES = np.abs(np.subtract.outer(np.arange(7.0) ** 1.5, np.arange(7.0) ** 1.5))


def near(source, language):
    """A score that falls with the distance of source and language."""
    if source not in LANGUAGES:
        return 0.5
    return 0.6 - 0.01 * DISTANCES[LANGUAGES.index(source), LANGUAGES.index(language)]


def test_recipes_that_differ_only_in_their_language_are_a_group():
    groups = large_groups(a_space())
    assert groups == {"en": {name: name for name in LANGUAGES}}


def test_permuted_estimates_move_rows_and_columns_together_and_keep_the_row_without_a_source():
    weights, scores = np.arange(12.0).reshape(1, 4, 3), np.arange(12.0)[::-1].reshape(1, 4, 3) ** 2
    orders = np.array(list(permutations(range(3))))
    expected = [
        sum(weights[0, (*order, 3)[i], order[j]] * scores[0, i, j] for i in range(4) for j in range(3))
        for order in orders.tolist()
    ]
    assert permuted_estimates(weights, scores, orders) == pytest.approx(expected)


def test_orders_exchange_labels_only_within_a_role():
    roles = Roles(both=("a", "b"), source=("c", "d"), target=("e",))
    orders = roles.orders(50)
    assert orders.shape == (51, 5)
    assert list(orders[0]) == [0, 1, 2, 3, 4]
    assert all({*row[:2]} == {0, 1} and {*row[2:4]} == {2, 3} and row[4] == 4 for row in orders.tolist())


def test_scores_that_fall_with_the_distance_have_a_small_permutation_p_and_the_estimate_of_the_contrast():
    given = a_space(slope(DISTANCES))
    data = tables(given, scores_of(given, near))
    (row,) = language_permutations(data).to_dict("records")
    assert row["estimate"] == pytest.approx(contrast_table(data).iloc[0]["estimate"])
    assert row["p"] < 0.01
    assert (row["num_both"], row["num_source"], row["num_target"]) == (7, 0, 0)


def test_distances_without_a_relation_to_scores_are_called_at_the_nominal_rate():
    random = np.random.default_rng(1)
    names = [f"d{number}" for number in range(200)]
    drawn = [random.normal(size=(7, 7)) for _ in names]
    given = a_space(*(slope(values + values.T, name=name) for values, name in zip(drawn, names, strict=True)))
    # Sources and targets with effects of their own, which the weights remove.
    shifts = dict(zip(LANGUAGES, random.normal(0, 0.1, 7), strict=True))
    noise = {cell: random.normal(0, 0.05) for cell in product(LANGUAGES, LANGUAGES)}
    scores = scores_of(given, lambda s, t: 0.5 + shifts.get(s, 0) - shifts[t] + noise.get((s, t), 0) / 2)
    p = language_permutations(tables(given, scores))["p"]
    assert len(p) == 200
    # The binomial 99 % band of 200 tests at 5 %.
    assert 2 <= (p < 0.05).sum() <= 20


def test_means_over_languages_and_differences_of_two_sources_have_no_permutation_test():
    given = a_space(difference("mean", "de", "en", targets=("t1",)), difference("mix", "mix", "baseline"))
    assert language_permutations(tables(given, scores_of(given, near))).empty


def test_a_contrast_that_would_need_a_missing_score_has_no_permutation_test():
    given = a_space(slope(np.where(np.eye(7) > 0, 0.0, DISTANCES)))
    scores = scores_of(given, near)
    del scores["small", "de", "t1", "sw"]
    assert language_permutations(tables(given, scores)).empty


def test_the_regret_is_that_of_the_source_that_is_best_on_the_other_seeds():
    # Sources English and x; one target language; three seeds.
    scores = np.array([[[0.5, 0.5, 0.5]], [[0.6, 0.3, 0.8]]])
    regret = regret_of(scores, 0, is_each=True)
    # The means of x on the other seeds are 0.55, 0.7 and 0.45, so that seed 3 chooses English.
    assert regret.by_seed == pytest.approx([0.1, -0.2, 0.0])
    assert regret.naive == pytest.approx(0.2 / 3)


def test_one_source_for_all_languages_is_compared_beside_the_mean_of_each_language():
    # x lacks its own language, which is easy for all sources.
    scores = np.array([[[0.9, 0.9], [0.5, 0.5]], [[NAN, NAN], [0.6, 0.6]]])
    assert regret_of(scores, 0, is_each=False).by_seed == pytest.approx([0.1, 0.1])


def test_one_seed_has_no_regret_but_the_naive_one():
    given = a_space(slope(DISTANCES), num_seeds=1)
    table = regrets(tables(given, scores_of(given, near)), ["t1"])
    assert table["regret"].isna().all()
    assert (table["naive"] > 0).any()
    assert set(table["note"]) == {"one seed"}


def test_sources_are_compared_with_english_on_languages_with_few_resources_and_on_the_others():
    given = a_space(slope(DISTANCES))
    data = tables(given, scores_of(given, near))
    table = by_resources(data, ["t1"]).set_index("contrast")
    assert list(table.index) == [FEW, OTHER, BOTH]
    assert table.loc[BOTH, "estimate"] == pytest.approx(table.loc[FEW, "estimate"] - table.loc[OTHER, "estimate"])
    few = set(table.loc[FEW, "languages"].split())
    assert few and not few & set(table.loc[OTHER, "languages"].split())
    over = [
        np.mean([near(source, name) for source in LANGUAGES if source not in ("en", name)]) - near("en", name)
        for name in few
    ]
    assert table.loc[FEW, "estimate"] == pytest.approx(np.mean(over), abs=0.002)


def test_a_source_whose_only_target_language_is_its_own_is_never_the_best():
    # The third source has a score in its own language only.
    scores = np.array([[[0.5, 0.5]], [[0.6, 0.6]], [[NAN, NAN]]])
    assert regret_of(scores, 0, is_each=False).by_seed == pytest.approx([0.1, 0.1])


def test_languages_without_the_scores_of_all_sources_do_not_count_for_the_cost_of_english():
    given = a_space(slope(DISTANCES))
    scores = scores_of(given, near)
    del scores["small", "de", "t1", "sw"]
    # The cell of a source in its own language is not used.
    del scores["small", "ta", "t1", "ta"]
    table = regrets(tables(given, scores), ["t1"])
    assert list(table["num_languages"]) == [5, 5]
    assert table["regret"].notna().all()


def test_a_first_model_without_scores_has_the_reason_in_both_tables_and_the_second_one_its_estimates():
    given = a_space(slope(DISTANCES))
    given = replace(given, models=(Model(name="new", id="t/new"), *given.models))
    data = tables(given, scores_of(given, near))
    cost = regrets(data, ["t1"])
    assert cost[cost["model"] == "small"]["regret"].notna().all()
    assert set(cost[cost["model"] == "new"]["note"]) == {"no language has scores of all sources"}
    few = by_resources(data, ["t1"])
    assert few[few["model"] == "small"]["estimate"].notna().all()
    assert few[few["model"] == "new"]["note"].str.contains("has no score on t1").all()


@pytest.mark.parametrize("names_targets", ["no", "in the terms"])
def test_a_contrast_over_source_languages_that_names_no_targets_has_the_same_sections(names_targets):
    contrast = replace(slope(DISTANCES), targets=())
    if names_targets == "in the terms":
        contrast = replace(contrast, terms=tuple(replace(term, targets=("t1",)) for term in contrast.terms))
    given = a_space(contrast)
    data = tables(given, scores_of(given, near))
    page = question_files(data, contrast_table(data))["questions-typology.md"].decode()
    assert "## English or the best source language" in page
    assert "## Target languages with few resources" in page


def test_the_page_of_a_family_over_source_languages_has_their_section_and_other_pages_have_none():
    given = a_space(slope(DISTANCES), difference("mean", "de", "en", targets=("t1",), family="means"))
    data = tables(given, scores_of(given, near))
    files = question_files(data, contrast_table(data))
    page = files["questions-typology.md"].decode()
    assert "- distance: −" in page and "permutation p = " in page.replace("p < 0.001", "p = 0")
    assert re.search(r"points, permutation p .* \(languages: 7 source and target\)", page)
    assert page.count("p is not corrected for the number of rows.") == 2
    assert "| nli | t1 (small) | for each language | +" in page
    assert "few resources - other languages" in page
    assert "## Language labels" not in files["questions-means.md"].decode()
    assert {"language_permutations.csv", "english_regret.csv", "source_resources.csv"} <= files.keys()
    assert "![Source and target languages](questions-typology-t1.png)" in page
    assert {"questions-typology-t1.png", "questions-typology-t1.pdf", "source_matrix.csv"} <= files.keys()


def test_a_model_whose_name_has_a_formula_that_is_not_valid_has_a_source_figure():
    given = replace(a_space(slope(DISTANCES)), models=(Model(name="a$\\frac$", id="t/small"),))
    scores = {(given.models[0].name, *cell[1:]): values for cell, values in scores_of(given, near).items()}
    data = tables(given, scores)
    assert "questions-typology-t1.pdf" in question_files(data, contrast_table(data))


def test_the_source_matrix_has_the_gain_of_each_source_over_english_in_each_target_language():
    given = a_space(slope(DISTANCES))
    data = tables(given, scores_of(given, near))
    table = source_matrix(data, ["t1"]).set_index(["source", "language"])
    assert len(table) == len(LANGUAGES) ** 2
    for source, language in product(LANGUAGES, LANGUAGES):
        cell = table.loc[(source, language)]
        assert cell["score"] == pytest.approx(near(source, language), abs=0.005)
        if source == "en":
            assert np.isnan(cell["gain"])
        else:
            assert cell["gain"] == pytest.approx(near(source, language) - near("en", language), abs=0.005)
            assert cell["low"] < cell["gain"] < cell["high"]
    grid = source_grid(table.reset_index())
    assert grid.rows == grid.columns == LANGUAGES
    assert grid.squares["de", "de"].is_hatched and not grid.squares["de", "fr"].is_hatched
    assert grid.squares["en", "de"].text == f"{100 * table.loc[('en', 'de'), 'score']:.1f}"
    missing = source_grid(table.drop(index=("de", "fr")).reset_index())
    assert missing.squares["de", "fr"].is_missing
