"""Slopes on values of pairs of languages, such as the distance between a source language and that of an evaluation."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import product
from math import isnan

from sweeper.errors import UserError, unknown
from sweeper.scoring.sums import mean
from sweeper.space.contrast import Contrast, Term, slope_weights
from sweeper.tasks.distances import KINDS, distance

Pair = tuple[str, str]
"""Source language and language of the evaluation."""
NO_REFERENCES: Mapping[str, str] = {}
PASSES = 200
"""Passes of the removal of means; the remaining means are below the rounding of floats."""
EXPLAINED = 1e-9
"""Deviations below this are rounding errors: the means of sources and languages explain the values."""


def language_distances(kind: str, sources: Iterable[str], languages: Iterable[str]) -> dict[Pair, float]:
    """The distances of URIEL+ between each source language and each other language of an evaluation.

    Pairs of a language with itself, and pairs without a known distance, are left out. Raises UserError for an unknown
    kind.
    """
    if kind not in KINDS:
        raise unknown("distance between languages", kind, KINDS)
    distances = {pair: distance(kind, *pair) for pair in product(sources, languages) if len(set(pair)) == 2}
    return {pair: value for pair, value in distances.items() if not isnan(value)}


def pair_slope(
    name: str,
    recipes: Mapping[str, str],
    values: Mapping[Pair, float],
    references: Mapping[str, str] = NO_REFERENCES,
    **options: object,
) -> Contrast:
    """The slope of scores on values of pairs of languages, after removing the means of sources and of languages.

    It is the slope of a regression with a constant for each source and each language of an evaluation.

    Args:
        recipes: source language -> the recipe that trains in it.
        values: (source language, language of the evaluation) -> value, for example `language_distances(...)`.
        references: source language -> the recipe whose score is subtracted, such as a placebo in this language. One
            reference for all sources would change nothing, because the means of languages are removed.
        options: fields of Contrast.

    Raises UserError if a source has no recipe, or if the means explain all values, as with a single source.
    """
    for source in dict.fromkeys(source for source, _ in values):
        for stated in (recipes, *([references] if references else [])):
            if source not in stated:
                raise unknown(f"source language of contrast {name!r}", source, stated)
    rest = centred(values)
    if not any(abs(value) > EXPLAINED for value in rest.values()):
        raise UserError(
            f"Contrast {name!r} needs values that the means of its sources and of its languages do not explain, got "
            f"{len(values)} pairs of {len({source for source, _ in values})} sources and "
            f"{len({language for _, language in values})} languages. Add sources or languages."
        )
    signs = ((recipes, 1.0), *([(references, -1.0)] if references else []))
    terms = tuple(
        Term(recipe=stated[source], weight=sign * weight, languages=(language,))
        for (source, language), weight in slope_weights(rest).items()
        for stated, sign in signs
    )
    return Contrast(name=name, terms=terms, **options)  # type: ignore[arg-type]


def centred(values: Mapping[Pair, float]) -> dict[Pair, float]:
    """The values without the means of their sources and of their languages, also if pairs are missing."""
    rest = dict(values)
    groups: dict[tuple[int, str], list[Pair]] = defaultdict(list)
    for side in (0, 1):
        for pair in rest:
            groups[side, pair[side]].append(pair)
    for _ in range(PASSES):
        for pairs in groups.values():
            middle = mean([rest[pair] for pair in pairs])
            for pair in pairs:
                rest[pair] -= middle
    return rest
