"""Recipes that differ only in their training language: what English as the source costs, and where."""

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from sweeper.space import CLEAN, Contrast, Recipe, Space, Term
from sweeper.tasks.distances import resources

from .contrast_seeds import by_score, scores_of_seeds
from .contrast_sums import Score
from .contrasts import contrast_table
from .halves import MIN_N
from .load import RunData
from .seed_part import ENGLISH
from .stats import are_equal, t_intervals

Floats = npt.NDArray[np.float64]
FEW, OTHER, BOTH = "few resources", "other languages", "few resources - other languages"
"""Target languages with few resources (URIEL+), the rest, and the difference between both."""
REGRET_COLUMNS = (
    "model",
    "target",
    "group",
    "choice",
    "regret",
    "low",
    "high",
    "p",
    "naive",
    "num_seeds",
    "num_languages",
    "note",
)
"""Columns of the table of regrets. group: the first recipe of those that differ in their language only. choice: the
best source `for each language`, or the best one `for all languages`. regret: its score minus that of the English
source, mean over target languages other than English and the source. The source is chosen on the other seeds, so that
a source that is best by chance gains nothing; low, high and p are those of the t test over seeds. naive: the same if
the source is chosen on all seeds, which is too large. note: why there is no regret, or no interval."""


@dataclass(frozen=True, kw_only=True)
class Regret:
    """What the English source costs by seed (empty with one seed), and if the best source is chosen on all seeds."""

    by_seed: Floats
    naive: float
    num_seeds: int


def source_of(recipe: Recipe) -> str:
    """The language that the last stage of a recipe trains in; "" without a stage or with several languages."""
    languages = recipe.stages[-1].languages if recipe.stages else ()
    return languages[0] if len(languages) == 1 else ""


def source_groups(space: Space) -> dict[str, dict[str, str]]:
    """First recipe of a group -> source language -> recipe. The recipes of a group differ only in this language.

    A recipe without a source language is a group of its own, with the source "".
    """
    groups: dict[str, dict[str, str]] = {}
    firsts: dict[str, str] = {}
    for recipe in space.recipes:
        source = source_of(recipe)
        last = [replace(stage, languages=(ENGLISH,), shares={}) for stage in recipe.stages[-1:]] if source else []
        first = firsts.setdefault(repr((recipe.stages[:-1], last)) if source else recipe.name, recipe.name)
        groups.setdefault(first, {})[source] = recipe.name
    return groups


def large_groups(space: Space) -> dict[str, dict[str, str]]:
    """The groups with English and at least MIN_N source languages."""
    groups = source_groups(space)
    return {first: group for first, group in groups.items() if ENGLISH in group and len(group) >= MIN_N}


def regrets(data: RunData, targets: Sequence[str]) -> pd.DataFrame:
    """What it costs to choose English instead of the best source language, with REGRET_COLUMNS.

    Languages that lack a score of another source are left out.
    """
    scores = by_score(scores_of_seeds(data)[0])
    rows = []
    for model in data.space.models:
        for first, group in large_groups(data.space).items():
            for target in targets:
                languages = _complete(scores, target, model.name, group)
                values = _array(scores, target, model.name, group, languages)
                for choice, is_each in (("for each language", True), ("for all languages", False)):
                    regret = regret_of(values, list(group).index(ENGLISH), is_each=is_each)
                    rows.append(
                        (
                            model.name,
                            target,
                            first,
                            choice,
                            *_interval(regret),
                            len(languages),
                            _reason(regret, languages),
                        )
                    )
    return pd.DataFrame(rows, columns=list(REGRET_COLUMNS))


def regret_of(scores: Floats, english: int, *, is_each: bool) -> Regret:
    """The regret of the source number `english`, from scores of shape (sources, target languages, seeds).

    nan where the source is the target language. With `is_each`, each target language has a best source of its own.
    """
    num_seeds = scores.shape[-1]
    if not num_seeds:
        return Regret(by_seed=np.empty(0), naive=np.nan, num_seeds=0)
    by_seed = [
        _cost(np.delete(scores, seed, axis=-1).mean(axis=-1), scores[..., seed], english, is_each)
        for seed in range(num_seeds if num_seeds > 1 else 0)
    ]
    mean = scores.mean(axis=-1)
    return Regret(
        by_seed=np.array(by_seed, dtype=float), naive=_cost(mean, mean, english, is_each), num_seeds=num_seeds
    )


def _cost(choosing: Floats, scored: Floats, english: int, is_each: bool) -> float:
    """The score of the source that is best in one table minus that of English, both in another table."""
    if not choosing.size or np.isnan(choosing).all(axis=0).any():
        return np.nan
    if is_each:
        best = np.nanargmax(choosing, axis=0)
        return float((scored[best, np.arange(scored.shape[1])] - scored[english]).mean())
    # A source without another language than its own has no mean.
    usable = np.flatnonzero(~np.isnan(choosing).all(axis=1))
    # Each source lacks its own language, so that languages are compared beside their mean.
    above = np.nanmean(choosing[usable] - np.nanmean(choosing, axis=0), axis=1)
    return float(np.nanmean(scored[usable[np.argmax(above)]] - scored[english]))


