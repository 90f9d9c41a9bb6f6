"""Validation of spaces, recipes and targets."""

import math
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from search_spaces.tiny import SPACE as TINY
from sweeper.errors import UserError
from sweeper.space import (
    Choice,
    Condition,
    LogUniform,
    Model,
    Recipe,
    Resources,
    Search,
    Space,
    Stage,
    Target,
    Training,
    Translation,
)
from sweeper.tasks.catalog import CATALOG
from sweeper.tasks.spec import Rows, Task

MIXED = Condition(name="mixed", perturbation="code_mix", by="pairs.tsv")
TYPOS = Condition(name="typos", perturbation="keyboard")


def with_stage(stage: Stage) -> Space:
    """A space with one recipe that has this stage."""
    return replace(TINY, recipes=(Recipe(name="row", stages=(stage,)),))


def test_the_layers_of_a_target_start_with_its_main_layer_and_contain_each_once() -> None:
    target = Target(task="twins", layer=14 / 24, also_layers=tuple(n / 12 for n in range(13)))
    assert target.layers == (14 / 24, *(n / 12 for n in range(13) if n != 7))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: Target(task="names", dials={"learning_rat": LogUniform(low=1, high=2)}),
            "Did you mean 'learning_rate'",
        ),
        (lambda: Stage(tasks=("parts",), dials={"seed": Choice(values=(1, 2))}), "No dial is called 'seed'"),
        (lambda: replace(TINY, targets=(Target(task="nams"),)), "No task is called 'nams'. Did you mean 'names'"),
        (lambda: replace(TINY, targets=(Target(task="names", languages=("xq",)),)), "test language of 'names'"),
        (lambda: Search(share=1.5), "0 < share < 1"),
        (lambda: Search(cap=0), "Search needs cap >= 1"),
        (lambda: Search(trials_with_prior=0), "Search needs trials_with_prior >= 1"),
        (lambda: Search(trials=4, trials_with_prior=5), "Search needs trials_with_prior <= trials, got 5 > 4"),
        (lambda: Search(trials_with_prior=3), "got prior = 'off' and trials_with_prior = 3"),
        (lambda: Search(prior="column"), "prior = 'column' and a `wave` of recipes, or neither"),
        (lambda: Search(wave=("mnli",)), "or neither, got prior = 'off' and wave = ('mnli',)"),
        (lambda: Search(prior="baseline", scope="target"), "scope = 'cell' for prior = 'baseline'"),
        (lambda: Search(prior="baseline", sampler="grid"), "'grid' does not learn from results"),
        (
            lambda: replace(TINY, recipes=TINY.recipes[1:], search=Search(prior="baseline")),
            "search.prior = 'baseline' searches on the baseline: add a recipe without stages",
        ),
        (
            lambda: replace(TINY, search=Search(prior="column", wave=("part",))),
            "No recipe of search.wave is called 'part'. Did you mean 'parts'?",
        ),
        (lambda: Training(batch_size=0), "batch_size > 0, got 0"),
        (lambda: Training(frozen_layers=-1), "frozen_layers >= 0, or None to train everything, got -1"),
        (lambda: Stage(tasks=("parts",), dials={"frozen_layers": Choice(values=(0, -2))}), "train everything, got -2"),
        (lambda: Stage(tasks=("parts",), label_noise=15), "0 <= label_noise <= 1 (a probability), got 15"),
        (
            lambda: with_stage(Stage(tasks=("claims", "parts"), label_noise=0.3)),
            "label_noise needs tasks of format classify or choose, whose examples have one label; got 'parts' (tag)",
        ),
        (
            lambda: Stage(tasks=("claims",), perturbed_share=0.5),
            "both a perturbation and 0 < perturbed_share <= 1, or neither of them; got perturbation = None",
        ),
        (lambda: Stage(tasks=("claims",), perturbation=TYPOS, perturbed_share=1.5), "perturbed_share = 1.5"),
        (
            lambda: Stage(tasks=("claims",), perturbation=replace(TYPOS, languages=("en",)), perturbed_share=0.5),
            "A stage perturbs examples of all of its languages. Remove the languages of condition 'typos'",
        ),
        (
            lambda: with_stage(
                Stage(
                    tasks=("parts",),
                    perturbation=Condition(name="near", perturbation="distractor"),
                    perturbed_share=0.5,
                )
            ),
            "'distractor' of condition 'near' is not defined for 'parts' (format 'tag'). Defined: keyboard",
        ),
        (
            lambda: with_stage(
                Stage(
                    tasks=("questions",),
                    perturbation=Condition(name="far", perturbation="distractor", source="xa"),
                    perturbed_share=0.5,
                )
            ),
            "No training language of 'questions' is called 'xa'",
        ),
        (
            lambda: Condition(name="again", perturbation="paraphrase", by="Helsinki-NLP/opus-mt-en-{language}"),
            "A paraphrase needs one model for both directions, got by = 'Helsinki-NLP/opus-mt-en-{language}'",
        ),
        (
            lambda: Stage(
                tasks=("questions",),
                translation=Translation(languages=("de",), by="apertium"),
                perturbation=Condition(name="near", perturbation="distractor"),
                perturbed_share=0.5,
            ),
            "A stage with a translation cannot have the perturbation 'distractor'",
        ),
        (
            lambda: Condition(name="typos", perturbation="keyboard", side="before"),
            "Only the perturbation 'distractor' has a side, got side = 'before' in condition 'typos' (keyboard)",
        ),
        (
            lambda: Condition(name="mixed", perturbation="code_mix"),
            "need `by`, and no other one has it; got by = '' in condition 'mixed' (code_mix)",
        ),
        (
            lambda: Stage(tasks=("claims",), perturbation=MIXED, perturbed_share=0.5),
            "The stage trains in 'en', so that condition 'mixed' needs another language in `source`",
        ),
        (
            lambda: replace(
                TINY, targets=(Target(task="names", conditions=(replace(MIXED, languages=("xa", "en")),)),)
            ),
            "Condition 'mixed' translates into 'en'. Remove that language from its languages",
        ),
        (
            lambda: replace(
                TINY,
                targets=(Target(task="words", conditions=(Condition(name="swap", perturbation="entity_swap"),)),),
            ),
            "'entity_swap' needs tags of entities such as B-PER, and 'words' has none",
        ),
        (lambda: Training(adversarial=-1), "Training needs adversarial >= 0, got -1"),
        (lambda: Training(mask_share=1.0), "0 < mask_share < 1, got 1.0"),
        (
            lambda: Stage(
                tasks=("parts",), training=Training(min_steps=50), dials={"max_steps": Choice(values=(10, 90))}
            ),
            "min_steps <= max_steps, got min_steps=50, max_steps=10",
        ),
        (
            lambda: Target(
                task="names", dials={"min_steps": Choice(values=(5, 30)), "max_steps": Choice(values=(20, 40))}
            ),
            "min_steps <= max_steps, got min_steps=30, max_steps=20",
        ),
        (
            lambda: Stage(tasks=("parts",), dials={"mask_share": LogUniform(low=0.1, high=2.0)}),
            "0 < mask_share < 1, got 2.0",
        ),
        (
            lambda: Resources(gpus=4),
            "gpus <= 1 for one process, and gpus = 0 or gpus = processes for several, got gpus=4, processes=1.",
        ),
        (lambda: Resources(gpus=1, processes=2), "gpus = processes for several, got gpus=1, processes=2."),
        (
            lambda: replace(
                TINY, cartography=True, models=(Model(name="m", id="m", resources=Resources(processes=2)),)
            ),
            "cartography needs one process for each training, but model 'm' has 2",
        ),
        (lambda: Resources(processes=0), "Resources need 1 <= processes <= 64, got processes=0."),
        (lambda: Choice(values=(3,)), "two different values"),
        (lambda: LogUniform(low=1e-5, high=1e-3, first=(1.0,)), "needs `first` within"),
        (lambda: replace(TINY, targets=TINY.targets * 2), "can have each target only once"),
        (lambda: Target(task="twins", also_layers=(0.5, 1.5)), "0 <= layer <= 1 (a share of the depth), got 1.5"),
        (lambda: Target(task="twins", similarity="clss"), "Did you mean 'csls'"),  # type: ignore[arg-type]
        (lambda: Target(task="twins", pooling="max"), "of Target.pooling is called 'max'. Did you mean 'mean'?"),  # type: ignore[arg-type]
        (lambda: replace(TINY, evaluate="both"), "No value of Space.evaluate is called 'both'. Known: dev, test."),  # type: ignore[arg-type]
        (lambda: replace(TINY, evaluate="train"), "No value of Space.evaluate is called 'train'. Known: dev, test."),  # type: ignore[arg-type]
        (lambda: Search(scope="Cell"), "No value of Search.scope is called 'Cell'. Did you mean 'cell'?"),  # type: ignore[arg-type]
        (lambda: Search(sampler="tpes"), "No value of Search.sampler is called 'tpes'. Did you mean 'tpe'?"),  # type: ignore[arg-type]
        (lambda: Training(precision="bf-16"), "No value of Training.precision is called 'bf-16'. Did you mean 'bf16'?"),  # type: ignore[arg-type]
        (
            lambda: replace(
                TINY,
                targets=(Target(task="names"),),
                tasks=tuple(
                    replace(task, train={"xa": task.train["en"]}) if task.name == "names" else task
                    for task in TINY.tasks
                ),
            ),
            "Target 'names' trains in English, but 'names' has no English training data.",
        ),
        (
            lambda: replace(TINY, targets=(Target(task="names", also_layers=(0.5,)),)),
            "`also_layers` is only for targets",
        ),
        (lambda: replace(TINY, targets=(Target(task="mining", similarity="csls"),)), "with the scorer neighbours"),
        (lambda: Training(keep="best", evaluate_every=0), "Training needs evaluate_every > 0, got 0."),
        (lambda: Training(keep="best", patience=0), "Training needs patience >= 1, or None for no limit, got 0."),
        (lambda: Training(average=1.0), "Training needs 0 <= average < 1 (a share of the steps), got 1.0."),
        (lambda: Training(average=-0.1), "0 <= average < 1"),
        (lambda: Training(patience=3), "patience = 3 with keep = 'last'. Set keep = 'best', or remove the patience."),
        (lambda: Training(keep="first"), "No value of Training.keep is called 'first'."),  # type: ignore[arg-type]
        (
            lambda: Stage(tasks=("words",), dials={"keep": Choice(values=("last", "best"))}),
            "'keep' cannot be a dial, got Choice(values=('last', 'best')",
        ),
        (lambda: Target(task="words", dials={"patience": Choice(values=(1, 2))}), "'patience' cannot be a dial"),
        (
            lambda: Stage(tasks=("words",), dials={"average": Choice(values=(0.0, 1.0))}),
            "Training needs 0 <= average < 1",
        ),
    ],
)
def test_an_invalid_value_is_refused_when_it_is_created(make: Callable[[], object], message: str) -> None:
    with pytest.raises(UserError) as caught:
        make()
    assert message in str(caught.value)


