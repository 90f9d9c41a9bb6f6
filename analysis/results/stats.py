"""Intervals from standard errors, corrected p values, and Spearman correlation with a permutation test."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import permutations
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
MIN_PAIRS = 3
"""Fewest pairs of a correlation."""
EQUAL = 1e-9
"""Differences that are closer than this share of the scores are equal."""
LEVEL = 0.05
"""A gain is called significant if its corrected p is below this."""
CONFIDENCE = 0.95
"""Confidence of the intervals."""
EXACT_UP_TO = 8
"""Largest n for which all orders are enumerated: 8! = 40,320; 9! would be nine times as many for each pair."""
NUM_DRAWS = 9_999
"""Number of random orders for a larger n."""


@dataclass(frozen=True, kw_only=True)
class Correlation:
    """Spearman's rho of n pairs and its two-sided permutation p; nan with fewer than three pairs or a constant side."""

    rho: float
    n: int
    p: float


def are_equal(lowest: Any, highest: Any, scale: Any) -> Any:
    """Whether differences of scores between `lowest` and `highest` are equal but for rounding.

    `scale` is the size of the scores. Equal differences have no known variance: three of them that differ in their last
    bits would otherwise have a p of 1e-31. Takes and returns numbers or arrays.
    """
    return highest - lowest <= EQUAL * np.maximum(np.abs(scale), np.maximum(np.abs(lowest), np.abs(highest)))


def t_intervals(mean: Any, error: Any, df: Any) -> tuple[Any, Any, Any]:
    """Bounds of the 95 % interval and two-sided p against 0 of means with standard errors and degrees of freedom.

    Takes and returns numbers or arrays; nan where the standard error is nan or 0, or its degrees of freedom are nan.
    """
    from scipy import special  # noqa: PLC0415 - `scipy.stats`, which calls it, takes half a second more to import

    # A standard error of 0 is no certainty: nothing is known of the variation.
    error, df = np.where(np.asarray(error) > 0, error, np.nan), np.asarray(df, dtype=float)
    half = special.stdtrit(df, 0.5 + CONFIDENCE / 2) * error
    return mean - half, mean + half, 2 * special.stdtr(df, -np.abs(np.asarray(mean) / error))


def t_quantile(df: float) -> float:
    """The t quantile of a two-sided 95 % interval."""
    from scipy import special  # noqa: PLC0415

    return float(special.stdtrit(df, 0.5 + CONFIDENCE / 2))


