"""The demo beside a placebo of each of its rows, five seeds: what `benchmarks/recovery.py` holds against the truth."""

from dataclasses import replace

from search_spaces.demo import SPACE as DEMO
from sweeper.space import Recipe
from sweeper.tasks.demo import PLACEBO, PLACEBOS, TASKS


def _placebo(recipe: Recipe) -> Recipe:
    """The same stages on the placebos of their tasks."""
    stages = (replace(stage, tasks=tuple(PLACEBO + name for name in stage.tasks)) for stage in recipe.stages)
    return Recipe(name=PLACEBO + recipe.name, stages=tuple(stages))


SPACE = replace(
    DEMO,
    name="demo_recovery",
    title="Every row of the demo, and its placebo",
    recipes=(*DEMO.recipes, *(_placebo(recipe) for recipe in DEMO.recipes if recipe.stages)),
    tasks=(*TASKS, *PLACEBOS),
    seeds=(1, 2, 3, 4, 5),
)