def test_dials_are_checked_again_with_another_training_and_after_they_were_refused() -> None:
    dials = {"min_steps": Choice(values=(10, 20))}
    Stage(tasks=("words",), dials=dials)
    for _ in range(2):
        with pytest.raises(UserError, match="min_steps"):
            Stage(tasks=("words",), training=Training(max_steps=15), dials=dials)


SWAHILI = Task(
    name="swahili",
    title="A task without English data",
    format="classify",
    scorer="accuracy",
    labels=("no", "yes"),
    train={"sw": (Rows(id="own/swahili", split="train"),)},
)


def test_dials_are_refused_if_a_task_has_no_english_training_data() -> None:
    def with_recipe(stage: Stage) -> Space:
        return replace(
            TINY, tasks=(*TINY.tasks, SWAHILI), recipes=(*TINY.recipes, Recipe(name="recipe", stages=(stage,)))
        )

    stage = Stage(tasks=("swahili",), languages=("sw",))
    assert with_recipe(stage)
    searched = replace(stage, dials={"learning_rate": LogUniform(low=1e-4, high=1e-2)})
    with pytest.raises(UserError, match=r"'swahili' has training data only in sw\. Set learning_rate in the training"):
        with_recipe(searched)


BEST = Training(keep="best")


def test_keeping_the_best_weights_is_refused_if_no_task_has_english_training_data() -> None:
    def with_stage(*tasks: str) -> Space:
        stage = Stage(tasks=tasks, languages=("sw",), training=BEST)
        both = replace(SWAHILI, name="both", train={**SWAHILI.train, "en": SWAHILI.train["sw"]})
        return replace(
            TINY, tasks=(SWAHILI, both, *TINY.tasks), recipes=(*TINY.recipes, Recipe(name="r", stages=(stage,)))
        )

    assert with_stage("both") and with_stage("swahili", "both")
    with pytest.raises(
        UserError, match=r"keep = 'best' .* but swahili has no English training data to set aside\. Use"
    ):
        with_stage("swahili")


