"""Scale in the synthetic world: does the gain grow with the text of the encoder, and not with a number on its label?

Planted: encoders that were pretrained on an eighth, a half and all of the text. Their languages are aligned better and
better, so that what a recipe teaches in English reaches other languages. Null: three encoders with the same outputs
(`tiny` with its hidden units in three orders) under three assumed sizes. The gain of a recipe is measured over its
placebo.
"""

from dataclasses import replace
from itertools import product
from math import log10

from sweeper.space import EACH, Contrast, Model, Recipe, Slope, Space, Term
from sweeper.world.question_tasks import TWINS
from sweeper.world.tasks import NUM_LINES, PLACEBO, PLACEBOS, TASKS

from ..demo_full import recipes, targets

LINES = {"eighth": NUM_LINES / 8, "half": NUM_LINES / 2, "tiny": NUM_LINES}
SIZES = dict(zip(TWINS, (5.0, 6.0, 7.0), strict=True))
"""Twin -> assumed logarithm of its parameters."""
TAUGHT = {"rewrites": "xclaims", "parts": "words"}
"""Recipe -> the target on which it has its largest planted gain."""
NEAR, FAR = ("en",), ("xb", "xd", "xe")
"""Languages that need no alignment, and those that do."""
NUM_SEEDS = 4


def _slope(recipe: str, target: str, covariate: str, family: str) -> Contrast:
    """The slope of the gain of a recipe over its placebo, in each language."""
    return Contrast(
        name=f"{recipe} on {target} per {covariate}",
        family=family,
        terms=(Term(recipe=recipe, model=EACH), Term(recipe=PLACEBO + recipe, model=EACH, weight=-1.0)),
        targets=(target,),
        languages=FAR if family == "scale" else NEAR + FAR,
        each=("language",),
        slope=Slope(axis="model", covariate=covariate, unit="decade"),
    )


PLANTED = tuple(_slope(recipe, target, "log10_lines", "scale") for recipe, target in TAUGHT.items())
NULL = tuple(_slope(recipe, target, "log10_size", "scale null") for recipe, target in product(TAUGHT, TAUGHT.values()))
SIGNS = dict.fromkeys((contrast.name for contrast in PLANTED), 1) | dict.fromkeys((c.name for c in NULL), 0)
"""Contrast -> the sign that is planted; 0 if nothing is."""

SPACE = Space(
    name="questions/scale_world",
    title="Does the gain grow with the text of the encoder? In the synthetic world",
    models=(
        *(Model(name=name, id=f"demo/{name}", factors={"log10_lines": log10(num)}) for name, num in LINES.items()),
        *(Model(name=name, id=f"demo/{name}", factors={"log10_size": size}) for name, size in SIZES.items()),
    ),
    recipes=tuple(
        Recipe(name=prefix + recipe.name, stages=(replace(recipe.stages[0], tasks=(prefix + recipe.name,)),))
        for recipe in recipes()
        if recipe.name in TAUGHT
        for prefix in ("", PLACEBO)
    ),
    targets=tuple(replace(target, languages=NEAR + FAR) for target in targets({}) if target.task in TAUGHT.values()),
    tasks=(*TASKS, *PLACEBOS),
    seeds=tuple(range(1, NUM_SEEDS + 1)),
    evaluate="test",
    # The world of the other questions, which have five seeds.
    world="demo:draws=6,questions=1",
    contrasts=(*PLANTED, *NULL),
)
