"""TyDiQA under attack after English, multilingual or mixed question answering, with equal examples.

A share (0, 1/4, 1/2, 3/4, 1) of the training questions is multilingual: evaluation rows of XQuAD, which is therefore no
target. The English rows are those of SQuAD. One recipe trains on perturbed examples as a defence. The claim that mixed
training is more robust than both needs a contrast with each of them. XQuAD is parallel: multilingual training has the
same questions in six languages, so that it has a sixth of the different questions of English training.
"""

from dataclasses import replace

from sweeper.space import (
    CLEAN,
    EACH,
    Claim,
    Condition,
    Contrast,
    Model,
    Recipe,
    Slope,
    Space,
    Stage,
    Target,
    Term,
)
from sweeper.tasks.catalog import CATALOG

from ..text_small import LONG
from . import LARGE, on_cluster

OTHERS = ("ar", "de", "es", "hi", "ru", "tr")
"""Languages of the multilingual rows."""
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
MIXED, ENGLISH, OTHER = "50 % multilingual", "0 % multilingual", "100 % multilingual"
DEFENDED = "50 %, with typos"
EXAMPLES = 240
ROWS = replace(
    CATALOG["xquad"],
    name="qa_rows",
    title="SQuAD in English, evaluation rows of XQuAD in other languages",
    train={**CATALOG["squad"].train, **{code: CATALOG["xquad"].dev[code] for code in OTHERS}},
    dev={},
    test={},
    trains_on="",
    contains=("squad",),
    train_size=1_190,
)
TYPOS = Condition(name="typos", perturbation="keyboard", budget=0.2)
ATTACKS = (
    TYPOS,
    Condition(name="spaces", perturbation="spacing", budget=0.2),
    Condition(name="distractor", perturbation="distractor", budget=1.0),
    Condition(name="no question", perturbation="null_input"),
)
TRAINING = replace(LONG, learning_rate=2e-4, cap_tokens=None, cap_examples=EXAMPLES)


def _stage(share: float) -> Stage:
    languages = ("en", *OTHERS) if 0 < share < 1 else OTHERS if share else ("en",)
    each = {code: share / len(OTHERS) for code in OTHERS}
    shares = {"en": 1 - share, **each} if 0 < share < 1 else {}
    return Stage(tasks=(ROWS.name,), languages=languages, shares=shares, training=TRAINING)


def _against(attack: str, other: str) -> Contrast:
    return Contrast(
        name=f"mixed - {other}, {attack}",
        title="Is mixed training better under attack?",
        family="robustness",
        terms=(Term(recipe=MIXED, condition=attack), Term(recipe=other, weight=-1.0, condition=attack)),
        targets=("tydiqa",),
    )


def _less_drop(attack: str) -> Contrast:
    """The drop of English training minus that of mixed training."""
    terms = (
        Term(recipe=ENGLISH),
        Term(recipe=ENGLISH, weight=-1.0, condition=attack),
        Term(recipe=MIXED, weight=-1.0),
        Term(recipe=MIXED, condition=attack),
    )
    title = "Does mixed training lose less under attack?"
    return Contrast(name=f"smaller drop, {attack}", title=title, family="robustness", terms=terms, targets=("tydiqa",))


def _trend(attack: str) -> Contrast:
    """The slope of the drop on the multilingual share."""
    return Contrast(
        name=f"drop per share, {attack}",
        title="Does the drop under attack change with the multilingual share?",
        family="shares",
        terms=(Term(recipe=EACH), Term(recipe=EACH, weight=-1.0, condition=attack)),
        targets=("tydiqa",),
        slope=Slope(axis="recipe", covariate="share", unit="all examples"),
    )


def _against_mixed(name: str, recipe: str, reference: str, condition: str) -> Contrast:
    terms = (Term(recipe=recipe, condition=condition), Term(recipe=reference, weight=-1.0, condition=condition))
    return Contrast(name=f"{name}, {condition}", family="shares", terms=terms, targets=("tydiqa",))


NAMES = tuple(attack.name for attack in ATTACKS if attack.perturbation != "null_input")
SPACE = Space(
    name="questions/robustness",
    title="TyDiQA under attack after English, multilingual or mixed question answering",
    models=(Model(name="mini-xlmr", id="mini-xlmr"),),
    recipes=(
        Recipe(name="baseline"),
        *(
            Recipe(
                name=f"{share:.0%} multilingual".replace("%", " %"), stages=(_stage(share),), factors={"share": share}
            )
            for share in SHARES
        ),
        Recipe(
            name=DEFENDED,
            stages=(replace(_stage(0.5), perturbation=TYPOS, perturbed_share=0.5),),
            factors={"defence": "typos"},
        ),
    ),
    targets=(
        Target(
            task="tydiqa",
            training=replace(LONG, learning_rate=2e-4, cap_tokens=40_000),
            conditions=ATTACKS,
            eval_cap=24,
        ),
    ),
    tasks=(ROWS,),
    seeds=(1, 2),
    evaluate="dev",
    contrasts=(
        *(_against(attack, other) for attack in NAMES for other in (ENGLISH, OTHER)),
        *map(_less_drop, NAMES),
        *map(_trend, NAMES),
        *(_against_mixed("defence - no defence", DEFENDED, MIXED, name) for name in (CLEAN, TYPOS.name)),
        *(_against_mixed("mixed - no intermediate task", MIXED, "baseline", name) for name in (CLEAN, *NAMES)),
    ),
    claims=tuple(
        Claim(
            name=f"Mixed training is more robust than both ({attack})",
            contrasts=(f"mixed - {ENGLISH}, {attack}", f"mixed - {OTHER}, {attack}"),
        )
        for attack in NAMES
    ),
)

LARGE_LONG = replace(LARGE, learning_rate=3e-5, max_length=384, stride=128)
LARGE_EXAMPLES = 7_000


def _large(stage: Stage) -> Stage:
    return replace(stage, training=replace(LARGE_LONG, cap_examples=LARGE_EXAMPLES))


XL = on_cluster(SPACE, _large, LARGE_LONG)
