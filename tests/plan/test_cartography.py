"""Dataset cartography: which trainings are observed, and what it leaves unchanged."""

from dataclasses import replace

from search_spaces.tiny import SPACE as TINY
from sweeper.files.serialize import write_json
from sweeper.run.growth import check_growth
from sweeper.space import Recipe, Stage
from tests.tuning.imaginary import FakeLedger, agenda_of, drain

WITH = replace(TINY, cartography=True, null_twins=True)


def test_the_trainings_of_recipes_are_observed_but_no_targets_twins_searches_or_tags() -> None:
    baseline, recipe = TINY.recipes
    (stage,) = recipe.stages
    claims = Recipe(name="claims", stages=(Stage(tasks=("claims",), training=stage.training),))
    space = replace(WITH, recipes=(baseline, recipe, claims))
    observed = {spec.name for spec in drain(agenda_of(space), FakeLedger()) if spec.cartography}
    assert observed == {"tiny/claims/seed 1", "tiny/claims/seed 2"}


def test_cartography_changes_no_key_and_a_run_folder_accepts_it_later() -> None:
    without = {spec.name: spec.key for spec in drain(agenda_of(replace(WITH, cartography=False)), FakeLedger())}
    assert {spec.name: spec.key for spec in drain(agenda_of(WITH), FakeLedger())} == without
    check_growth(TINY, replace(TINY, cartography=True), "runs/tiny")
    check_growth(replace(TINY, cartography=True), TINY, "runs/tiny")


def test_a_space_without_cartography_has_the_bytes_of_versions_without_it() -> None:
    assert b"cartography" not in write_json(TINY)
