"""Domain adaptation in the synthetic world: does a task help in a new domain only after adaptation to its words?

Planted: the targets are scored on synonyms of the words that they train on. No other text contains the synonyms. The
task teaches the classes of the words, and a corpus has the synonyms beside their meanings, so that only both together
help. In the placebo of the corpus the synonyms have other meanings in each line, and the placebo of the task teaches
classes that no target needs. Null: each of the two without the other, and a target that needs nothing of what the task
teaches.
"""

from dataclasses import replace
from itertools import product

from sweeper.space import Contrast, Model, Recipe, Stage, Training, difference, interaction
from sweeper.world.question_tasks import JARGON, LESSONS, QUESTION_TASKS, SYNONYM_TARGETS, SYNONYMS
from sweeper.world.tasks import PLACEBO, TASKS

from ..demo_full import PREPARE, targets
from ..demo_full import SPACE as FULL

TAUGHT, OTHER = SYNONYM_TARGETS
"""The target that needs what the task teaches, and the one that does not."""
ADAPT = Training(learning_rate=1e-3, epochs=5, batch_size=32, max_length=128, mask_share=1 / 3)
NUM_SEEDS = 5
NAMES = {(prefix, other): f"{prefix}text, {other}task" for prefix, other in product(("", PLACEBO), repeat=2)}
"""Placebo prefix of the corpus and of the task -> name of the recipe."""
BOTH, TEXT_ONLY, TASK_ONLY, NEITHER = NAMES.values()


def _both(target: str, family: str) -> tuple[Contrast, ...]:
    """The interaction of corpus and task, and the gain of both over one of them or none."""
    gains = {"text and task": NEITHER, "task after text": TEXT_ONLY, "text before task": TASK_ONLY}
    return (
        interaction(f"{target}: text x task", BOTH, TEXT_ONLY, TASK_ONLY, NEITHER, targets=(target,), family=family),
        *(
            difference(f"{target}: {name}", BOTH, other, targets=(target,), family=family)
            for name, other in gains.items()
        ),
    )


def _alone(target: str) -> tuple[Contrast, ...]:
    """The gain of one of the two without the other."""
    gains = {"task without text": TASK_ONLY, "text without task": TEXT_ONLY}
    return tuple(
        difference(f"{target}: {name}", recipe, NEITHER, targets=(target,), family="domain null")
        for name, recipe in gains.items()
    )


PLANTED = _both(TAUGHT, "domain")
NULL = (*_both(OTHER, "domain null"), *_alone(TAUGHT), *_alone(OTHER))
SIGNS = dict.fromkeys((contrast.name for contrast in PLANTED), 1) | dict.fromkeys((c.name for c in NULL), 0)
"""Contrast -> the sign that is planted; 0 if nothing is."""


def _recipe(text: str, task: str) -> Recipe:
    stages = (
        Stage(tasks=(text + SYNONYMS,), training=ADAPT),
        Stage(tasks=(task + LESSONS,), training=PREPARE),
    )
    return Recipe(name=NAMES[text, task], stages=stages, factors={"text": text or "domain", "task": task or "task"})


SPACE = replace(
    FULL,
    name="questions/domain_world",
    title="Does a task help in a new domain only after adaptation? In the synthetic world",
    models=(Model(name=JARGON, id=f"demo/{JARGON}"),),
    recipes=tuple(_recipe(*prefixes) for prefixes in NAMES),
    targets=tuple(
        replace(target, task=name) for name in SYNONYM_TARGETS for target in targets({}) if target.task == "xclaims"
    ),
    tasks=(*TASKS, *QUESTION_TASKS),
    seeds=tuple(range(1, NUM_SEEDS + 1)),
    world=f"demo:draws={NUM_SEEDS + 1},questions=1",
    contrasts=(*PLANTED, *NULL),
)
