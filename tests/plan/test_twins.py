"""Twins without input: which exist, what they score, and what they leave unchanged."""

from dataclasses import replace

import pytest

from search_spaces.questions.difficulty import SPACE as DIFFICULTY
from search_spaces.tiny import SPACE as TINY
from sweeper.errors import UserError
from sweeper.plan.units import make_plan
from sweeper.run.growth import check_growth
from sweeper.space import Choice, Recipe, Space
from tests.tuning.imaginary import FakeLedger, agenda_of, drain

WITH = replace(TINY, null_twins=True)
TWIN = "tiny/parts without input"


def run(space: Space, ledger: FakeLedger) -> dict[str, str]:
    """Run the trials of a space that a ledger lacks. Returns name -> key of the trials that ran."""
    return {spec.name: spec.key for spec in drain(agenda_of(space, ledger), ledger)}


def test_a_space_has_twins_only_if_it_asks_for_them_and_no_other_trial_changes() -> None:
    without, with_twins = run(TINY, FakeLedger()), run(WITH, FakeLedger())
    assert with_twins.keys() - without.keys() == {f"{TWIN}/seed 1", f"{TWIN}/seed 2"}
    assert without.items() <= with_twins.items()


def test_a_run_folder_accepts_twins_later_and_runs_only_them() -> None:
    check_growth(TINY, WITH, "runs/tiny")
    ledger = FakeLedger()
    run(TINY, ledger)
    assert set(run(WITH, ledger)) == {f"{TWIN}/seed 1", f"{TWIN}/seed 2"}


def test_a_twin_trains_and_is_scored_without_input_and_its_encoder_is_not_stored() -> None:
    specs = {spec.name: spec for spec in drain(agenda_of(WITH), FakeLedger())}
    spec, own = specs[f"{TWIN}/seed 1"], specs["tiny/parts/seed 1"]
    perturbations = [spec.chain[-1].data[0].perturbation, spec.scores[0].data.perturbation]
    assert [(each.name, each.share) for each in perturbations if each] == [("null_input", 1.0)] * 2
    assert [score.condition for score in spec.scores] == ["no input"]
    assert not spec.keep
    assert spec.chain[-1].training == own.chain[-1].training


def test_a_preparation_with_wrong_labels_is_also_scored_on_wrong_labels_and_so_is_its_twin() -> None:
    (stage,) = DIFFICULTY.recipes[3].stages
    recipes = (Recipe(name="noisy", stages=(replace(stage, label_noise=0.3),)),)
    space = replace(DIFFICULTY, recipes=recipes, contrasts=(), claims=(), null_twins=True)
    specs = {spec.name: spec for spec in drain(agenda_of(space), FakeLedger())}
    clean, noisy = specs["mini-xlmr/noisy/seed 2"].scores
    (blind,) = specs["mini-xlmr/noisy without input/seed 2"].scores
    assert (clean.condition, noisy.condition) == ("clean", "noisy labels")
    assert clean.data.label_noise is None
    assert (
        noisy.data.label_noise == blind.data.label_noise == specs["mini-xlmr/noisy/seed 2"].chain[0].data[0].label_noise
    )


def test_a_twin_has_the_dials_that_were_chosen_for_its_recipe() -> None:
    (baseline, recipe) = WITH.recipes
    (stage,) = recipe.stages
    searched = replace(stage, dials={"learning_rate": Choice(values=(1e-3, 5e-4))})
    space = replace(WITH, recipes=(baseline, replace(recipe, stages=(searched,))))
    (unit,) = [unit for unit in make_plan(space).units if unit.name == TWIN]
    assert unit.study == "tiny/parts"
    specs = {spec.name: spec for spec in drain(agenda_of(space), FakeLedger())}
    assert specs[f"{TWIN}/seed 1"].dials == specs["tiny/parts/seed 1"].dials != {}


def test_a_twin_selects_its_weights_without_input() -> None:
    (baseline, recipe) = WITH.recipes
    (stage,) = recipe.stages
    best = replace(stage, training=replace(stage.training, keep="best"))
    space = replace(WITH, recipes=(baseline, replace(recipe, stages=(best,))))
    specs = {spec.name: spec for spec in drain(agenda_of(space), FakeLedger())}
    spec, own = specs[f"{TWIN}/seed 1"], specs["tiny/parts/seed 1"]
    selected = [*spec.select, *spec.chain[-1].validation]
    assert [data.perturbation.name for data in selected if data.perturbation] == ["null_input"] * 2
    assert [data.perturbation for data in (*own.select, *own.chain[-1].validation)] == [None] * 2


def test_a_recipe_without_dev_data_has_no_twin() -> None:
    tasks = tuple(replace(task, dev={}) if task.name == "parts" else task for task in TINY.tasks)
    assert replace(WITH, tasks=tasks).twins == {}


def test_a_recipe_of_several_tasks_has_no_twin() -> None:
    (stage,) = DIFFICULTY.recipes[3].stages
    other = replace(stage, tasks=("mrpc",))
    one = Recipe(name="one", stages=(stage,))
    mixed = Recipe(name="mixed", stages=(replace(stage, tasks=("mnli", "mrpc")),))
    chained = Recipe(name="chained", stages=(stage, other))
    space = replace(DIFFICULTY, recipes=(one, mixed, chained), contrasts=(), claims=())
    assert list(space.twins) == ["one"]


def test_a_recipe_with_the_name_of_a_twin_is_refused() -> None:
    baseline, recipe = TINY.recipes
    other = replace(recipe, stages=(replace(recipe.stages[0], label_noise=0.0, temperature=2.0),))
    with pytest.raises(UserError, match="parts without input more than once"):
        replace(WITH, recipes=(baseline, recipe, replace(other, name="parts without input")))
