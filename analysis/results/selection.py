"""Gains corrected for selection: the largest of many noisy gains overstates the truth. Arrays only."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
NUM_STEPS = 200
"""Steps of the algorithm. The estimates are stable to three digits after about a hundred."""
SMALLEST_SHARE = 1e-3
"""Smallest share of cells with an effect, so that the algorithm can leave this value again."""
MIN_CELLS = 8
"""Fewest gains that a prior is estimated from."""


def corrected_gains(gains: Floats, variances: Floats, shared: Floats) -> Floats:
    """The expected true gains of the cells of a matrix, given all of its gains: shape (..., columns, rows).

    `variances` is the variance of the score of each row, of the same shape, and `shared` that of the reference of each
    column, (..., columns), whose error all gains of the column have in common. In units of its standard error, a true
    gain is 0 with probability 1 - w, otherwise it is normal with mean 0 and variance v (spike-and-normal empirical
    Bayes, as Johnstone & Silverman 2004 with a normal instead of a Laplace distribution). w, v and the error of each
    reference are estimated from all cells. The posterior mean does not depend on which cell is named afterwards.

    nan for a cell without a gain or variance, and for all cells of a matrix with fewer than MIN_CELLS of them.
    """
    is_used = np.isfinite(gains) & (variances > 0)
    shared = np.where(np.isfinite(shared), shared, 0.0)[..., None]
    # A column has one scale, so that its common error stays common.
    typical = _mean(np.where(is_used, variances, np.nan), -1)
    scale = np.sqrt(np.where(typical > 0, typical + shared, 1.0))
    z, noise = np.where(is_used, gains / scale, 0.0), np.where(is_used, variances / scale**2, 1.0)
    found = _posterior_means(z, noise, shared / scale**2, is_used) * scale
    is_known = is_used & (is_used.sum(axis=(-2, -1), keepdims=True) >= MIN_CELLS)
    return np.where(is_known, found, np.nan)


def _posterior_means(z: Floats, noise: Floats, shared: Floats, is_used: npt.NDArray[np.bool_]) -> Floats:
    """Posterior means of effects with noise of these variances and a common error of each column.

    An EM algorithm (Dempster, Laird & Rubin 1977) for w and v, in which each step also computes the common errors from
    the cells, weighted by how likely they have no effect.
    """
    num = np.maximum(is_used.sum(axis=(-2, -1), keepdims=True), 1)
    share = np.full(num.shape, 0.3)
    variance = np.maximum((z**2).sum(axis=(-2, -1), keepdims=True) / num - 1, 0.1) / share
    error, spread = np.zeros(shared.shape), shared
    for _ in range(NUM_STEPS):
        rest, total = z - error, noise + spread
        has_effect = np.where(is_used, _has_effect(rest, total, share, variance), 0.0)
        effective = np.maximum(has_effect.sum(axis=(-2, -1), keepdims=True), SMALLEST_SHARE)
        share = np.clip(effective / num, SMALLEST_SHARE, 1.0)
        # M step of v: second moments of the effects, given that there is an effect.
        moments = (rest * variance / (variance + total)) ** 2 + variance * total / (variance + total)
        variance = (has_effect * moments).sum(axis=(-2, -1), keepdims=True) / effective
        # A cell with an effect says little about the common error.
        precision = np.where(is_used, (1 - has_effect) / noise + has_effect / (noise + variance), 0.0)
        inverse = precision.sum(axis=-1, keepdims=True) + 1 / np.maximum(shared, 1e-12)
        error = (precision * z).sum(axis=-1, keepdims=True) / inverse
        spread = 1 / inverse
    rest, total = z - error, noise + spread
    means: Floats = _has_effect(rest, total, share, variance) * rest * variance / (variance + total)
    return means


def _has_effect(z: Floats, noise: Floats, share: Floats, variance: Floats) -> Floats:
    """Probability that a cell has an effect, given its gain."""
    # The logarithm of the ratio of the two normal densities, bounded so that exp does not overflow.
    ratio = 0.5 * (z**2 * variance / (noise * (noise + variance)) - np.log1p(variance / noise))
    odds = share * np.exp(np.clip(ratio, -600, 600))
    return odds / (odds + 1 - share + 1e-300)


def _mean(values: Floats, axis: int) -> Floats:
    """Mean without nan, with the axis kept; nan if all are nan."""
    is_known = ~np.isnan(values)
    num = is_known.sum(axis=axis, keepdims=True)
    total = np.where(is_known, values, 0.0).sum(axis=axis, keepdims=True)
    return np.where(num > 0, total / np.maximum(num, 1), np.nan)
