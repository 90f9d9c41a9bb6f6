"""Checks the contrasts and claims of a space: everything that they refer to must exist."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sweeper.errors import UserError, unknown
from sweeper.space.contrast import DIFFICULTIES, DISTANCES, EACH, Claim, Contrast, Slope, Term

MIN_POINTS = 3
"""Fewest points of a slope."""
UNMEASURED: Mapping[str, str] = {
    **dict.fromkeys(DISTANCES, "is measured by the predictors of transfer: set `predictors=True` in the space"),
    **dict.fromkeys(DIFFICULTIES, "is that of recipes of one task: add such recipes to the space"),
    "usable_information": "is measured with twins without input: set `null_twins=True` in the space",
}
"""Covariate that a run measures -> why no recipe of a space has it, and the remedy."""


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
    measured: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Covariate of DISTANCES and DIFFICULTIES -> the recipes for which a run measures it."""

    def reference(self, contrast: Contrast) -> str:
        """The recipe whose score is the unit of a contrast; "" if the unit is a point."""
        return "" if contrast.unit == "points" else contrast.relative_to or self.baseline

    def values(self, slope: Slope) -> Mapping[str, float]:
        """Point -> value of the covariate of a slope. Raises UserError if nothing has the covariate."""
        factors = self.factors.get(slope.axis, {})
        if not slope.values and slope.covariate not in factors:
            covariates = (*factors, *DISTANCES, *DIFFICULTIES) if slope.axis == "recipe" else factors
            raise unknown(f"covariate of a {slope.axis}", slope.covariate, covariates)
        values = slope.values or factors[slope.covariate]
        return {point: value for point, value in values.items() if not slope.points or point in slope.points}

    def points(self, slope: Slope) -> Sequence[str]:
        """The points of a slope. Raises UserError if the covariate has none."""
        if not slope.is_measured:
            return list(self.values(slope))
        measured = self.measured.get(slope.covariate, ())
        if not measured:
            raise UserError(f"The covariate {slope.covariate!r} {UNMEASURED[slope.covariate]}.")
        return slope.points or measured


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
        _check_slope(slope, names)
    for term in contrast.terms:
        for recipe in _recipes(term, slope, names):
            _check_term(replace(term, recipe=recipe), contrast, names)


def _check_slope(slope: Slope, names: Names) -> None:
    existing = {"model": names.model, "recipe": names.recipe, "language": _all(names.language)}[slope.axis]
    points = names.points(slope)
    for point in (*points, *slope.points):
        if point not in existing:
            raise unknown(slope.axis, point, existing)
        if slope.is_measured and point not in names.measured[slope.covariate]:
            reason = (
                f"has no stage, and therefore no texts for {slope.covariate!r}"
                if slope.covariate in DISTANCES
                else f"has no {slope.covariate!r}, which is that of recipes of one task with dev data"
            )
            raise UserError(f"Recipe {point!r} {reason}.")
    # Measured values are known after the run only.
    values = {} if slope.is_measured else names.values(slope)
    if len(set(values.values()) if values else points) < MIN_POINTS:
        raise UserError(
            f"A slope needs at least {MIN_POINTS} different values of {slope.covariate!r}, got "
            f"{dict(values) if values else ', '.join(points)}."
        )


def _recipes(term: Term, slope: Slope | None, names: Names) -> Sequence[str]:
    """The recipes of a term: one at each point of a slope over recipes."""
    if slope is None or slope.axis != "recipe":
        return [term.recipe]
    return [term.recipe.replace(EACH, point) for point in names.points(slope)]


def _check_term(term: Term, contrast: Contrast, names: Names) -> None:
    if term.recipe not in names.recipe:
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
