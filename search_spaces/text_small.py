"""The full matrix of the study on real text, made small enough for two CPU cores and an hour.

Nine intermediates, the baseline and all nine jointly, against nine targets, with a 10-million-parameter encoder. Two
of the study's data sets cannot be redistributed and have free stand-ins here, under their own names: `mrpc` for QQP
(paraphrase) and `ud_supertags` for CCG supertagging (syntax). The numbers show that the whole chain works on real
text; they are not comparable with published ones.
"""

from dataclasses import replace

from sweeper.space import LogUniform, Model, Recipe, Search, Space, Stage, Target, Training

INTERMEDIATES = (
    "anli_plus",
    "mnli",
    "mrpc",
    "squad2",
    "squad",
    "hellaswag",
    "ud_supertags",
    "cosmos_qa",
    "csqa",
)
PREPARE_TOKENS = 75_000
"""Training tokens of a preparation; the multi-task one shares them among its nine tasks."""
TARGET_TOKENS = 30_000
"""Training tokens of a target training."""
ITEMS = 100
"""Evaluation items a language, the same ones in parallel languages."""
QA_ITEMS = 40
"""Evaluation items a language where an item is a paragraph of hundreds of tokens."""

DIALS = {"learning_rate": LogUniform(low=1e-4, high=1e-3, first=(1e-4, 2e-4, 4e-4, 8e-4))}
PREPARE_DIALS = {"learning_rate": LogUniform(low=5e-5, high=5e-4, first=(5e-5, 1e-4, 2e-4, 4e-4))}
"""Lower than a target's: 2e-3 wiped the encoder out, and a task that stays at chance would choose it by luck."""
SHORT = Training(epochs=1, batch_size=16, max_length=128, precision="bf16", cap_tokens=TARGET_TOKENS)
LONG = replace(SHORT, batch_size=8, max_length=320, stride=96)
LENGTHS = {"squad": LONG, "squad2": LONG, "cosmos_qa": replace(LONG, max_length=160)}


def _stage(*tasks: str) -> Stage:
    training = LENGTHS.get(tasks[0], SHORT) if len(tasks) == 1 else LONG
    return Stage(tasks=tasks, training=replace(training, cap_tokens=PREPARE_TOKENS // len(tasks)), dials=PREPARE_DIALS)


SPACE = Space(
    name="text_small",
    title="Nine intermediates x nine targets on real text, small",
    models=(Model(name="mini-xlmr", id="mini-xlmr"),),
    recipes=(
        Recipe(name="baseline"),
        *(Recipe(name=name, stages=(_stage(name),)) for name in INTERMEDIATES),
        Recipe(name="multitask", stages=(_stage(*INTERMEDIATES),)),
    ),
    targets=(
        Target(task="xnli", training=SHORT, dials=DIALS),
        Target(task="pawsx", training=SHORT, dials=DIALS),
        Target(task="pos", training=SHORT, dials=DIALS),
        Target(task="ner", training=SHORT, dials=DIALS),
        Target(task="xquad", training=LONG, dials=DIALS, eval_cap=QA_ITEMS),
        Target(task="mlqa", training=LONG, dials=DIALS, eval_cap=QA_ITEMS),
        Target(task="tydiqa", training=LONG, dials=DIALS, eval_cap=QA_ITEMS),
        Target(task="bucc", training=SHORT, eval_cap=1_000, distractors=1_000),
        Target(task="tatoeba", training=SHORT),
    ),
    seeds=(1, 2),
    search=Search(scope="target", trials=4, batch=4, cap=200),
    evaluate="dev",
    eval_cap=ITEMS,
)
