"""Factors: properties of recipes and models that contrasts refer to, as names and values."""

from collections.abc import Iterable, Mapping

Factor = float | str


def numeric_factors(owners: Iterable[tuple[str, Mapping[str, Factor]]]) -> dict[str, dict[str, float]]:
    """Covariate -> recipe or model -> value: the factors that are numbers. `owners` are names and their factors."""
    values: dict[str, dict[str, float]] = {}
    for name, factors in owners:
        for factor, level in factors.items():
            if not isinstance(level, str):
                values.setdefault(factor, {})[name] = float(level)
    return values
