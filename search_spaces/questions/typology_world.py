"""Distant intermediate languages in the synthetic world: does a gain fall with the distance of source and target?

Planted: the same claims in each of the nine languages. Targets train in English, so that the distance of a source from
English matters too; it is part of the model, as all properties of a source are. A source that is the language of the
target has the distance 0. Null: the same slopes on a target that needs none of what the claims teach. Gains are
measured over the placebo in the same source language.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import product
from math import fsum

from sweeper.space import Contrast, Recipe, Stage, Term, pair_slope, slope_weights
from sweeper.space.language_pairs import Pair
from sweeper.world.languages import CODES, distance
from sweeper.world.question_tasks import LESSONS, QUESTION_TASKS
from sweeper.world.tasks import PLACEBO, TASKS

from ..demo_full import PREPARE, targets
from ..demo_full import SPACE as FULL

TAUGHT, OTHER = "xclaims", "xrewrites"
"""The target that needs what the claims teach, and one that needs none of it."""
LANGUAGES = tuple(code for code in CODES if code != "xa")
"""Languages with slopes of their own, as a target and as a source. `xa` is nearly English: the distances of a language
to the two differ by 0.02, so that no regression can separate them."""
NUM_SEEDS = 3


def partial_values(language: str) -> dict[str, float]:
    """The distance of each language to one of them, without what its distance to English explains."""
    near, english = ([distance(code, other) for code in CODES] for other in (language, "en"))
    near, english = ([value - fsum(values) / len(values) for value in values] for values in (near, english))
    explained = 0.0
    if language != "en":
        explained = fsum(a * b for a, b in zip(near, english, strict=True)) / fsum(b * b for b in english)
    rest = (a - explained * b for a, b in zip(near, english, strict=True))
    return dict(zip(CODES, rest, strict=True))


def gains(weights: Mapping[Pair, float]) -> tuple[Term, ...]:
    """The terms of a weighted sum of gains over the placebo of each source."""
    return tuple(
        Term(recipe=prefix + source, weight=sign * weight, languages=(language,))
        for (source, language), weight in weights.items()
        for prefix, sign in (("", 1.0), (PLACEBO, -1.0))
    )


def _contrasts(target: str, family: str) -> Iterator[Contrast]:
    distances = {(one, other): distance(one, other) for one, other in product(CODES, repeat=2)}
    apart = {(one, other): value for (one, other), value in distances.items() if one != other}
    recipes, references = ({code: prefix + code for code in CODES} for prefix in ("", PLACEBO))
    for name, values in (("all languages", distances), ("different languages", apart)):
        yield pair_slope(f"{target}: distance, {name}", recipes, values, references, family=family, targets=(target,))
    by_name: dict[str, dict[Pair, float]] = {}
    for code in LANGUAGES:
        weights_of = slope_weights(partial_values(code))
        by_name[f"{target}: distance to {code}"] = {(other, code): weight for other, weight in weights_of.items()}
        by_name[f"{target}: distance from {code}"] = {(code, other): weight for other, weight in weights_of.items()}
    for name, weights in by_name.items():
        yield Contrast(name=name, family=family, terms=gains(weights), targets=(target,))


PLANTED, NULL = tuple(_contrasts(TAUGHT, "typology")), tuple(_contrasts(OTHER, "typology null"))
SIGNS = dict.fromkeys((contrast.name for contrast in PLANTED), -1) | dict.fromkeys((c.name for c in NULL), 0)
"""Contrast -> the sign that is planted; 0 if nothing is."""

SPACE = replace(
    FULL,
    name="questions/typology_world",
    title="Do gains fall with the distance of source and target language? In the synthetic world",
    recipes=tuple(
        Recipe(
            name=prefix + code,
            stages=(Stage(tasks=(prefix + LESSONS,), languages=(code,), training=PREPARE),),
            factors={"language": code},
        )
        for code in CODES
        for prefix in ("", PLACEBO)
    ),
    targets=tuple(target for target in targets({}) if target.task in (TAUGHT, OTHER)),
    tasks=(*TASKS, *QUESTION_TASKS),
    seeds=tuple(range(1, NUM_SEEDS + 1)),
    # The world of the other questions, which have five seeds.
    world="demo:draws=6,questions=1",
    contrasts=(*PLANTED, *NULL),
)
