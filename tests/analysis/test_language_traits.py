"""Gains against properties of the language, from hand-made ledgers."""

import io
import re

import numpy as np
import pandas as pd
import pytest

from analysis.results.language_traits import _adjusted, _over_targets, properties
from analysis.results.results import compute_results
from analysis.results.slopes import language_effects
from sweeper.space import Recipe, Stage, Target
from sweeper.tasks.distances import distance
from tests.analysis.conftest import _rows, _task
from tests.analysis.texts import text_report

LANGUAGES = ("en", "de", "fr", "ru", "hi", "fi", "tr", "zh", "sw")
SEEDS = (1, 2, 3)
SLOPE = -0.2
SUBWORDS = {
    name: {"tokens_per_word": 1 + number / 4, "overlap": 1 - 0.1 * number} for number, name in enumerate(LANGUAGES)
}
"""Facts that the records of the baseline have."""


def run_of(make_run, languages, gain_in, other_languages=(), trained_in="", subwords=SUBWORDS):
    """Two recipes on the targets `far` (in `languages`) and `near` (in `other_languages`), three seeds.

    `gain_in` has the gain in each language. The second recipe gains 0.05 more in all languages, and all recipes gain
    0.1 more on `near`. With `trained_in`, the second recipe trains in this language, too, and gains 0.3 more in it.
    """
    other_names = other_languages or languages
    trained = ("en", trained_in) if trained_in else ("en",)
    sources = [_task("one"), _task("two", train=_rows("two", "train", trained))]
    targets = [_task("far", languages), _task("near", other_names)]
    stages = [Stage(tasks=("one",)), Stage(tasks=("two",), languages=trained)]
    run = make_run(
        recipes=(Recipe(name="baseline"), *(Recipe(name=stage.tasks[0], stages=(stage,)) for stage in stages)),
        targets=tuple(Target(task=task.name) for task in targets),
        tasks=(*sources, *targets),
        seeds=SEEDS,
    )
    random = np.random.default_rng(41)
    for target, names in (("far", languages), ("near", other_names)):
        for seed in SEEDS:
            base = {name: 0.5 + 0.01 * random.normal() for name in names}
            run.scored(run.trained("baseline", target, seed), target, base, subwords=subwords)
            for number, recipe in enumerate(("one", "two")):
                extra = 0.05 * number + 0.1 * (target == "near")
                noise = 0.002 * random.normal(size=len(names))
                scores = {name: base[name] + gain_in[name] + extra + e for name, e in zip(names, noise, strict=True)}
                if trained_in and recipe == "two":
                    scores[trained_in] += 0.3
                run.cell(recipe, target, seed, scores)
    return run


@pytest.fixture
def traits(make_run):
    gain_in = {name: SLOPE * distance("syntactic", "en", name) for name in LANGUAGES}
    return compute_results(run_of(make_run, LANGUAGES, gain_in).url).language_traits


def row(traits, trait, target, recipe="mean", of="gain"):
    table = traits.slopes.set_index(["of", "recipe", "target", "trait"])
    return table.loc[(of, recipe, target, trait)]


@pytest.mark.parametrize(
    "cell", [("far", "mean"), ("near", "mean"), ("mean", "one"), ("mean", "two"), ("mean", "mean")]
)
@pytest.mark.parametrize("of", ["gain", "difference"])
def test_a_planted_slope_is_found_for_each_target_each_recipe_and_the_mean(traits, cell, of):
    measured = row(traits, "syntactic", *cell, of=of)
    assert measured["slope"] == pytest.approx(0.1 * SLOPE, abs=0.002)
    assert measured["low"] < 0.1 * SLOPE < measured["high"] or measured["high"] - measured["low"] < 0.01
    assert measured["rho"] < -0.9
    assert measured["p"] < 0.01
    assert measured["n"] == (9 if of == "gain" else 8)


