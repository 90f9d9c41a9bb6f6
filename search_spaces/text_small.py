"""The full matrix of Phang et al. 2020 on real text, small enough for about an hour on two CPU cores.

The recipes are the baseline, the nine intermediate tasks, and all nine jointly; there are nine targets. The encoder has
10 million parameters. Two data sets of the paper cannot be redistributed. Free data sets are substitutes for them:
`mrpc` for QQP (paraphrase) and `ud_supertags` for CCG supertagging (syntax). The results show that the program works on
real text. They are not comparable with published numbers.
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
PREPARE_TOKENS = 50_000
"""Training tokens of a preparation, divided equally among its tasks."""
TARGET_TOKENS = 25_000
"""Training tokens of a target training."""
ITEMS = 60
"""Evaluation examples per language; parallel languages have the same ones."""
QA_ITEMS = 24
"""Evaluation examples per language of question answering, whose paragraphs have hundreds of tokens."""

DIALS = {"learning_rate": LogUniform(low=1e-4, high=1e-3, first=(1e-4, 2e-4, 4e-4, 8e-4))}
PREPARE_DIALS = {"learning_rate": LogUniform(low=5e-5, high=5e-4, first=(5e-5, 1e-4, 2e-4, 4e-4))}
"""Lower rates than for targets: 2e-3 destroyed the encoder, and on a task with accuracy at chance the search can choose
such a rate by chance."""
SHORT = Training(epochs=1, batch_size=16, max_length=128, cap_tokens=TARGET_TOKENS)
LONG = replace(SHORT, batch_size=8, max_length=320, stride=96)
# Texts of these tasks are paragraphs; the other tasks have one or two sentences.
LENGTHS = {"squad": LONG, "squad2": LONG, "cosmos_qa": replace(LONG, max_length=160)}


def _stage(*tasks: str) -> Stage:
    # A stage with several tasks has one length for all of them.
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
        Target(task="pos_hub", training=SHORT, dials=DIALS),
        Target(task="ner", training=SHORT, dials=DIALS),
        Target(task="xquad", training=LONG, dials=DIALS, eval_cap=QA_ITEMS),
        Target(task="mlqa", training=LONG, dials=DIALS, eval_cap=QA_ITEMS),
        Target(task="tydiqa", training=LONG, dials=DIALS, eval_cap=QA_ITEMS),
        Target(task="bucc", training=SHORT, eval_cap=1_000, distractors=1_000),
        Target(task="tatoeba", training=SHORT),
    ),
    seeds=(1, 2),
    search=Search(scope="target", trials=4, batch=4, cap=100),
    evaluate="dev",
    eval_cap=ITEMS,
)
