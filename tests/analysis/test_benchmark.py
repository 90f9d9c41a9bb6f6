"""Benchmark means against hand-computed values, and the conditions for showing published gains."""

import math
from dataclasses import replace

import pytest

from analysis.report.tables import published_rows
from analysis.results.benchmark import benchmark_means
from analysis.results.load import load
from analysis.results.matrix import transfer_matrix
from analysis.results.published import NINE, published_comparisons
from search_spaces.xtreme import SPACE as SHIPPED
from sweeper.space import Choice, Model, Recipe, Search, Stage, Target, Training
from sweeper.space.settings import apply_settings
from sweeper.tasks.benchmarks import BENCHMARKS, XTREME, XTREME_R
from sweeper.tasks.catalog import CATALOG
from tests.analysis.texts import text_report

XTREME_SPACE = apply_settings(SHIPPED, ["keep=last"])
"""The study without evaluations during its trainings, so that replicates can train on all examples."""
ENTRIES = {entry.name: entry for entry in XTREME.entries}
GROUPS = {"classification": 0.8, "tagging": 0.7, "qa": 0.6, "retrieval": 0.3}


def fill(run, recipe, targets, extra=0.0, seeds=(1, 2), without=()):
    """Score a recipe: the second task of a group is 0.1 higher than the first, the third 0.2."""
    for name in targets:
        entry = ENTRIES[name]
        rank = [other.name for other in XTREME.groups[entry.group]].index(name)
        value = GROUPS[entry.group] + 0.1 * rank + extra
        by_language = CATALOG[name].rows(run.space.evaluate)
        languages = [code for code in entry.languages if code in by_language and code not in without]
        if not CATALOG[name].training_task and recipe == "baseline":
            scores = dict.fromkeys(languages, value)
            run.scored(run.trained(recipe), name, scores, split=run.space.evaluate, seed=None)
            continue
        for seed in seeds:
            training = run.trained(recipe, run.space.task(name).training_task, seed)
            scores = dict.fromkeys(languages, value + 0.02 * (seed - 1))
            run.scored(training, name, scores, split=run.space.evaluate)


def make(make_run, targets, columns=None, tasks=(), evaluate="test", **changes):
    recipes = (Recipe(name="baseline"), Recipe(name="mnli", stages=(Stage(tasks=("mnli",)),)))
    columns = columns or tuple(Target(task=name) for name in targets)
    return make_run(targets=columns, recipes=recipes, tasks=tasks, evaluate=evaluate, **changes)


def test_the_lists_have_as_many_tasks_and_languages_as_the_benchmarks() -> None:
    assert [len(entry.languages) for entry in XTREME.entries] == [15, 7, 33, 40, 11, 7, 9, 4, 36]
    assert [len(entry.languages) for entry in XTREME_R.entries] == [15, 11, 38, 48, 12, 7, 9, 41, 11, 11]
    assert len({code for entry in XTREME.entries for code in entry.languages}) == 40
    assert len({code for entry in XTREME_R.entries for code in entry.languages}) == 50
    assert all(
        len(set(entry.languages)) == len(entry.languages) for benchmark in BENCHMARKS for entry in benchmark.entries
    )


def test_a_group_is_the_mean_of_its_tasks_and_overall_that_of_all_tasks(make_run):
    run = make(make_run, list(ENTRIES))
    fill(run, "baseline", list(ENTRIES))
    means = benchmark_means(load(run.url), "tiny")[0]
    row = means.groups.loc["baseline"]
    # Seed 2 is 0.02 higher than seed 1, so the mean is 0.01 higher. Retrieval with the raw encoder has no seed.
    groups = {"classification": 0.86, "tagging": 0.76, "qa": 0.71, "retrieval": 0.35}
    assert row[list(groups)].to_dict() == pytest.approx(groups)
    assert row["overall"] == pytest.approx((2 * 0.86 + 2 * 0.76 + 3 * 0.71 + 2 * 0.35) / 9)
    assert means.excluded == ()
    assert means.groups.loc["mnli"].isna().all()


def test_a_task_in_fewer_languages_than_published_does_not_count(make_run):
    run = make(make_run, ["xnli", "pawsx", "pos"])
    fill(run, "baseline", ["xnli", "pawsx"])
    fill(run, "baseline", ["pos"], without=("kk", "th", "tl", "yo"))
    xtreme, xtreme_r = benchmark_means(load(run.url), "tiny")
    assert xtreme.groups.loc["baseline", "classification"] == pytest.approx(0.86)
    assert math.isnan(xtreme.groups.loc["baseline", "overall"])
    assert list(xtreme.shown) == ["classification"]
    assert "pos: 29 of 33 languages" in xtreme.excluded
    assert "ner: not a target of this run" in xtreme.excluded
    assert "pos_r: not a target of this run" in xtreme_r.excluded
    assert list(xtreme_r.shown) == []


