"""The spaces of the five questions: every contrast is stated for scores that the space will have."""

import importlib
from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
import pytest

from analysis.results.contrast_sums import AXES, WeightedSum, weighted_sums
from analysis.results.marks import marks_of
from search_spaces.load import PLANTED, load_space, shipped
from search_spaces.questions import LARGE_NOTE, SMALL_NOTE
from search_spaces.questions.domain import XL as DOMAIN_XL
from search_spaces.questions.typology_world import partial_values
from sweeper.plan.units import make_plan
from sweeper.space import Space, slope_weights
from sweeper.space.contrast import DIFFICULTIES, DISTANCES
from sweeper.tasks.languages import XNLI
from sweeper.tasks.slices import can_share_rows
from sweeper.world.languages import distance
from sweeper.world.settings import parse_world

QUESTIONS = [name for name in shipped() if name.startswith("questions/")]
CLUSTER = [name for name in QUESTIONS if name.endswith("-xl")]
WORLDS = [name for name in QUESTIONS if name.endswith(PLANTED)]


def complete_scores(space: Space) -> pd.DataFrame:
    """A column of equal scores for every cell, condition and language of a space."""
    names = space.contrast_names()
    rows = [
        (model, recipe, target, condition, language)
        for model, recipe, target in product(names.model, names.recipe, names.target)
        for condition, language in product(names.condition[target], names.language[target])
    ]
    return pd.DataFrame(0.5, index=pd.MultiIndex.from_tuples(rows, names=list(AXES)), columns=[1])


def planned_sums(space: Space) -> list[WeightedSum]:
    """The sums of all contrasts, with a different measured value of each recipe."""
    names = space.contrast_names()
    of_recipes = {recipe: float(number) for number, recipe in enumerate(names.recipe)}
    measured = dict.fromkeys(product((*DISTANCES, *DIFFICULTIES), names.model, names.target), of_recipes)
    return weighted_sums(space, complete_scores(space), space.contrasts, measured)


@pytest.mark.parametrize("name", QUESTIONS)
def test_every_contrast_of_a_question_refers_to_scores_of_its_space(name: str) -> None:
    space = load_space(name)
    planned = planned_sums(space)
    assert planned
    assert {weighted.contrast.name: weighted.reason for weighted in planned if weighted.reason} == {}


@pytest.mark.parametrize("name", QUESTIONS)
def test_every_recipe_and_target_of_a_question_is_in_a_contrast_and_trains_on_no_rows_of_its_targets(name: str) -> None:
    space = load_space(name)
    planned = planned_sums(space)
    cells = {(score.recipe, score.target) for weighted in planned for score in weighted.weights}
    assert {recipe for recipe, _ in cells} == {recipe.name for recipe in space.recipes}
    assert {target for _, target in cells} == {target.task for target in space.targets}
    assert not cells & set(marks_of(space).same_rows)


@pytest.mark.parametrize("name", CLUSTER)
def test_the_notes_of_a_question_say_what_its_two_sizes_show(name: str) -> None:
    small, large = load_space(name.removesuffix("-xl")), load_space(name)
    assert small.note.startswith(SMALL_NOTE) and large.note.startswith(LARGE_NOTE)
    assert SMALL_NOTE not in large.note
    # Each question has caveats of its own.
    assert len(small.note) > len(SMALL_NOTE) and len(large.note) > len(LARGE_NOTE)


@pytest.mark.parametrize("name", CLUSTER)
def test_recipes_with_equal_examples_have_equal_examples_on_a_cluster(name: str) -> None:
    small, large = load_space(name.removesuffix("-xl")), load_space(name)
    # A twin can have further recipes after those of the small space.
    pairs = list(zip(small.recipes, large.recipes, strict=False))
    assert [after.name for _, after in pairs] == [recipe.name for recipe in small.recipes]
    examples = {
        min([stage.training.cap_examples or 10**9, *(large.task(task).train_size for task in stage.tasks)])
        for before, after in pairs
        for equal, stage in zip(before.stages, after.stages, strict=True)
        if equal.training.cap_examples
    }
    assert len(examples) <= 1
    assert all(stage.training.cap_examples for recipe in large.recipes for stage in recipe.stages) or not examples