def _reason(regret: Regret, languages: Sequence[str]) -> str:
    """Why there is no regret, or no interval; "" with both."""
    if not languages:
        return "no language has scores of all sources"
    if not regret.num_seeds:
        return "no seed has scores of all sources"
    if regret.num_seeds == 1:
        return "one seed"
    return "equal differences" if are_equal(regret.by_seed.min(), regret.by_seed.max(), 1.0) else ""


def _interval(regret: Regret) -> tuple[float, float, float, float, float, int]:
    """Mean, bounds and p of the t test over seeds, the naive regret, and the number of seeds."""
    values = regret.by_seed[~np.isnan(regret.by_seed)]
    if not len(values):
        return np.nan, np.nan, np.nan, np.nan, regret.naive, regret.num_seeds
    mean, error = float(values.mean()), float(values.std(ddof=1)) / len(values) ** 0.5
    if are_equal(values.min(), values.max(), 1.0):
        return mean, np.nan, np.nan, np.nan, regret.naive, len(values)
    low, high, p = map(float, t_intervals(mean, error, len(values) - 1))
    return mean, low, high, p, regret.naive, len(values)


def by_resources(data: RunData, targets: Sequence[str]) -> pd.DataFrame:
    """Other sources minus the English one on target languages with few resources, on the rest, and their difference.

    A `contrast_table`, whose contrasts are named FEW, OTHER and BOTH, and whose families are the first recipes of the
    groups. Empty unless a target has languages of both kinds. The languages are those of all models together.
    """
    scores = by_score(scores_of_seeds(data)[0])
    models = {model.name for model in data.space.models}
    contrasts = [
        contrast
        for first, group in large_groups(data.space).items()
        for target in targets
        for contrast in _resource_contrasts(first, group, target, _languages(scores, target, models, group[ENGLISH]))
    ]
    return contrast_table(data, contrasts)


def _resource_contrasts(
    first: str, group: Mapping[str, str], target: str, languages: Sequence[str]
) -> Iterator[Contrast]:
    few = [name for name in languages if resources().get(name) == "low"]
    rest = [name for name in languages if resources().get(name) not in ("low", "", None)]
    if few and rest:
        parts = {FEW: ((few, 1.0),), OTHER: ((rest, 1.0),), BOTH: ((few, 1.0), (rest, -1.0))}
        for name, weighted in parts.items():
            terms = tuple(term for names, sign in weighted for term in _over_english(group, names, sign))
            yield Contrast(name=name, family=first, terms=terms, targets=(target,))


def _over_english(group: Mapping[str, str], languages: Sequence[str], sign: float) -> Iterator[Term]:
    """The mean over target languages of the mean score of the other sources minus that of the English one."""
    for language in languages:
        others = [recipe for source, recipe in group.items() if source not in (ENGLISH, language)]
        share = sign / len(languages)
        yield Term(recipe=group[ENGLISH], weight=-share, languages=(language,))
        yield from (Term(recipe=name, weight=share / len(others), languages=(language,)) for name in others)


def _languages(scores: Mapping[Score, Floats], target: str, models: Container[str], recipe: str) -> list[str]:
    """The languages of a target other than English in which a recipe has a score with one of the models."""
    names = dict.fromkeys(
        name.language
        for name in scores
        if name.model in models and (name.recipe, name.target, name.condition) == (recipe, target, CLEAN)
    )
    return [name for name in names if name != ENGLISH]


def _complete(scores: Mapping[Score, Floats], target: str, model: str, group: Mapping[str, str]) -> list[str]:
    """The languages of a target other than English in which each other source has a score."""
    return [
        name
        for name in _languages(scores, target, {model}, group[ENGLISH])
        if all(
            Score(model, recipe, target, CLEAN, name) in scores for source, recipe in group.items() if source != name
        )
    ]


def _array(
    scores: Mapping[Score, Floats], target: str, model: str, group: Mapping[str, str], languages: Sequence[str]
) -> Floats:
    """The scores of shape (sources, target languages, seeds) of the seeds that have all; nan if the two are equal."""
    cells = [[scores.get(Score(model, recipe, target, CLEAN, name)) for name in languages] for recipe in group.values()]
    num_seeds = max((len(cell) for row in cells for cell in row if cell is not None), default=0)
    values = np.array(
        [[np.full(num_seeds, np.nan) if cell is None else cell for cell in row] for row in cells], dtype=float
    ).reshape(len(group), len(languages), num_seeds)
    is_own = np.equal.outer(np.array(list(group)), np.array(languages, dtype=str))
    has_all = ~(np.isnan(values) & ~is_own[..., None]).any(axis=(0, 1))
    values[is_own] = np.nan
    return values[..., has_all]