def test_the_report_shows_the_means_and_the_tasks_that_do_not_count(make_run):
    run = make(make_run, ["xnli", "pawsx", "xquad"])
    fill(run, "baseline", ["xnli", "pawsx", "xquad"])
    text = text_report(run.url).path.with_name("appendix.md").read_text()
    section = text.split("## Benchmark means")[1].split("## Trivial scores")[0]
    assert "### XTREME\n\n| recipe | classification |\n| --- | --- |\n| baseline | 86.0 |" in section
    assert "Not included: pos: not a target of this run; ner:" in section
    assert "### XTREME-R" not in section


def test_the_report_shows_the_benchmark_with_the_most_targets_even_if_none_of_its_groups_is_complete(make_run):
    run = make(make_run, ["xnli", "mlqa", "tydiqa", "ner"])
    fill(run, "baseline", ["xnli", "mlqa", "tydiqa"])
    text = text_report(run.url).path.with_name("appendix.md").read_text()
    assert "### XTREME\n\nNo group is complete.\n" in text
    assert "### XTREME-R" not in text


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"eval_cap": 100}, "scored on at most 100 items per language (eval_cap)"),
        ({"similarity": "csls"}, "scored with similarity csls, as published cosine"),
        ({"layer": 0.75}, "scored with layer 0.75, as published 0.58"),
        ({"pooling": "cls"}, "scored with pooling cls, as published mean"),
    ],
    ids=["capped", "by csls", "another layer", "another pooling"],
)
def test_a_target_that_is_not_scored_as_published_does_not_count(make_run, change, reason):
    columns = (Target(task="bucc2018"), Target(task="tatoeba", **change))
    run = make(make_run, (), columns=columns)
    fill(run, "baseline", ["bucc2018", "tatoeba"])
    means = benchmark_means(load(run.url), "tiny")[0]
    assert f"tatoeba: {reason}" in means.excluded
    assert means.tasks["tatoeba"].isna().all()
    assert list(means.shown) == []


def test_incomplete_pools_do_not_count(make_run):
    run = make(make_run, (), columns=(Target(task="bucc2018", distractors=1000), Target(task="tatoeba")))
    fill(run, "baseline", ["bucc2018", "tatoeba"])
    means = benchmark_means(load(run.url), "tiny")[0]
    assert "bucc2018: scored with 1,000 distractors, whereas the published pools are complete" in means.excluded
    assert list(means.shown) == []


SINGLE_POOL = (
    "scored on one half of its gold pairs with a threshold fitted on the other half, whereas the published threshold "
    "is fitted on separate dev pools"
)


@pytest.mark.parametrize("evaluate", ["dev", "test"])
def test_pairs_mined_with_a_threshold_from_half_of_their_own_pool_are_named_and_do_not_count(make_run, evaluate):
    single_pool = replace(CATALOG["bucc2018"], dev=CATALOG["bucc"].dev, test=CATALOG["bucc"].test)
    columns = (Target(task="bucc2018"), Target(task="tatoeba"))
    run = make(make_run, (), columns=columns, tasks=(single_pool,), evaluate=evaluate)
    fill(run, "baseline", ["bucc2018", "tatoeba"])
    means = benchmark_means(load(run.url), "tiny")[0]
    assert f"bucc2018: {SINGLE_POOL}" in means.excluded
    assert list(means.shown) == []


def test_the_single_pool_of_the_hub_does_not_count_because_the_benchmark_has_two(make_run):
    run = make(make_run, ["bucc", "tatoeba"])
    fill(run, "baseline", ["tatoeba"])
    means = benchmark_means(load(run.url), "tiny")[0]
    assert f"bucc2018: replaced by bucc, {SINGLE_POOL}" in means.excluded
    assert list(means.shown) == []


@pytest.mark.parametrize("evaluate", ["dev", "test"])
def test_pairs_mined_with_a_threshold_from_dev_pools_count(make_run, evaluate):
    run = make(make_run, ["bucc2018", "tatoeba"], evaluate=evaluate)
    fill(run, "baseline", ["bucc2018", "tatoeba"])
    assert list(benchmark_means(load(run.url), "tiny")[0].shown) == ["retrieval"]