def test_the_smallest_corpus_of_domain_adaptation_on_a_cluster_has_all_tokens_of_an_epoch() -> None:
    english = next(recipe for recipe in DOMAIN_XL.recipes if recipe.name == "English news then mnli")
    training = english.stages[0].training
    assert training.cap_tokens and training.cap_tokens / training.epochs <= 40_154


def test_adaptation_around_a_task_has_different_rows_on_each_side_and_as_many_tokens_as_before_it() -> None:
    recipes = {recipe.name: recipe for recipe in DOMAIN_XL.recipes}
    for domain, task in product(("bible", "news", "general"), ("mnli", "squad", "hellaswag")):
        before, middle, after = recipes[f"{domain} around {task}"].stages
        first, second = (DOMAIN_XL.task(stage.tasks[0]).train["en"][0] for stage in (before, after))
        assert first.id == second.id and not can_share_rows(first.split, second.split)
        whole, alone = recipes[f"{domain} then {task}"].stages
        assert alone == middle and middle.tasks == (task,)
        assert before.training.cap_tokens == after.training.cap_tokens
        assert whole.training.cap_tokens and whole.training.cap_tokens == 2 * (before.training.cap_tokens or 0)


def test_interactions_of_a_domain_are_estimated_for_each_target_and_for_each_of_its_languages() -> None:
    space = load_space("questions/domain")
    interactions = {weighted.contrast.family: 0 for weighted in planned_sums(space)}
    for weighted in planned_sums(space):
        interactions[weighted.contrast.family] += 1
    assert interactions["domain"] == 6 * 3
    assert interactions["domain languages"] == 6 * sum(len(target.languages or ()) for target in space.targets)


def test_languages_with_few_resources_add_no_training_to_the_small_space() -> None:
    space = load_space("questions/typology")
    plan = make_plan(space)
    trained = [unit for unit in plan.units if unit.kind == "target"]
    assert {target.task for target in space.targets} == {"tatoeba", "ner", "masakhaner"}
    assert len(trained) == len(space.recipes)


def test_each_source_language_on_a_cluster_is_also_a_machine_translation_of_the_english_examples() -> None:
    space = load_space("questions/typology-xl")
    recipes = {recipe.name: recipe.stages for recipe in space.recipes}
    for code in XNLI:
        if code != "en":
            (translated,) = recipes[f"{code} translated"]
            assert translated.translation and translated.translation.languages == (code,)
            assert replace(translated, translation=None) == recipes["en"][0]
    assert {"masakhaner", "ntrex", "sib200", "belebele", "americas_nli"} <= {target.task for target in space.targets}


def test_each_further_attack_and_defence_on_a_cluster_has_two_budgets() -> None:
    space = load_space("questions/robustness-xl")
    small = {condition.name for condition in load_space("questions/robustness").targets[0].conditions}
    budgets: dict[tuple[str, str], set[float]] = {}
    for condition in space.targets[0].conditions:
        if condition.name not in small:
            budgets.setdefault((condition.perturbation, condition.source), set()).add(condition.budget)
    on_examples = {key: {0.5, 1.0} for key in [("paraphrase", ""), ("distractor", "en"), ("distractor", "ru")]}
    assert budgets == on_examples | {("code_mix", ""): {0.2, 0.4}}
    trainings = [stage.training for recipe in space.recipes for stage in recipe.stages]
    assert {training.embedding_noise for training in trainings} == {0.0, 5.0, 10.0}
    assert {training.adversarial for training in trainings} == {0.0, 0.1, 0.3}


@pytest.mark.parametrize("name", WORLDS)
def test_a_question_in_the_synthetic_world_states_what_is_planted_in_each_contrast(name: str) -> None:
    space = load_space(name)
    signs = importlib.import_module(f"search_spaces.{name.replace('/', '.')}").SIGNS
    assert set(signs) == {contrast.name for contrast in space.contrasts}
    assert 0 in signs.values() and {1, -1} & set(signs.values())
    assert parse_world(space.world).questions == 1
    assert max(space.seeds) < parse_world(space.world).draws


def test_the_slope_of_one_language_leaves_out_what_the_distance_to_english_explains() -> None:
    weights = slope_weights(partial_values("xc"))
    design = np.array([[1.0, distance(other, "en"), distance(other, "xc")] for other in weights])
    np.testing.assert_allclose(list(weights.values()), np.linalg.pinv(design)[-1], atol=1e-12)
