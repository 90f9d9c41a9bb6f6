"""A test on real text of every type of recipe against every type of target.

The recipes are the baseline, MNLI alone, MNLI mixed with masked language modelling, MNLI translated into Spanish by
Apertium, and nine tasks jointly. The targets are the nine of XTREME and two more from XTREME-R. Most of the time is
spent on the pool of LAReQA. The trainings are too short for a comparison of the recipes.
`--set recipes=baseline,mnli,mnli_mlm,multitask` runs without Apertium.
"""

from dataclasses import replace

from sweeper.space import Recipe, Stage, Target, Training, Translation

from .text_small import LONG, SHORT
from .text_small import SPACE as TEXT

PREPARE_TOKENS = 18_000
"""Training tokens of a preparation, divided equally among its tasks."""
TARGET_TOKENS = 6_000
ITEMS = 16
"""Evaluation examples per language."""
QA_ITEMS = 8
"""Evaluation examples per language of question answering, whose paragraphs have hundreds of tokens."""


def _short(training: Training, tokens: int) -> Training:
    return replace(training, learning_rate=2e-4, cap_tokens=tokens)


def _stage(name: str) -> Stage:
    """The stage of a recipe of `text_small`, with fewer tokens and without a search."""
    (stage,) = next(recipe.stages for recipe in TEXT.recipes if recipe.name == name)
    return replace(stage, training=_short(stage.training, PREPARE_TOKENS // len(stage.tasks)), dials={})


def _target(target: Target) -> Target:
    items = QA_ITEMS if target.training == LONG else None
    return replace(target, training=_short(target.training, TARGET_TOKENS), dials={}, eval_cap=items)


MNLI = _stage("mnli")
STAGES = {
    "mnli": MNLI,
    "mnli_mlm": replace(MNLI, mlm_share=0.2, mlm_task="local_text"),
    "mnli_mt": replace(MNLI, translation=Translation(languages=("es",), by="apertium")),
    "multitask": _stage("multitask"),
}

SPACE = replace(
    TEXT,
    name="text_rows",
    title="Every kind of row on real text",
    recipes=(Recipe(name="baseline"), *(Recipe(name=name, stages=(stage,)) for name, stage in STAGES.items())),
    targets=tuple(
        _target(target)
        for target in (*TEXT.targets, Target(task="xcopa", training=SHORT), Target(task="lareqa", training=LONG))
    ),
    seeds=(1,),
    search=replace(TEXT.search, cap=ITEMS),
    eval_cap=ITEMS,
)
