"""The demo in full beside a placebo of each row, five seeds: what `benchmarks/recovery.py` holds against the truth.

Scored in English and in the two languages nearest to it, where what was learned in English arrives: whether a row has
learned it is the question here; how far it reaches is another one, which the demo's nine languages answer.
"""

from dataclasses import replace

from sweeper.space import Recipe, Target
from sweeper.world.tasks import PLACEBO, PLACEBOS, TASKS

from .demo_full import SHORT_SEARCH, TWO_RATES, recipes, targets
from .demo_full import SPACE as FULL

NEAR = ("en", "xa", "xb")


def _near(target: Target) -> Target:
    """The target in as many of these languages as it has."""
    held = FULL.task(target.task).test
    return replace(target, languages=tuple(language for language in NEAR if language in held))


def _placebo(recipe: Recipe) -> Recipe:
    """The same stages on the placebos of their tasks."""
    stages = (replace(stage, tasks=tuple(PLACEBO + name for name in stage.tasks)) for stage in recipe.stages)
    return Recipe(name=PLACEBO + recipe.name, stages=tuple(stages))


SPACE = replace(
    FULL,
    name="demo_recovery",
    title="Every row of the demo, and its placebo",
    recipes=(*recipes(), *(_placebo(recipe) for recipe in recipes() if recipe.stages)),
    targets=tuple(_near(target) for target in targets(TWO_RATES)),
    tasks=(*TASKS, *PLACEBOS),
    seeds=(1, 2, 3, 4, 5),
    search=SHORT_SEARCH,
)
