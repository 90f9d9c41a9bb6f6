"""Correlations across disjoint halves of the seeds, which share no noise. Arrays only.

The gains of two rows share the noise of their baseline, and those of two targets share the noise of the prepared
encoders. Gains of the same seeds are therefore correlated without any transfer. Here the gains of one row come from one
half of the seeds and those of the other row from the other half.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

import numpy as np
import numpy.typing as npt

from .stats import t_quantile

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.intp]
MIN_N = 6
"""Fewest pairs of values for a correlation: with five, an order that is as far from 0 occurs in 2 of 120 orders."""
MAX_SPLITS = 50
MAX_LISTED = 2_000
"""Divisions up to which all are listed; 20 seeds have 184,756."""
LARGEST = 1 - 1e-9
"""Correlations are moved this far from 1, where Fisher's z is infinite."""
NUM_ORDERS = 2_000
"""Random orders for p, the observed one not included."""


@dataclass(frozen=True, kw_only=True)
class HalfCorrelations:
    """Correlations between variables, each measured on one half of the seeds. Arrays of shape (variables, variables).

    The diagonal has the correlation of a variable with itself across halves, its reliability.
    """

    rho: Floats
    """Pearson correlation, both ways, mean over splits. Noise makes it smaller than that of the true gains."""
    low: Floats
    """Bounds of the 95 % jackknife interval over the values of a variable; nan for a correlation of 1 or -1."""
    high: Floats
    p: Floats
    """Two-sided permutation p."""
    n: Integers
    """Number of pairs of values."""


@lru_cache(16)
def splits(num_seeds: int, seed: int = 0) -> npt.NDArray[np.bool_]:
    """Shape (splits, seeds): whether each seed is in the first half. All divisions, or MAX_SPLITS random ones.

    With an odd number of seeds the first half is smaller by one. Empty with fewer than two seeds.
    """
    half = num_seeds // 2
    if num_seeds < 2:
        return np.zeros((0, num_seeds), dtype=bool)
    if math.comb(num_seeds, half) > MAX_LISTED:
        chosen = _random_halves(num_seeds, half, seed)
    else:
        chosen = list(combinations(range(num_seeds), half))
        if num_seeds % 2 == 0:
            # The other half of a division gives the same correlations.
            chosen = [members for members in chosen if 0 in members]
    if len(chosen) > MAX_SPLITS:
        picked = np.random.default_rng(seed).choice(len(chosen), MAX_SPLITS, replace=False)
        chosen = [chosen[number] for number in sorted(picked)]
    halves = np.array([[number in members for number in range(num_seeds)] for members in chosen], dtype=bool)
    halves.setflags(write=False)  # all callers share it
    return halves


def _random_halves(num_seeds: int, half: int, seed: int) -> list[tuple[int, ...]]:
    """MAX_SPLITS different halves of many seeds; each contains seed 0 if the other half is equally large."""
    random, chosen = np.random.default_rng(seed), set[tuple[int, ...]]()
    while len(chosen) < MAX_SPLITS:
        members = {int(number) for number in random.permutation(num_seeds)[:half]}
        is_kept = num_seeds % 2 or 0 in members
        chosen.add(tuple(sorted(members if is_kept else {*range(num_seeds)} - members)))
    return sorted(chosen)


def half_means(values: Floats) -> tuple[Floats, Floats]:
    """Means over each half of the seeds: two arrays of shape (splits, ...) from values of shape (..., seeds).

    nan where a half has a missing value, so that both halves of a variable have equally many seeds.
    """
    halves = splits(values.shape[-1])
    first, second = (
        np.einsum("ks,...s->k...", half / np.maximum(half.sum(axis=1, keepdims=True), 1), values)
        for half in (halves, ~halves)
    )
    return first, second


def half_correlations(values: Floats, seed: int = 0) -> HalfCorrelations:
    """Correlations of all pairs of variables, from values of shape (variables, n, seeds).

    The correlation of variables a and b is the mean over splits of those of a on the first half with b on the second,
    and of a on the second with b on the first. p is the share of orders of the values of b, equal in all splits, whose
    mean correlation, times `inflation`, is at least as far from 0. A value that is missing for any seed is left out for
    the pair. nan with fewer than MIN_N pairs of values, or without two seeds.
    """
    num, num_seeds = len(values), values.shape[-1]
    present = ~np.isnan(values).any(axis=-1) & (num_seeds > 1)
    result = HalfCorrelations(
        **{name: np.full((num, num), np.nan) for name in ("rho", "low", "high", "p")},
        n=(present.astype(int) @ present.T.astype(int)).astype(np.intp),
    )
    if present.all():
        _fill(result, list(range(num)), values, seed)
        return result
    for a, b in combinations(range(num), 2):
        both = present[a] & present[b]
        _fill(result, [a, b], values[[a, b]][:, both], seed)
    return result