def retrieval_of_xtreme_r(make_run, *tasks):
    """The means of XTREME-R over a run of its retrieval targets."""
    names = [entry.name for entry in XTREME_R.groups["retrieval"]]
    run = make(make_run, names, tasks=tasks)
    for entry in XTREME_R.groups["retrieval"]:
        training = run.trained("baseline", run.space.task(entry.name).training_task)
        run.scored(training, entry.name, dict.fromkeys(entry.languages, 0.5), split="test")
    return benchmark_means(load(run.url), "tiny")[-1]


def test_a_task_with_a_departure_from_the_benchmark_does_not_count(make_run):
    means = retrieval_of_xtreme_r(make_run)
    assert f"lareqa: {CATALOG['lareqa_sentences'].departs}" in means.excluded
    assert f"mewslix: {CATALOG['mewslix'].departs}" in means.excluded
    assert list(means.shown) == []


def test_entries_of_a_user_without_departures_count(make_run):
    entries = [replace(CATALOG[name], departs="") for name in ("lareqa_sentences", "mewslix")]
    means = retrieval_of_xtreme_r(make_run, *entries)
    assert means.shown.loc["baseline"].to_dict() == {"retrieval": 0.5}


def test_parts_of_speech_of_the_hub_are_named_and_do_not_count(make_run):
    run = make(make_run, (), columns=(Target(task="pos_hub"), Target(task="ner")))
    fill(run, "baseline", ["ner"])
    means = benchmark_means(load(run.url), "tiny")[0]
    assert f"pos: replaced by pos_hub, {CATALOG['pos_hub'].departs}" in means.excluded
    assert list(means.shown) == []


def test_parts_of_speech_of_one_release_in_all_languages_do_not_count_in_xtreme_r(make_run):
    run = make(make_run, ["pos_r", "ner_r"])
    for entry in XTREME_R.groups["tagging"]:
        run.scored(run.trained("baseline", entry.name), entry.name, dict.fromkeys(entry.languages, 0.5), split="test")
    means = benchmark_means(load(run.url), "tiny")[-1]
    assert means.benchmark is XTREME_R
    assert f"pos_r: {CATALOG['pos_r'].departs}" in means.excluded
    assert means.tasks.loc["baseline", "ner_r"] == 0.5
    assert list(means.shown) == []


def test_the_mean_of_lareqa_is_over_all_questions(make_run):
    names = [entry.name for entry in XTREME_R.groups["retrieval"]]
    run = make(make_run, names, tasks=(replace(CATALOG["lareqa_sentences"], departs=""),))
    [entry] = [entry for entry in XTREME_R.entries if entry.name == "lareqa"]
    values = {language: 1.0 if language == "th" else 0.0 for language in entry.languages}
    training = run.trained("baseline", run.space.task("lareqa").training_task)
    counts = {language: 300 if language == "th" else 100 for language in entry.languages}
    run.scored(training, "lareqa", values, split="test", counts=counts)
    means = benchmark_means(load(run.url), "tiny")[-1]
    assert means.tasks.loc["baseline", "lareqa"] == pytest.approx(300 / 1300)


def test_a_target_that_trains_counts_with_any_layer_because_it_has_no_effect(make_run):
    run = make(make_run, (), columns=(Target(task="xnli", layer=0.75, pooling="cls"), Target(task="pawsx")))
    fill(run, "baseline", ["xnli", "pawsx"])
    assert list(benchmark_means(load(run.url), "tiny")[0].shown) == ["classification"]


def test_a_run_of_other_tasks_has_no_benchmark_section(full_report):
    assert benchmark_means(load(str(full_report.path.parent.parent)), "tiny") == ()
    assert "Benchmark means" not in full_report.path.with_name("appendix.md").read_text()


def test_targets_with_a_single_split_are_marked_in_the_report(make_run):
    run = make(make_run, ["xnli", "xquad"])
    fill(run, "baseline", ["xnli", "xquad"])
    data = load(run.url)
    assert transfer_matrix(data, "tiny").single_split == ("xquad",)
    text = text_report(run.url).path.read_text()
    assert "| recipe | xnli | xquad‡ |" in text
    assert "‡ The dev and test split of this target are the same rows." in text


FROZEN = Choice(values=(0, 12))


def changed(name, **changes):
    """The targets of the study with one of them changed."""
    return tuple(replace(target, **changes) if target.task == name else target for target in XTREME_SPACE.targets)


def study_run(make_run, evaluate="dev", **changes):
    """A run of the study with the model name of the fixtures, so that their records belong to it."""
    model = Model(name="tiny", id="FacebookAI/xlm-roberta-large")
    values = {"models": (model,), "recipes": XTREME_SPACE.recipes, "targets": XTREME_SPACE.targets, "tasks": ()}
    values["search"] = Search(refit=True)
    run = make_run(**{**values, "evaluate": evaluate, "seeds": (1,), **changes})
    for recipe, extra in (("baseline", 0.0), ("mnli", 0.05), ("multitask", 0.1)):
        fill(run, recipe, list(ENTRIES), extra=extra, seeds=(1,))
    return run


