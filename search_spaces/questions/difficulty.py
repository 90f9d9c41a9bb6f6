"""Difficulty of the intermediate task, syntactic or semantic: a dose of label noise, and tasks with equal examples.

Only the dose is causal: label noise changes the difficulty of a task and nothing else. Tagging has no label noise, so
that the doses are those of two semantic tasks. All tasks have the same number of examples. The only syntactic task,
supertagging, trains on rows of `pos_hub`, which is therefore a target of the doses only. The report
has a page with measures of difficulty, and the contrasts include slopes on three of them. Few tasks cannot show that
they are correlated with gains. The prequential
description length needs the one epoch of the small space, data maps need the three epochs of its twin.
"""

from dataclasses import replace
from itertools import pairwise

from sweeper.space import (
    Claim,
    Contrast,
    Model,
    Recipe,
    Search,
    Slope,
    Space,
    Stage,
    Target,
    Term,
    difference,
)
from sweeper.space.contrast import EACH
from sweeper.tasks.catalog import CATALOG

from ..text_small import LENGTHS, SHORT
from . import LARGE, SMALL_NOTE, on_cluster, with_examples

DOSES = (0.0, 0.15, 0.3)
"""Probabilities of a wrong label."""
DOSED = ("mnli", "csqa")
SYNTACTIC, SEMANTIC = ("ud_supertags",), ("mnli", "mrpc", "squad", "csqa", "hellaswag", "cosmos_qa")
EXAMPLES = 160
"""Training examples of each task. Three of the tasks have long texts: with 240, the space takes 19 minutes on two slow
cores."""
SET_ASIDE = 100
"""Examples of each task that measure its difficulty, at most: their evaluation takes a third to a half of the
time of the training."""
SCORED = ("ar", "de", "fi", "hi", "ru", "sw", "tr", "zh")
TAGS = ("ar", "de", "fi", "hi", "ru", "tr", "zh")
TARGETS = ("tatoeba", "pos_hub", "ner")
KINDS_TARGETS = ("tatoeba", "ner")
"""Targets on whose rows no task trains."""


def _stage(name: str) -> Stage:
    training = replace(LENGTHS.get(name, SHORT), learning_rate=2e-4, cap_tokens=None, cap_examples=EXAMPLES)
    return Stage(tasks=(name,), training=training)


def _recipes(name: str) -> tuple[Recipe, ...]:
    """A task, and the same one with each dose of noise if it has doses."""
    return tuple(
        Recipe(
            name=f"{name}, {dose:.0%} noise" if dose else name,
            stages=(replace(_stage(name), label_noise=dose),),
            factors={"kind": CATALOG[name].kind} | ({f"{name} noise": 10 * dose} if name in DOSED else {}),
        )
        for dose in (DOSES if name in DOSED else (0.0,))
    )


def _steps(task: str) -> tuple[Contrast, ...]:
    """What each step from one dose of noise to the next costs, over all targets."""
    names = [recipe.name for recipe in _recipes(task)]
    return tuple(
        difference(f"{less} - {more}", less, more, family="dose", targets=TARGETS) for less, more in pairwise(names)
    )


def _mean(names: tuple[str, ...], weight: float) -> tuple[Term, ...]:
    return tuple(Term(recipe=name, weight=weight / len(names)) for name in names)


def _of_difficulty(covariate: str, unit: str) -> Contrast:
    """The slope of the score on a measured difficulty of the tasks without label noise."""
    words = covariate.replace("_", " ")
    return Contrast(
        name=f"score per {words}",
        title=f"Does the score differ with the {words} of the task, over {NUM_TASKS} tasks?",
        family="measured difficulty",
        terms=(Term(recipe=EACH),),
        targets=KINDS_TARGETS,
        each=("target",),
        slope=Slope(axis="recipe", covariate=covariate, points=SYNTACTIC + SEMANTIC, unit=unit),
    )


NUM_TASKS = len(SYNTACTIC + SEMANTIC)
MEASURES = {
    "usable_information": "nat for each example",
    "mean_loss": "nat for each label",
    "own_headroom": "1 % of the headroom",
}
"""Measured difficulty -> its unit."""
CONTRASTS = (
    *(
        Contrast(
            name=f"dose of {name}",
            title=f"Does the score fall with noise in the labels of {name}?",
            family="dose",
            terms=(Term(recipe=EACH),),
            targets=TARGETS,
            each=("target",),
            slope=Slope(axis="recipe", covariate=f"{name} noise", unit="10 % of the labels"),
        )
        for name in DOSED
    ),
    *(contrast for name in DOSED for contrast in _steps(name)),
    difference("mnli - no intermediate task", "mnli", "baseline", family="dose", targets=TARGETS),
    Contrast(
        name="syntactic - semantic",
        title="Does one syntactic task help more than the mean of six semantic ones, with equal examples?",
        family="kinds",
        terms=(*_mean(SYNTACTIC, 1.0), *_mean(SEMANTIC, -1.0)),
        targets=KINDS_TARGETS,
        each=("target",),
    ),
    *(_of_difficulty(covariate, unit) for covariate, unit in MEASURES.items()),
)

CAVEATS = (
    "Only the dose of label noise is causal. One syntactic task does not stand for all of them, and a correlation over "
    "seven tasks needs |rho| above 0.75 for p below 0.05. Tasks have equal numbers of examples, not of tokens."
)
SPACE = Space(
    name="questions/difficulty",
    title="Difficulty of the intermediate task: doses of label noise, syntactic and semantic tasks",
    models=(Model(name="mini-xlmr", id="mini-xlmr"),),
    recipes=(Recipe(name="baseline"), *(recipe for name in SYNTACTIC + SEMANTIC for recipe in _recipes(name))),
    targets=(
        Target(task="tatoeba", training=SHORT, languages=SCORED),
        Target(task="pos_hub", training=replace(SHORT, learning_rate=2e-4, cap_tokens=8_000), languages=TAGS),
        Target(task="ner", training=replace(SHORT, learning_rate=2e-4, cap_tokens=8_000), languages=SCORED),
    ),
    search=Search(cap=SET_ASIDE),
    seeds=(1, 2),
    evaluate="dev",
    eval_cap=40,
    null_twins=True,
    cartography=True,
    contrasts=CONTRASTS,
    claims=tuple(
        Claim(
            name=f"Scores fall with each dose of noise in {name}", contrasts=tuple(step.name for step in _steps(name))
        )
        for name in DOSED
    ),
    note=f"{SMALL_NOTE} {CAVEATS}",
)

LARGE_LONG = replace(LARGE, max_length=256)
LARGE_EXAMPLES = min(CATALOG[name].train_size for name in SYNTACTIC + SEMANTIC)
"""The size of the smallest task."""


XL = on_cluster(
    replace(SPACE, targets=tuple(replace(target, languages=None) for target in SPACE.targets)),
    with_examples(LARGE_LONG, LARGE_EXAMPLES),
    LARGE_LONG,
)