def inflation(values: Floats) -> Floats:
    """Standard deviation of a correlation across halves over that among orders, if the true values are uncorrelated.

    `values` has shape (variables, n, seeds); the result has shape (variables, variables). Two variables with common
    noise have correlated contributions (first, second) and (second, first), but only in the observed order. With true
    variances u and v, noise variances e and f and covariance c of the noise of a seed, the variance of the sum of the
    products of all pairs of different seeds, S seeds, is larger by the factor
    1 + c^2 / (S (S - 1) u v + (S - 1) (u f + v e) + e f).
    """
    num_seeds = values.shape[-1]
    centred = values - values.mean(axis=-1, keepdims=True)
    n = values.shape[1]
    noise = np.einsum("ais,bis->ab", centred, centred) / (n * (num_seeds - 1))
    own_noise = np.diag(noise)
    # The variance of means is that of the true values and of the noise.
    true = np.maximum(values.mean(axis=-1).var(axis=-1, ddof=1) - own_noise / num_seeds, 0.0)
    pairs = num_seeds * (num_seeds - 1)
    mixed = np.outer(true, own_noise)
    denominator = pairs * np.outer(true, true) + (num_seeds - 1) * (mixed + mixed.T) + np.outer(own_noise, own_noise)
    factor: Floats = np.sqrt(1 + np.divide(noise**2, denominator, out=np.zeros_like(noise), where=denominator > 0))
    return factor


def _fill(result: HalfCorrelations, variables: list[int], values: Floats, seed: int) -> None:
    """Write the correlations of variables without missing values into the result."""
    n, num_seeds = values.shape[1:]
    if n < MIN_N or num_seeds < 2:
        return
    first, second = half_means(values)
    pairs = np.ix_(variables, variables)
    rho = _means(first, second)
    result.rho[pairs] = rho
    result.low[pairs], result.high[pairs] = _jackknife(first, second, rho)
    # products[a, b, i, j]: contribution of the pair of value i of a and value j of b.
    x, y = _standardised(first), _standardised(second)
    products = (np.tensordot(x, y, axes=(0, 0)) + np.tensordot(y, x, axes=(0, 0))).swapaxes(1, 2) / (2 * len(first))
    orders = _random_orders(n, seed)
    permuted = np.zeros((*rho.shape, NUM_ORDERS))
    for value in range(n):
        permuted += np.take(products[:, :, value], orders[:, value], axis=-1)
    # Equal correlations differ in their last bits, because the order of the sum differs.
    permuted *= inflation(values)[..., None]
    num_extreme = (np.abs(permuted) >= np.abs(rho)[..., None] - 1e-9).sum(axis=-1)
    result.p[pairs] = np.where(np.isnan(rho), np.nan, (num_extreme + 1) / (NUM_ORDERS + 1))


@lru_cache(16)
def _random_orders(n: int, seed: int) -> npt.NDArray[np.int64]:
    """NUM_ORDERS orders of n values, drawn once for all tables of a report."""
    return np.random.default_rng(seed).permuted(np.tile(np.arange(n), (NUM_ORDERS, 1)), axis=1)


def _means(first: Floats, second: Floats) -> Floats:
    """Mean correlation over splits and both ways, shape (variables, variables)."""
    x, y = _standardised(first), _standardised(second)
    rho: Floats = np.tensordot(x, y, axes=((0, 2), (0, 2))) / len(x)
    rho = (rho + rho.T) / 2
    is_constant = ~(x.any(axis=(0, 2)) & y.any(axis=(0, 2)))
    rho[is_constant, :] = rho[:, is_constant] = np.nan
    return rho


def _jackknife(first: Floats, second: Floats, rho: Floats) -> tuple[Floats, Floats]:
    """The 95 % interval of correlations by leaving out one value at a time, on Fisher's z scale.

    nan for a correlation of 1 or -1: it stays the same without any value, which would give an interval without width.
    """
    n = first.shape[-1]
    kept = [np.delete(np.arange(n), value) for value in range(n)]
    without = np.stack([_z(_means(first[..., index], second[..., index])) for index in kept])
    centre = without.mean(axis=0)
    error = np.sqrt((n - 1) / n * ((without - centre) ** 2).sum(axis=0))
    half = np.where(np.abs(rho) < LARGEST, t_quantile(n - 1) * error, np.nan)
    return np.tanh(_z(rho) - half), np.tanh(_z(rho) + half)


def _z(rho: Floats) -> Floats:
    z: Floats = np.arctanh(np.clip(rho, -LARGEST, LARGEST))
    return z


def _standardised(values: Floats) -> Floats:
    """Values with mean 0 and length 1 along the last axis; zeros if all are equal."""
    centred = values - values.mean(axis=-1, keepdims=True)
    length = np.sqrt((centred**2).sum(axis=-1, keepdims=True))
    standardised: Floats = np.divide(centred, length, out=np.zeros_like(centred), where=length > 1e-12)
    return standardised
