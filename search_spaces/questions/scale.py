"""Scale: do the gains of intermediate tasks grow with the number of parameters of the encoder?

The sizes are one encoder cut to its lowest layers, so that a laptop can train all of them. A cut encoder was not
pretrained at its size: its upper layers are missing, and its last layer was never the output of the pretraining. The
twin has three sizes of XLM-R, which were pretrained alike. Two mmBERT encoders are too few for a slope, so that their
gains are compared directly.
"""

from dataclasses import replace
from math import log10

from sweeper.space import (
    EACH,
    Contrast,
    Model,
    Recipe,
    Resources,
    Slope,
    Space,
    Stage,
    Target,
    Term,
    difference,
)
from sweeper.space.contrast import Unit
from sweeper.tasks.catalog import CATALOG

from ..text_small import LENGTHS, SHORT
from . import LARGE, LARGE_NOTE, SMALL_NOTE, on_cluster, with_examples

PARAMETERS = {1: 790_272, 2: 1_580_032, 4: 3_159_552, 6: 4_739_072}
"""Layers of mini-xlmr -> parameters without the embedding tables."""
TASKS = ("mnli", "squad", "ud_supertags")
EXAMPLES = 480
SCORED = ("ar", "de", "fi", "hi", "ru", "sw", "tr", "zh")
UNITS: dict[Unit, str] = {"points": "gain", "score": "relative gain", "headroom": "share of the headroom"}
"""Unit -> what is compared between sizes."""


def _gain(task: str) -> tuple[Term, Term]:
    """The gain of a task with each model."""
    return Term(recipe=task, model=EACH), Term(recipe="baseline", model=EACH, weight=-1.0)


def _slopes(models: tuple[Model, ...]) -> tuple[Contrast, ...]:
    """The slopes of the gains of each task on the size of models of one family."""
    sizes = {model.name: log10(model.parameters) for model in models}
    return tuple(
        Contrast(
            name=f"{what} of {task}",
            title=f"Does the {what} of {task} grow with the encoder?",
            family=f"scale {what}",
            terms=_gain(task),
            targets=("tatoeba", "ner"),
            each=("target",) if unit == "points" else (),
            slope=Slope(axis="model", covariate="log10_parameters", unit="decade of parameters", values=sizes),
            unit=unit,
        )
        for unit, what in UNITS.items()
        for task in TASKS
    )


MODELS = tuple(
    Model(name=f"layers_{layers}", id="mini-xlmr", layers=layers, parameters=number)
    for layers, number in PARAMETERS.items()
)

CAVEATS = "A cut encoder was not pretrained at its size, so that its slopes are not those of a family of encoders."
SPACE = Space(
    name="questions/scale",
    title="Gains of intermediate tasks with encoders of several sizes",
    models=MODELS,
    recipes=(
        Recipe(name="baseline"),
        *(
            Recipe(
                name=name,
                stages=(
                    Stage(
                        tasks=(name,),
                        training=replace(
                            LENGTHS.get(name, SHORT), learning_rate=2e-4, cap_tokens=None, cap_examples=EXAMPLES
                        ),
                    ),
                ),
            )
            for name in TASKS
        ),
    ),
    targets=(
        Target(task="tatoeba", training=SHORT, languages=SCORED),
        Target(task="ner", training=replace(SHORT, learning_rate=2e-4, cap_tokens=12_000), languages=SCORED),
    ),
    seeds=(1, 2),
    evaluate="dev",
    eval_cap=60,
    contrasts=_slopes(MODELS),
    note=f"{SMALL_NOTE} {CAVEATS}",
)

LARGE_LONG = replace(LARGE, max_length=256)
LARGE_EXAMPLES = min(CATALOG[name].train_size for name in TASKS)
"""The size of the smallest task."""
XLMR = (
    Model(
        name="xlmr-base",
        id="FacebookAI/xlm-roberta-base",
        parameters=85_056_000,
        resources=Resources(cpus=4, gpus=0.5),
    ),
    Model(
        name="xlmr-large",
        id="FacebookAI/xlm-roberta-large",
        parameters=302_311_424,
        resources=Resources(cpus=4, gpus=1),
        training={"learning_rate": 1e-5},
    ),
    # Weights, gradients and the state of AdamW in fp32 need 56 GB of GPU memory.
    Model(
        name="xlmr-xl",
        id="facebook/xlm-roberta-xl",
        parameters=2_832_358_400,
        resources=Resources(cpus=4, gpus=1),
        training={"learning_rate": 5e-6, "micro_tokens": 2048},
    ),
)
MMBERT = tuple(
    Model(name=f"mmbert-{size}", id=f"jhu-clsp/mmBERT-{size}", resources=Resources(cpus=4, gpus=0.5))
    for size in ("small", "base")
)


def _mmbert(task: str) -> Contrast:
    """The gain of a task with the larger mmBERT minus that with the smaller one."""
    small, base = (model.name for model in MMBERT)
    gain = difference(f"mmBERT base - small, {task}", task, "baseline", family="mmbert", targets=("tatoeba", "ner"))
    terms = tuple(
        replace(term, model=model, weight=sign * term.weight)
        for model, sign in ((base, 1.0), (small, -1.0))
        for term in gain.terms
    )
    return replace(gain, terms=terms)


XL = replace(
    on_cluster(
        replace(SPACE, targets=tuple(replace(target, languages=None) for target in SPACE.targets), contrasts=()),
        with_examples(LARGE_LONG, LARGE_EXAMPLES),
        LARGE_LONG,
        models=(*XLMR, *MMBERT),
    ),
    contrasts=(*_slopes(XLMR), *map(_mmbert, TASKS)),
    note=f"{LARGE_NOTE} Three sizes of one family give one slope. Two sizes of mmBERT give a difference and no slope.",
)
