"""A corner of the demo for tests: two recipes x two targets in three languages, the whole path in seconds."""

from dataclasses import replace

from sweeper.space import Recipe, Target, Training

from .demo import SPACE as DEMO

RECIPES = ("baseline", "parts")
TARGETS = ("names", "few_questions")
LANGUAGES = ("en", "xa", "xf")
NUM_EXAMPLES, NUM_EPOCHS = 64, 10
"""Training examples a task and epochs of a target: its 40 steps leave time to kill it behind its first checkpoint, at
step 20."""


def _short(training: Training) -> Training:
    return replace(training, cap_examples=NUM_EXAMPLES)


def _recipe(recipe: Recipe) -> Recipe:
    return replace(recipe, stages=tuple(replace(one, training=_short(one.training)) for one in recipe.stages))


def _target(target: Target) -> Target:
    return replace(target, training=replace(_short(target.training), epochs=NUM_EPOCHS), languages=LANGUAGES)


SPACE = replace(
    DEMO,
    name="tiny",
    title="Two recipes x two targets of the synthetic world",
    recipes=tuple(_recipe(recipe) for recipe in DEMO.recipes if recipe.name in RECIPES),
    targets=tuple(_target(target) for target in DEMO.targets if target.task in TARGETS),
    eval_cap=None,
    # The search's draw and those of three seeds: its own two, and one for a space that grows.
    world="demo:draws=4",
)