def test_a_slope_on_subwords_is_per_subword_of_a_word_and_per_tenth_of_the_overlap(make_run):
    gain_in = {name: -0.04 * number for number, name in enumerate(LANGUAGES)}
    measured = compute_results(run_of(make_run, LANGUAGES, gain_in).url).language_traits
    for cell in (("far", "mean"), ("mean", "one"), ("mean", "mean")):
        assert row(measured, "overlap", *cell)["slope"] == pytest.approx(0.04, abs=0.002)
        assert row(measured, "tokens_per_word", *cell)["slope"] == pytest.approx(-0.16, abs=0.008)


def test_subwords_per_word_are_unknown_without_spaces_between_words(traits):
    table = traits.languages.set_index(["target", "language"])
    assert np.isnan(table.loc[("far", "zh"), "tokens_per_word"])
    assert table.loc[("far", "de"), "tokens_per_word"] == 1.25
    assert table.loc[("mean", "de"), "overlap"] == pytest.approx(0.9)
    assert row(traits, "tokens_per_word", "far")["n"] == len(LANGUAGES) - 1


def test_records_without_subwords_have_slopes_on_distances_alone(make_run):
    run = run_of(make_run, LANGUAGES, dict.fromkeys(LANGUAGES, 0.0), subwords={})
    assert set(compute_results(run.url).language_traits.slopes["trait"]) >= {"syntactic", "script"}
    assert not set(compute_results(run.url).language_traits.slopes["trait"]) & {"overlap", "tokens_per_word"}


def test_q_corrects_for_the_rows_of_all_recipes_and_for_those_of_single_ones(traits):
    table = traits.slopes.dropna(subset="p")
    assert (table["q"] >= table["p"] - 1e-12).all()
    single = table[(table["recipe"] != "mean") & (table["of"] == "gain")]
    assert single["q"].max() == pytest.approx(single["p"].max())


def test_the_difference_to_english_has_the_sign_of_the_slope(traits):
    table = traits.languages.set_index(["target", "language"])
    expected = SLOPE * distance("syntactic", "en", "sw")
    assert table.loc[("far", "sw"), "difference"] == pytest.approx(expected, abs=0.03)
    assert table.loc[("far", "en"), "difference"] == 0


def test_groups_have_the_mean_over_their_languages(traits):
    groups = traits.groups.set_index(["category", "group", "target"])
    languages = traits.languages.set_index(["target", "language"])["gain"]
    members = ["de", "fr", "fi", "tr", "en", "sw"]
    latin = groups.loc[("script", "Latin", "far")]
    assert latin["num_languages"] == len(members)
    assert latin["gain"] == pytest.approx(np.mean([languages[("far", name)] for name in members]))
    differences = [languages[("far", name)] - languages[("far", "en")] for name in members if name != "en"]
    assert latin["difference"] == pytest.approx(np.mean(differences))


def test_a_mean_over_targets_with_different_languages_compares_languages_within_a_target(make_run):
    """Swahili is scored on the target with the higher gains only, and has the gain of the other languages there."""
    languages = tuple(name for name in LANGUAGES if name != "sw")
    run = run_of(make_run, languages, dict.fromkeys(LANGUAGES, 0.0), LANGUAGES)
    measured = compute_results(run.url).language_traits.languages
    gains = measured[measured["target"] == "mean"].set_index("language")["gain"]
    assert gains["sw"] == pytest.approx(gains.drop("sw").mean(), abs=0.02)


def test_the_level_of_adjusted_gains_counts_each_cell_alike():
    # One cell has eight languages at 0.1, the other one two of them at 0.5.
    gains = np.full((2, 8, 1), np.nan)
    gains[0], gains[1, :2] = 0.1, 0.5
    assert _adjusted(gains, language_effects(gains)) == pytest.approx([0.3] * 8)


def test_properties_of_evaluation_data_are_adjusted_for_the_targets_of_a_language():
    # Both targets have the same order of languages, on another level, and the last two languages have one target only.
    values = pd.DataFrame({"a": [1.0, 2.0, 3.0, 4.0], "b": [11.0, 12.0, np.nan, np.nan]}, index=list("wxyz"))
    adjusted = _over_targets(values)
    assert list(adjusted - adjusted["w"]) == pytest.approx([0.0, 1.0, 2.0, 3.0])


