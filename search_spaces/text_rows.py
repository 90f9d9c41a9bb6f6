"""Each kind of row that a study can have, against each kind of target, on real text: does the chain hold?

The baseline, MNLI alone, with masked language modelling mixed in, in Spanish by Apertium, and nine tasks jointly;
XTREME's nine targets and two that XTREME-R adds. About a quarter of an hour on two CPU cores, most of it LAReQA's pool:
trainings are so short that the numbers compare nothing. `--set recipes=baseline,mnli,mnli_mlm,multitask` goes without
Apertium.
"""

from dataclasses import replace

from sweeper.space import Recipe, Stage, Target, Training, Translation

from .text_small import LONG, SHORT
from .text_small import SPACE as TEXT

PREPARE_TOKENS = 18_000
"""Training tokens of a preparation, shared among its tasks."""
TARGET_TOKENS = 6_000
ITEMS = 16
"""Evaluation items a language."""
QA_ITEMS = 8
"""Evaluation items a language where an item is a paragraph of hundreds of tokens."""


def _short(training: Training, tokens: int) -> Training:
    return replace(training, learning_rate=2e-4, cap_tokens=tokens)


def _stage(row: str) -> Stage:
    """The row's stage in `text_small`, shorter, its learning rate given."""
    (stage,) = next(recipe.stages for recipe in TEXT.recipes if recipe.name == row)
    return replace(stage, training=_short(stage.training, PREPARE_TOKENS // len(stage.tasks)), dials={})


def _target(target: Target) -> Target:
    items = QA_ITEMS if target.training == LONG else None
    return replace(target, training=_short(target.training, TARGET_TOKENS), dials={}, eval_cap=items)


MNLI = _stage("mnli")
ROWS = {
    "mnli": MNLI,
    "mnli_mlm": replace(MNLI, mlm_share=0.2),
    "mnli_mt": replace(MNLI, translation=Translation(languages=("es",), by="apertium")),
    "multitask": _stage("multitask"),
}

SPACE = replace(
    TEXT,
    name="text_rows",
    title="Every kind of row on real text",
    recipes=(Recipe(name="baseline"), *(Recipe(name=name, stages=(stage,)) for name, stage in ROWS.items())),
    targets=tuple(
        _target(target)
        for target in (*TEXT.targets, Target(task="xcopa", training=SHORT), Target(task="lareqa", training=LONG))
    ),
    seeds=(1,),
    search=replace(TEXT.search, cap=ITEMS),
    eval_cap=ITEMS,
)
