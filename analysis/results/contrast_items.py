"""The uncertainty of contrasts about new items: the weighted influence of each item on all scores of a contrast."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sweeper.files.folder import Folder
from sweeper.records.record import ScoreRecord
from sweeper.run.run import Run

from .contrast_sums import WeightedSum
from .influence import Units
from .item_cache import cache_file, kept_blocks, states_of
from .items import has_own_items, read_influences
from .load import RunData
from .sums import MEASURES, Measure

Floats = npt.NDArray[np.float64]
CODE = ("contrast_items.py", "items.py", "influence.py", "sums.py", "outcomes.py")
"""Files of this package on which the variances of given outcomes depend."""


@dataclass(frozen=True, kw_only=True)
class ItemVariance:
    """Variance of a contrast about new items; nan if it is unknown."""

    variance: float = np.nan
    """Of the mean over the seeds of the estimate, on targets whose seeds share their items: the variance over seeds
    contains that of the other targets."""
    residual: float = np.nan
    """The part that differs between seeds and items at once, which the variance over seeds contains too."""
    df: float = np.nan
    num_items: int = 0
    are_own: bool = False
    """Whether each seed has its own items in all targets, so that the variance over seeds contains that of items."""


def item_variances(
    data: RunData, contrasts: Sequence[WeightedSum], seeds: Sequence[Collection[int]]
) -> list[ItemVariance]:
    """The item variance of each contrast over its `seeds`: those of its estimate, which have scores on all its targets.

    The outcomes of each target are read once for all of them. The variances are kept in the cache of the run folder,
    except those of tables that were joined from two runs.
    """
    with_draws = {target.task for target in data.space.targets if has_own_items(data, target.task)}
    by_contrast: list[dict[str, ItemVariance]] = [{} for _ in contrasts]
    if not data.run:
        return [ItemVariance() for _ in contrasts]
    run = Run.open(data.run)
    cache, states = (None, {}) if data.runs_of_models else (run.analysis_cache, run.ledger.outcome_states())
    for target in sorted({name for weighted in contrasts for name in weighted.targets} - with_draws):
        users = [number for number, weighted in enumerate(contrasts) if target in weighted.targets]
        column = _Target(data, target, [(contrasts[number], seeds[number]) for number in users])
        for number, variance in zip(users, _kept(column, cache, states), strict=True):
            by_contrast[number][target] = variance
    return [
        _summed(weighted, variances, with_draws) for weighted, variances in zip(contrasts, by_contrast, strict=True)
    ]


def _kept(column: "_Target", cache: Folder | None, states: Mapping[str, list[str]]) -> Sequence[ItemVariance]:
    """The variances of the contrasts on a target, from the cache if their outcomes are as they were."""
    if cache is None:
        return column.variances()
    file = cache_file("contrasts", CODE, column.inputs(states))
    return kept_blocks(cache, file, ItemVariance, lambda: (column.variances(), column.is_complete))


def _summed(weighted: WeightedSum, variances: Mapping[str, ItemVariance], with_draws: set[str]) -> ItemVariance:
    """The sum over targets, whose items are independent."""
    shared = [variances.get(target, ItemVariance()) for target in weighted.targets if target not in with_draws]
    if not shared:
        return ItemVariance(are_own=bool(weighted.targets))
    total = sum(variance.variance for variance in shared)
    squares = sum(variance.variance**2 / variance.df for variance in shared)
    return ItemVariance(
        variance=total,
        residual=sum(variance.residual for variance in shared),
        df=total**2 / squares if squares > 0 else np.nan,
        num_items=sum(variance.num_items for variance in shared),
    )


class _Target:
    """Sums of the influences of the items of one target, seed by seed, for several contrasts."""

    def __init__(self, data: RunData, target: str, contrasts: Sequence[tuple[WeightedSum, Collection[int]]]) -> None:
        """`contrasts` have the seeds of their estimates."""
        self.is_complete = True
        """Whether all outcomes could be read so far."""
        self._contrasts = contrasts
        self._units = Units()
        self._scorer = data.space.task(target).scorer
        self._measure: Measure = MEASURES[self._scorer]
        runs = data.runs_of_models or dict.fromkeys((model.name for model in data.space.models), data.run)
        self._ledgers = {model: Run.open(run).ledger for model, run in runs.items()}
        self._unread = data.unread
        self._seeds: Sequence[int] = data.space.seeds
        # (model, recipe, condition) -> language -> weight, for each contrast.
        self._weights: list[dict[tuple[str, str, str], dict[str, float]]] = [defaultdict(dict) for _ in contrasts]
        for weights, (weighted, _) in zip(self._weights, contrasts, strict=True):
            for name, weight in weighted.weights.items():
                if name.target == target:
                    weights[name.model, name.recipe, name.condition][name.language] = weight
        self._records = _records(data, target, {name for weights in self._weights for name in weights})
        self._fixed: dict[tuple[str, str, str], Floats | None] = {}
        self._num_known = 0
        self._known: dict[str, set[int]] = {}

    def inputs(self, states: Mapping[str, list[str]]) -> list[object]:
        """What the variances depend on, as JSON values. `states` are those of the files with outcomes."""
        weights = [[[*name, *of_name.items()] for name, of_name in weights.items()] for weights in self._weights]
        seeds = [sorted(of_contrast) for _, of_contrast in self._contrasts]
        records = [[*name, seed, states_of(scores, states)] for (name, seed), scores in self._records.items()]
        return [self._scorer, list(self._seeds), weights, seeds, sorted(records, key=str)]

    def variances(self) -> list[ItemVariance]:
        """The item variance of each contrast on this target."""
        sums = [np.zeros(0) for _ in self._contrasts]
        squares = np.zeros(len(self._contrasts))
        num = np.zeros(len(self._contrasts), dtype=int)
        for seed in self._seeds:
            for number, values in enumerate(self._of_seed(seed)):
                if values is not None and seed in self._contrasts[number][1]:
                    sums[number] = np.pad(sums[number], (0, len(values) - len(sums[number]))) + values
                    squares[number] += values @ values
                    num[number] += 1
        return [self._variance(*numbers) for numbers in zip(range(len(num)), sums, squares, num, strict=True)]

    def _variance(self, number: int, total: Floats, squares: float, num_seeds: int) -> ItemVariance:
        num_items = self._num_items(number)
        if num_seeds == 0 or num_items < 2:
            return ItemVariance()
        mean = total / num_seeds
        variance = float(mean @ mean)
        residual = (squares - num_seeds * variance) / (num_seeds * (num_seeds - 1)) if num_seeds > 1 else np.nan
        return ItemVariance(variance=variance, residual=max(residual, 0.0), df=num_items - 1.0, num_items=num_items)

    def _num_items(self, number: int) -> int:
        """The number of units in the languages with a weight."""
        languages = {name for weights in self._weights[number].values() for name in weights}
        return len(set().union(*(self._units_of().get(name, set()) for name in languages)))

    def _units_of(self) -> dict[str, set[int]]:
        """Language -> its units, of all scores that were read."""
        if self._num_known != len(self._units.units):
            self._num_known = len(self._units.units)
            self._known = defaultdict(set)
            for language, unit in zip(self._units.languages, self._units.units, strict=True):
                self._known[language].add(unit)
        return self._known

    def _of_seed(self, seed: int) -> list[Floats | None]:
        """For each contrast, the weighted influence of every unit in one seed; None if a score has no outcomes."""
        scored = sorted({name for weights in self._weights for name in weights})
        read = {name: self._influences(name, seed) for name in scored}
        # After all scores are read, because each of them can have further units.
        by_language = {name: None if values is None else self._by_language(values) for name, values in read.items()}
        return [self._of_contrast(weights, by_language) for weights in self._weights]

    def _influences(self, name: tuple[str, str, str], seed: int) -> Floats | None:
        """The influences of one trained model, or of one without a seed; None without outcomes."""
        if (name, seed) in self._records:
            return self._read(self._records[name, seed])
        if name not in self._fixed:
            records = self._records.get((name, None))
            self._fixed[name] = self._read(records) if records else None
        return self._fixed[name]

    def _read(self, records: Sequence[ScoreRecord]) -> Floats | None:
        values = read_influences(records, self._ledgers[records[0].model], self._units, self._measure, self._unread)
        if isinstance(values, list):
            self.is_complete = False
            return None
        return values

    def _by_language(self, values: Floats) -> dict[str, Floats]:
        """Language -> the influence of every unit, (units,)."""
        languages = self._units.languages[: len(values)]
        names = list(dict.fromkeys(languages))
        numbers = {name: number for number, name in enumerate(names)}
        rows = np.fromiter((numbers[name] for name in languages), dtype=np.intp, count=len(languages))
        places = rows * self._units.num + np.asarray(self._units.units[: len(values)], dtype=np.intp)
        table = np.bincount(places, values, minlength=len(names) * self._units.num)
        return dict(zip(names, table.reshape(len(names), -1), strict=True))

    def _of_contrast(
        self,
        weights: Mapping[tuple[str, str, str], Mapping[str, float]],
        influences_of: Mapping[tuple[str, str, str], Mapping[str, Floats] | None],
    ) -> Floats | None:
        total = np.zeros(self._units.num)
        for name, by_language in weights.items():
            influence = influences_of[name]
            if influence is None or not set(by_language) <= set(influence):
                return None
            for language, weight in by_language.items():
                total += weight * influence[language]
        return None if np.isnan(total).any() else total


def _records(
    data: RunData, target: str, scored: set[tuple[str, str, str]]
) -> dict[tuple[tuple[str, str, str], int | None], list[ScoreRecord]]:
    """((model, recipe, condition), seed) -> its score records."""
    records: dict[tuple[tuple[str, str, str], int | None], list[ScoreRecord]] = defaultdict(list)
    for score in data.cell_scores:
        name = (score.model, score.recipe, score.condition)
        if score.target == target and name in scored:
            records[name, score.seed].append(score)
    return records
