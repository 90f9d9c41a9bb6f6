"""A corner of the demo for tests: two recipes x two targets in three languages, complete in seconds."""

from dataclasses import replace

from sweeper.space import Recipe, Target, Training

from .demo_full import SHORT_SEARCH, TWO_RATES, recipes, targets
from .demo_full import SPACE as FULL

RECIPES = ("baseline", "parts")
TARGETS = ("names", "few_questions")
LANGUAGES = ("en", "xa", "xf")
PREPARE_SHARE = 0.6
"""Share of the usual epochs of a preparation."""
NUM_EXAMPLES, NUM_EPOCHS = 64, 10
"""Training examples per task, and epochs of a target. The resulting 40 steps leave enough time to end a run after its
first checkpoint, at step 20."""


def _capped(training: Training) -> Training:
    return replace(training, cap_examples=NUM_EXAMPLES)


def _recipe(recipe: Recipe) -> Recipe:
    return replace(recipe, stages=tuple(replace(stage, training=_capped(stage.training)) for stage in recipe.stages))


def _target(target: Target) -> Target:
    return replace(target, training=replace(_capped(target.training), epochs=NUM_EPOCHS), languages=LANGUAGES)


SPACE = replace(
    FULL,
    name="tiny",
    title="Two recipes x two targets of the synthetic world",
    recipes=tuple(_recipe(recipe) for recipe in recipes(PREPARE_SHARE) if recipe.name in RECIPES),
    targets=tuple(_target(target) for target in targets(TWO_RATES) if target.task in TARGETS),
    seeds=(1, 2),
    search=SHORT_SEARCH,
    # Draw 0 is the search's. Tests let the space grow by a third seed, so that draws 0 to 3 are needed.
    world="demo:draws=4",
)
