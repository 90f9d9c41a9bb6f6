"""The experiments of Phang et al. 2020 on XTREME with XLM-R Large.

The recipes are the baseline, nine intermediate tasks, and all nine jointly; there are nine targets. Two more recipes
replace those that need a licence for CCGbank: `multitask8`, all tasks but CCG, and `ud_supertags`. Each recipe except
the baseline has a variant `_mlm`, which mixes in multilingual masked language modelling, and a variant `_mt`, which
trains on machine-translated examples. Supertags have no variant `_mt`, because tags belong to words; in `multitask_mt`
CCG stays in English. `--set recipes=...` selects some of the recipes. `xtreme_hub` is the part of this space that needs
no local files.

In the variants `_mt`, all examples are translated, one third into each of three languages. Only CCG has English
examples there, so these recipes show the effect of the language of the examples. `replace(TRANSLATION, share=0.75)`
would keep one quarter of the examples in English. Examples are dropped if their answer cannot be located in the
translation (`squad_mt`, `squad2_mt`).

Two settings have not been checked against a public source. Compare them with the paper before you compare results: the
share of masked language modelling (one fifth of the steps), and the translated tasks of the paper (MNLI, QQP and
HellaSwag, into German, Russian and Swahili). The other variants `_mt`, the translated share and the translator are our
own choice.

Intermediate stages follow the simple API of the replication guide of jiant v2: 3 epochs, 256 tokens, an evaluation
every 1,000 steps on 500 English examples, an early stop after 30 evaluations without a gain, and the weights of the
best evaluation. Epochs, batch sizes and lengths of the targets are those of the guide. docs/xtreme.md lists every
difference from the guide. Learning rates are searched, because published values differ. `--set keep=last --set
refit=true` trains on all examples, as a comparison with published gains requires.

CCGbank requires a licence (LDC2005T13), BUCC 2018 and Universal Dependencies 2.5 must be downloaded from their web
pages, and you provide UD supertags. `sweeper tasks` with the name `ccg`, `bucc2018`, `pos` or `ud_supertags` describes
the files. The text of masked language modelling is the beginning of Wikipedia (`mlm_text`). The GPU memory that this
space needs has not been measured yet.
"""

from dataclasses import replace

from sweeper.space import LogUniform, Model, Recipe, Resources, Search, Space, Stage, Target, Training, Translation

DIALS = {"learning_rate": LogUniform(low=3e-6, high=5e-5, first=(1e-5, 2e-5, 3e-5, 5e-6))}
MLM_DIALS = {"learning_rate": LogUniform(low=1e-6, high=3e-5, first=(1e-5, 5e-6, 2e-5, 2e-6))}
"""Lower learning rates, because a mixture trains one encoder on two objectives."""
MLM_SHARE = 0.2
TRANSLATION = Translation(languages=("de", "ru", "sw"), share=1.0, by="facebook/m2m100_418M", revision="refs/pr/19")
"""This revision of the model has its weights as safetensors."""
PAIRS = Training(epochs=2, batch_size=32, max_length=256, precision="bf16", threads=4)
TAGS = replace(PAIRS, epochs=10)
PARAPHRASE = replace(PAIRS, epochs=5)
SPANS = replace(PAIRS, batch_size=16, max_length=384, stride=128)
PREPARE = replace(PAIRS, epochs=3, keep="best", evaluate_every=1000, patience=30)
SHORT = replace(PREPARE, keep="last", patience=None)
"""For a task with fewer than 1,000 steps: its only evaluation would be after the last one."""
NINE = {
    "anli_plus": PREPARE,
    "mnli": PREPARE,
    "qqp": PREPARE,
    "squad2": PREPARE,
    "squad": PREPARE,
    "hellaswag": PREPARE,
    "ccg": PREPARE,
    "cosmos_qa": PREPARE,
    "csqa": SHORT,
}
TAGGING = ("ccg", "ud_supertags")
"""Tasks without a translated variant: tags belong to words, so they are not valid for a translation."""
TARGETS = {
    "xnli": PAIRS,
    "pawsx": PARAPHRASE,
    "pos": TAGS,
    "ner": TAGS,
    "xquad": SPANS,
    "mlqa": SPANS,
    "tydiqa": SPANS,
}

EIGHT = tuple(name for name in NINE if name != "ccg")
"""The intermediate tasks of the study whose data are free."""
INTERMEDIATES = {**NINE, "ud_supertags": PREPARE}
JOINT = {"multitask": tuple(NINE), "multitask8": EIGHT}

STAGES = {
    **{name: Stage(tasks=(name,), training=training, dials=DIALS) for name, training in INTERMEDIATES.items()},
    **{name: Stage(tasks=tasks, training=PREPARE, dials=DIALS) for name, tasks in JOINT.items()},
}
VARIANTS = {
    **{f"{name}_mlm": replace(stage, mlm_share=MLM_SHARE, dials=MLM_DIALS) for name, stage in STAGES.items()},
    **{f"{name}_mt": replace(stage, translation=TRANSLATION) for name, stage in STAGES.items() if name not in TAGGING},
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
    search=Search(scope="cell", trials=8, batch=4, cap=500),
    evaluate="dev",
)
