"""Contrasts: planned comparisons of cells, each a sum of scores with weights; and claims that need several of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import fsum
from typing import Literal, TypeVar

from sweeper.errors import UserError
from sweeper.space.condition import CLEAN
from sweeper.typed import check_fields

EACH = "*"
"""In a term of a contrast with a slope: every point of the axis of the slope. It can be a part of the name of a recipe:
`* then mnli`."""
DISTANCES: Mapping[str, str] = {"text_distance": "embedding", "subword_distance": "subword_overlap"}
"""Distance of the texts of a recipe from those of a target -> the predictor of transfer from which it is computed. It
is 100 (1 - predictor). Both predictors are in the records of a space with `predictors`."""
DIFFICULTIES: Mapping[str, str] = {
    "usable_information": "information",
    "mean_loss": "mean_loss",
    "own_headroom": "headroom",
}
"""Measured difficulty of the task of a recipe -> its column in difficulty.csv (analysis/results/difficulty.py)."""
Axis = Literal["model", "recipe", "language"]
Unit = Literal["points", "score", "headroom"]
Point = TypeVar("Point")
NEGLIGIBLE = 1e-12
"""Weights below this are rounding errors of 0."""


@dataclass(frozen=True, kw_only=True)
class Term:
    """The mean score of a recipe over targets and languages, with its weight in a contrast."""

    recipe: str
    weight: float = 1.0
    model: str = ""
    """Empty: the model that the contrast is evaluated for."""
    condition: str = CLEAN
    targets: tuple[str, ...] = ()
    """Empty: the targets of the contrast."""
    languages: tuple[str, ...] = ()
    """Empty: the languages of the contrast."""

    def __post_init__(self) -> None:
        check_fields(self)
        if self.weight == 0:
            raise UserError(f"A term of a contrast needs a weight other than 0 (recipe {self.recipe!r}).")


@dataclass(frozen=True, kw_only=True)
class Slope:
    """A covariate with one value for each point of an axis. The contrast is the least-squares slope on it."""

    axis: Axis
    """The field of a term in which EACH means every point."""
    covariate: str
    """Name of the covariate. Without `values`, it is a numeric factor of the recipes or models of the axis,
    `log10_parameters` of models that give their `parameters`, the distance of languages from English, such as
    `syntactic_distance` (sweeper/tasks/distances.py has the others), one of DISTANCES between recipes and targets, or
    one of DIFFICULTIES of recipes.
    """
    values: Mapping[str, float] = field(default_factory=dict)
    """Point -> its value. Points without a value are left out."""
    points: tuple[str, ...] = ()
    """Only these points. Empty: all points with a value."""
    unit: str = ""
    """What a difference of 1 means, for example "decade of parameters"."""

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def is_measured(self) -> bool:
        """Whether the values of the covariate are known after a run only."""
        return self.axis == "recipe" and not self.values and self.covariate in (*DISTANCES, *DIFFICULTIES)


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """A planned comparison: a sum of the scores of cells with weights that add up to 0 (a space checks it).

    It is evaluated for each model, seed by seed and on the same items, over all its languages and targets together or
    for each of them. Scores are fractions of 1, with the sign of losses reversed, so that more is better.
    """

    name: str
    terms: tuple[Term, ...]
    title: str = ""
    """The question that the contrast answers, for the report."""
    family: str = "contrasts"
    """Contrasts of one family are corrected together and share a page of the report."""
    targets: tuple[str, ...] = ()
    """The mean over these targets. Empty: all targets on which every term has scores and none trains on their rows."""
    languages: tuple[str, ...] = ()
    """The mean over these languages. Empty: all languages of a target in which every term has scores."""
    each: tuple[Literal["target", "language"], ...] = ()
    """Evaluate the contrast for each target or language instead of their mean."""
    slope: Slope | None = None
    """The slope of the sum on a covariate, instead of the sum."""
    unit: Unit = "points"
    """Of the estimate. `score`: the mean score of `relative_to` on clean data, with the model and target of each term
    and in its languages, so that a gain is relative. `headroom`: 1 minus this score, so that a gain is a share of what
    was possible. A slope over languages has the unit of each language."""
    relative_to: str = ""
    """The recipe of `unit`. Empty: the baseline."""

    def __post_init__(self) -> None:
        check_fields(self)
        # Names of files are made from families.
        if not self.name or not self.family or "/" in self.family:
            raise UserError(
                "A contrast needs a name, and a family without '/', got "
                f"name = {self.name!r} and family = {self.family!r}."
            )
        if not self.terms:
            raise UserError(f"Contrast {self.name!r} needs at least one term.")
        if self.relative_to and self.unit == "points":
            raise UserError(
                f"Contrast {self.name!r} has relative_to = {self.relative_to!r}, which unit = 'points' does not use. "
                "Set unit to 'score' or 'headroom', or remove `relative_to`."
            )
        _check_points(self)
        _check_each(self)

    @property
    def axis(self) -> Axis | None:
        """The axis of the slope; None without one."""
        return self.slope.axis if self.slope else None


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A statement that holds only if all its contrasts do: its p is the largest of theirs (intersection-union test)."""

    name: str
    contrasts: tuple[str, ...]
    """Names of contrasts. In each of them, the claimed sign must be found."""
    sign: Literal["positive", "negative"] = "positive"

    def __post_init__(self) -> None:
        check_fields(self)
        if len(set(self.contrasts)) < 2:
            raise UserError(f"Claim {self.name!r} needs at least two different contrasts, got {self.contrasts}.")


