"""The full matrix with a placebo of each recipe; `benchmarks/recovery.py` compares it with the planted truth.

Targets are scored in English and the two languages nearest to it, because zero-shot transfer to these works well. The
space measures which recipe teaches a skill; `demo_full` measures how far a skill transfers to distant languages.
"""

from dataclasses import replace

from sweeper.space import Recipe, Target
from sweeper.world.tasks import PLACEBO, PLACEBOS, TASKS

from .demo_full import SHORT_SEARCH, TWO_RATES, recipes, targets
from .demo_full import SPACE as FULL

NEAR = ("en", "xa", "xb")


def _near(target: Target) -> Target:
    """Return the target in those of the NEAR languages that it has."""
    available = FULL.task(target.task).test
    return replace(target, languages=tuple(language for language in NEAR if language in available))


def _placebo(recipe: Recipe) -> Recipe:
    """Return a recipe with the same stages on the placebos of their tasks."""
    stages = (replace(stage, tasks=tuple(PLACEBO + name for name in stage.tasks)) for stage in recipe.stages)
    return Recipe(name=PLACEBO + recipe.name, stages=tuple(stages))


SPACE = replace(
    FULL,
    name="demo_recovery",
    title="All recipes of the synthetic world, and their placebos",
    recipes=(*recipes(), *(_placebo(recipe) for recipe in recipes() if recipe.stages)),
    targets=tuple(_near(target) for target in targets(TWO_RATES)),
    tasks=(*TASKS, *PLACEBOS),
    seeds=(1, 2, 3, 4, 5),
    search=SHORT_SEARCH,
)
