"""Variances over seeds that borrow strength from the other rows of their column (Smyth 2004). Arrays only."""

from typing import Any, cast

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
MIN_ROWS = 4
"""Fewest rows of a column with moderated variances. The residuals of fewer rows depend too much on each other."""
MIN_SHARING = 8
"""Fewest variances that a prior is estimated from."""
CAP = 2.25
"""Largest degrees of freedom of a moderated variance, as a multiple of those of the variance itself. Chosen by
`benchmarks/statistics.py`: 2 finds too few effects at three seeds, 2.5 calls too many cells where rows differ in
noise."""
GAP = 10.0
"""The seeds of a row are bimodal if a gap between them is wider than this many standard deviations of its column."""
SWEEPS = 50
"""Largest number of passes over rows and seeds until the residuals of an incomplete column are stable."""


def gain_variances(scores: Floats, base: npt.ArrayLike) -> tuple[Floats, Floats, npt.NDArray[np.bool_]]:
    """Variance of one same-seed difference of each row to its reference, its degrees of freedom, and `are_bimodal`.

    `scores` has shape (..., columns, rows, seeds), with nan for a missing score; the results have shape (..., columns,
    rows). `base` is the row of the reference, or one for each row; -1 without one. The variance is the sum of the
    moderated ones of both rows. A reference without scores in a column has no variance. A row is bimodal if its own
    seeds or those of its reference are.
    """
    bases = np.broadcast_to(np.asarray(base), scores.shape[-2:-1])
    bimodal, has_scores = are_bimodal(scores), np.asarray((~np.isnan(scores)).any(axis=-1))
    base_bimodal = bimodal[..., bases] & (bases >= 0)
    has_base = has_scores[..., bases] & (bases >= 0)
    scores = np.where(bimodal[..., None], np.nan, scores)
    # Without a seed, the reference does not share the effect of a seed, which then stays in the gains.
    with_blocks, without = (moderated(*row_variances(scores, blocks)) for blocks in (True, False))
    variances, df = (np.where(has_base, one, other) for one, other in zip(with_blocks, without, strict=True))
    base_variance = np.where(has_base, with_blocks[0][..., bases], 0.0)
    base_df = np.where(has_base, with_blocks[1][..., bases], 1.0)
    total, total_df = summed(variances, df, base_variance, base_df)
    return total, total_df, bimodal | base_bimodal


def score_variances(scores: Floats) -> tuple[Floats, Floats, npt.NDArray[np.bool_]]:
    """Variance of one score of each row over seeds, its degrees of freedom, and `are_bimodal`.

    `scores` has shape (..., columns, rows, seeds), the results have shape (..., columns, rows). The variances are
    moderated; where there is no prior, they are those of the row alone. Bimodal rows have nan and enter no prior.
    """
    bimodal = are_bimodal(scores)
    plain, plain_df = row_variances(np.where(bimodal[..., None], np.nan, scores))
    variances, df = moderated(plain, plain_df)
    is_moderated = ~np.isnan(variances)
    return np.where(is_moderated, variances, plain), np.where(is_moderated, df, plain_df), bimodal


def row_variances(scores: Floats, blocks: bool = True) -> tuple[Floats, Floats]:
    """Variance over seeds of each row of a column, and its degrees of freedom: arrays of shape (..., rows).

    `scores` has shape (..., rows, seeds); a missing score is nan. With `blocks`, the effect of each seed on all rows
    together is removed first, because it cancels in a same-seed difference: the residuals are those of the additive
    model of rows and seeds. A row has nan for both if it has fewer than two seeds.
    """
    present = ~np.isnan(scores)
    num_seeds = present.sum(axis=-1)
    residuals = _centred(scores, present, -1)
    df = np.where(num_seeds > 1, num_seeds - 1.0, np.nan)
    if not blocks:
        return _sums(residuals**2, present, -1) / df, df
    # A row with one seed says nothing about the effect of the seed.
    present &= (num_seeds > 1)[..., None]
    num_rows = (num_seeds > 1).sum(axis=-1)[..., None]
    for _ in range(1 if present.all() else SWEEPS):
        residuals = _centred(_centred(residuals, present, -2), present, -1)
    # The seed effects use up one row's share of the degrees of freedom.
    shares = np.where(num_rows > 1, 1 - 1 / np.maximum(num_rows, 2), np.nan)
    df = df * shares
    return _sums(residuals**2, present, -1) / df, df


