"""Uncertainty: paired t intervals over seeds, and Spearman correlation with a permutation test."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import permutations

import numpy as np
import numpy.typing as npt
from scipy import stats

Floats = npt.NDArray[np.float64]
MIN_SEEDS = 3
"""Fewest same-seed differences for an interval: two leave one degree of freedom, and a t quantile of 12.7."""
EXACT_UP_TO = 8
"""8! = 40,320 orders are enumerated; 9! would be nine times as many for each of some eighty pairs."""
NUM_DRAWS = 9_999


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A mean gain over seeds. The bounds and p are nan with fewer than three seeds, or where no seed differs."""

    mean: float
    sd: float
    n: int
    low: float = math.nan
    """Lower end of the 95 % interval."""
    high: float = math.nan
    p: float = math.nan
    """Two-sided p of the paired t test against no gain, not corrected for the number of cells."""


@dataclass(frozen=True, kw_only=True)
class Correlation:
    """Spearman's rho of n pairs and its two-sided permutation p; nan with fewer than three pairs or a constant side."""

    rho: float
    n: int
    p: float


def paired_interval(gains: Sequence[float]) -> Interval:
    """Mean, standard deviation and paired t interval of same-seed differences (Student 1908)."""
    values = np.asarray(gains, dtype=float)
    n = len(values)
    mean = float(values.mean()) if n else math.nan
    sd = float(values.std(ddof=1)) if n > 1 else math.nan
    if n < MIN_SEEDS or np.ptp(values) == 0:
        return Interval(mean=mean, sd=sd, n=n)
    test = stats.ttest_1samp(values, 0.0)
    bounds = test.confidence_interval(0.95)
    return Interval(mean=mean, sd=sd, n=n, low=float(bounds.low), high=float(bounds.high), p=float(test.pvalue))


def adjusted(p_values: Sequence[float]) -> list[float]:
    """p values corrected for their number (Benjamini & Hochberg 1995), nan left as it is and not counted."""
    values = np.asarray(p_values, dtype=float)
    known = ~np.isnan(values)
    if known.any():
        values[known] = stats.false_discovery_control(values[known])
    return [float(value) for value in values]


def spearman(first: Sequence[float], second: Sequence[float], seed: int = 0) -> Correlation:
    """Rank correlation over the pairs in which both values are known.

    p is the share of orders of `second` with a correlation at least as far from 0: every order up to n = 8, else
    9,999 drawn with `seed` (the observed order counted among them, so that p is never 0).
    """
    x, y = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    both = ~(np.isnan(x) | np.isnan(y))
    x, y = _standard_ranks(x[both]), _standard_ranks(y[both])
    n = len(x)
    if n < MIN_SEEDS or not x.any() or not y.any():
        return Correlation(rho=math.nan, n=n, p=math.nan)
    rho = float(x @ y)
    others = y[_orders(n, seed)] @ x
    # Equal correlations differ in their last bits with the order of the sum.
    num_extreme = int(np.count_nonzero(np.abs(others) >= abs(rho) - 1e-9))
    p = num_extreme / len(others) if n <= EXACT_UP_TO else (num_extreme + 1) / (len(others) + 1)
    return Correlation(rho=rho, n=n, p=p)


def _standard_ranks(values: Floats) -> Floats:
    """Mid-ranks with mean 0 and length 1, so that a product is a correlation; zeros where all are equal."""
    ranks = np.asarray(stats.rankdata(values), dtype=float)
    centred = ranks - ranks.mean() if len(ranks) else ranks
    length = float(np.linalg.norm(centred))
    return centred / length if length else np.zeros_like(centred)


@cache
def _orders(n: int, seed: int) -> npt.NDArray[np.int64]:
    """(orders, n) permutations of 0 .. n - 1, made once for all the pairs of a report."""
    if n <= EXACT_UP_TO:
        return np.array(list(permutations(range(n))), dtype=np.int64)
    return np.random.default_rng(seed).permuted(np.tile(np.arange(n), (NUM_DRAWS, 1)), axis=1)