def adjusted(p_values: npt.ArrayLike) -> list[float]:
    """p values corrected for their number (Benjamini & Hochberg 1995). nan values stay nan and are not counted.

    Equals `scipy.stats.false_discovery_control`, whose import takes half a second.
    """
    values = np.array(p_values, dtype=float)
    tested = np.flatnonzero(~np.isnan(values))
    order = tested[np.argsort(values[tested])]
    scaled = values[order] * (len(order) / np.arange(1, len(order) + 1))
    # The smallest of the scaled values from a rank on.
    values[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return [float(value) for value in values]


def spearman(first: Sequence[float], second: Sequence[float], seed: int = 0) -> Correlation:
    """Spearman's rank correlation over the pairs without nan, with a two-sided permutation p.

    p is the share of orders of `second` whose correlation is at least as far from 0: all orders up to n = 8, otherwise
    9,999 orders drawn with `seed` (plus the observed order, so that p is never 0).
    """
    x, y = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    both = ~(np.isnan(x) | np.isnan(y))
    [correlation] = spearman_with_each(x[both], [y[both]], seed)
    return correlation


def spearman_with_each(first: Floats, others: Sequence[Floats], seed: int = 0) -> list[Correlation]:
    """`spearman` of one side with each of several others, in one product of matrices. No side may contain nan."""
    x, ranks = _standard_ranks(first), np.array([_standard_ranks(other) for other in others])
    n = len(x)
    if n < MIN_PAIRS or not x.any():
        return [Correlation(rho=math.nan, n=n, p=math.nan)] * len(others)
    rhos = ranks @ x
    permuted = np.abs(_arranged(x.tobytes(), seed) @ ranks.T)
    # Equal correlations differ in their last bits, because the order of the sum differs.
    num_extreme = np.count_nonzero(permuted >= np.abs(rhos) - 1e-9, axis=0)
    is_exact = n <= EXACT_UP_TO
    p = num_extreme / len(permuted) if is_exact else (num_extreme + 1) / (len(permuted) + 1)
    return [
        Correlation(rho=float(rho), n=n, p=float(share)) if rank.any() else Correlation(rho=math.nan, n=n, p=math.nan)
        for rho, share, rank in zip(rhos, p, ranks, strict=True)
    ]


def spearman_interval(first: Sequence[float], second: Sequence[float]) -> tuple[float, float]:
    """The 95 % jackknife interval of Spearman's rho, on Fisher's z scale, over pairs without nan.

    nan with fewer than four pairs, a constant side, or a perfect order. The sides must not contain nan.
    """
    n = len(first)
    if n < MIN_PAIRS + 1:
        return math.nan, math.nan

    def z(kept: Sequence[int]) -> float:
        x, y = (_standard_ranks(np.array([side[number] for number in kept])) for side in (first, second))
        return math.atanh(max(-0.999, min(0.999, float(x @ y)))) if x.any() and y.any() else math.nan

    whole = z(range(n))
    without = np.array([z([number for number in range(n) if number != left]) for left in range(n)])
    half = t_quantile(n - 1) * math.sqrt((n - 1) / n * float(((without - without.mean()) ** 2).sum()))
    if not half > 1e-6:
        return math.nan, math.nan  # a perfect order says nothing about its own error
    return math.tanh(whole - half), math.tanh(whole + half)


def correlation_ratio(labels: Sequence[str], values: Sequence[float]) -> tuple[float, float]:
    """Correlation ratio eta of a category with numbers, and its permutation p (NUM_DRAWS random orders).

    eta^2 is the share of the variance of the values that lies between categories. nan with fewer than two categories,
    or if every value has a category of its own.
    """
    codes = np.unique(np.asarray(labels, dtype=str), return_inverse=True)[1]
    num = int(codes.max(initial=-1)) + 1
    centred = np.asarray(values, dtype=float) - np.mean(values)
    total = float(centred @ centred)
    if not 1 < num < len(codes) or total == 0:
        return math.nan, math.nan
    members = np.eye(num)[codes]
    sizes = members.sum(axis=0)
    between = (_shuffled(centred.tobytes()) @ members) ** 2 @ (1 / sizes) / total
    p = np.count_nonzero(between >= between[0] - 1e-9) / len(between)
    return math.sqrt(between[0]), float(p)


def rho_ceiling(values: Iterable[float]) -> float:
    """Largest rho that `values` can have with numbers without ties. It is below 1 if `values` have ties."""
    ordered = sorted(values)
    return spearman(ordered, range(len(ordered))).rho


def _standard_ranks(values: Floats) -> Floats:
    """Mid-ranks with mean 0 and length 1, so that a dot product is a correlation; zeros if all values are equal."""
    ranks = _mid_ranks(values)
    centred = ranks - ranks.mean() if len(ranks) else ranks
    length = float(np.linalg.norm(centred))
    return centred / length if length else np.zeros_like(centred)


def _mid_ranks(values: Floats) -> Floats:
    """Ranks from 1; equal values share the mean of their ranks, as in `scipy.stats.rankdata`."""
    _, group, sizes = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(sizes)
    mid: Floats = (last - (sizes - 1) / 2)[group]
    return mid


@lru_cache(maxsize=4)
def _arranged(values: bytes, seed: int) -> Floats:
    """The values in the orders of `_orders`: value i is at the place of number i. One side is correlated with many."""
    side = np.frombuffer(values)
    orders = _orders(len(side), seed)
    arranged = np.empty(orders.shape)
    np.put_along_axis(arranged, orders, side[None, :], axis=1)
    return arranged


@lru_cache(maxsize=1)
def _shuffled(values: bytes) -> Floats:
    """The values as they are, and in NUM_DRAWS random orders. The same values are compared with several categories."""
    side = np.frombuffer(values)
    return np.take(side, _observed_and_random_orders(len(side)))


@lru_cache(maxsize=4)
def _observed_and_random_orders(n: int) -> npt.NDArray[np.int64]:
    return np.vstack([np.arange(n), _random_orders(n, 0)])


def _orders(n: int, seed: int) -> npt.NDArray[np.int64]:
    """Array of shape (orders, n): permutations of 0 .. n - 1."""
    return _all_orders(n) if n <= EXACT_UP_TO else _random_orders(n, seed)


@cache
def _all_orders(n: int) -> npt.NDArray[np.int64]:
    return np.array(list(permutations(range(n))), dtype=np.int64)


@cache
def _random_orders(n: int, seed: int) -> npt.NDArray[np.int64]:
    """NUM_DRAWS random orders, drawn once for all pairs of a report."""
    return np.random.default_rng(seed).permuted(np.tile(np.arange(n), (NUM_DRAWS, 1)), axis=1)
