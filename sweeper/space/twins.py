"""Twins of recipes that train on the same labels without any input, as usable information needs them."""

from dataclasses import replace

from sweeper.formats.table import properties_of
from sweeper.space.condition import NEEDS, Condition
from sweeper.space.stage import Recipe, Stage, TaskNamed, tasks_of

NO_INPUT = Condition(name="no input", perturbation="null_input", budget=1.0)
"""The condition under which twins train, select their weights and are scored."""
NOISY_LABELS = "noisy labels"
"""Condition of a preparation with `Stage.label_noise`: its dev data have as many wrong labels as its training data."""


def has_twin(recipe: Recipe, task_named: TaskNamed) -> bool:
    """Whether the one task of a recipe can train without input, and has dev data that measure what it then lacks.

    A recipe of several tasks has no single difficulty, and so no twin.
    """
    names = tasks_of(recipe.stages, masked=False)
    if len(names) != 1 or recipe.stages[-1].perturbation:
        return False
    task = task_named(names[0])
    has_input = NEEDS[NO_INPUT.perturbation] in properties_of(task).edits
    return has_input and bool(set(recipe.stages[-1].languages) & set(task.dev))


def twin_name(recipe: str) -> str:
    """The name of the twin of a recipe."""
    return f"{recipe} without input"


def twin_of(recipe: Recipe) -> Recipe:
    """The recipe whose last stage has the same training and labels, but no input."""
    stage = replace(recipe.stages[-1], perturbation=NO_INPUT, perturbed_share=1.0)
    return Recipe(name=twin_name(recipe.name), stages=(*recipe.stages[:-1], stage))


def is_twin(stage: Stage) -> bool:
    """Whether a stage trains without any input."""
    return stage.perturbation == NO_INPUT and stage.perturbed_share == 1.0