def difference(name: str, recipe: str, reference: str, **options: object) -> Contrast:
    """The score of a recipe minus that of another one. `options` are fields of Contrast."""
    terms = (Term(recipe=recipe), Term(recipe=reference, weight=-1.0))
    return Contrast(name=name, terms=terms, **options)  # type: ignore[arg-type]


def interaction(name: str, both: str, first: str, second: str, neither: str, **options: object) -> Contrast:
    """What two treatments add together beyond the sum of each: both - first - second + neither.

    `options` are fields of Contrast.
    """
    weights = {both: 1.0, first: -1.0, second: -1.0, neither: 1.0}
    terms = tuple(Term(recipe=recipe, weight=weight) for recipe, weight in weights.items())
    return Contrast(name=name, terms=terms, **options)  # type: ignore[arg-type]


def slope_weights(values: Mapping[Point, float]) -> dict[Point, float]:
    """Point -> its weight in a least-squares slope: (x - mean) / sum of (x - mean)^2, without points of weight 0."""
    mean = fsum(values.values()) / len(values)
    total = fsum((value - mean) ** 2 for value in values.values())
    weights = {point: (value - mean) / total for point, value in values.items()}
    return {point: weight for point, weight in weights.items() if abs(weight) * total**0.5 > NEGLIGIBLE}


def _check_points(contrast: Contrast) -> None:
    """Raise UserError unless EACH is used exactly where a slope needs it."""
    named = {
        "model": [term.model for term in contrast.terms],
        "recipe": [_each_in(term.recipe, contrast) for term in contrast.terms],
        "language": [name for term in contrast.terms for name in term.languages],
    }
    for axis, names in named.items():
        if EACH in names and contrast.axis != axis:
            raise UserError(
                f"Contrast {contrast.name!r} has a term with {axis} = {EACH!r}, which needs a slope with axis = "
                f"{axis!r}."
            )
        # For languages, EACH is the default of terms without languages.
        if contrast.axis == axis != "language" and EACH not in names:
            raise UserError(
                f"Contrast {contrast.name!r} has a slope along {axis}s. At least one term needs {axis} = {EACH!r}."
            )
    if contrast.slope and contrast.slope.is_measured and any(term.targets for term in contrast.terms):
        raise UserError(
            f"Contrast {contrast.name!r} has a slope on {contrast.slope.covariate!r}, a regression over recipes and "
            "targets. Remove `targets` from its terms, and name them in the contrast."
        )
    if contrast.axis == "language" and set(named["language"]) - {EACH}:
        raise UserError(
            f"Contrast {contrast.name!r} has a slope along languages. Name them in its `values`, and remove "
            "`languages` from its terms."
        )


def _each_in(recipe: str, contrast: Contrast) -> str:
    """EACH if a term of a slope over recipes has another recipe at each point."""
    return EACH if contrast.axis == "recipe" and EACH in recipe else recipe


def _check_each(contrast: Contrast) -> None:
    """Raise UserError if the contrast cannot be evaluated for each target or language."""
    if contrast.axis == "language" and "language" in contrast.each:
        raise UserError(f"Contrast {contrast.name!r} has a slope along languages. Remove 'language' from `each`.")
    if "target" in contrast.each and any(term.targets for term in contrast.terms):
        raise UserError(
            f"Contrast {contrast.name!r} is evaluated for each target. Remove `targets` from its terms, or 'target' "
            "from `each`."
        )
    if "language" in contrast.each and all(term.languages for term in contrast.terms):
        raise UserError(
            f"Contrast {contrast.name!r} is evaluated for each language, but all of its terms name languages. Remove "
            "'language' from `each`."
        )