def test_keeping_the_best_weights_is_refused_where_refitted_replicates_have_no_selection_data() -> None:
    refit = replace(TINY.search, refit=True)
    names = replace(TINY.targets[0], training=BEST)
    few = replace(TINY.targets[1], training=BEST)
    assert (names.task, few.task) == ("names", "few_questions")
    # `names` is reported on test and selected on dev; `few_questions` has the same rows in both.
    assert replace(TINY, targets=(names,), search=refit)
    message = (
        r"search\.refit trains replicates on all rows, so {} has no selection data left for keep = 'best'\. Use keep"
    )
    with pytest.raises(UserError, match=message.format("target 'few_questions'")):
        replace(TINY, targets=(few,), search=refit)
    with pytest.raises(UserError, match=message.format("target 'names'")):
        replace(TINY, targets=(names,), search=refit, evaluate="dev")
    recipe = replace(TINY.recipes[1], stages=(replace(TINY.recipes[1].stages[0], training=BEST),))
    with pytest.raises(UserError, match=message.format("recipe 'parts'")):
        replace(TINY, recipes=(TINY.recipes[0], recipe), search=refit)


@pytest.mark.parametrize(
    ("task", "message"),
    [
        (Task(name="lone", title="", format="classify", scorer="accuracy"), "Name another task in `trains_on`"),
        (
            Task(name="lone", title="", format="classify", scorer="accuracy", trains_on="words"),
            "cannot train on 'words'",
        ),
    ],
)
def test_a_target_without_training_data_is_refused(task: Task, message: str) -> None:
    rows = {"en": (Rows(id="a/b", split="test"),)}
    task = replace(task, dev=rows, test=rows)
    with pytest.raises(UserError, match=message):
        replace(TINY, tasks=(*TINY.tasks, task), targets=(Target(task="lone"),))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"languages": ()}, "at least one language, each once and none of them 'en'"),
        ({"languages": ("de", "de")}, "at least one language, each once and none of them 'en'"),
        ({"languages": ("de", "en")}, "at least one language, each once and none of them 'en'"),
        ({"share": 0.0}, "0 < share <= 1, got 0.0. To translate nothing, remove the translation"),
        ({"share": 1.1}, "0 < share <= 1"),
        ({"num_beams": 0}, "num_beams >= 1, got 0"),
        ({"by": ""}, "a Hub id or folder of a model, 'folder:PATH' or 'apertium'"),
        ({"by": "folder:"}, "a Hub id or folder of a model, 'folder:PATH' or 'apertium'"),
    ],
)
def test_an_invalid_translation_is_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Translation(**{"languages": ("de",), "by": "apertium", **values})  # type: ignore[arg-type]


