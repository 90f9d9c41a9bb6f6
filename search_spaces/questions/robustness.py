"""TyDiQA under attack after English, multilingual or mixed question answering, with equal examples.

A share (0, 1/4, 1/2, 3/4, 1) of the training questions is multilingual: evaluation rows of XQuAD and MLQA, which are
therefore no targets. The English rows are those of SQuAD. One recipe trains on perturbed examples as a defence. The
claim that mixed training is more robust than both needs a contrast with each of them. The rows are parallel:
multilingual training has many questions in several languages, and therefore fewer different questions than English
training.

The twin on a cluster also has paraphrases, distractors in English and in Russian, code-mixing with English, embedding
noise and adversarial steps, each with two budgets. Code-mixing needs the file WORD_PAIRS before a run, not before a
plan: `sweeper align questions/robustness-xl --task tatoeba --out word-pairs.tsv`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import chain

from sweeper.space import (
    CLEAN,
    EACH,
    Claim,
    Condition,
    Contrast,
    Model,
    Recipe,
    Search,
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
SET_ASIDE = 60
"""Training rows of each language that are set aside for selection, at most: nothing is chosen here."""
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


def _claim(attack: str) -> Claim:
    """Mixed training against both."""
    names = tuple(_against(attack, other).name for other in (ENGLISH, OTHER))
    return Claim(name=f"Mixed training is more robust than both ({attack})", contrasts=names)


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


def _per_budget(recipe: str, budgets: tuple[Condition, ...] = BUDGETS, what: str = "typos") -> Contrast:
    """The slope of the loss on the budget of a perturbation, per 10 % of the words or examples."""
    by_name = {CLEAN: 0.0, **{condition.name: 10 * condition.budget for condition in budgets}}
    # The loss is the clean score minus the score, so that its slope is that of the score with the other sign.
    weights = {name: -weight for name, weight in slope_weights(by_name).items()}
    terms = tuple(Term(recipe=recipe, condition=name, weight=weight) for name, weight in weights.items())
    is_typo = budgets == BUDGETS
    title = f"How much is lost for each 10 % of the {'words with a typo' if is_typo else f'budget of {what}'}?"
    return Contrast(name=f"loss per {what}, {recipe}", title=title, family="budgets", terms=terms, targets=("tydiqa",))


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
    search=Search(cap=SET_ASIDE),
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
    claims=tuple(map(_claim, NAMES)),
    note=f"{SMALL_NOTE} {CAVEATS}",
)

LARGE_LONG = replace(LARGE, learning_rate=3e-5, max_length=384, stride=128)
LARGE_EXAMPLES = 7_000
TRANSLATOR = "facebook/m2m100_418M"
FOREIGN = "ru"
"""Language of distractors that are in neither English nor the language of the question."""
WORD_PAIRS = "word-pairs.tsv"
"""File of the word pairs of code-mixing, in the current folder."""
SCORED = tuple(CATALOG["tydiqa"].test)
HALF_AND_ALL = (0.5, 1.0)
"""Budgets of attacks on a share of the examples."""


def _in(name: str, share: float) -> str:
    return f"{name} in {share:.0%}".replace("%", " %")


def _distractors(name: str, source: str) -> tuple[Condition, ...]:
    return tuple(
        Condition(
            name=_in(name, share),
            perturbation="distractor",
            source=source,
            budget=share,
            languages=tuple(code for code in SCORED if code != source),
        )
        for share in HALF_AND_ALL
    )


FURTHER: Mapping[str, tuple[Condition, ...]] = {
    "paraphrase": tuple(
        Condition(name=_in("paraphrase", share), perturbation="paraphrase", by=TRANSLATOR, budget=share)
        for share in HALF_AND_ALL
    ),
    "code-mixing": tuple(
        Condition(name=_in("code-mixing", share), perturbation="code_mix", by=WORD_PAIRS, budget=share)
        for share in (0.2, 0.4)
    ),
    "English distractor": _distractors("English distractor", "en"),
    "Russian distractor": _distractors("Russian distractor", FOREIGN),
}
"""Attacks of the twin -> their budgets, in ascending order."""
DEFENCES = {f"50 %, embedding noise {alpha:g}": replace(TRAINING, embedding_noise=alpha) for alpha in (5.0, 10.0)} | {
    f"50 %, adversarial {norm:g}": replace(TRAINING, adversarial=norm) for norm in (0.1, 0.3)
}
"""Defences of the twin -> their trainings. NEFTune uses alpha = 5 to 15. A good norm of adversarial steps depends on
the encoder."""


def _further_contrasts() -> Iterator[Contrast]:
    """The contrasts of the small space with the attacks and defences of the twin; attacks have their largest budget."""
    for what, budgets in FURTHER.items():
        attack = budgets[-1].name
        yield from (_against(attack, other) for other in (ENGLISH, OTHER))
        yield _less_drop(attack)
        yield _trend(attack)
        yield from (_per_budget(recipe, budgets, what) for recipe in (ENGLISH, MIXED, OTHER))
    attacks = (CLEAN, *NAMES, *(budgets[-1].name for budgets in FURTHER.values()))
    for name in DEFENCES:
        yield from (_against_mixed(f"{name} - no defence", name, MIXED, attack) for attack in attacks)


def _large(stage: Stage) -> Stage:
    noise, adversarial = stage.training.embedding_noise, stage.training.adversarial
    training = replace(LARGE_LONG, cap_examples=LARGE_EXAMPLES, embedding_noise=noise, adversarial=adversarial)
    return replace(stage, training=training)


XL = on_cluster(
    replace(
        SPACE,
        recipes=(
            *SPACE.recipes,
            *(
                Recipe(name=name, stages=(replace(_stage(0.5), training=training),), factors={"defence": name})
                for name, training in DEFENCES.items()
            ),
        ),
        targets=tuple(
            replace(target, conditions=(*ATTACKS, *chain.from_iterable(FURTHER.values()))) for target in SPACE.targets
        ),
        contrasts=(*SPACE.contrasts, *_further_contrasts()),
        claims=(*SPACE.claims, *(_claim(budgets[-1].name) for budgets in FURTHER.values())),
    ),
    _large,
    LARGE_LONG,
)