def moderated(variances: Floats, df: Floats, cap: float = CAP) -> tuple[Floats, Floats]:
    """Moderated variances and their degrees of freedom (Smyth 2004, eq. 3 and section 6.2), shape (..., columns, rows).

    Each variance s2 with d degrees of freedom becomes (d0 s0 + d s2) / (d0 + d) with d0 + d degrees of freedom. The
    prior s0, d0 is estimated from the variances of a column. A column with fewer than MIN_SHARING positive variances
    uses the prior of all columns together, in units of the pooled variance of each column, because targets differ in
    noise. d0 is at most (`cap` - 1) d, so that no row loses its own variance. Both are nan where a variance is nan, in
    columns with fewer than MIN_ROWS of them, and where all columns together have fewer than MIN_SHARING.
    """
    num_rows = np.count_nonzero(variances > 0, axis=-1)[..., None]
    variances = np.where(num_rows >= MIN_ROWS, variances, np.nan)
    by_column = _moderated(variances, df, cap)
    scale = _pooled(variances, df)[..., None]
    whole = (*variances.shape[:-2], -1)
    relative = np.where(scale > 0, variances / np.where(scale > 0, scale, 1.0), np.nan)
    shared, shared_df = _moderated(relative.reshape(whole), df.reshape(whole), cap)
    together = shared.reshape(variances.shape) * scale, shared_df.reshape(variances.shape)
    has_prior = num_rows >= MIN_SHARING
    values, degrees = (np.where(has_prior, own, wide) for own, wide in zip(by_column, together, strict=True))
    return values, degrees


def _pooled(variances: Floats, df: Floats) -> Floats:
    """The mean of the positive variances of each column, weighted by their degrees of freedom: shape (..., columns)."""
    is_used = variances > 0
    return _ratio(np.where(is_used, df * variances, 0.0).sum(axis=-1), np.where(is_used, df, 0.0).sum(axis=-1))


def _moderated(variances: Floats, df: Floats, cap: float) -> tuple[Floats, Floats]:
    """`moderated` with one prior for each last axis."""
    prior, prior_df = fitted_prior(variances, df)
    is_shared = (np.count_nonzero(variances > 0, axis=-1) >= MIN_SHARING)[..., None] & ~np.isnan(variances)
    weight = np.where(is_shared, np.minimum(prior_df[..., None], (cap - 1) * df), np.nan)
    return (weight * prior[..., None] + df * variances) / (weight + df), weight + df


def are_bimodal(scores: Floats) -> npt.NDArray[np.bool_]:
    """Whether the seeds of each row form two groups, as after collapsed trainings: shape (..., rows).

    The rule compares the widest gap between neighbouring scores of a row with the noise of its column. The noise is
    1.4826 times the median absolute deviation of all scores from the medians of their row and seed, which up to half of
    the scores can be collapsed without changing much. Rows with fewer than three seeds, and columns with fewer than
    MIN_SHARING rows, are never called bimodal, because two scores or few rows do not tell a collapse from noise.
    """
    num_seeds = np.count_nonzero(~np.isnan(scores), axis=-1)
    if not scores.size:
        return np.zeros(num_seeds.shape, dtype=bool)
    residuals = scores
    for axis in (-1, -2, -1):
        residuals = residuals - np.expand_dims(_median(residuals, axis), axis)
    sizes = np.abs(residuals).reshape(*residuals.shape[:-2], -1)
    noise = 1.4826 * _median(np.where(sizes > 0, sizes, np.nan), -1)
    gaps = np.diff(np.sort(residuals, axis=-1), axis=-1)
    widest = np.max(np.where(np.isnan(gaps), 0.0, gaps), axis=-1, initial=0.0)
    is_judged = (num_seeds > 2) & (np.count_nonzero(num_seeds > 1, axis=-1) >= MIN_SHARING)[..., None]
    return cast(npt.NDArray[np.bool_], is_judged & (widest > GAP * noise[..., None]))


