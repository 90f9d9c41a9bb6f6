"""The planted truth: the transfer gain that the synthetic world plants in each cell of a matrix."""

from collections.abc import Iterable, Mapping

from sweeper.scoring.sums import total
from sweeper.space import Space
from sweeper.tasks.spec import Task
from sweeper.world.skills import NEEDS, SKILLS, TEACHES, Levels
from sweeper.world.tasks import ENTRIES, PLACEBO

Cell = tuple[str, str]
"""Names of a recipe and of a target task."""
LARGE_GAIN = 0.5
"""A planted gain of at least this is called large. The others above 0 are small: 1/3 in the shipped spaces."""


def planted_gains(space: Space) -> Mapping[Cell, float]:
    """Planted gain of each (recipe, target), -1 to 1, in the order of the space.

    0 means that the recipe teaches nothing that the target needs, and a value below 0 that it teaches it wrongly. The
    value is a grade and not a number of points: only its sign and its rank can be compared with measured gains. The
    stages of a recipe count together. Placebo and null recipes have 0 everywhere.

    The result has no cell for recipes without stages (the baseline), nor for recipes or targets of tasks that are not
    part of the world. It is therefore empty for a space on real data.
    """
    stages = {recipe.name: [task for stage in recipe.stages for task in stage.tasks] for recipe in space.recipes}
    recipes = {name: tasks for name, tasks in stages.items() if tasks and all(task in ENTRIES for task in tasks)}
    targets = [target.task for target in space.targets if target.task in NEEDS]
    return {
        (recipe, target): planted_gain([space.task(task) for task in tasks], target)
        for recipe, tasks in recipes.items()
        for target in targets
    }


def placebo_recipes(space: Space) -> Mapping[str, str]:
    """Recipe -> the recipe of its placebos (`placebo_NAME`), for recipes that have one in the space.

    A planted zero has to be measured against the placebo: any fine-tuning changes an encoder, so that gains over the
    baseline are not 0 even if nothing is planted.
    """
    names = {recipe.name for recipe in space.recipes}
    return {
        recipe.name: PLACEBO + recipe.name
        for recipe in space.recipes
        if recipe.stages and PLACEBO + recipe.name in names
    }


def planted_gain(tasks: Iterable[Task], target: str) -> float:
    """Planted gain of one cell: the level that the tasks teach in each skill, weighted by the needs of the target.

    The addition of levels is a convention: two shares may overlap, and a model may learn either side of data sets that
    contradict each other. Raises KeyError if `target` is not a target task of the world.
    """
    levels = taught(tasks)
    return total(need * levels[skill] for skill, need in NEEDS[target].items())


def taught(tasks: Iterable[Task]) -> Levels:
    """Level of each skill, -1 to 1, that the training data of the tasks teach together.

    A data set that two tasks have in common counts once.
    """
    data_sets = {rows.id.split("/")[-1] for task in tasks for sources in task.train.values() for rows in sources}
    # Floating-point sums depend on the order, and the order of a set on the process: hence sorted.
    totals = {skill: total(TEACHES.get(name, {}).get(skill, 0.0) for name in sorted(data_sets)) for skill in SKILLS}
    return {skill: max(-1.0, min(1.0, level)) for skill, level in totals.items()}
