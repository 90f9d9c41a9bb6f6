"""Covariates of slopes: numeric factors of recipes and models, and distances of languages from English."""

import math
from collections.abc import Iterable, Mapping

from sweeper.tasks.distances import KINDS, distance

Factor = float | str


def numeric_factors(owners: Iterable[tuple[str, Mapping[str, Factor]]]) -> dict[str, dict[str, float]]:
    """Covariate -> recipe or model -> value: the factors that are numbers. `owners` are names and their factors."""
    values: dict[str, dict[str, float]] = {}
    for name, factors in owners:
        for factor, level in factors.items():
            if not isinstance(level, str):
                values.setdefault(factor, {})[name] = float(level)
    return values


def distances_from_english(languages: Iterable[str]) -> dict[str, dict[str, float]]:
    """Covariate, such as `syntactic_distance` -> language -> its distance from English, 0 to 1.

    English itself is left out, because its examples are of the language of the training data. So are languages whose
    distance is not known.
    """
    names = [name for name in languages if name != "en"]
    by_kind = {kind: {name: distance(kind, "en", name) for name in names} for kind in KINDS}
    return {
        f"{kind}_distance": {name: value for name, value in values.items() if not math.isnan(value)}
        for kind, values in by_kind.items()
    }
