"""Scale in the synthetic world: does the gain grow with the text of the encoder, and not with a number on its label?

Planted: encoders that were pretrained on an eighth, a half and all of the text. Their languages are aligned better and
better, so that what the lessons teach in English reaches other languages. Null: three encoders with the same outputs
(`tiny` with its hidden units in three orders) under three assumed sizes. They have all of the text, so that they are
three more trainings for the planted slope. Gains are measured over the placebo of the lessons.
"""

from dataclasses import replace
from math import log10

from sweeper.space import EACH, Contrast, Model, Recipe, Slope, Space, Stage, Term
from sweeper.world.languages import TRAITS
from sweeper.world.question_tasks import LESSONS, QUESTION_TASKS, TWINS
from sweeper.world.tasks import NUM_LINES, PLACEBO, TASKS

from ..demo_full import PREPARE, targets

LINES = {"eighth": NUM_LINES / 8, "half": NUM_LINES / 2, **dict.fromkeys(("tiny", *TWINS), NUM_LINES)}
"""Encoder -> the lines of text that it was pretrained on."""
SIZES = {name: {"log10_size": size} for name, size in zip(TWINS, (5.0, 6.0, 7.0), strict=True)}
"""Twin -> the assumed logarithm of its parameters."""
TAUGHT = "xclaims"
"""The target that needs what the lessons teach."""
LANGUAGES = ("en", "xa", "xb", "xd", "xc", "xe", "xf", "xg", "xh")
"""In the order in which an eighth of the text aligns them with English."""
UNRELATED = tuple(code for code in LANGUAGES if not TRAITS[code].cognates)
"""Languages without an English word: the lessons reach them by the alignment of the encoder alone."""
NUM_SEEDS = 8


def _slopes(covariate: str, family: str, languages: tuple[str, ...]) -> tuple[Contrast, Contrast]:
    """The slope of the gain of the lessons over their placebo, in each language and in unrelated ones together."""
    single = Contrast(
        name=f"gain per {covariate}",
        family=family,
        terms=(Term(recipe=LESSONS, model=EACH), Term(recipe=PLACEBO + LESSONS, model=EACH, weight=-1.0)),
        targets=(TAUGHT,),
        languages=languages,
        each=("language",),
        slope=Slope(axis="model", covariate=covariate, unit="decade"),
    )
    return single, replace(single, name=f"gain per {covariate}, unrelated languages", languages=UNRELATED, each=())


PLANTED = _slopes("log10_lines", "scale", UNRELATED)
NULL = _slopes("log10_size", "scale null", LANGUAGES)
SIGNS = dict.fromkeys((contrast.name for contrast in PLANTED), 1) | dict.fromkeys((c.name for c in NULL), 0)
"""Contrast -> the sign that is planted; 0 if nothing is."""

SPACE = Space(
    name="questions/scale_world",
    title="Does the gain grow with the text of the encoder? In the synthetic world",
    models=tuple(
        Model(name=name, id=f"demo/{name}", factors={"log10_lines": log10(num), **SIZES.get(name, {})})
        for name, num in LINES.items()
    ),
    recipes=tuple(
        Recipe(name=name, stages=(Stage(tasks=(name,), languages=("en",), training=PREPARE),))
        for name in (LESSONS, PLACEBO + LESSONS)
    ),
    targets=tuple(replace(target, languages=LANGUAGES) for target in targets({}) if target.task == TAUGHT),
    tasks=(*TASKS, *QUESTION_TASKS),
    seeds=tuple(range(1, NUM_SEEDS + 1)),
    evaluate="test",
    world=f"demo:draws={NUM_SEEDS + 1},questions=1",
    contrasts=(*PLANTED, *NULL),
)
