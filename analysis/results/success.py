"""Success rates of conditions: the share of examples, correct when clean, that become wrong under a condition."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from sweeper.space import CLEAN

from .influence import Units
from .item_part import combined
from .seed_part import MEAN
from .stats import t_intervals, t_quantile

Floats = npt.NDArray[np.float64]
SUCCESS_COLUMNS = (
    *("success", "success_low", "success_high", "num_correct"),
    *("shared", "shared_low", "shared_high", "num_shared"),
    *("difference", "difference_low", "difference_high", "reference"),
)
"""success: the share of the examples that become wrong under the condition, among those that the recipe answers
correctly when clean, in the same seed. num_correct: the number of these examples in a seed (mean over seeds).

shared and num_shared: the same among the examples that every compared recipe answers correctly when clean, in the same
seed. difference: shared minus that of the `reference`, the first compared recipe of the space. Recipes at chance have
no success and are not compared. All examples count equally: the row of the mean over languages has the rate over the
examples of all languages."""
FEWEST = 10
"""Fewest examples of a success rate on a page."""
IsCompared = Callable[[str, str, Sequence[str]], bool]
"""Whether a recipe is above chance under a condition in some languages."""
OWN, SHARED = 0, 2
"""Index of the numbers of examples; the next one has those that become wrong."""


@dataclass(frozen=True, kw_only=True)
class Rate:
    """A share, or a difference of shares, with its 95 % interval about new seeds and new items."""

    value: float = np.nan
    low: float = np.nan
    high: float = np.nan
    num: float = 0.0
    """Number of examples in a seed, mean over seeds."""


@dataclass(frozen=True, kw_only=True)
class _Seed:
    """The credits of one seed. Rows are examples."""

    credits: Mapping[str, Floats]
    """Condition -> (examples, recipes); nan for missing scores."""
    rows: Mapping[str, npt.NDArray[np.intp]]
    """Language -> its rows."""
    positions: npt.NDArray[np.intp]


def success_rates(
    tables: Sequence[pd.DataFrame], is_compared: IsCompared, recipes: Sequence[str], *, has_own_items: bool
) -> Iterator[tuple[tuple[str, str, str], tuple[float | str, ...]]]:
    """(recipe, condition, language or `mean`), and the values of SUCCESS_COLUMNS, for one model and target.

    `tables` has a frame for each seed, with the index language, example, group, and a column with credits from 0 to 1
    for each (condition, recipe). With `has_own_items`, each seed draws its own items.
    """
    units = Units()
    seeds = [_seed(table, recipes, units) for table in tables]
    unit_of = np.asarray(units.units, dtype=np.intp)
    conditions = dict.fromkeys(name for seed in seeds for name in seed.credits if name != CLEAN)
    for condition in conditions:
        scored = [_scored(seed, condition, number) for number in range(len(recipes)) for seed in seeds]
        languages = list(dict.fromkeys(name for names in scored for name in names))
        of_recipe = [
            [name for name in languages if any(name in _scored(seed, condition, number) for seed in seeds)]
            for number in range(len(recipes))
        ]
        for scope, names in [*((name, [name]) for name in languages), (MEAN, languages)]:
            scopes = [[name for name in names if name in of] for of in of_recipe]
            compared = np.array(
                [bool(of) and is_compared(recipe, condition, of) for recipe, of in zip(recipes, scopes, strict=True)]
            )
            tallies = np.stack([_tally(seed, condition, names, compared, len(unit_of)) for seed in seeds])
            for number, values in _values(tallies, np.flatnonzero(compared), unit_of, recipes, has_own_items):
                yield (recipes[number], condition, scope), values


def _seed(table: pd.DataFrame, recipes: Sequence[str], units: Units) -> _Seed:
    ids = table.index.to_frame(index=False)
    languages = ids["language"].to_numpy()
    return _Seed(
        credits={
            str(name): table[name].reindex(columns=list(recipes)).to_numpy(dtype=float)
            for name in table.columns.get_level_values("condition").unique()
        },
        rows={str(name): np.flatnonzero(languages == name) for name in dict.fromkeys(languages)},
        positions=units.positions(ids),
    )


def _scored(seed: _Seed, condition: str, recipe: int) -> list[str]:
    """The languages in which a recipe has a score under a condition in one seed."""
    if condition not in seed.credits:
        return []
    values = seed.credits[condition][:, recipe]
    return [name for name, rows in seed.rows.items() if not np.isnan(values[rows]).all()]


def _tally(seed: _Seed, condition: str, languages: Sequence[str], compared: npt.NDArray[np.bool_], size: int) -> Floats:
    """Numbers of examples, (4, positions, recipes): of OWN, of those that become wrong, and the same of SHARED."""
    total = np.zeros((4, size, len(compared)))
    if CLEAN not in seed.credits or condition not in seed.credits:
        return total
    for name in languages:
        rows = seed.rows.get(name, np.zeros(0, dtype=np.intp))
        attacked = seed.credits[condition][rows]
        counted = (seed.credits[CLEAN][rows] == 1) & ~np.isnan(attacked)
        present = compared & ~np.isnan(attacked).all(axis=0) if len(rows) else compared
        shared = counted & compared & counted[:, present].all(axis=1, keepdims=True)
        wrong = attacked < 1
        for kind, chosen in enumerate((counted, counted & wrong, shared, shared & wrong)):
            np.add.at(total[kind], seed.positions[rows], chosen)
    return total


def _values(
    tallies: Floats,
    compared: npt.NDArray[np.intp],
    unit_of: npt.NDArray[np.intp],
    recipes: Sequence[str],
    has_own_items: bool,
) -> Iterator[tuple[int, tuple[float | str, ...]]]:
    """The number of each compared recipe, and its values of SUCCESS_COLUMNS."""

    def of(number: int, kind: int) -> tuple[Floats, Floats]:
        return tallies[:, kind, :, number], tallies[:, kind + 1, :, number]

    for number in compared:
        own, shared = (share(*of(number, kind), unit_of, has_own_items) for kind in (OWN, SHARED))
        first = int(compared[0])
        counts, wrong = of(number, SHARED)
        others, wrong_others = of(first, SHARED)
        both = (counts > 0) & (others > 0)
        minus = difference(counts * both, (wrong - wrong_others) * both, unit_of, has_own_items)
        of_first = ("",) if number == first else (recipes[first],)
        bounds = (np.nan, np.nan, np.nan) if number == first else (minus.value, minus.low, minus.high)
        rates = [number for rate in (own, shared) for number in (rate.value, rate.low, rate.high, rate.num)]
        yield int(number), (*rates, *bounds, *of_first)


def share(counts: Floats, wrong: Floats, unit_of: npt.NDArray[np.intp], has_own_items: bool) -> Rate:
    """A share of examples, from numbers of shape (seeds, positions), with its interval.

    The interval is that of Wilson (1927) with the effective number of examples p (1 - p) / variance, adjusted for the
    degrees of freedom of the variance (Korn & Graubard 1998). It is at most the number of examples. A share of 0 or 1
    has no variance; its effective number is that of groups of dependent examples.
    """
    value, variance, df, num_units = _ratio(counts, wrong, unit_of, has_own_items)
    total = float(counts.sum())
    num = total / max(int((counts.sum(axis=1) > 0).sum()), 1)
    if not total:
        return Rate()
    z = t_quantile(np.inf)
    if 0 < value < 1:
        effective = min(value * (1 - value) / variance, total) * (z / t_quantile(df)) ** 2 if variance > 0 else np.nan
    else:
        effective = float(num_units)
    centre, spread = (
        value + z**2 / (2 * effective),
        z * np.sqrt(value * (1 - value) / effective + z**2 / (4 * effective**2)),
    )
    low, high = ((centre + sign * spread) / (1 + z**2 / effective) for sign in (-1, 1))
    return Rate(value=value, low=float(np.maximum(low, 0.0)), high=float(np.minimum(high, 1.0)), num=num)


def difference(counts: Floats, wrong: Floats, unit_of: npt.NDArray[np.intp], has_own_items: bool) -> Rate:
    """The difference between two shares of the same examples, with its interval; `wrong` has differences of numbers."""
    value, variance, df, _ = _ratio(counts, wrong, unit_of, has_own_items)
    low, high, _ = t_intervals(value, np.sqrt(variance), df)
    return Rate(value=value, low=float(low), high=float(high), num=float(counts.sum()))


def _ratio(
    counts: Floats, wrong: Floats, unit_of: npt.NDArray[np.intp], has_own_items: bool
) -> tuple[float, float, float, int]:
    """sum of `wrong` / sum of `counts`, its linearised variance and degrees of freedom, and the number of units.

    Seeds and units are crossed random effects, as in a contrast (`item_part.combined`).
    """
    is_used = counts.sum(axis=1) > 0
    total, num_seeds = float(counts.sum()), int(is_used.sum())
    if not num_seeds:
        return np.nan, np.nan, np.nan, 0
    value = float(wrong.sum()) / total
    size = int(unit_of.max()) + 1
    rows = [np.bincount(unit_of, weights=row, minlength=size) for row in (wrong - value * counts)[is_used] / total]
    influence = np.stack(rows)
    num_units = int((np.bincount(unit_of, weights=counts.sum(axis=0), minlength=size) > 0).sum())
    of_seed = of_item = residual = np.nan
    if num_seeds > 1:
        of_seed = num_seeds / (num_seeds - 1) * float((influence.sum(axis=1) ** 2).sum())
    if num_units > 1 and not has_own_items:
        scale = num_units / (num_units - 1)
        of_item = scale * float((influence.sum(axis=0) ** 2).sum())
        if num_seeds > 1:
            squares = scale * float((influence**2).sum())
            residual = max((num_seeds * squares - of_item) / (num_seeds - 1), 0.0)
    variance, df = combined(of_seed, num_seeds - 1.0, of_item, num_units - 1.0, residual)
    return value, float(variance), float(df), num_units