def published_beside(run, against=""):
    """The rows of published gains in a report, without its other results."""
    data = load(run.url)
    matrix = transfer_matrix(data, "tiny", against)
    return published_rows(published_comparisons(data, matrix, benchmark_means(data, "tiny", against)))


def test_published_gains_are_shown_beside_the_recipes_that_measure_the_same(make_run):
    joint = next(recipe for recipe in XTREME_SPACE.recipes if recipe.name == "multitask")
    assert sorted(joint.stages[0].tasks) == sorted(NINE)
    assert published_beside(study_run(make_run)) == [
        ["MNLI", "+5.0", "+7.5", "dev"],
        ["HellaSwag", "–", "+7.0", "dev"],
        ["all nine, jointly", "+10.0", "+8.7", "dev"],
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"models": (Model(name="tiny", id="FacebookAI/xlm-roberta-base"),)},
        {"targets": changed("bucc2018", distractors=50_000)},
        {"tasks": (replace(CATALOG["bucc2018"], dev=CATALOG["bucc"].dev, test=CATALOG["bucc"].test),)},
        {"tasks": (replace(CATALOG["xnli"], departs="of another release"),)},
        {"eval_cap": 100},
        {"targets": changed("tatoeba", similarity="csls")},
        {"targets": changed("tatoeba", layer=0.75)},
        {"targets": changed("bucc2018", pooling="cls")},
        {"targets": changed("ner", before=(Stage(tasks=("squad",)),))},
        {"targets": changed("ner", training=Training(frozen_layers=12))},
        {"targets": changed("ner", dials={"frozen_layers": FROZEN})},
        {"targets": changed("ner", training=Training(cap_examples=100))},
        {"search": Search()},
    ],
    ids=[
        "another model",
        "capped pools",
        "one pool for dev and test",
        "an entry that departs",
        "capped evaluation",
        "another similarity",
        "another layer",
        "another pooling",
        "a stage before",
        "frozen layers",
        "a dial that may freeze",
        "capped training",
        "examples set aside for selection",
    ],
)
def test_published_gains_are_not_shown_beside_another_measurement(make_run, change):
    assert published_beside(study_run(make_run, **change)) == []


@pytest.mark.parametrize(
    "change",
    [
        {"temperature": 2.0},
        {"sampling_cap": 1000},
        {"mlm_share": 0.2},
        {"training": Training(frozen_layers=12)},
        {"training": Training(cap_tokens=100)},
        {"training": Training(average=0.2)},
        {"dials": {"frozen_layers": FROZEN}},
    ],
    ids=[
        "temperature",
        "sampling cap",
        "masked language modelling",
        "frozen layers",
        "capped",
        "averaged",
        "a dial that may freeze",
    ],
)
def test_a_recipe_with_other_training_is_not_compared_with_the_published_one(make_run, change):
    rows = {recipe.name: recipe for recipe in XTREME_SPACE.recipes}
    other = Recipe(name="multitask", stages=(replace(rows["multitask"].stages[0], **change),))
    recipes = (rows["baseline"], rows["mnli"], other)
    assert [row[1] for row in published_beside(study_run(make_run, recipes=recipes))] == ["+5.0", "–", "–"]


def test_a_recipe_with_translated_data_is_not_compared_with_the_published_one(make_run):
    rows = {recipe.name: recipe for recipe in XTREME_SPACE.recipes}
    recipes = (rows["baseline"], replace(rows["mnli_mt"], name="mnli"), rows["multitask"])
    assert published_beside(study_run(make_run, recipes=recipes))[0] == ["MNLI", "–", "+7.5", "dev"]


def test_published_gains_are_not_shown_beside_gains_over_another_recipe(make_run):
    assert published_beside(study_run(make_run), against="mnli") == []


def test_on_test_the_published_gain_is_that_of_the_best_recipe_of_each_target(make_run):
    run = study_run(make_run, evaluate="test")
    assert published_beside(run) == [["best recipe of each target", "–", "+5.4", "test"]], "nothing was selected yet"
    for record in run.ledger.trainings().values():
        value = {"baseline": 0.1, "mnli": 0.9, "multitask": 0.5}[record.spec.recipe]
        run.ledger.write_training(replace(record, value=value))
    assert published_beside(run) == [["best recipe of each target", "+5.0", "+5.4", "test"]]