def fitted_prior(variances: Floats, df: Floats) -> tuple[Floats, Floats]:
    """Scale s0 and degrees of freedom d0 of the scaled inverse chi-square prior: arrays of shape (...).

    They fit the mean and the variance of log s2 (Smyth 2004, section 6.2). d0 is infinite if the variances differ no
    more than by chance. Variances of 0 are left out; nan without two variances.
    """
    from scipy import special  # noqa: PLC0415 - takes about a second to import

    is_used = variances > 0
    half = np.where(is_used, df, 1.0) / 2
    logs = np.log(np.where(is_used, variances, 1.0)) - special.digamma(half) + np.log(half)
    num = is_used.sum(axis=-1)
    mean = _ratio(np.where(is_used, logs, 0.0).sum(axis=-1), num)
    spread = _ratio(np.where(is_used, (logs - mean[..., None]) ** 2, 0.0).sum(axis=-1), num - 1)
    excess = spread - _ratio(np.where(is_used, special.polygamma(1, half), 0.0).sum(axis=-1), num)
    prior_df = 2 * _inverse_trigamma(excess)
    is_finite = np.isfinite(prior_df)
    half0 = np.where(is_finite, prior_df, 2.0) / 2
    fitted = np.exp(mean + special.digamma(half0) - np.log(half0))
    return np.where(is_finite, fitted, _pooled(variances, df)), prior_df


def summed(first: Floats, first_df: Floats, second: Floats, second_df: Floats) -> tuple[Floats, Floats]:
    """The sum of two independent variances and its degrees of freedom (Satterthwaite 1946)."""
    total = first + second
    parts = _ratio(first**2, first_df) + _ratio(second**2, second_df)
    return total, _ratio(total**2, parts)


def _inverse_trigamma(values: Floats) -> Floats:
    """x with trigamma(x) = value, by Newton's method (Smyth 2004, appendix); infinite for values of at most 0."""
    from scipy import special  # noqa: PLC0415

    safe = np.where(values > 1e-7, values, 1.0)
    estimate = 0.5 + 1 / safe
    for _ in range(20):
        trigamma = special.polygamma(1, estimate)
        estimate = estimate + trigamma * (1 - trigamma / safe) / special.polygamma(2, estimate)
    return np.where(values > 1e-7, estimate, np.where(np.isnan(values), np.nan, np.inf))


def _median(values: Floats, axis: int) -> Floats:
    """Median without nan; nan if all are nan."""
    ordered, num = np.sort(values, axis=axis), np.count_nonzero(~np.isnan(values), axis=axis)
    low, high = np.maximum(num - 1, 0) // 2, np.minimum(num // 2, values.shape[axis] - 1)
    middle = [np.take_along_axis(ordered, np.expand_dims(index, axis), axis) for index in (low, high)]
    return cast(Floats, np.squeeze((middle[0] + middle[1]) / 2, axis=axis))


def _centred(values: Floats, present: Any, axis: int) -> Floats:
    sizes = np.maximum(present.sum(axis=axis, keepdims=True), 1)
    means = np.where(present, values, 0.0).sum(axis=axis, keepdims=True) / sizes
    return np.where(present, values - means, np.nan)


def _sums(values: Floats, present: Any, axis: int) -> Floats:
    return cast(Floats, np.where(present, values, 0.0).sum(axis=axis))


def _ratio(above: Any, below: Any) -> Floats:
    """Quotient, nan where the divisor is not positive and 0 where both are 0."""
    is_positive = below > 0
    return np.where(is_positive, above / np.where(is_positive, below, 1.0), np.where(above == 0, 0.0, np.nan))
