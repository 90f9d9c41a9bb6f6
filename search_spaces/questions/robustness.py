"""TyDiQA under attack after English, multilingual or mixed question answering, with equal examples.

A share (0, 1/4, 1/2, 3/4, 1) of the training questions is multilingual: evaluation rows of XQuAD and MLQA, which are
therefore no targets. The English rows are those of SQuAD. One recipe trains on perturbed examples as a defence. The
claim that mixed training is more robust than both needs a contrast with each of them. The rows are parallel:
multilingual training has many questions in several languages, and therefore fewer different questions than English
training.
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
    slope_weights,
)
from sweeper.tasks.catalog import CATALOG
from sweeper.tasks.spec import Rows

from ..text_small import LONG
from . import LARGE, SMALL_NOTE, on_cluster

OTHERS = ("ar", "de", "es", "hi", "ru", "tr")
"""Languages of the multilingual rows."""
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
MIXED, ENGLISH, OTHER = "50 % multilingual", "0 % multilingual", "100 % multilingual"
DEFENDED = "50 %, with typos"
EXAMPLES = 240
MLQA_LANGUAGES = ("ar", "de", "es")
"""Languages with rows of MLQA, too."""


def _multilingual(code: str) -> tuple[Rows, ...]:
    rows = CATALOG["xquad"].dev[code]
    return (*rows, *CATALOG["mlqa"].dev[code]) if code in MLQA_LANGUAGES else rows


ROWS = replace(
    CATALOG["xquad"],
    name="qa_rows",
    title="SQuAD in English, evaluation rows of XQuAD and MLQA in other languages",
    train={**CATALOG["squad"].train, **{code: _multilingual(code) for code in OTHERS}},
    dev={},
    test={},
    trains_on="",
    contains=("squad",),
    train_size=1_190,
)
TYPOS = Condition(name="typos", perturbation="keyboard", budget=0.2)
BUDGETS = (
    TYPOS,
    *(
        Condition(name=f"typos in {share:.0%}".replace("%", " %"), perturbation="keyboard", budget=share)
        for share in (0.1, 0.4)
    ),
)
"""Typos in a tenth, a fifth and two fifths of the words."""
ATTACKS = (
    *BUDGETS,
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


def _per_budget(recipe: str) -> Contrast:
    """The slope of the loss on the share of the words that have a typo, per 10 % of the words."""
    budgets = {CLEAN: 0.0, **{condition.name: 10 * condition.budget for condition in BUDGETS}}
    # The loss is the clean score minus the score, so that its slope is that of the score with the other sign.
    weights = {name: -weight for name, weight in slope_weights(budgets).items()}
    terms = tuple(Term(recipe=recipe, condition=name, weight=weight) for name, weight in weights.items())
    title = "How much is lost for each 10 % of the words with a typo?"
    return Contrast(name=f"loss per typos, {recipe}", title=title, family="budgets", terms=terms, targets=("tydiqa",))


def _against_mixed(name: str, recipe: str, reference: str, condition: str) -> Contrast:
    terms = (Term(recipe=recipe, condition=condition), Term(recipe=reference, weight=-1.0, condition=condition))
    return Contrast(name=f"{name}, {condition}", family="shares", terms=terms, targets=("tydiqa",))


CAVEATS = (
    "Multilingual training has the same questions in several languages, so that contrasts between shares are about "
    "languages and repeated content together. The defence is one of several that exist. A drop of a recipe that hardly "
    "beats the trivial score says little."
)
NAMES = ("typos", "spaces", "distractor")
"""The conditions that contrasts between recipes are about."""
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
        *map(_per_budget, ("baseline", ENGLISH, MIXED, OTHER, DEFENDED)),
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
    note=f"{SMALL_NOTE} {CAVEATS}",
)

LARGE_LONG = replace(LARGE, learning_rate=3e-5, max_length=384, stride=128)
LARGE_EXAMPLES = 7_000


def _large(stage: Stage) -> Stage:
    return replace(stage, training=replace(LARGE_LONG, cap_examples=LARGE_EXAMPLES))


XL = on_cluster(SPACE, _large, LARGE_LONG)
