"""Contrasts: their values, intervals, corrections and claims, on hand-made and simulated scores."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis.report.questions import question_files
from analysis.results.contrast_seeds import SeedScores, scores_of_seeds, seed_variance
from analysis.results.contrast_sums import Score, weighted_sums
from analysis.results.contrasts import claim_table, contrast_table, holm
from analysis.results.items import item_parts
from analysis.results.load import COLUMNS, RunData, load
from sweeper.errors import UserError
from sweeper.run.growth import check_growth
from sweeper.run.ledger import Ledger
from sweeper.space import (
    EACH,
    Claim,
    Condition,
    Contrast,
    Model,
    Recipe,
    Search,
    Slope,
    Space,
    Stage,
    Target,
    Term,
    difference,
    interaction,
)
from sweeper.tasks.distances import distance
from sweeper.tasks.spec import Rows, Task
from tests.analysis.conftest import SPACE as HAND

LANGUAGES = ("en", "de", "sw")
DOSES = {"none": 0.0, "third": 1 / 3, "all": 1.0}


def task(name: str) -> Task:
    rows = {code: (Rows(id=f"t/{name}", config=code, split="dev"),) for code in LANGUAGES}
    train = {"en": (Rows(id=f"t/{name}", config="en", split="train"),)}
    return Task(name=name, format="classify", scorer="accuracy", train=train, dev=rows, licence="none")


def space(*contrasts: Contrast, num_recipes: int = 4, num_seeds: int = 3, **changes: object) -> Space:
    """A space of the baseline and recipes r1, r2, ... on the targets t1 and t2."""
    names = [f"r{number}" for number in range(1, num_recipes + 1)]
    given = Space(
        name="contrasts",
        models=(Model(name="small", id="t/small"), Model(name="large", id="t/large")),
        recipes=(Recipe(name="baseline"), *(Recipe(name=name, stages=(Stage(tasks=(name,)),)) for name in names)),
        targets=(Target(task="t1"), Target(task="t2")),
        tasks=tuple(map(task, ["t1", "t2", *names])),
        seeds=tuple(range(1, num_seeds + 1)),
        search=Search(trials=1),
        contrasts=contrasts,
    )
    return replace(given, **changes)  # type: ignore[arg-type]


def tables(given: Space, scores: Mapping[tuple[str, str, str, str], list[float]]) -> RunData:
    """The tables of scores (model, recipe, target, language) -> a score for each seed."""
    rows = [
        (*cell[:3], seed, "dev", "clean", cell[3], "accuracy", value, 0.3, 100, True, "training")
        for cell, values in scores.items()
        for seed, value in zip(given.seeds, values, strict=True)
    ]
    table = pd.DataFrame.from_records(rows, columns=COLUMNS).astype({"seed": "Int64"})
    empty = table.iloc[:0]
    return RunData(
        space=given,
        table=table,
        cell_scores=(),
        preparation_scores=empty,
        layer_scores=empty.assign(layer=0.0),
        trainings=(),
        replicates=(),
        chosen={},
    )


def random_scores(
    given: Space, seed: int = 0, languages: Sequence[str] = LANGUAGES
) -> dict[tuple[str, str, str, str], list[float]]:
    random = np.random.default_rng(seed)
    return {
        (model.name, recipe.name, target.task, language): list(random.normal(0.5, 0.05, len(given.seeds)))
        for model in given.models
        for recipe in given.recipes
        for target in given.targets
        for language in languages
    }


def means(scores, model, recipe, target):
    """The mean over languages for each seed."""
    return np.mean([scores[model, recipe, target, language] for language in LANGUAGES], axis=0)


def only(table: pd.DataFrame) -> pd.Series:
    assert len(table) == 1
    return table.iloc[0]


def test_a_difference_with_few_recipes_is_the_paired_t_test_of_the_means_over_targets_and_languages():
    given = space(difference("d", "r1", "baseline"), models=(Model(name="small", id="t/small"),))
    scores = random_scores(given)
    row = only(contrast_table(tables(given, scores)))
    sides = [
        (means(scores, "small", recipe, "t1") + means(scores, "small", recipe, "t2")) / 2
        for recipe in ("r1", "baseline")
    ]
    expected = stats.ttest_rel(*sides)
    low, high = expected.confidence_interval(0.95)
    assert row["estimate"] == pytest.approx(np.mean(sides[0] - sides[1]))
    assert (row["low"], row["high"], row["p"]) == pytest.approx((low, high, expected.pvalue))
    assert (row["df"], row["num_seeds"], row["basis"], row["note"]) == (2, 3, "seeds", "no outcomes")


def test_an_interaction_is_both_minus_each_plus_neither_on_its_target():
    given = space(interaction("i", "r3", "r1", "r2", "baseline", targets=("t2",)))
    scores = random_scores(given)
    row = contrast_table(tables(given, scores)).iloc[1]
    parts = {name: means(scores, "large", name, "t2").mean() for name in ("r1", "r2", "r3", "baseline")}
    assert row["model"] == "large"
    assert row["estimate"] == pytest.approx(parts["r3"] - parts["r1"] - parts["r2"] + parts["baseline"])


def test_a_slope_over_recipes_is_the_least_squares_slope_of_their_means():
    contrast = Contrast(name="dose", terms=(Term(recipe=EACH),), slope=Slope(axis="recipe", covariate="dose"))
    given = space()
    levels = dict(zip(("r1", "r2", "r3"), DOSES.values(), strict=True))
    recipes = tuple(
        replace(recipe, factors={"dose": levels[recipe.name]} if recipe.name in levels else {})
        for recipe in given.recipes
    )
    given = replace(given, recipes=recipes, contrasts=(contrast,))
    scores = random_scores(given)
    row = contrast_table(tables(given, scores)).iloc[0]
    heights = [np.mean([means(scores, "small", name, target) for target in ("t1", "t2")]) for name in levels]
    assert row["estimate"] == pytest.approx(np.polyfit(list(levels.values()), heights, 1)[0])
    assert row["covariate"] == "dose"


def test_a_slope_over_models_of_a_gain_uses_the_gains_of_each_model():
    slope = Slope(axis="model", covariate="size", values={"small": 1.0, "large": 2.0, "huge": 4.0})
    terms = (Term(recipe="r1", model=EACH), Term(recipe="baseline", model=EACH, weight=-1.0))
    models = tuple(Model(name=name, id=f"t/{name}") for name in slope.values)
    given = replace(
        space(models=models), contrasts=(Contrast(name="scale", terms=terms, slope=slope, targets=("t1",)),)
    )
    scores = random_scores(given)
    row = only(contrast_table(tables(given, scores)))
    gains = [(means(scores, name, "r1", "t1") - means(scores, name, "baseline", "t1")).mean() for name in slope.values]
    assert row["estimate"] == pytest.approx(np.polyfit(list(slope.values.values()), gains, 1)[0])
    assert row["model"] == ""


@pytest.mark.parametrize(("unit", "reference"), [("score", ""), ("headroom", ""), ("headroom", "r2")])
def test_a_gain_can_be_a_share_of_the_score_or_of_the_headroom_of_a_recipe(unit, reference):
    contrast = replace(difference("d", "r1", "baseline", targets=("t1", "t2")), unit=unit, relative_to=reference)
    given = space(contrast)
    scores = random_scores(given)
    table = contrast_table(tables(given, scores))
    for _, row in table.iterrows():
        shares = []
        for target in ("t1", "t2"):
            gain = (means(scores, row["model"], "r1", target) - means(scores, row["model"], "baseline", target)).mean()
            base = means(scores, row["model"], reference or "baseline", target).mean()
            shares.append(gain / (base if unit == "score" else 1 - base))
        assert row["estimate"] == pytest.approx(np.mean(shares))
        assert row["unit"] == f"% of the {unit} of {reference or 'baseline'}"
        assert row["low"] < row["estimate"] < row["high"]


def test_a_slope_over_models_of_a_headroom_normalised_gain_uses_the_headroom_of_each_model():
    slope = Slope(axis="model", covariate="size", values={"small": 1.0, "large": 2.0, "huge": 4.0})
    terms = (Term(recipe="r1", model=EACH), Term(recipe="baseline", model=EACH, weight=-1.0))
    models = tuple(Model(name=name, id=f"t/{name}") for name in slope.values)
    contrast = Contrast(name="scale", terms=terms, slope=slope, targets=("t1",), unit="headroom")
    given = replace(space(models=models), contrasts=(contrast,))
    scores = random_scores(given)
    row = only(contrast_table(tables(given, scores)))
    gains = [
        (means(scores, name, "r1", "t1") - means(scores, name, "baseline", "t1")).mean()
        / (1 - means(scores, name, "baseline", "t1").mean())
        for name in slope.values
    ]
    assert row["estimate"] == pytest.approx(np.polyfit(list(slope.values.values()), gains, 1)[0])


def test_a_relative_drop_is_a_share_of_the_clean_score():
    attacked = Target(task="t1", conditions=(Condition(name="noise", perturbation="keyboard"),))
    terms = (Term(recipe="r1", condition="noise"), Term(recipe="r1", weight=-1))
    contrast = Contrast(name="drop", terms=terms, targets=("t1",), unit="score", relative_to="r1")
    given = replace(space(targets=(attacked, Target(task="t2"))), contrasts=(contrast,))
    scores = {name: [0.8, 0.79, 0.81] for name in random_scores(given)}
    data = tables(given, scores)
    noisy = data.table[data.table["target"] == "t1"].assign(condition="noise", value=[0.4, 0.42, 0.38] * 30)
    row = contrast_table(replace(data, table=pd.concat([data.table, noisy]))).iloc[0]
    assert row["estimate"] == pytest.approx(-0.5)


def test_each_term_of_a_relative_contrast_has_the_unit_of_its_own_languages():
    terms = tuple(
        Term(recipe=recipe, weight=sign * weight, languages=(language,))
        for language, sign in (("de", 1), ("sw", -1))
        for recipe, weight in (("r1", 1), ("baseline", -1))
    )
    given = space(Contrast(name="d", terms=terms, targets=("t1",), unit="score"))
    levels = {"de": (0.8, 0.88), "sw": (0.2, 0.24)}
    scores = {
        name: [levels[name[3]][name[1] == "r1"] + shift for shift in (0.0, 0.01, -0.01)]
        for name in random_scores(given, languages=("de", "sw"))
    }
    assert contrast_table(tables(given, scores)).iloc[0]["estimate"] == pytest.approx(0.1 - 0.2)


def test_a_score_of_0_is_no_unit():
    given = space(replace(difference("d", "r1", "baseline", targets=("t1",)), unit="score"))
    scores = {name: [0.0] * 3 if name[1] == "baseline" else values for name, values in random_scores(given).items()}
    row = contrast_table(tables(given, scores)).iloc[0]
    assert np.isnan(row["estimate"])
    assert row["note"] == "baseline (small) has a score of 0.0 on t1, which is no unit (score)"


def test_a_slope_over_languages_weights_the_languages_by_their_covariate():
    slope = Slope(axis="language", covariate="distance", values={"en": 0.0, "de": 0.2, "sw": 0.9})
    terms = (Term(recipe="r1"), Term(recipe="baseline", weight=-1.0))
    given = space(Contrast(name="far", terms=terms, slope=slope, targets=("t1",)))
    scores = random_scores(given)
    row = contrast_table(tables(given, scores)).iloc[0]
    gains = [
        np.mean(scores["small", "r1", "t1", name]) - np.mean(scores["small", "baseline", "t1", name])
        for name in LANGUAGES
    ]
    assert row["estimate"] == pytest.approx(np.polyfit(list(slope.values.values()), gains, 1)[0])


def test_a_term_with_targets_of_its_own_is_the_mean_over_these_targets():
    terms = (
        Term(recipe="r1", targets=("t1",)),
        Term(recipe="r1", targets=("t1", "t2"), weight=-1.0),
    )
    given = space(Contrast(name="own", terms=terms))
    scores = random_scores(given)
    row = contrast_table(tables(given, scores)).iloc[0]
    heights = {target: means(scores, "small", "r1", target).mean() for target in ("t1", "t2")}
    assert row["estimate"] == pytest.approx(heights["t1"] - (heights["t1"] + heights["t2"]) / 2)


def test_the_weights_of_a_contrast_add_up_to_0_for_any_targets_of_its_terms():
    terms = (Term(recipe="r1", targets=("t1",)), Term(recipe="baseline", weight=-1.0))
    given = space(Contrast(name="mixed", terms=terms), difference("d", "r1", "r2", each=("language",)))
    scores, _ = scores_of_seeds(tables(given, random_scores(given)))
    for weighted in weighted_sums(given, scores, given.contrasts, {}):
        assert sum(weighted.weights.values()) == pytest.approx(0.0, abs=1e-12)


def test_a_target_that_a_term_names_is_never_left_out_silently():
    terms = (
        Term(recipe="r1", targets=("t1",)),
        Term(recipe="baseline", weight=-1, targets=("t1",)),
        Term(recipe="r1", weight=-1, targets=("t2",)),
        Term(recipe="baseline", targets=("t2",)),
    )
    given = space(Contrast(name="near and far", terms=terms))
    scores = {cell: values for cell, values in random_scores(given).items() if cell[:3] != ("small", "r1", "t2")}
    row = contrast_table(tables(given, scores)).iloc[0]
    assert np.isnan(row["estimate"])
    assert row["note"] == "r1 (small) has no score on t2"


def test_a_target_without_a_named_language_is_noted():
    given = space(difference("d", "r1", "baseline", targets=("t1", "t2"), languages=("de", "sw")))
    scores = random_scores(given)
    del scores["small", "r1", "t1", "sw"]
    row = contrast_table(tables(given, scores)).iloc[0]
    assert row["note"] == "lacks languages"
    assert np.isfinite(row["low"]) and np.isnan(row["p"]) and np.isnan(row["p_holm"])


def test_a_contrast_for_each_language_notes_the_languages_in_which_targets_are_missing():
    given = space(Contrast(name="d", terms=(Term(recipe="r1"), Term(recipe="baseline", weight=-1)), each=("language",)))
    scores = {cell: values for cell, values in random_scores(given).items() if cell[2:] != ("t2", "sw")}
    table = contrast_table(tables(given, scores))
    assert set(table.loc[table["note"].str.contains("fewer targets"), "language"]) == {"sw"}
    assert set(table["note"]) == {"no outcomes", "fewer targets, no outcomes"}
    assert table["p"].notna().all(), "the estimates are tested"
    page = question_files(tables(given, scores), table)["questions-contrasts.md"].decode()
    assert "`fewer targets`: not all targets of the contrast are scored in this language." in page


@pytest.mark.parametrize("doses", [(0.0, 0.15, 0.3), (0.0, 0.25, 0.5, 0.75, 1.0)])
def test_a_slope_with_a_point_at_the_mean_of_its_covariate_is_the_least_squares_slope(doses):
    names = ["baseline", "r1", "r2", "r3", "r4"][: len(doses)]
    slope = Slope(axis="recipe", covariate="dose", values=dict(zip(names, doses, strict=True)))
    given = replace(space(), contrasts=(Contrast(name="dose", terms=(Term(recipe=EACH),), slope=slope),))
    scores = random_scores(given)
    row = contrast_table(tables(given, scores)).iloc[0]
    heights = [np.mean([means(scores, "small", name, target) for target in ("t1", "t2")]) for name in names]
    assert row["estimate"] == pytest.approx(np.polyfit(doses, heights, 1)[0])


def test_a_slope_over_languages_leaves_out_languages_without_a_score_or_a_value():
    slope = Slope(axis="language", covariate="distance", values={"en": 0.0, "de": 0.2, "sw": 0.9, "xx": 1.0})
    given = space()
    given = replace(
        given,
        tasks=tuple(replace(t, dev={**t.dev, "xx": t.dev["en"]}) for t in given.tasks),
        contrasts=(Contrast(name="far", terms=(Term(recipe="r1"),), slope=slope, targets=("t1",)),),
    )
    scores = random_scores(given)
    row = contrast_table(tables(given, scores)).iloc[0]
    heights = [np.mean(scores["small", "r1", "t1", name]) for name in LANGUAGES]
    assert row["estimate"] == pytest.approx(np.polyfit([0.0, 0.2, 0.9], heights, 1)[0])


def test_a_slope_over_languages_uses_their_distance_from_english_and_leaves_english_out():
    slope = Slope(axis="language", covariate="syntactic_distance")
    given = space()
    given = replace(
        given,
        tasks=tuple(replace(t, dev={**t.dev, "fi": t.dev["en"], "xx": t.dev["en"]}) for t in given.tasks),
        contrasts=(Contrast(name="far", terms=(Term(recipe="r1"),), slope=slope, targets=("t1",)),),
    )
    scores = random_scores(given, languages=(*LANGUAGES, "fi", "xx"))
    row = contrast_table(tables(given, scores)).iloc[0]
    names = ("de", "sw", "fi")
    heights = [np.mean(scores["small", "r1", "t1", name]) for name in names]
    distances = [distance("syntactic", "en", name) for name in names]
    assert row["estimate"] == pytest.approx(np.polyfit(distances, heights, 1)[0])


def test_a_slope_over_models_uses_the_logarithm_of_their_parameters():
    numbers = {"small": 10**6, "large": 10**8, "huge": 10**9}
    models = tuple(Model(name=name, id=f"t/{name}", parameters=number) for name, number in numbers.items())
    terms, slope = (Term(recipe="r1", model=EACH),), Slope(axis="model", covariate="log10_parameters")
    contrast = Contrast(name="scale", terms=terms, slope=slope, targets=("t1",))
    given = replace(space(models=models), contrasts=(contrast,))
    scores = random_scores(given)
    heights = [means(scores, name, "r1", "t1").mean() for name in numbers]
    assert only(contrast_table(tables(given, scores)))["estimate"] == pytest.approx(
        np.polyfit([6, 8, 9], heights, 1)[0]
    )
    with pytest.raises(UserError, match="No covariate of a model is called 'log10_parameters'"):
        replace(given, models=tuple(replace(model, parameters=0) for model in models))


def test_recipes_that_share_a_stage_have_the_paired_interval():
    # With ten recipes, the variance would be moderated.
    first = Stage(tasks=("r1",))
    recipes = space(num_recipes=10).recipes
    shared = Recipe(name="r1 then r2", stages=(first, Stage(tasks=("r2",))))
    contrasts = (difference("shared", "r1 then r2", "r1"), difference("apart", "r1 then r2", "r3"))
    models = (Model(name="small", id="t/small"),)
    given = replace(space(num_recipes=10, models=models), recipes=(*recipes, shared), contrasts=contrasts)
    table = contrast_table(tables(given, random_scores(given))).set_index("contrast")
    assert table.loc["shared", "df"] == 2
    assert table.loc["apart", "df"] > 3


def test_a_contrast_for_each_target_without_any_score_states_the_reason():
    given = space(difference("d", "r1", "baseline", each=("target", "language")))
    scores = {cell: values for cell, values in random_scores(given).items() if cell[1] != "r1"}
    table = contrast_table(tables(given, scores))
    assert set(table["note"]) >= {"r1 (small) has no score on t1", "r1 (large) has no score on t2"}
    assert table["estimate"].isna().all()
    assert contrast_table(tables(given, scores), []).empty


def test_a_contrast_for_each_target_and_language_has_a_row_for_each_of_them():
    given = space(difference("d", "r1", "baseline", each=("target", "language")))
    scores = random_scores(given)
    table = contrast_table(tables(given, scores))
    assert len(table) == 2 * 2 * 3
    row = table[(table["model"] == "large") & (table["target"] == "t2") & (table["language"] == "sw")].iloc[0]
    cells = [scores["large", recipe, "t2", "sw"] for recipe in ("r1", "baseline")]
    assert row["estimate"] == pytest.approx(np.mean(cells[0]) - np.mean(cells[1]))


def test_only_languages_that_every_term_has_enter_a_mean():
    given = space(difference("d", "r1", "baseline", targets=("t1",)))
    scores = random_scores(given)
    del scores["small", "r1", "t1", "sw"]
    row = contrast_table(tables(given, scores)).iloc[0]
    expected = [
        np.mean([scores["small", recipe, "t1", code] for code in ("en", "de")]) for recipe in ("r1", "baseline")
    ]
    assert row["estimate"] == pytest.approx(expected[0] - expected[1])
    assert sorted(row["languages"].split()) == ["de", "en"]


def test_a_contrast_without_scores_states_which_score_is_missing():
    given = space(difference("d", "r1", "baseline", targets=("t1",)))
    scores = {cell: values for cell, values in random_scores(given).items() if cell[:3] != ("small", "r1", "t1")}
    row = contrast_table(tables(given, scores)).iloc[0]
    assert np.isnan(row["estimate"]) and np.isnan(row["p"])
    assert row["note"] == "r1 (small) has no score on t1"


def test_a_target_whose_rows_a_term_trains_on_enters_only_by_name():
    recipes = (Recipe(name="baseline"), Recipe(name="r1", stages=(Stage(tasks=("t1",)),)))
    given = space(
        difference("d", "r1", "baseline"), difference("n", "r1", "baseline", targets=("t1",)), recipes=recipes
    )
    table = contrast_table(tables(given, random_scores(given)))
    by_name = table[table["model"] == "small"].set_index("contrast")
    assert by_name.loc["d", "targets"] == "t2"
    assert by_name.loc["n", "targets"] == "t1"


def test_one_seed_gives_an_estimate_and_no_interval():
    given = space(difference("d", "r1", "baseline"), num_seeds=1)
    row = contrast_table(tables(given, random_scores(given))).iloc[0]
    assert np.isfinite(row["estimate"]) and np.isnan(row["low"]) and row["note"] == "one seed"


def test_an_estimate_with_fewer_seeds_than_the_space_has_an_interval_but_no_test_and_no_claim():
    both = (difference("d", "r1", "baseline", each=("target",)), difference("e", "r2", "baseline", targets=("t1",)))
    claim = Claim(name="both", contrasts=("d", "e"))
    given = space(*both, claims=(claim,), models=(Model(name="small", id="t/small"),), num_seeds=4)
    scores = random_scores(given)
    for language in LANGUAGES:
        scores["small", "r1", "t1", language][3] = np.nan
    table = contrast_table(tables(given, scores))
    assert list(table["note"]) == ["lacks seeds", "no outcomes", "no outcomes"]
    assert list(table["num_seeds"]) == [3, 4, 4]
    assert table["low"].notna().all()
    assert list(table["p"].isna()) == list(table["p_holm"].isna()) == [True, False, False]
    assert table["p_holm"].max() <= 2 * table["p"].max(), "the correction counts two estimates"
    assert np.isnan(only(claim_table(given.claims, table))["p"])


def test_a_contrast_of_one_seed_has_an_interval_but_no_test_and_the_correction_does_not_count_it(
    make_run,
):
    run = with_outcomes(with_outcomes(make_run(), seeds=(1,)), recipes=("small_nli", "large_nli"))
    data = load(run.url)
    other = difference("two", "small_nli", "large_nli", targets=("pairs",))
    contrasts = (difference("one", "middle_qa", "baseline"), other)
    data = replace(data, space=replace(data.space, contrasts=contrasts))
    table = contrast_table(data).set_index("contrast")
    assert tuple(table.loc["one", ["basis", "note"]]) == ("items", "one seed")
    assert np.isfinite(table.loc["one", "low"])
    assert np.isnan(table.loc["one", "p"]) and np.isnan(table.loc["one", "p_holm"])
    assert table.loc["two", "p_holm"] == table.loc["two", "p"]
    claims = claim_table([Claim(name="both", contrasts=("one", "two"))], table.reset_index())
    assert np.isnan(only(claims)["p"]) and not only(claims)["holds"]


def test_a_contrast_of_scores_that_depend_on_no_seed_is_not_called_one_of_one_seed():
    given = space(difference("d", "r1", "baseline", targets=("t1",)), models=(Model(name="small", id="t/small"),))
    data = tables(given, random_scores(given))
    table = data.table[data.table["seed"] == 1].assign(seed=pd.NA).astype({"seed": "Int64"})
    row = only(contrast_table(replace(data, table=table)))
    assert (row["note"], row["num_seeds"]) == ("no seed", 3)
    assert np.isfinite(row["estimate"]) and np.isnan(row["p"])


def test_equal_differences_give_no_interval():
    given = space(difference("d", "r1", "baseline", targets=("t1",)))
    scores = random_scores(given)
    for language in LANGUAGES:
        base = scores["small", "baseline", "t1", language]
        scores["small", "r1", "t1", language] = [score + 0.05 for score in base]
    row = contrast_table(tables(given, scores)).iloc[0]
    assert row["estimate"] == pytest.approx(0.05)
    assert np.isnan(row["p"]) and row["note"] == "equal differences"


def test_holm_correction_agrees_with_statsmodels():
    multitest = pytest.importorskip("statsmodels.stats.multitest")
    p_values = pd.Series([0.04, 0.001, np.nan, 0.03, 0.5, 0.011])
    expected = multitest.multipletests(p_values.dropna(), method="holm")[1]
    corrected = holm(p_values)
    assert list(corrected.dropna()) == pytest.approx(list(expected))
    assert np.isnan(corrected[2])


def test_each_family_is_corrected_alone():
    given = space(
        difference("a", "r1", "baseline"),
        difference("b", "r2", "baseline"),
        difference("c", "r3", "baseline", family="other"),
        models=(Model(name="small", id="t/small"),),
    )
    table = contrast_table(tables(given, random_scores(given))).set_index("contrast")
    assert table.loc["c", "p_holm"] == pytest.approx(table.loc["c", "p"])
    smaller = table.loc[["a", "b"], "p"].idxmin()
    assert table.loc[smaller, "p_holm"] == pytest.approx(min(1.0, 2 * table.loc[smaller, "p"]))


def test_a_claim_holds_only_if_every_contrast_has_its_sign():
    table = pd.DataFrame(
        {"contrast": ["a", "b", "c"], "model": "small", "estimate": [0.1, 0.2, -0.3], "p": [0.01, 0.02, 1e-6]}
    )
    claims = [
        Claim(name="both", contrasts=("a", "b")),
        Claim(name="one is negative", contrasts=("a", "c")),
        Claim(name="one is missing", contrasts=("a", "d")),
    ]
    found = claim_table(claims, table).set_index("claim")
    assert (found.loc["both", "p"], found.loc["both", "smallest"]) == pytest.approx((0.01, 0.2))
    assert list(found["holds"]) == [True, False, False]
    assert np.isnan(found.loc["one is missing", "p"])


WEIGHTS = {
    "a difference of means over targets": {
        Score("small", recipe, target, "clean", language): sign / 6
        for recipe, sign in (("r1", 1), ("baseline", -1))
        for target in ("t1", "t2")
        for language in LANGUAGES
    },
    "an interaction on one target": {
        Score("small", recipe, "t1", "clean", language): sign / 3
        for recipe, sign in (("r3", 1), ("r1", -1), ("r2", -1), ("baseline", 1))
        for language in LANGUAGES
    },
    "a difference between two languages of a gain": {
        Score("small", recipe, "t1", "clean", language): sign * side
        for recipe, sign in (("r1", 1), ("baseline", -1))
        for language, side in (("sw", 1), ("en", -1))
    },
}


@pytest.mark.parametrize("weights", list(WEIGHTS.values()), ids=list(WEIGHTS))
def test_intervals_over_three_seeds_cover_the_truth_and_are_narrower_than_those_of_t(weights):
    random = np.random.default_rng(3)
    recipes = ["baseline", *(f"r{number}" for number in range(1, 11))]
    covered, ratios = [], []
    for _ in range(600):
        scores = simulated_scores(random, recipes)
        found = seed_variance(weights, SeedScores(scores, frozenset(), recipes))
        half = stats.t.ppf(0.975, found.df) * np.sqrt(found.variance)
        covered.append(abs(found.estimate) <= half)
        sums = sum(weight * scores[name] for name, weight in weights.items())
        ratios.append(half / (stats.t.ppf(0.975, 2) * sums.std(ddof=1) / np.sqrt(3)))
    # Three standard errors of a share of .95 in 600 draws are .027.
    assert 0.923 <= np.mean(covered) <= 0.977
    assert np.median(ratios) < 0.8


def simulated_scores(random: np.random.Generator, recipes: list[str]) -> dict[Score, np.ndarray]:
    """Scores without any difference: noise of the seed, of each prepared encoder, each training and each language."""
    seeds = random.normal(0.5, 0.05, 3)
    scores = {}
    for recipe in recipes:
        encoder = random.normal(0, 0.02, 3)
        for target in ("t1", "t2"):
            training = random.normal(0, 0.02, 3)
            for language in LANGUAGES:
                noise = random.normal(0, 0.01, 3)
                scores[Score("small", recipe, target, "clean", language)] = seeds + encoder + training + noise
    return scores


def with_outcomes(run, recipes=("baseline", "middle_qa"), seeds=(1, 2), target="pairs", start=5):
    """The run with scores on a target like `pairs` whose outcomes are random."""
    random = np.random.default_rng(start)
    for recipe in recipes:
        for seed in seeds:
            frames = [
                pd.DataFrame(
                    {
                        "language": language,
                        "example": [str(number) for number in range(60)],
                        "group": [str(number // 2) for number in range(60)],
                        "correct": random.integers(0, 2, 60),
                    }
                )
                for language in ("en", "de")
            ]
            frame = pd.concat(frames, ignore_index=True)
            values = frame.groupby("language")["correct"].mean().to_dict()
            run.scored(run.trained(recipe, "small_nli", seed), target, values, table=frame)
    return run


def test_the_item_part_of_a_difference_to_the_baseline_is_that_of_the_gain(make_run):
    run = with_outcomes(make_run())
    data = load(run.url)
    contrasts = (difference("d", "middle_qa", "baseline"), difference("en", "middle_qa", "baseline", languages=("en",)))
    data = replace(data, space=replace(data.space, contrasts=contrasts))
    block = item_parts(data, "tiny", Ledger.at(f"{run.url}/ledger"))
    table = contrast_table(data).set_index("contrast")
    for name, language in (("d", "mean"), ("en", "en")):
        expected = block.block("pairs", language)
        assert expected is not None
        assert table.loc[name, "se_item"] ** 2 == pytest.approx(expected.of_gain("middle_qa", "baseline")[0])
        assert table.loc[name, "num_items"] == expected.num_items == 30
        assert table.loc[name, "basis"] == "seeds and items"
        assert table.loc[name, "se"] >= max(table.loc[name, ["se_seed", "se_item"]]) - 1e-12


def test_the_item_part_is_about_the_seeds_of_the_estimate(make_run):
    pairs = HAND.task("pairs")
    changes = {
        "tasks": (*HAND.tasks, replace(pairs, name="more")),
        "targets": (Target(task="pairs"), Target(task="more")),
        "contrasts": (difference("both", "middle_qa", "baseline"),),
    }
    rows = []
    for seeds in ((1, 2), (1, 2, 3)):
        run = make_run(**changes, seeds=(1, 2, 3))
        for recipe, start in (("baseline", 1), ("middle_qa", 2)):
            with_outcomes(run, (recipe,), seeds, "pairs", start)
            with_outcomes(run, (recipe,), (1, 2), "more", start + 2)
        rows.append(only(contrast_table(load(run.url))))
    assert rows[0]["num_seeds"] == rows[1]["num_seeds"] == 2
    assert rows[0]["estimate"] == pytest.approx(rows[1]["estimate"])
    # Seed 3 has scores on one target only, so that it enters neither the estimate nor its variance.
    assert rows[0]["se_item"] == pytest.approx(rows[1]["se_item"])
    assert rows[0]["se"] == pytest.approx(rows[1]["se"])


MISTAKES = [
    (
        lambda: Contrast(
            name="c",
            terms=(Term(recipe="middle_qa", targets=("tags",)), Term(recipe="baseline", weight=-1)),
            each=("target",),
        ),
        "Remove `targets` from its terms",
    ),
    (
        lambda: Contrast(
            name="c",
            terms=(Term(recipe="middle_qa", languages=("en",)), Term(recipe="baseline", weight=-1, languages=("en",))),
            each=("language",),
        ),
        "all of its terms name languages",
    ),
    (lambda: difference("d", "middle_qq", "baseline"), "Did you mean 'middle_qa'"),
    (
        lambda: difference("d", "middle_qa", "small_nli", unit="score", relative_to="middle_qq"),
        "'middle_qq'. Did you mean 'middle_qa'",
    ),
    (lambda: difference("d", "middle_qa", "small_nli", relative_to="baseline"), "Set unit to 'score' or 'headroom'"),
    (lambda: difference("d", "middle_qa", "baseline", targets=("tag",)), "Did you mean 'tags'"),
    (lambda: difference("d", "middle_qa", "baseline", targets=("tags",), languages=("dr",)), "Did you mean 'de'"),
    (lambda: Contrast(name="c", terms=(Term(recipe="middle_qa"),)), "The weights need the sum 0"),
    (
        lambda: Contrast(name="c", terms=(Term(recipe=EACH), Term(recipe="baseline", weight=-1.0))),
        "needs a slope with axis = 'recipe'",
    ),
    (
        lambda: Contrast(name="c", terms=(Term(recipe="middle_qa"),), slope=Slope(axis="model", covariate="size")),
        "needs model = '*'",
    ),
    (
        lambda: Contrast(name="c", terms=(Term(recipe=EACH),), slope=Slope(axis="recipe", covariate="dose")),
        "No covariate of a recipe is called 'dose'",
    ),
    (
        lambda: Contrast(
            name="c",
            terms=(Term(recipe=EACH),),
            slope=Slope(axis="recipe", covariate="x", values={"baseline": 0, "middle_qa": 0}),
        ),
        "at least 3 different values",
    ),
]


@pytest.mark.parametrize(("made", "message"), MISTAKES, ids=[message for _, message in MISTAKES])
def test_a_contrast_that_cannot_be_evaluated_is_refused_with_the_rule_or_the_nearest_name(made, message):
    with pytest.raises(UserError, match=re.escape(message)):
        replace(HAND, contrasts=(made(),))


def test_a_relative_contrast_needs_a_baseline_or_a_named_recipe():
    recipes = tuple(recipe for recipe in HAND.recipes if recipe.stages)
    relative = difference("d", "middle_qa", "small_nli", unit="headroom")
    given = replace(HAND, recipes=recipes, search=replace(HAND.search, scope="cell"))
    with pytest.raises(UserError, match="the space has no baseline: name a recipe in `relative_to`"):
        replace(given, contrasts=(relative,))
    replace(given, contrasts=(replace(relative, relative_to="small_nli"),))


def test_a_claim_combines_contrasts_of_each_model_with_those_between_models():
    table = pd.DataFrame(
        {
            "contrast": ["a", "a", "between"],
            "model": ["small", "large", ""],
            "estimate": [-0.1, -0.2, -0.3],
            "p": [0.04, 0.01, 0.02],
        }
    )
    claims = [Claim(name="all fall", contrasts=("a", "between"), sign="negative")]
    found = claim_table(claims, table).set_index("model")
    assert list(found["p"]) == pytest.approx([0.02, 0.01])
    assert list(found["holds"]) == [True, True]


def test_claims_are_corrected_for_their_number_without_those_that_are_not_tested():
    table = pd.DataFrame({"contrast": list("abc"), "model": "m", "estimate": 0.1, "p": [0.03, 0.03, np.nan]})
    alone, *rest = (Claim(name=pair, contrasts=tuple(pair)) for pair in ("ab", "ba", "bc"))
    assert only(claim_table([alone], table))["holds"]
    corrected = claim_table([alone, *rest], table)
    assert list(corrected["p_holm"][:2]) == pytest.approx([0.03, 0.03]) and np.isnan(corrected["p_holm"][2])
    assert not corrected["holds"].any()


def test_a_claim_about_an_unknown_contrast_is_refused():
    with pytest.raises(UserError, match="No contrast"):
        replace(
            HAND, contrasts=(difference("d", "middle_qa", "baseline"),), claims=(Claim(name="c", contrasts=("d", "e")),)
        )


def test_a_space_for_one_of_its_models_accepts_contrasts_between_models():
    terms = (Term(recipe="baseline", model="large"), Term(recipe="baseline", model="tiny", weight=-1.0))
    large = Model(name="large", id="tests/large", training={"batch_size": 16})
    given = replace(HAND, models=(*HAND.models, large), contrasts=(Contrast(name="size", terms=terms),))
    assert given.for_model(large).contrasts == ()


def test_contrasts_and_factors_can_be_added_to_a_finished_run():
    recipes = tuple(replace(recipe, factors={"dose": 1.0}) for recipe in HAND.recipes)
    models = tuple(replace(model, parameters=10**6) for model in HAND.models)
    contrasts = (difference("d", "middle_qa", "baseline"),)
    grown = replace(HAND, recipes=recipes, models=models, contrasts=contrasts)
    check_growth(HAND, grown, "run")
    check_growth(grown, HAND, "run")
