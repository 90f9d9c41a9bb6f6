"""The study of Phang et al. 2020 on XTREME: XLM-R Large, nine intermediates, all nine jointly, nine targets.

Rows named `_mlm` mix masked language modelling of many languages into each of these ten, rows named `_mt` train on
machine-translated examples. CCG has no such row, for tags belong to words; in `multitask_mt` it stays in English.
`--set recipes=...` takes some of the rows.

The share that is translated is 1.0, a third into each of three languages: no English example is left beside CCG's, so
that a row named `_mt` shows what the language of the examples does. `replace(TRANSLATION, share=0.75)` would leave
English a fourth turn. Examples whose answer is not found again in the translation are lost (`squad_mt`, `squad2_mt`).

Not read in a public source, so to be checked against the paper before its numbers are held against these: that a fifth
of the steps is masked language modelling, and that the paper translates MNLI, QQP and HellaSwag, into German, Russian
and Swahili. The other rows named `_mt`, the share that is translated and the translator are ours.

Epochs, batch sizes and lengths are those of the replication guide of jiant v2; learning rates are searched, since
published ones disagree. CCGbank is licensed (LDC2005T13), BUCC 2018 comes from its own page, and the text of `mlm_text`
is your own: `sweeper tasks ccg`, `sweeper tasks bucc2018` and `sweeper tasks mlm_text` say how to lay them out. How
much memory a GPU needs nobody has measured yet.
"""

from dataclasses import replace

from sweeper.space import LogUniform, Model, Recipe, Resources, Search, Space, Stage, Target, Training, Translation

DIALS = {"learning_rate": LogUniform(low=3e-6, high=5e-5, first=(1e-5, 2e-5, 3e-5, 5e-6))}
MLM_DIALS = {"learning_rate": LogUniform(low=1e-6, high=3e-5, first=(1e-5, 5e-6, 2e-5, 2e-6))}
"""A range of their own, which reaches lower: two objectives pull at one body."""
MLM_SHARE = 0.2
TRANSLATION = Translation(languages=("de", "ru", "sw"), share=1.0, by="facebook/m2m100_418M", revision="refs/pr/19")
"""The revision is the one that holds safetensors."""
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
TAGGING = ("ccg",)
"""Has no translated row of its own: no tag survives a translation."""
TARGETS = {
    "xnli": PAIRS,
    "pawsx": PARAPHRASE,
    "pos": TAGS,
    "ner": TAGS,
    "xquad": SPANS,
    "mlqa": SPANS,
    "tydiqa": SPANS,
}

SINGLE = {name: Stage(tasks=(name,), training=training, dials=DIALS) for name, training in INTERMEDIATES.items()}
STAGES = {**SINGLE, "multitask": Stage(tasks=tuple(INTERMEDIATES), training=SPANS, dials=DIALS)}
VARIANTS = {
    **{f"{name}_mlm": replace(stage, mlm_share=MLM_SHARE, dials=MLM_DIALS) for name, stage in STAGES.items()},
    **{f"{name}_mt": replace(one, translation=TRANSLATION) for name, one in STAGES.items() if name not in TAGGING},
}

SPACE = Space(
    name="xtreme",
    title="Intermediate-task transfer on XTREME with XLM-R Large",
    models=(Model(name="xlmr-large", id="FacebookAI/xlm-roberta-large", resources=Resources(cpus=4, gpus=1)),),
    recipes=(
        Recipe(name="baseline"),
        *(Recipe(name=name, stages=(stage,)) for name, stage in {**STAGES, **VARIANTS}.items()),
    ),
    targets=(
        *(Target(task=name, training=training, dials=DIALS) for name, training in TARGETS.items()),
        *(Target(task=name, training=replace(PAIRS, max_length=512)) for name in ("bucc2018", "tatoeba")),
    ),
    seeds=(1, 2, 3),
    search=Search(scope="cell", trials=8, batch=4),
    evaluate="dev",
)
