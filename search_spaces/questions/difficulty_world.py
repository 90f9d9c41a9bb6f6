"""Difficulty in the synthetic world: do gains fall in the order of the share of concepts that are taught wrongly?

Planted: the same claims three times, in which a share (0, 1/3, 2/3) of the hidden concepts has the wrong class in every
example. Noise in single examples would leave the majority of the labels of a concept right. Null: the same slopes on
targets that need none of the taught skills.
"""

from dataclasses import replace
from itertools import pairwise

from sweeper.space import EACH, Contrast, Recipe, Slope, Stage, Term, difference
from sweeper.world.question_tasks import DOSES, QUESTION_TASKS
from sweeper.world.tasks import TASKS

from ..demo_full import PREPARE, targets
from ..demo_full import SPACE as FULL

TAUGHT, OTHER = ("xclaims", "words"), ("xrewrites", "names")
"""Targets that need what the claims teach, and those that need none of it."""
LANGUAGES = ("en", "xa", "xb", "xd")
"""English, and languages in which zero-shot transfer to most targets works."""
NUM_SEEDS = 5


def _slope(target: str, family: str) -> Contrast:
    """The slope of the score on the dose, in each language."""
    return Contrast(
        name=f"dose on {target}",
        family=family,
        terms=(Term(recipe=EACH),),
        targets=(target,),
        each=("language",),
        slope=Slope(axis="recipe", covariate="dose", unit="whole lesson that is wrong"),
    )


def _steps(target: str, family: str) -> tuple[Contrast, ...]:
    """What each step from one dose to the next costs, over all languages."""
    return tuple(
        difference(f"{less} - {more} on {target}", less, more, family=family, targets=(target,))
        for less, more in pairwise(DOSES)
    )


PLANTED = tuple(_slope(target, "difficulty") for target in TAUGHT)
STEPS = tuple(step for target in TAUGHT for step in _steps(target, "difficulty"))
NULL = tuple(
    contrast for target in OTHER for contrast in (_slope(target, "difficulty null"), *_steps(target, "difficulty null"))
)
SIGNS = (
    dict.fromkeys((contrast.name for contrast in PLANTED), -1)
    | dict.fromkeys((step.name for step in STEPS), 1)
    | dict.fromkeys((contrast.name for contrast in NULL), 0)
)
"""Contrast -> the sign that is planted; 0 if nothing is."""

SPACE = replace(
    FULL,
    name="questions/difficulty_world",
    title="Do gains fall with the share of wrong concepts? In the synthetic world",
    recipes=tuple(
        Recipe(name=name, stages=(Stage(tasks=(name,), training=PREPARE),), factors={"dose": dose})
        for name, dose in DOSES.items()
    ),
    targets=tuple(replace(target, languages=LANGUAGES) for target in targets({}) if target.task in TAUGHT + OTHER),
    tasks=(*TASKS, *QUESTION_TASKS),
    seeds=tuple(range(1, NUM_SEEDS + 1)),
    world=f"demo:draws={NUM_SEEDS + 1},questions=1",
    contrasts=(*PLANTED, *STEPS, *NULL),
)
