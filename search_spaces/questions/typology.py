"""Distant intermediate languages: XNLI in fifteen languages with equal examples, English, and five languages mixed.

The development rows of XNLI are the training data. They are parallel, so that all languages have the same content. XNLI
itself is therefore no target. Tatoeba trains nothing, so that a source language is compared with each target language
directly; NER and MasakhaNER 2 share a training in English. The languages of the sources do not include most of those
with few resources, which are target languages only.

The twin on a cluster also has English translated into each source language by a model, and the other targets in
languages with few resources: NTREX, SIB-200, Belebele and AmericasNLI. It is scored on test data: the development rows
of AmericasNLI are translations of the training data.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from sweeper.space import (
    Contrast,
    Model,
    Recipe,
    Resources,
    Space,
    Stage,
    Target,
    Term,
    Translation,
    difference,
    language_distances,
    pair_slope,
)
from sweeper.tasks.catalog import CATALOG
from sweeper.tasks.distances import resources
from sweeper.tasks.languages import XNLI
from sweeper.tasks.spec import Task

from ..text_small import SHORT
from . import LARGE, SMALL_NOTE, XLMR_LARGE, on_cluster, with_examples

ROWS: Task = replace(
    CATALOG["xnli"],
    name="xnli_rows",
    title="Development rows of XNLI as training data",
    train=CATALOG["xnli"].dev,
    dev={},
    test={},
    trains_on="",
    contains=(),
    train_size=2_490,
)
SOURCES = XNLI
MIX = ("ar", "hi", "sw", "th", "zh")
"""Five distant languages, which have together as many examples as each other recipe. They are the same sentence pairs
in each language, so that the mix has a fifth of the different pairs."""
EXAMPLES = 480
SCORED = ("ar", "bg", "de", "el", "es", "fr", "hi", "ru", "sw", "ta", "te", "th", "tr", "ur", "vi", "zh")
TAGGED = tuple(code for code in SCORED if code != "th")
"""Languages of NER: the mirror that the sizes were chosen for has no Thai rows of PAN-X."""
LOW = tuple(code for code in SCORED if resources()[code] == "low")
"""Scored languages with few resources (URIEL+)."""
AFRICAN = ("sw", "yo", "zu")
"""Languages of MasakhaNER 2 that the mirror has."""
KINDS = ("syntactic", "genetic", "geographic")
STAGE = Stage(tasks=(ROWS.name,), training=replace(SHORT, learning_rate=2e-4, cap_tokens=None, cap_examples=EXAMPLES))


def _on_distance(kind: str, target: str = "tatoeba", languages: Iterable[str] = SCORED) -> Contrast:
    """The slope of scores on a distance, after removing the means of sources and of target languages."""
    is_main = target == "tatoeba"
    return pair_slope(
        f"{kind} distance" if is_main else f"{kind} distance, {target}",
        recipes={code: code for code in SOURCES},
        values=language_distances(kind, SOURCES, languages),
        title=f"Does a score fall with the {kind} distance of source and target language?",
        family="typology" if is_main else f"typology {target}",
        targets=(target,),
    )


def _few_resources(targets: tuple[str, ...]) -> tuple[Contrast, ...]:
    """The mean of the other sources, and the mix, against English in each language of targets with few resources."""
    options: dict[str, Any] = {"family": "few resources", "targets": targets, "each": ("target", "language")}
    others = [code for code in SOURCES if code != "en"]
    terms = (Term(recipe="en", weight=-1.0), *(Term(recipe=code, weight=1 / len(others)) for code in others))
    return (
        Contrast(name="mean of other languages - English", terms=terms, **options),
        difference("mix of five - English, each language", "mix", "en", **options),
    )


CONTRASTS = (
    *map(_on_distance, KINDS),
    difference("English - no intermediate task", "en", "baseline", family="typology", targets=("tatoeba", "ner")),
    difference("mix of five - English", "mix", "en", family="typology", targets=("tatoeba", "ner"), each=("target",)),
    difference(
        "mix of five - English, few resources", "mix", "en", family="typology", targets=("tatoeba",), languages=LOW
    ),
    *(
        difference(f"{code} - English", code, "en", family="sources", targets=("tatoeba",))
        for code in SOURCES
        if code != "en"
    ),
    *_few_resources(("masakhaner",)),
)

CAVEATS = (
    "Distances of languages can be correlated with each other and with the amount of pretraining text: a slope does "
    "not show which of them matters. The mix of five languages repeats its sentence pairs in each language, so "
    "that mix - English is about languages and repeated content together."
)
SPACE = Space(
    name="questions/typology",
    title="Distant intermediate languages, with equal examples",
    models=(Model(name="mini-xlmr", id="mini-xlmr"),),
    recipes=(
        Recipe(name="baseline"),
        *(Recipe(name=code, stages=(replace(STAGE, languages=(code,)),), factors={"source": code}) for code in SOURCES),
        Recipe(name="mix", stages=(replace(STAGE, languages=MIX),), factors={"source": "mix"}),
    ),
    targets=(
        Target(task="tatoeba", training=SHORT, languages=SCORED),
        Target(task="ner", training=replace(SHORT, learning_rate=2e-4, cap_tokens=12_000), languages=TAGGED),
        # It has the training of NER, so that it adds scores only.
        Target(task="masakhaner", training=replace(SHORT, learning_rate=2e-4, cap_tokens=12_000), languages=AFRICAN),
    ),
    tasks=(ROWS,),
    seeds=(1, 2),
    evaluate="dev",
    eval_cap=60,
    contrasts=CONTRASTS,
    note=f"{SMALL_NOTE} {CAVEATS}",
)

LARGE_EXAMPLES = ROWS.train_size
"""One language has no more, and the mix has as many."""
MMBERT = Model(name="mmbert-base", id="jhu-clsp/mmBERT-base", resources=Resources(cpus=4, gpus=1))


FEW_RESOURCES = ("masakhaner", "ntrex", "sib200", "belebele", "americas_nli")
LARGE_TARGETS = {
    "americas_nli": replace(LARGE, cap_examples=10_000),
    "belebele": replace(LARGE, cap_examples=10_000, max_length=512),
}
"""Targets that train on MNLI and Cosmos QA: a part of the examples, and the passages of Belebele as a whole."""
TRANSLATOR = "facebook/nllb-200-distilled-600M"


def _translated(code: str) -> Recipe:
    """English examples in a machine translation into a source language."""
    stage = replace(STAGE, translation=Translation(languages=(code,), by=TRANSLATOR))
    return Recipe(name=f"{code} translated", stages=(stage,), factors={"source": code, "translation": "machine"})


def _of_translation(code: str) -> Iterator[Contrast]:
    """A machine translation against the one by people, and against the English original."""
    for reference, name in ((code, code), ("en", "English")):
        yield difference(
            f"{code} translated - {name}", f"{code} translated", reference, family="translated", targets=("tatoeba",)
        )


_XL = on_cluster(
    replace(
        SPACE,
        recipes=(*SPACE.recipes, *(_translated(code) for code in SOURCES if code != "en")),
        targets=(
            *(replace(target, languages=None) if target.task == "masakhaner" else target for target in SPACE.targets),
            *(Target(task=name, training=SHORT) for name in FEW_RESOURCES if name != "masakhaner"),
        ),
        contrasts=(
            *(contrast for contrast in CONTRASTS if contrast.family != "few resources"),
            *_few_resources(FEW_RESOURCES),
            *(_on_distance(kind, "ntrex", CATALOG["ntrex"].test) for kind in KINDS),
            *(contrast for code in SOURCES if code != "en" for contrast in _of_translation(code)),
        ),
    ),
    with_examples(LARGE, LARGE_EXAMPLES),
    LARGE,
    models=(XLMR_LARGE, MMBERT),
)
XL = replace(
    _XL,
    targets=tuple(replace(target, training=LARGE_TARGETS.get(target.task, target.training)) for target in _XL.targets),
)
