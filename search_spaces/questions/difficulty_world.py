"""Difficulty in the synthetic world: do gains fall in the order of the share of concepts that are taught wrongly?

Planted: the same claims three times, in which a share (0, 1/3, 2/3) of the hidden concepts has the wrong class in every
example. Noise in single examples would leave the majority of the labels of a concept right. Null: the same slopes on
targets that need none of the taught skills.
"""

from dataclasses import replace

from sweeper.space import EACH, Contrast, Recipe, Slope, Stage, Term
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


PLANTED = tuple(_slope(target, "difficulty") for target in TAUGHT)
NULL = tuple(_slope(target, "difficulty null") for target in OTHER)
SIGNS = dict.fromkeys((contrast.name for contrast in PLANTED), -1) | dict.fromkeys((c.name for c in NULL), 0)
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
    contrasts=(*PLANTED, *NULL),
)
