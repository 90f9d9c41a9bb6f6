"""Robustness in the synthetic world: does the drop under a distractor grow with the share of a planted shortcut?

Planted: in a share of the intermediate questions, the answer is certain to be in the first sentence, as in all training
questions of the target. In its evaluation data the place is random. The target trains its head only, because it would
otherwise teach the shortcut to some encoders of every recipe. A net that has learned the place of the answer falls for
a sentence that is inserted before the context; one that has learned the classes of words does so less. The inserted
sentence has the word order of English and no word of the question's language, because a word of the queried class in it
would be a second right answer.
Null: two independent draws of one task with the same share, and an attack that changes nothing, because no language of
the world has diacritics.
"""

from dataclasses import replace

from sweeper.space import Condition, Contrast, Recipe, Stage, Term, slope_weights
from sweeper.world.question_tasks import FIRST, QUESTION_TASKS, SHARES

from ..demo_full import PREPARE, QUESTIONS
from ..demo_full import SPACE as FULL

ATTACK, NOTHING = "distractor", "diacritics"
FOREIGN = "xf"
"""Language of the distractors: it has the word order of English and none of its words."""
DRAWS = "ab"
LAYERS = 3
"""Layers of the encoder: the target trains its head only."""
LANGUAGES = ("en", "xa", "xb")
"""English, and languages in which zero-shot transfer works. A score near 0 in clean data cannot drop."""
TRAINING = replace(QUESTIONS, epochs=6, frozen_layers=LAYERS)
NUM_SEEDS = 5


def _drop(recipe: str, condition: str, weight: float) -> tuple[Term, ...]:
    """The terms of the drop of a recipe under a condition, with a weight."""
    return (Term(recipe=recipe, weight=weight), Term(recipe=recipe, weight=-weight, condition=condition))


def _trend(draw: str, condition: str, family: str) -> Contrast:
    """The slope of the drop on the share of the shortcut, in each language."""
    weights = slope_weights({name: share for name, share in SHARES.items() if name.endswith(draw)})
    terms = tuple(term for name, weight in weights.items() for term in _drop(name, condition, weight))
    return Contrast(name=f"{condition}: draw {draw}", family=family, terms=terms, targets=(FIRST,), each=("language",))


def _equal(share: int) -> Contrast:
    """The difference between the drops of two draws with one share, in each language."""
    first, second = (f"first_{share}{draw}" for draw in DRAWS)
    terms = (*_drop(first, ATTACK, 1.0), *_drop(second, ATTACK, -1.0))
    return Contrast(
        name=f"two draws with {share} %", family="robustness null", terms=terms, targets=(FIRST,), each=("language",)
    )


PLANTED = tuple(_trend(draw, ATTACK, "robustness") for draw in DRAWS)
NULL = (
    *(_equal(round(100 * share)) for share in dict.fromkeys(SHARES.values())),
    *(_trend(draw, NOTHING, "robustness null") for draw in DRAWS),
)
SIGNS = dict.fromkeys((contrast.name for contrast in PLANTED), 1) | dict.fromkeys((c.name for c in NULL), 0)
"""Contrast -> the sign that is planted; 0 if nothing is."""

SPACE = replace(
    FULL,
    name="questions/robustness_world",
    title="Does the drop under a distractor grow with a planted shortcut? In the synthetic world",
    recipes=tuple(
        Recipe(name=name, stages=(Stage(tasks=(name,), training=PREPARE),), factors={"share": share})
        for name, share in SHARES.items()
    ),
    targets=(
        replace(
            FULL.targets[0],
            task=FIRST,
            training=TRAINING,
            dials={},
            languages=LANGUAGES,
            conditions=(
                Condition(name=ATTACK, perturbation="distractor", budget=1.0, side="before", source=FOREIGN),
                Condition(name=NOTHING, perturbation="diacritics", budget=1.0),
            ),
        ),
    ),
    tasks=(*FULL.tasks, *QUESTION_TASKS),
    seeds=tuple(range(1, NUM_SEEDS + 1)),
    world=f"demo:draws={NUM_SEEDS + 1},questions=1",
    contrasts=(*PLANTED, *NULL),
)
