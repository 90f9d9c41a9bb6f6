"""Checks the contrasts and claims of a space: everything that they refer to must exist."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sweeper.errors import UserError, unknown
from sweeper.space.contrast import EACH, Claim, Contrast, Slope, Term

MIN_POINTS = 3
"""Fewest points of a slope."""


@dataclass(frozen=True, kw_only=True)
class Names:
    """The names that contrasts of a space can refer to."""

    model: Sequence[str]
    recipe: Sequence[str]
    baseline: str
    """Empty without a baseline."""
    target: Sequence[str]
    condition: Mapping[str, Sequence[str]]
    """Target -> its conditions."""
    language: Mapping[str, Sequence[str]]
    """Target -> its evaluation languages."""
    factors: Mapping[str, Mapping[str, Mapping[str, float]]]
    """Axis -> covariate -> point -> value: numeric factors of recipes and models, and distances of languages."""

    def reference(self, contrast: Contrast) -> str:
        """The recipe whose score is the unit of a contrast; "" if the unit is a point."""
        return "" if contrast.unit == "points" else contrast.relative_to or self.baseline

    def values(self, slope: Slope) -> Mapping[str, float]:
        """Point -> value of the covariate of a slope. Raises UserError if nothing has the covariate."""
        factors = self.factors.get(slope.axis, {})
        if slope.values:
            return slope.values
        if slope.covariate not in factors:
            raise unknown(f"covariate of a {slope.axis}", slope.covariate, factors)
        return factors[slope.covariate]


def check_contrasts(contrasts: Sequence[Contrast], claims: Sequence[Claim], names: Names) -> None:
    """Raise UserError if a contrast refers to cells, or a claim to contrasts, that the space does not contain."""
    stated = [contrast.name for contrast in contrasts]
    for name in stated:
        if stated.count(name) > 1:
            raise UserError(f"A space can have each contrast only once, got {name!r} more than once.")
    # Both would write the same files.
    families = list(dict.fromkeys(contrast.family for contrast in contrasts))
    for family in families:
        same = [other for other in families if other.replace(" ", "-") == family.replace(" ", "-")]
        if len(same) > 1:
            raise UserError(f"The families {' and '.join(map(repr, same))} would have pages of one name. Rename one.")
    for contrast in contrasts:
        try:
            _check_cells(contrast, names)
        except UserError as error:
            raise UserError(f"Contrast {contrast.name!r}: {error}") from error
    for claim in claims:
        for name in claim.contrasts:
            if name not in stated:
                raise unknown(f"contrast (claim {claim.name!r})", name, stated)


def _check_cells(contrast: Contrast, names: Names) -> None:
    total = sum(term.weight for term in contrast.terms)
    # A slope has weights that add up to 0 over its points.
    if contrast.slope is None and abs(total) > 1e-9:
        raise UserError(
            f"The weights need the sum 0, so that cells are compared; it is {total:g}. Subtract a reference, for "
            f"example Term(recipe='baseline', weight={-total:g})."
        )
    if contrast.relative_to and contrast.relative_to not in names.recipe:
        raise unknown("recipe", contrast.relative_to, names.recipe)
    if contrast.unit != "points" and not names.reference(contrast):
        raise UserError(
            f"unit = {contrast.unit!r} needs the score of a recipe, and the space has no baseline: name a recipe in "
            "`relative_to`."
        )
    slope = contrast.slope
    if slope:
        points = {"model": names.model, "recipe": names.recipe, "language": _all(names.language)}[slope.axis]
        values = names.values(slope)
        for point in values:
            if point not in points:
                raise unknown(slope.axis, point, points)
        if len(set(values.values())) < MIN_POINTS:
            raise UserError(
                f"A slope needs at least {MIN_POINTS} different values of {slope.covariate!r}, got {dict(values)}."
            )
    for term in contrast.terms:
        _check_term(term, contrast, names)


def _check_term(term: Term, contrast: Contrast, names: Names) -> None:
    if term.recipe != EACH and term.recipe not in names.recipe:
        raise unknown("recipe", term.recipe, names.recipe)
    if term.model not in ("", EACH, *names.model):
        raise unknown("model", term.model, names.model)
    targets = term.targets or contrast.targets or tuple(names.target)
    for target in targets:
        if target not in names.target:
            raise unknown("target", target, names.target)
    # Not every target has every condition and language, but at least one of them must.
    for term_name, name, by_target in _named(term, contrast, names):
        existing = list(dict.fromkeys(entry for target in targets for entry in by_target[target]))
        if name not in existing:
            raise unknown(f"{term_name} of {', '.join(targets)}", name, existing)


def _named(term: Term, contrast: Contrast, names: Names) -> Iterator[tuple[str, str, Mapping[str, Sequence[str]]]]:
    yield "condition", term.condition, names.condition
    for language in term.languages or contrast.languages:
        if language != EACH:
            yield "language", language, names.language


def _all(by_target: Mapping[str, Sequence[str]]) -> list[str]:
    return sorted({name for names in by_target.values() for name in names})