GERMAN = Translation(languages=("de",), by="apertium")


def test_a_translated_stage_must_train_in_english() -> None:
    with pytest.raises(UserError, match=r"`languages` must be \('en',\); got \('de',\)"):
        Stage(tasks=("xnli",), languages=("de",), translation=GERMAN)


def test_a_translation_is_refused_if_no_task_of_the_stage_can_be_translated() -> None:
    def with_recipe(*tasks: str) -> Space:
        recipe = Recipe(name="translated", stages=(Stage(tasks=tasks, translation=GERMAN),))
        return replace(TINY, recipes=(*TINY.recipes, recipe))

    # One translatable task is enough; the other stays in English.
    assert with_recipe("mnli", "ud_supertags")
    with pytest.raises(UserError, match=r"a task of format classify, choose, span .*; got ud_supertags \(tag\)\. Add"):
        with_recipe("ud_supertags")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"temperature": 0.5}, "temperature >= 1"),
        ({"mlm_exponent": 2.0}, "<= 1"),
        ({"shares": {"mnl": 1.0}}, r"No task or language of the stage is called 'mnl'\. Did you mean 'mnli'"),
        (
            {"shares": {"mnli": 1.0}},
            r"a share > 0 for every task of the stage \(mnli, xnli\), with sum 1; got",
        ),
        ({"shares": {"mnli": 0.6, "xnli": 0.6}}, "with sum 1; got"),
        ({"shares": {"mnli": math.nan, "xnli": 0.6}}, r"Stage\.shares\['mnli'\] needs a finite number, got nan"),
        ({"languages": ("en", "de", "en")}, "each language once, got en, de, en"),
        ({"tasks": ("mnli", "mnli")}, "each task once, got mnli, mnli"),
        ({"shares": {"mnli": 1.0, "xnli": 0.0}}, "a share > 0 for every task"),
        ({"shares": {"en": 0.5}}, r"for every language of the stage \(en, de\)"),
        ({"shares": {"mnli": 0.6, "xnli": 0.4}, "temperature": 2.0}, "remove temperature=2"),
    ],
)
def test_an_invalid_mixture_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Stage(**{"tasks": ("mnli", "xnli"), "languages": ("en", "de"), **values})


