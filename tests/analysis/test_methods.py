"""The text of methods.md about noise, defences, conditions and twins, and about several models."""

from dataclasses import replace

import pytest

from analysis.report.methods import methods_text, of_models
from analysis.report.methods_data import change_text, condition_sentences, training_sentences
from analysis.results.load import load
from analysis.results.results import results_of_run
from analysis.results.robustness import robustness
from sweeper.space import Condition, LogUniform, Model, Recipe, Stage, Training
from tests.analysis.conftest import SPACE

TYPOS = Condition(name="typos", perturbation="keyboard", budget=0.2)


def text_of(run):
    data = load(run.url)
    return methods_text(data, results_of_run(data), None, robustness(data))


def with_stages(**stages):
    """The small space with further recipes of one stage."""
    more = tuple(Recipe(name=name, stages=(stage,)) for name, stage in stages.items())
    return replace(SPACE, recipes=(*SPACE.recipes, *more))


def test_a_space_without_changes_of_data_has_no_sentence_about_them(full_run):
    assert list(training_sentences(SPACE)) == list(condition_sentences(SPACE, None)) == []
    text = text_of(full_run)
    assert not [word for word in ("label of an example", "perturbed", "condition", "Twins") if word in text]


def test_label_noise_is_given_with_its_probability_and_its_recipes():
    stages = {f"noise {dose}": Stage(tasks=("small_nli",), label_noise=dose) for dose in (0.15, 0.3)}
    (sentence,) = training_sentences(with_stages(**stages))
    assert "drawn uniformly (15 %: noise 0.15; 30 %: noise 0.3); selection data kept their labels." in sentence


def test_each_defence_is_given_with_its_size_and_its_recipes():
    task = ("small_nli",)
    space = with_stages(
        typed=Stage(tasks=task, perturbation=TYPOS, perturbed_share=0.3),
        noisy=Stage(tasks=task, training=Training(embedding_noise=5.0)),
        steps=Stage(tasks=task, training=Training(adversarial=0.3)),
    )
    perturbed, noise, steps = training_sentences(space)
    assert "(30 % with keyboard errors in 20 % of the words: typed); selection data were not." in perturbed
    assert noise.endswith("(Jain et al. 2024; alpha: 5: noisy).")
    assert steps.endswith("(Goodfellow et al. 2015; Miyato et al. 2017; L2 norm: 0.3: steps).")


def test_a_defence_that_is_searched_or_of_one_model_is_named_so():
    dial = {"embedding_noise": LogUniform(low=1, high=15)}
    space = with_stages(noisy=Stage(tasks=("small_nli",), dials=dial))
    (sentence,) = training_sentences(space)
    assert "alpha: searched: noisy" in sentence
    other = Model(name="other", id="tests/other", training={"adversarial": 0.5})
    both = replace(SPACE, models=(*SPACE.models, other), recipes=SPACE.recipes[:2], targets=SPACE.targets[:1])
    (sentence,) = training_sentences(both)
    assert "L2 norm: 0.5: small_nli with other, tags with other" in sentence


def test_conditions_drops_and_their_measures_are_described_with_their_targets(make_run):
    conditions = (TYPOS, Condition(name="empty", perturbation="null_input", budget=1.0))
    targets = tuple(
        replace(target, conditions=conditions if target.task == "pairs" else ()) for target in SPACE.targets
    )
    run = make_run(targets=targets)
    for seed in (1, 2):
        training = run.trained("baseline", "small_nli", seed)
        for condition, score in (("clean", 0.9), ("typos", 0.5), ("empty", 0.3)):
            run.scored(training, "pairs", {"en": score}, condition=condition)
    text = text_of(run)
    assert (
        "Scores on pairs exist under 2 further conditions (typos: keyboard errors in 20 % of the words; empty: no "
        "input)." in text
    )
    assert "The drop under a condition is the clean score minus the score under it" in text
    assert "or not above the score of the same recipe without input." in text


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        (
            Condition(name="d", perturbation="distractor", source="en", side="after", budget=1.0, languages=("de",)),
            "in 100 % of the examples a sentence of another context after the context (in the manner of Jia and Liang "
            "2017), sentences in en, in de only",
        ),
        (
            Condition(name="m", perturbation="code_mix", by="pairs.tsv", budget=0.5, seed=3),
            "50 % of the words with a known translation replaced by that in en, seed 3",
        ),
    ],
)
def test_a_condition_is_described_with_its_settings(condition, text):
    assert change_text(condition) == text


def test_twins_are_described_with_the_measure_that_needs_them(make_run):
    run = make_run(null_twins=True)
    text = text_of(run)
    assert "Twins of 3 recipes had the same labels, but no input in training, selection and scoring." in text
    assert "- Ethayarajh et al. 2022: " in text


def test_a_sentence_about_some_models_only_begins_with_their_names(make_run):
    models = (*SPACE.models, Model(name="other", id="tests/other"))
    run = make_run(models=models)
    for recipe in ("baseline", "small_nli"):
        for seed in (1, 2):
            run.cell(recipe, "tags", seed, {"en": 0.5, "de": 0.4 + seed / 10})
    text = text_of(run)
    assert "transfer of 1 of 3 planned intermediate trainings to 1 of 3 planned target tasks with tiny" in text
    assert "transfer of 0 of 3 planned intermediate trainings to 0 of 3 planned target tasks with other" in text
    assert "With tiny: Each training was repeated with 2 seeds (1, 2)." in text
    assert "With other: Each training is to be repeated with 2 seeds; none of them has a score yet." in text
    assert text.count("We used the transfer sweeper") == 1


def test_sentences_about_models_keep_their_order_and_appear_once(full_run):
    data = load(full_run.url)
    (results,) = results_of_run(data)
    both = [results, replace(results, model="other")]
    own = {"tiny": ["First.", "Only tiny.", "Last."], "other": ["First.", "Only other.", "Last."]}
    sentences = list(of_models(both, lambda result: own[result.model]))
    assert sentences == ["First.", "With tiny: Only tiny.", "With other: Only other.", "Last."]
