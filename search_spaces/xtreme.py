"""The study of Phang et al. 2020 on XTREME: XLM-R Large, nine intermediates, all nine jointly, nine targets.

Epochs, batch sizes and lengths are those of the replication guide of jiant v2; learning rates are searched, since
published ones disagree. CCGbank is licensed (LDC2005T13): `sweeper tasks ccg` says how to lay it out, and
`--set recipes=...` leaves it out. GPUs of 24 GB should do; nobody has measured it yet.
"""

from dataclasses import replace

from sweeper.space import LogUniform, Model, Recipe, Resources, Search, Space, Stage, Target, Training

DIALS = {"learning_rate": LogUniform(low=3e-6, high=5e-5, first=(1e-5, 2e-5, 3e-5, 5e-6))}
PAIRS = Training(epochs=2, batch_size=32, max_length=256, precision="bf16", threads=4)
TAGS = replace(PAIRS, epochs=10)
PARAPHRASE = replace(PAIRS, epochs=5)
SPANS = replace(PAIRS, batch_size=16, max_length=384, stride=128)
INTERMEDIATES = {
    "anli_plus": PAIRS,
    "mnli": PAIRS,
    "qqp": PAIRS,
    "squad2": SPANS,
    "squad": SPANS,
    "hellaswag": PAIRS,
    "ccg": PAIRS,
    "cosmos_qa": PAIRS,
    "csqa": PAIRS,
}
TARGETS = {
    "xnli": PAIRS,
    "pawsx": PARAPHRASE,
    "pos": TAGS,
    "ner": TAGS,
    "xquad": SPANS,
    "mlqa": SPANS,
    "tydiqa": SPANS,
}

SPACE = Space(
    name="xtreme",
    title="Intermediate-task transfer on XTREME with XLM-R Large",
    models=(Model(name="xlmr-large", id="FacebookAI/xlm-roberta-large", resources=Resources(cpus=4, gpus=1)),),
    recipes=(
        Recipe(name="baseline"),
        *(
            Recipe(name=name, stages=(Stage(tasks=(name,), training=training, dials=DIALS),))
            for name, training in INTERMEDIATES.items()
        ),
        Recipe(name="multitask", stages=(Stage(tasks=tuple(INTERMEDIATES), training=SPANS, dials=DIALS),)),
    ),
    targets=(
        *(Target(task=name, training=training, dials=DIALS) for name, training in TARGETS.items()),
        # The largest pools whole would crowd a worker's memory: state the number in any comparison.
        Target(task="bucc", training=replace(PAIRS, max_length=512), distractors=50_000),
        Target(task="tatoeba", training=replace(PAIRS, max_length=512)),
    ),
    seeds=(1, 2, 3),
    search=Search(scope="cell", trials=8, batch=4),
    evaluate="dev",
)