def test_a_cap_that_leaves_a_language_without_examples_is_refused() -> None:
    def stage(**changes: Any) -> Space:
        stage = Stage(tasks=("mlm_text",), languages=("en", "de", "sw"), **changes)
        return replace(TINY, recipes=(*TINY.recipes, Recipe(name="text", stages=(stage,))))

    assert stage(training=Training(cap_examples=3))
    with pytest.raises(UserError, match="cap_examples = 2 leaves no example for 'de', one of 3 languages"):
        stage(training=Training(cap_examples=2))
    with pytest.raises(UserError, match="cap_examples = 2 leaves"):
        stage(dials={"cap_examples": Choice(values=(2, 50))})
    with pytest.raises(UserError, match="cap_examples = 10 leaves no example for 'sw'"):
        stage(training=Training(cap_examples=10), shares={"en": 0.49, "de": 0.49, "sw": 0.02})


MODEL = TINY.models[0]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: replace(MODEL, training={"batch": 8}),
            "No option of Training is called 'batch'. Did you",
        ),
        (lambda: replace(MODEL, dials={"seed": Choice(values=(1, 2))}), "No dial is called 'seed'"),
        (
            lambda: replace(TINY, models=(replace(MODEL, training={"epochs": -1}),)),
            "With the training options of model 'tiny': Training needs epochs > 0, got -1",
        ),
        (
            lambda: replace(TINY, models=(replace(MODEL, training={"epochs": "many"}),)),
            "With the training options of model 'tiny': ",
        ),
        (
            lambda: replace(TINY, models=(replace(MODEL, dials={"warmup": Choice(values=(0.0, 0.1))}),)),
            "Model 'tiny' has the dial 'warmup', which no stage and no target searches.",
        ),
        (lambda: Training(min_steps=9, max_steps=8), "min_steps <= max_steps, got min_steps=9, max_steps=8"),
        (lambda: Training(max_steps=0), "max_steps >= 1, or None for no limit, got 0"),
    ],
)
def test_invalid_options_of_a_model_are_refused_when_the_space_is_made(make: Any, message: str) -> None:
    with pytest.raises(UserError, match=re.escape(message)):
        make()


def test_the_tasks_of_stages_before_a_target_are_checked() -> None:
    with pytest.raises(UserError, match=r"No task is called 'gasp'\. Did you mean 'gaps'"):
        replace(TINY, targets=(replace(TINY.targets[0], before=(Stage(tasks=("gasp",)),)),))


def test_a_pool_must_be_a_ranking_task_without_queries() -> None:
    lareqa = CATALOG["lareqa"]
    wrong = replace(lareqa, pool="squad_pairs")
    with pytest.raises(UserError, match=r"A pool must be a task of format rank without queries.*'squad_pairs'"):
        replace(TINY, tasks=(*TINY.tasks, wrong), targets=(Target(task="lareqa"),))
    with pytest.raises(UserError, match=r"No task is called 'lareqa_sentence'\. Did you mean 'lareqa_sentences'"):
        replace(TINY, tasks=(*TINY.tasks, replace(lareqa, pool="lareqa_sentence")), targets=(Target(task="lareqa"),))


@pytest.mark.parametrize("field", ["models", "recipes"])
@pytest.mark.parametrize("name", ["a/b", "/", "a\nb", ""])
def test_a_name_with_a_slash_or_a_line_break_is_refused(field: str, name: str) -> None:
    (first, *others) = getattr(TINY, field)
    with pytest.raises(UserError, match=r"must be one line without '/', and not empty"):
        replace(TINY, **{field: (replace(first, name=name), *others)})  # type: ignore[arg-type]
