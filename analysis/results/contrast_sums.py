"""Contrasts as weighted sums of single scores: one for each model, target and language that is evaluated alone."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from sweeper.space import EACH, Contrast, Space, Term

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
    """Empty: the mean over `targets`."""
    language: str = ""
    """Empty: the mean over languages."""
    targets: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    """All languages of the targets that have a weight."""
    weights: Mapping[Score, float]
    """Score -> its weight; empty if the sum cannot be evaluated."""
    reason: str = ""
    """Why it cannot be evaluated."""


def weighted_sums(space: Space, scores: pd.DataFrame, contrasts: Iterable[Contrast]) -> list[WeightedSum]:
    """The weighted sums of contrasts. `scores` is indexed by the `Score`s that exist."""
    languages: dict[tuple[str, str, str, str], list[str]] = defaultdict(list)
    for name in scores.index:
        languages[name[:4]].append(name[4])
    marked = frozenset(marks_of(space).same_rows)
    expander = _Expander(space=space, languages=languages, same_rows=marked)
    return [weighted for contrast in contrasts for weighted in expander.sums(contrast)]


@dataclass(frozen=True, kw_only=True)
class _Expander:
    space: Space
    languages: Mapping[tuple[str, str, str, str], Sequence[str]]
    """(model, recipe, target, condition) -> the languages with a score."""
    same_rows: frozenset[tuple[str, str]]
    """(recipe, target) whose recipe trains on rows of the target."""

    def sums(self, contrast: Contrast) -> Iterator[WeightedSum]:
        """The weighted sums of one contrast."""
        names_models = all(term.model for term in contrast.terms)
        for model in [""] if names_models else [model.name for model in self.space.models]:
            terms = tuple(replace(term, model=term.model or model) for term in contrast.terms)
            terms = tuple(self._at_points(contrast, terms))
            targets = self._targets(contrast, terms)
            weighted = WeightedSum(contrast=contrast, model=model, targets=targets, weights={})
            for single in self._of_targets(weighted, terms):
                yield from self._of_languages(single, terms)

    def _at_points(self, contrast: Contrast, terms: Iterable[Term]) -> Iterator[Term]:
        """The terms of a slope at each point of its axis, multiplied by the weights of a least-squares slope."""
        if contrast.slope is None:
            yield from terms
            return
        values = self.space.contrast_names().values(contrast.slope)
        centred = {point: value - float(np.mean(list(values.values()))) for point, value in values.items()}
        total = sum(value**2 for value in centred.values())
        for term in terms:
            for point, value in centred.items():
                yield _at(contrast.slope.axis, point, replace(term, weight=term.weight * value / total))

    def _targets(self, contrast: Contrast, terms: Sequence[Term]) -> tuple[str, ...]:
        """The named targets, or those on which every term has a score and no term trains on their rows."""
        if contrast.targets or all(term.targets for term in terms):
            named = (*contrast.targets, *(target for term in terms for target in term.targets))
            return tuple(dict.fromkeys(named))
        return tuple(
            target.task
            for target in self.space.targets
            if all(self.languages.get(_cell(term, target.task)) for term in terms)
            and not any((term.recipe, target.task) in self.same_rows for term in terms)
        )

    def _of_targets(self, weighted: WeightedSum, terms: Sequence[Term]) -> Iterator[WeightedSum]:
        if "target" in weighted.contrast.each:
            yield from (replace(weighted, target=target, targets=(target,)) for target in weighted.targets)
        else:
            yield weighted

    def _of_languages(self, weighted: WeightedSum, terms: Sequence[Term]) -> Iterator[WeightedSum]:
        if "language" not in weighted.contrast.each:
            yield self._weighted(weighted, terms, weighted.contrast.languages)
            return
        shared = {target: self._shared(terms, target, ()) for target in weighted.targets}
        names = dict.fromkeys(name for languages in shared.values() for name in languages)
        for name in weighted.contrast.languages or names:
            targets = tuple(target for target in weighted.targets if name in shared[target])
            yield self._weighted(replace(weighted, language=name, targets=targets), terms, (name,))

    def _weighted(self, weighted: WeightedSum, terms: Sequence[Term], languages: tuple[str, ...]) -> WeightedSum:
        """The sum with the weights of its scores, or with the reason why it has none."""
        weights: dict[Score, float] = defaultdict(float)
        used = []
        for target in weighted.targets:
            try:
                self._add(weights, terms, target, languages)
            except LookupError as error:
                if weighted.target or weighted.contrast.targets:
                    return replace(weighted, weights={}, reason=str(error.args[0]))
                continue
            used.append(target)
        if not used:
            return replace(weighted, weights={}, reason="no target has scores of all terms")
        weights = {name: weight / len(used) for name, weight in weights.items() if abs(weight) > 1e-12}
        named = tuple(dict.fromkeys(name.language for name in weights))
        return replace(weighted, targets=tuple(used), languages=named, weights=weights)

    def _add(
        self,
        weights: dict[Score, float],
        terms: Sequence[Term],
        target: str,
        languages: tuple[str, ...],
    ) -> None:
        """Add the weights of one target. Raises LookupError with the reason if a term lacks scores."""
        shared = self._shared(terms, target, languages)
        added: list[tuple[Score, float]] = []
        for term in terms:
            if term.targets and target not in term.targets:
                continue
            scored = self.languages.get(_cell(term, target), ())
            chosen = [name for name in term.languages if name in scored] if term.languages else shared
            lacking = [name for name in term.languages if name not in scored]
            if not chosen or lacking:
                missing = f" in {', '.join(lacking)}" if lacking else ""
                condition = "" if term.condition == "clean" else f", {term.condition}"
                raise LookupError(f"{term.recipe} ({term.model}) has no score on {target}{condition}{missing}")
            added += [(Score(*_cell(term, target), language), term.weight / len(chosen)) for language in chosen]
        for name, weight in added:
            weights[name] += weight

    def _shared(self, terms: Sequence[Term], target: str, languages: tuple[str, ...]) -> list[str]:
        """The languages in which every term without languages of its own has a score; only `languages`, if any."""
        by_term = [
            self.languages.get(_cell(term, target), ())
            for term in terms
            if not term.languages and (not term.targets or target in term.targets)
        ]
        first = by_term[0] if by_term else ()
        shared = [name for name in first if all(name in names for names in by_term)]
        return [name for name in shared if not languages or name in languages]


def _cell(term: Term, target: str) -> tuple[str, str, str, str]:
    return term.model, term.recipe, target, term.condition


def _at(axis: str, point: str, term: Term) -> Term:
    """The term at one point of the axis of a slope."""
    if axis == "language":
        return replace(term, languages=(point,)) if term.languages in ((), (EACH,)) else term
    if axis == "model":
        return replace(term, model=point) if term.model == EACH else term
    return replace(term, recipe=point) if term.recipe == EACH else term
