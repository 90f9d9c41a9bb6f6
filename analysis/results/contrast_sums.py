"""Contrasts as weighted sums of single scores: one for each model, target and language that is evaluated alone."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import cycle
from math import fsum
from typing import NamedTuple

import numpy as np
import pandas as pd

from sweeper.space import CLEAN, EACH, Contrast, Slope, Space, Term, slope_weights
from sweeper.space.contrast import DISTANCES, NEGLIGIBLE
from sweeper.space.contrast_check import MIN_POINTS, Names

from .marks import marks_of

AXES = ["model", "recipe", "target", "condition", "language"]


class Score(NamedTuple):
    """The name of one score, without its seed."""

    model: str
    recipe: str
    target: str
    condition: str
    language: str


@dataclass(frozen=True, kw_only=True)
class WeightedSum:
    """A contrast for one model, and for one target or language if it is evaluated for each of them."""

    contrast: Contrast
    model: str
    """Empty if the terms of the contrast name their models."""
    target: str = ""
    """Empty: over `targets`."""
    language: str = ""
    """Empty: over `languages`."""
    targets: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    """All languages of the targets that have a weight."""
    weights: Mapping[Score, float]
    """Score -> its weight; empty if the sum cannot be evaluated. In points, the weights add up to 0."""
    reason: str = ""
    """Why it cannot be evaluated."""
    lacks_languages: bool = False
    """Whether a target lacks a language that the contrast names."""
    lacks_targets: bool = False
    """Whether other languages of a contrast for each language have targets that this one lacks."""


DECIMALS = 6
"""Decimals of measured values: percentages and nats."""
Measured = Mapping[tuple[str, str, str], Mapping[str, float]]
"""(covariate, model, target) -> recipe -> its value: one of DISTANCES, or of DIFFICULTIES, which all targets share."""


def weighted_sums(
    space: Space, scores: pd.DataFrame, contrasts: Iterable[Contrast], measured: Measured
) -> list[WeightedSum]:
    """The weighted sums of contrasts. `scores` has a row for each `Score` that exists and a column for each seed."""
    languages: dict[tuple[str, str, str, str], list[str]] = defaultdict(list)
    for name in scores.index:
        languages[name[:4]].append(name[4])
    names = space.contrast_names()
    means = dict(zip(map(Score._make, scores.index), scores.mean(axis=1).astype(float), strict=True))
    expander = _Expander(
        space=space,
        languages=languages,
        same_rows=frozenset(marks_of(space).same_rows),
        names=names,
        means=means,
        measured=measured,
    )
    return [weighted for contrast in contrasts for weighted in expander.sums(_with_values(contrast, names))]


def _with_values(contrast: Contrast, names: Names) -> Contrast:
    """The contrast with the values of the covariate of its slope."""
    slope = contrast.slope
    if slope is None:
        return contrast
    if slope.is_measured:
        return replace(contrast, slope=replace(slope, points=tuple(names.points(slope))))
    return replace(contrast, slope=replace(slope, values=names.values(slope)))


@dataclass(frozen=True, kw_only=True)
class _Expander:
    space: Space
    languages: Mapping[tuple[str, str, str, str], Sequence[str]]
    """(model, recipe, target, condition) -> the languages with a score."""
    same_rows: frozenset[tuple[str, str]]
    """(recipe, target) whose recipe trains on rows of the target."""
    names: Names
    means: Mapping[Score, float]
    """The mean of each score over the seeds."""
    measured: Measured = field(default_factory=dict)

    def sums(self, contrast: Contrast) -> Iterator[WeightedSum]:
        """The weighted sums of one contrast; at least one for each model, with a reason if it has no scores."""
        names_models = all(term.model for term in contrast.terms)
        for model in [""] if names_models else [model.name for model in self.space.models]:
            terms = tuple(replace(term, model=term.model or model) for term in contrast.terms)
            terms = tuple(self._at_points(contrast, terms))
            weighted = WeightedSum(contrast=contrast, model=model, weights={})
            for single in self._of_targets(weighted, terms):
                yield from self._of_languages(single, terms)

    def _at_points(self, contrast: Contrast, terms: Iterable[Term]) -> Iterator[Term]:
        """The terms of a slope over recipes or models at each point, times the weights of a least-squares slope."""
        slope = contrast.slope
        if slope is None or slope.axis == "language":
            yield from terms
            return
        # The weights of measured values can differ between targets: see `_weighed`.
        weights = dict.fromkeys(slope.points, 1.0) if slope.is_measured else slope_weights(slope.values)
        for term in terms:
            for point, weight in weights.items():
                yield at_point(slope, point, replace(term, weight=term.weight * weight))

    def _of_targets(self, weighted: WeightedSum, terms: Sequence[Term]) -> Iterator[WeightedSum]:
        """The sum over its targets, or one for each of them."""
        contrast = weighted.contrast
        if "target" in contrast.each:
            for target in contrast.targets or self._unmarked(terms):
                yield replace(weighted, target=target, targets=(target,))
            return
        # Without named targets: those on which every term has a score.
        complete = (name for name in self._unmarked(terms) if all(self.languages.get(_cell(t, name)) for t in terms))
        yield replace(weighted, targets=contrast.targets or tuple(complete))

    def _unmarked(self, terms: Sequence[Term]) -> tuple[str, ...]:
        """The targets on whose rows no term trains."""
        names = [target.task for target in self.space.targets]
        return tuple(name for name in names if not any((term.recipe, name) in self.same_rows for term in terms))

    def _of_languages(self, weighted: WeightedSum, terms: Sequence[Term]) -> Iterator[WeightedSum]:
        """The sum over its languages, or one for each of them."""
        contrast = weighted.contrast
        if "language" not in contrast.each:
            yield self._with_weights(weighted, terms, contrast.languages)
            return
        shared = {name: self._shared(terms, name) for name in _targets_of(terms, weighted.targets)}
        names = contrast.languages or tuple(dict.fromkeys(one for languages in shared.values() for one in languages))
        by_name = {
            name: tuple(target for target in weighted.targets if name in shared.get(target, ())) for name in names
        }
        most = len({target for targets in by_name.values() for target in targets})
        for name, targets in by_name.items():
            single = replace(weighted, language=name, targets=targets, lacks_targets=len(targets) < most)
            yield self._with_weights(single, terms, (name,))
        if not names:
            yield self._with_weights(weighted, terms, ())

    def _with_weights(self, weighted: WeightedSum, terms: Sequence[Term], languages: tuple[str, ...]) -> WeightedSum:
        """The sum with the weights of its scores, or with the reason why it has none."""
        if not weighted.contrast.targets and not weighted.target:
            usable = (name for name in weighted.targets if self._is_usable(weighted, terms, name, languages))
            weighted = replace(weighted, targets=tuple(usable))
        if not _targets_of(terms, weighted.targets):
            return replace(weighted, reason="no target has scores of all terms")
        weights: dict[Score, float] = defaultdict(float)
        for target in _targets_of(terms, weighted.targets):
            try:
                weighed = self._weighed(weighted, terms, target)
                for name, weight in self._of_target(weighted, weighed, target, languages):
                    weights[name] += weight
            except LookupError as error:
                return replace(weighted, weights={}, reason=str(error.args[0]))
        used = {name: weight for name, weight in weights.items() if abs(weight) > NEGLIGIBLE}
        by_target: dict[str, set[str]] = defaultdict(set)
        for name in used:
            by_target[name.target].add(name.language)
        return replace(
            weighted,
            targets=tuple(by_target),
            languages=tuple(dict.fromkeys(name.language for name in used)),
            weights=used,
            lacks_languages=any(not set(languages) <= scored for scored in by_target.values()),
        )

    def _weighed(self, weighted: WeightedSum, terms: Sequence[Term], target: str) -> Sequence[Term]:
        """The terms of a slope on measured values with the weights of a target; other terms as they are.

        The slope is that of a regression with a constant for each target: (x - mean of the target) / sum of (x - mean
        of the target)^2 over all targets. Raises LookupError with the reason if a recipe has no value.
        """
        slope = weighted.contrast.slope
        if slope is None or not slope.is_measured:
            return terms
        weighed = []
        for term, point in zip(terms, cycle(slope.points)):
            deviations = {name: self._deviations(slope, term.model, name) for name in weighted.targets}
            total = sum(value**2 for values in deviations.values() for value in values.values())
            if max(len(set(values.values())) for values in deviations.values()) < MIN_POINTS:
                raise LookupError(f"fewer than {MIN_POINTS} recipes differ in their {slope.covariate}")
            # Each target has a share of 1 / targets of the weight of a term.
            weight = term.weight * deviations[target][point] * len(weighted.targets) / total
            if weight:
                weighed.append(replace(term, weight=weight))
        return weighed

    def _deviations(self, slope: Slope, model: str, target: str) -> dict[str, float]:
        """Point -> its measured value minus the mean over the points. Raises LookupError without one.

        Values that differ by their rounding only are equal.
        """
        recipes = self.measured.get((slope.covariate, model, target), {})
        for point in slope.points:
            if point not in recipes:
                where = f" from {target}" if slope.covariate in DISTANCES else ""
                raise LookupError(f"{point} ({model}) has no {slope.covariate}{where}")
        values = {point: round(recipes[point], DECIMALS) for point in slope.points}
        mean = fsum(values.values()) / len(values)
        return {point: value - mean for point, value in values.items()}

    def _is_usable(self, weighted: WeightedSum, terms: Sequence[Term], target: str, languages: tuple[str, ...]) -> bool:
        """Whether a target that the contrast does not name has languages of all terms, enough of them for a slope."""
        shared = [name for name in self._shared(terms, target) if not languages or name in languages]
        slope = weighted.contrast.slope
        if slope is not None and slope.is_measured:
            keys = {(slope.covariate, term.model, target) for term in terms}
            return bool(shared) and all(set(slope.points) <= set(self.measured.get(key, ())) for key in keys)
        if slope is None or slope.axis != "language":
            return bool(shared) or all(term.languages for term in terms)
        return len({slope.values[name] for name in shared if name in slope.values}) >= MIN_POINTS

    def _of_target(
        self, weighted: WeightedSum, terms: Sequence[Term], target: str, languages: tuple[str, ...]
    ) -> Iterator[tuple[Score, float]]:
        """The scores of one target with their weights. Raises LookupError with the reason if a term lacks scores."""
        terms = [term for term in terms if not term.targets or target in term.targets]
        shared = [name for name in self._shared(terms, target) if not languages or name in languages]
        slope = weighted.contrast.slope
        points = self._points(slope, shared, target) if slope and slope.axis == "language" else None
        for term in terms:
            scored = self.languages.get(_cell(term, target), ())
            lacking = [name for name in term.languages if name not in (*scored, EACH)]
            chosen = shared if not term.languages or EACH in term.languages else term.languages
            if not chosen or lacking:
                raise LookupError(_missing(term, target, lacking or languages))
            # The mean over the targets of the term.
            share = term.weight / len(term.targets or weighted.targets)
            whole = self._unit(weighted.contrast, term.model, target, chosen) if points is None else 1.0
            for name in chosen:
                weight = 1 / len(chosen) if points is None else points.get(name, 0.0)
                unit = whole if points is None else self._unit(weighted.contrast, term.model, target, [name])
                yield Score(*_cell(term, target), name), share * weight / unit

    def _unit(self, contrast: Contrast, model: str, target: str, languages: Sequence[str]) -> float:
        """The unit of a contrast: 1, or the mean score or the headroom of a recipe in some languages, on clean data.

        Raises LookupError with the reason if the recipe has no score, or one that is no unit.
        """
        reference = self.names.reference(contrast)
        if not reference:
            return 1.0
        scores = [self.means.get(Score(model, reference, target, CLEAN, name), np.nan) for name in languages]
        score = float(np.mean(scores))
        unit = score if contrast.unit == "score" else 1 - score
        # A loss is negative here, and has neither a share nor a headroom. Without a score, both are nan.
        if not (score >= 0 and unit > 0):
            value = "no score" if np.isnan(score) else f"a score of {100 * score:.1f}"
            raise LookupError(f"{reference} ({model}) has {value} on {target}, which is no unit ({contrast.unit})")
        return unit

    def _points(self, slope: Slope, shared: Sequence[str], target: str) -> dict[str, float]:
        """Language -> its weight in a slope over the languages that every term has."""
        values = {name: value for name, value in slope.values.items() if name in shared}
        if len(set(values.values())) < MIN_POINTS:
            raise LookupError(f"{target} has fewer than {MIN_POINTS} different values of {slope.covariate}")
        return slope_weights(values)

    def _shared(self, terms: Sequence[Term], target: str) -> list[str]:
        """The languages of a target in which every term without languages of its own has a score."""
        by_term = [
            self.languages.get(_cell(term, target), ())
            for term in terms
            if (not term.languages or EACH in term.languages) and (not term.targets or target in term.targets)
        ]
        first = by_term[0] if by_term else ()
        return [name for name in first if all(name in names for names in by_term)]


def _targets_of(terms: Sequence[Term], targets: Sequence[str]) -> tuple[str, ...]:
    """All targets of a sum: its own, if a term has none, and those of its terms."""
    shared = targets if any(not term.targets for term in terms) else ()
    return tuple(dict.fromkeys((*shared, *(target for term in terms for target in term.targets))))


def _cell(term: Term, target: str) -> tuple[str, str, str, str]:
    return term.model, term.recipe, target, term.condition


def _missing(term: Term, target: str, languages: Sequence[str]) -> str:
    condition = "" if term.condition == CLEAN else f", {term.condition}"
    where = f" in {', '.join(languages)}" if languages else ""
    return f"{term.recipe} ({term.model}) has no score on {target}{condition}{where}"


def at_point(slope: Slope, point: str, term: Term) -> Term:
    """The term at one point of a slope over recipes or models."""
    if slope.axis == "model":
        return replace(term, model=point) if term.model == EACH else term
    return replace(term, recipe=term.recipe.replace(EACH, point))
