"""The planted truth of the synthetic world: what data sets teach, what targets need, and the gain of each cell."""

from dataclasses import replace

import pytest

from search_spaces.demo_full import SPACE
from search_spaces.demo_recovery import SPACE as RECOVERY
from sweeper.space import Recipe, Stage
from sweeper.tasks.spec import Task
from sweeper.world import truth
from sweeper.world.repositories import INTERMEDIATES as DATA_SETS
from sweeper.world.skills import NEEDS, SKILLS, TEACHES
from sweeper.world.tasks import INTERMEDIATES, NULLS, PLACEBOS, TARGETS, TASKS
from sweeper.world.truth import LARGE_GAIN, placebo_recipes, planted_gain, planted_gains, taught

BY_NAME = {task.name: task for task in TASKS}


def test_each_data_set_and_each_target_has_declared_levels() -> None:
    assert set(TEACHES) == {data_set.name for data_set in DATA_SETS}
    assert set(NEEDS) == {task.name for task in TARGETS}
    assert {skill for level in (*TEACHES.values(), *NEEDS.values()) for skill in level} == set(SKILLS)
    assert all(-1 <= share <= 1 for level in TEACHES.values() for share in level.values())
    assert all(sum(level.values()) in (0, 1) for level in NEEDS.values())


def test_half_of_the_cells_have_a_planted_gain_or_loss_in_several_grades() -> None:
    gains = planted_gains(SPACE)
    assert len(gains) == 90
    assert sum(gain != 0 for gain in gains.values()) == 46
    assert len({gain for gain in gains.values() if gain >= LARGE_GAIN}) >= 3
    assert any(0 < gain < LARGE_GAIN for gain in gains.values())
    assert min(gains.values()) < 0
    assert all(-1 <= gain <= 1 for gain in gains.values())


def test_retrieval_has_nothing_planted() -> None:
    gains = [gain for (_, target), gain in planted_gains(SPACE).items() if target in ("mining", "twins")]
    assert gains == [0] * 20


@pytest.fixture
def declared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other levels than those of the world, so that expected values do not depend on them."""
    teaches = {
        "claims": {"effect": 0.5, "use": 0.25},
        "more_claims": {"effect": 0.25},
        "rewrites": {"tone": 1.0, "effect": 0.75},
        "reasons": {"effect": -1.0, "tone": 0.5},
        "gaps": {"tone": -1.0},
    }
    monkeypatch.setattr(truth, "TEACHES", teaches)
    monkeypatch.setattr(truth, "NEEDS", {"xclaims": {"effect": 0.75, "use": 0.25}, "names": {"tone": 1.0}})


@pytest.mark.usefixtures("declared")
@pytest.mark.parametrize(
    ("tasks", "target", "expected"),
    [
        (["claims"], "xclaims", 0.75 * 0.5 + 0.25 * 0.25),
        (["reasons"], "xclaims", 0.75 * -1.0 + 0.25 * 0.0),
        (["rewrites"], "names", 1.0),
        (["reasons"], "names", 0.5),
        (["claims"], "names", 0.0),
        (["claims", "rewrites"], "xclaims", 0.75 * 1.0 + 0.25 * 0.25),
        ([], "xclaims", 0.0),
    ],
)
def test_a_planted_gain_is_the_level_weighted_by_the_needs(tasks: list[str], target: str, expected: float) -> None:
    assert planted_gain([BY_NAME[name] for name in tasks], target) == expected


@pytest.mark.usefixtures("declared")
@pytest.mark.parametrize(
    ("tasks", "skill", "expected"),
    [
        (["claims", "reasons"], "effect", 0.5 - 1.0),
        (["claims", "rewrites"], "effect", 1.0),
        (["claims", "rewrites", "reasons"], "effect", 0.5 + 0.75 - 1.0),
        (["rewrites", "reasons"], "tone", 1.0),
        (["reasons", "gaps"], "tone", 0.5 - 1.0),
        (["rewrites", "reasons", "gaps"], "tone", 1.0 + 0.5 - 1.0),
        (["questions"], "tone", 0.0),
    ],
)
def test_the_levels_of_several_tasks_add_up_to_at_most_one(tasks: list[str], skill: str, expected: float) -> None:
    assert taught([BY_NAME[name] for name in tasks])[skill] == expected


@pytest.mark.usefixtures("declared")
def test_a_data_set_that_two_tasks_contain_counts_once() -> None:
    assert taught([BY_NAME["claims_plus"]])["effect"] == 0.5 + 0.25
    assert taught([BY_NAME["claims"], BY_NAME["claims_plus"]]) == taught([BY_NAME["claims_plus"]])


def test_a_cell_of_the_demo_follows_from_the_levels_of_its_recipe_and_target() -> None:
    for recipe, target in (("endings", "few_questions"), ("reasons", "names"), ("questions_null", "words")):
        expected = sum(need * TEACHES[recipe].get(skill, 0.0) for skill, need in NEEDS[target].items())
        assert planted_gains(SPACE)[recipe, target] == expected


@pytest.mark.parametrize("task", [*PLACEBOS, *NULLS], ids=lambda task: task.name)
def test_placebo_and_null_tasks_have_planted_gains_of_zero(task: Task) -> None:
    assert {planted_gain([task], target.name) for target in TARGETS} == {0}


def test_each_intermediate_task_has_a_placebo_with_its_format_and_columns() -> None:
    for task, placebo in zip(INTERMEDIATES, PLACEBOS, strict=True):
        assert placebo.name == f"placebo_{task.name}"
        assert (placebo.format, placebo.columns, placebo.labels) == (task.format, task.columns, task.labels)


def test_planted_gains_have_a_cell_for_each_recipe_with_stages_and_each_target() -> None:
    recipes = [recipe.name for recipe in RECOVERY.recipes if recipe.stages]
    assert list(planted_gains(RECOVERY)) == [(name, target.task) for name in recipes for target in RECOVERY.targets]
    assert "baseline" not in recipes


def test_a_recipe_of_a_users_own_task_has_no_planted_gain() -> None:
    user_task = replace(BY_NAME["claims"], name="my_claims")
    recipe = Recipe(name="mine", stages=(Stage(tasks=("claims", "my_claims")),))
    assert not planted_gains(replace(SPACE, recipes=(Recipe(name="baseline"), recipe), tasks=(*TASKS, user_task)))


def test_the_stages_of_a_recipe_count_together() -> None:
    chain = Recipe(name="chain", stages=(Stage(tasks=("claims",)), Stage(tasks=("rewrites",))))
    gains = planted_gains(replace(SPACE, recipes=(Recipe(name="baseline"), chain)))
    assert gains["chain", "xclaims"] == planted_gain([BY_NAME["claims"], BY_NAME["rewrites"]], "xclaims")


def test_a_placebo_recipe_has_gains_of_zero_and_belongs_to_the_recipe_of_its_name() -> None:
    placebos = placebo_recipes(RECOVERY)
    assert all(placebo == f"placebo_{recipe}" for recipe, placebo in placebos.items())
    assert {cell[0] for cell, gain in planted_gains(RECOVERY).items() if gain}.isdisjoint(placebos.values())
    assert {name for pair in placebos.items() for name in pair} == {r.name for r in RECOVERY.recipes if r.stages}
    assert placebo_recipes(SPACE) == {}
