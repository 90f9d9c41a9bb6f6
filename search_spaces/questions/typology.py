"""Distant intermediate languages: XNLI in fifteen languages with equal examples, English, and five languages mixed.

The development rows of XNLI are the training data. They are parallel, so that all languages have the same content. XNLI
itself is therefore no target. Tatoeba trains nothing, so that a source language is compared with each target language
directly; NER trains in English. The languages of the sources do not include most of those with few resources, which
are target languages only.
"""

from dataclasses import replace

from sweeper.space import (
    Contrast,
    Model,
    Recipe,
    Resources,
    Space,
    Stage,
    Target,
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
KINDS = ("syntactic", "genetic", "geographic")
STAGE = Stage(tasks=(ROWS.name,), training=replace(SHORT, learning_rate=2e-4, cap_tokens=None, cap_examples=EXAMPLES))


def _on_distance(kind: str) -> Contrast:
    """The slope of scores on a distance, after removing the means of sources and of target languages."""
    return pair_slope(
        f"{kind} distance",
        recipes={code: code for code in SOURCES},
        values=language_distances(kind, SOURCES, SCORED),
        title=f"Does a score fall with the {kind} distance of source and target language?",
        family="typology",
        targets=("tatoeba",),
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


XL = on_cluster(SPACE, with_examples(LARGE, LARGE_EXAMPLES), LARGE, models=(XLMR_LARGE, MMBERT))
