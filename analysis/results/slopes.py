"""What languages have in common beyond single cells, and its slope on a property of the language. Arrays only."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .halves import MIN_N
from .stats import Correlation, spearman_with_each, t_quantile

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Slope:
    """The regression of language effects on a property of the language; nan with fewer than MIN_N languages."""

    slope: float = np.nan
    """Change of the gain for a change of 1 in the property (least squares)."""
    low: float = np.nan
    """Bounds of the 95 % jackknife interval over languages, with the t quantile of n - 1."""
    high: float = np.nan
    se_seed: float = np.nan
    """Standard error of the slope over seeds, from the slopes of single seeds. It is not part of the interval."""
    rho: float = np.nan
    """Spearman's correlation of effect and property."""
    p: float = np.nan
    """Its permutation p."""
    n: int = 0
    """Number of languages."""


def language_effects(gains: Floats) -> Floats:
    """The effect of each language on gains of shape (cells, languages, seeds), nan if missing: (languages, seeds).

    Least squares of gain = cell + language, where cells may have different languages: a language is compared with the
    others of the same cell only. A gain counts if it has all seeds. The mean effect is 0; nan for languages that cells
    do not connect with the largest group of languages, because their difference to it is unknown.
    """
    complete = np.asarray(np.isfinite(gains).all(axis=-1))
    complete[complete.sum(axis=1) < 2] = False
    complete &= _largest_group(complete)
    sizes = np.maximum(complete.sum(axis=1, keepdims=True), 1)
    filled = np.where(complete[..., None], gains, 0.0)
    centred = np.where(complete[..., None], filled - filled.sum(axis=1, keepdims=True) / sizes[..., None], 0.0)
    weights = complete.astype(float)
    system = np.diag(weights.sum(axis=0)) - (weights / sizes).T @ weights
    effects: Floats = np.linalg.pinv(system, hermitian=True) @ centred.sum(axis=0)
    is_known = complete.any(axis=0)
    effects[~is_known] = np.nan
    return effects - effects[is_known].mean(axis=0) if is_known.any() else effects


def _largest_group(complete: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Whether each language is in the largest group that cells connect; `complete` has shape (cells, languages)."""
    from scipy.sparse.csgraph import connected_components  # noqa: PLC0415 - takes about a second to import

    links = complete.astype(float)
    _, groups = connected_components(links.T @ links > 0, directed=False)
    return np.asarray(groups == np.bincount(groups, weights=complete.any(axis=0)).argmax())


def slope_on(trait: Floats, effects: Floats) -> Slope:
    """The slope of the mean over seeds of effects of shape (languages, seeds) on a trait of shape (languages,)."""
    [slope] = slopes_on(trait, [effects])
    return slope


def slopes_on(trait: Floats, effects: Sequence[Floats]) -> list[Slope]:
    """The slope of each of several effects on one trait, as `slope_on`, but much faster."""
    complete = [~(np.isnan(trait) | np.isnan(each).any(axis=-1)) for each in effects]
    slopes: dict[int, Slope] = {}
    for alike in {mask.tobytes(): mask for mask in complete}.values():
        numbers = [number for number, mask in enumerate(complete) if (mask == alike).all()]
        slopes |= dict(zip(numbers, _fitted(trait[alike], [effects[n][alike] for n in numbers]), strict=True))
    return [slopes[number] for number in range(len(effects))]


def _fitted(x: Floats, effects: Sequence[Floats]) -> list[Slope]:
    """The slopes of effects without missing values on a trait."""
    n = len(x)
    if n < MIN_N or np.ptp(x) == 0:
        return [Slope(n=n)] * len(effects)
    correlations = spearman_with_each(x, [by_seed.mean(axis=-1) for by_seed in effects])
    return [_slope(x, by_seed, correlated) for by_seed, correlated in zip(effects, correlations, strict=True)]


def _slope(x: Floats, by_seed: Floats, correlated: Correlation) -> Slope:
    n, y = len(x), by_seed.mean(axis=-1)
    slopes = _slopes(x, by_seed)
    half = t_quantile(n - 1) * _jackknife_error(x, y)
    slope, num_seeds = float(slopes.mean()), by_seed.shape[-1]
    return Slope(
        slope=slope,
        low=slope - half,
        high=slope + half,
        se_seed=float(slopes.std(ddof=1)) / num_seeds**0.5 if num_seeds > 1 else np.nan,
        rho=correlated.rho,
        p=correlated.p,
        n=n,
    )


def _slopes(x: Floats, y: Floats) -> Floats:
    """Least-squares slopes of the columns of y, shape (n, columns), on x."""
    centred = x - x.mean()
    slopes: Floats = centred @ y / (centred @ centred)
    return slopes


def _jackknife_error(x: Floats, y: Floats) -> float:
    """Standard error of the slope by leaving out one value at a time; nan if one value alone determines it."""
    n = len(x)
    x, y = x - x.mean(), y - y.mean()
    # The sums without each value, around the means of all values.
    x_sum, y_sum = -x, -y
    squares = (x @ x - x**2) - x_sum**2 / (n - 1)
    products = (x @ y - x * y) - x_sum * y_sum / (n - 1)
    if (squares <= 1e-12 * (x @ x)).any():
        return np.nan
    without = products / squares
    error = float(np.sqrt((n - 1) / n * ((without - without.mean()) ** 2).sum()))
    return error if error > 0 else np.nan
