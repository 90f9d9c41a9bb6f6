"""The rows that cannot be distinguished from the best one. Arrays only."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .stats import LEVEL, t_quantile

Floats = npt.NDArray[np.float64]
Booleans = npt.NDArray[np.bool_]
NUM_DRAWS = 4000
"""Draws of the null distribution. The standard error of its 95 % point is about 2 %."""
NEVER = math.inf
"""Seeds needed to separate two rows whose difference is smaller than the uncertainty about items."""


def best_rows(
    means: Floats, variances: Floats, df: Floats, items: Floats | None = None, num_draws: int = NUM_DRAWS
) -> Booleans:
    """Whether each row cannot be distinguished from the best one at 95 %: arrays of shape (rows,).

    `means` are the scores of the rows, `variances` those of the means over new seeds with `df` degrees of freedom. The
    rows of a seed are compared with each other, so the effect of a seed on all rows does not count. `items` of shape
    (rows, rows) is the variance of each difference over new items.

    A row is left out if another one is better by more than a common number of standard errors. This number is the 95 %
    point of the largest such difference between any two of the rows if all are equally good, drawn `num_draws` times
    with estimated variances (the range test of Tukey 1953, with unequal variances). The set thus contains the best row
    in at least 95 % of cases, and all rows in 95 % if they are equally good. Rows with nan are not in the set; a row
    without variance is in it.
    """
    is_compared = ~np.isnan(means)
    is_testable = is_compared & (variances >= 0) & (df > 0)
    if is_testable.sum() < 2:
        return is_compared
    rows = np.flatnonzero(is_testable)
    pairs = np.ix_(rows, rows)
    extra = np.zeros((len(rows), len(rows))) if items is None else np.nan_to_num(items[pairs])
    largest = _largest_differences(variances[rows], df[rows], extra, num_draws)
    errors = np.sqrt(variances[rows][:, None] + variances[rows][None, :] + extra)
    with np.errstate(divide="ignore", invalid="ignore"):
        behind = (means[rows][None, :] - means[rows][:, None]) / errors
    is_worse = np.nanmax(np.where(errors > 0, behind, -np.inf), axis=1) > np.quantile(largest, 1 - LEVEL)
    is_best = is_compared.copy()
    is_best[rows[is_worse]] = False
    return is_best


def _largest_differences(variances: Floats, df: Floats, items: Floats, num_draws: int) -> Floats:
    """Draws of the largest difference between two rows in standard errors, if all rows are equally good."""
    random = np.random.default_rng(0)
    num = len(variances)
    scores = random.standard_normal((num_draws, num)) * np.sqrt(variances) + _item_errors(items, num_draws, random)
    # A variance that is known exactly has infinite degrees of freedom.
    finite = np.minimum(df, 1e9)
    estimated = variances * random.chisquare(finite, (num_draws, num)) / finite
    # One row at a time with draws last: arrays of all pairs at once do not fit into the cache of a processor.
    scores, estimated = np.ascontiguousarray(scores.T), np.ascontiguousarray(estimated.T)
    largest = np.zeros(num_draws)
    for row in range(num - 1):
        later = slice(row + 1, None)
        squares = (scores[later] - scores[row]) ** 2
        variance = estimated[later] + estimated[row] + items[row, later, None]
        ratios = np.divide(squares, variance, out=np.zeros_like(squares), where=variance > 0)
        np.maximum(largest, ratios.max(axis=0), out=largest)
    return np.sqrt(largest)


def _item_errors(items: Floats, num_draws: int, random: np.random.Generator) -> Floats:
    """Errors of rows whose differences have the variances `items`: shape (draws, rows)."""
    num = len(items)
    centre = np.eye(num) - 1 / num
    # The covariance of the rows about their mean, from the variances of differences (classical scaling).
    values, vectors = np.linalg.eigh(-0.5 * centre @ items @ centre)
    drawn: Floats = random.standard_normal((num_draws, num)) * np.sqrt(np.maximum(values, 0.0)) @ vectors.T
    return drawn


def seeds_to_separate(
    means: Sequence[float], variances: Sequence[float], num_seeds: int, items: float = 0.0, limit: int = 10_000
) -> float:
    """Further seeds until the 95 % interval of the difference of two rows excludes 0, if the difference stays as it is.

    `variances` are those of one score of each row over seeds, `items` that of their difference over new items. Returns
    0 if the rows are separated already, and infinity if more seeds than `limit` are needed, for example because the
    difference is smaller than the uncertainty about items. nan if a value is missing.
    """
    difference, total = abs(means[0] - means[1]), sum(variances)
    if math.isnan(difference + total + items):
        return math.nan
    if difference == 0:
        return NEVER
    low, high = num_seeds, num_seeds
    while not _is_separated(difference, total, items, high):
        low, high = high, 2 * high
        if high > limit:
            return NEVER
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _is_separated(difference, total, items, middle) else (middle, high)
    return float(high - num_seeds)


def _is_separated(difference: float, variance: float, items: float, num_seeds: int) -> bool:
    """Whether the interval excludes 0 with this number of seeds, for a difference of two means with equal variances."""
    error = math.sqrt(variance / num_seeds + items)
    return difference > t_quantile(max(2 * (num_seeds - 1), 1)) * error