def test_a_target_without_english_has_no_difference_to_it(make_run):
    gain_in = dict.fromkeys(LANGUAGES, 0.0)
    run = run_of(make_run, tuple(name for name in LANGUAGES if name != "en"), gain_in, LANGUAGES)
    slopes = compute_results(run.url).language_traits.slopes
    counts = {target: set(rows["of"]) for target, rows in slopes.groupby("target")}
    assert {"gain"} in counts.values()


def test_a_language_that_a_recipe_trains_in_is_left_out_of_this_recipe_alone(make_run):
    run = run_of(make_run, LANGUAGES, dict.fromkeys(LANGUAGES, 0.0), trained_in="sw")
    measured = compute_results(run.url).language_traits
    gains = measured.languages[measured.languages["target"] == "far"].set_index("language")["gain"]
    assert gains["sw"] == pytest.approx(gains.drop("sw").mean(), abs=0.02)
    counts = {recipe: row(measured, "genetic", "mean", recipe)["n"] for recipe in ("one", "two", "mean")}
    assert counts == {"one": 9, "two": 8, "mean": 9}


def test_fewer_than_six_languages_have_no_slope_and_a_sentence_says_so(make_run):
    languages = LANGUAGES[:5]
    measured = compute_results(run_of(make_run, languages, dict.fromkeys(languages, 0.0)).url).language_traits
    assert measured.slopes.empty
    (note,) = measured.notes
    assert note.startswith("There is no slope over languages on far, near, because a slope needs at least 6 languages")
    assert set(measured.languages["target"]) == {"far", "near", "mean"}


def test_the_report_has_the_slopes_in_points(make_run):
    gain_in = {name: SLOPE * distance("syntactic", "en", name) for name in LANGUAGES}
    folder = text_report(run_of(make_run, LANGUAGES, gain_in).url).path.parent
    table = pd.read_csv(io.StringIO((folder / "distances.csv").read_text()))
    chosen = table[(table["trait"] == "syntactic") & (table["target"] == "mean") & (table["recipe"] == "mean")]
    assert chosen["slope"].tolist() == pytest.approx([10 * SLOPE, 10 * SLOPE], abs=0.2)
    assert chosen["rho"].abs().max() <= 1
    assert set(pd.read_csv(folder / "families.csv")["category"]) == {"family", "script", "resources"}
    appendix = (folder / "appendix.md").read_text()
    assert "### Distance, family and script" in appendix
    cells = r"−2\.0 ± 0\.\d \| 0\.\d \| −1\.00 \| 8 \|"
    label = r"syntactic distance from English \(per 0\.1\)"
    assert re.search(rf"^\| all \| mean \| other languages \| {label} \| {cells}", appendix, re.M)
    assert "| script | Latin | 6 |" in appendix
    methods = (folder / "methods.md").read_text()
    kinds = "syntactic, phonological, inventory, featural, genetic, geographic"
    assert "separately, with and without English, over the languages that have it (n = 7 to 9): the " in methods
    assert f"the {kinds} distance from English (Khan et al. 2025), the subwords per word" in methods
    assert "- Khan et al. 2025: " in methods


def test_a_run_without_a_gain_has_no_languages(make_run):
    run = make_run()
    run.cell("small_nli", "tags", 1, {"en": 0.5, "de": 0.4})
    measured = compute_results(run.url).language_traits
    assert measured.languages.empty
    assert measured.slopes.empty


def test_a_generated_language_has_the_distance_and_the_script_of_its_world():
    table = properties(["en", "xa", "xg"])
    assert table.loc["en", "world"] == 0 < table.loc["xa", "world"] < table.loc["xg", "world"]
    assert table.loc["xg", "script"] == "Cyrillic"
    assert np.isnan(table["syntactic"].astype(float)).all()


def test_an_unknown_language_has_no_properties_and_leaves_those_of_others_alone():
    table = properties(["en", "de", "zz"])
    assert np.isnan(table["world"].astype(float)).all()
    assert np.isnan(table.loc["zz", "syntactic"])
    assert table.loc["de", "family"] == "Indo-European: Germanic"
