"""Measures of correlations between rows and between columns: in pure noise, and with a planted correlation."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from analysis.results.halves import HalfCorrelations, half_correlations
from analysis.results.moderation import row_variances
from analysis.results.stats import LEVEL, adjusted, spearman
from benchmarks.simulations.measure import Measure
from benchmarks.simulations.worlds import Design, Worlds, simulated

Floats = npt.NDArray[np.float64]
MAX_WORLDS = 300
PLANTED = 0.8


def measures(num_worlds: int) -> Iterator[Measure]:
    """Yield the measures of correlations."""
    num_worlds = min(num_worlds, MAX_WORLDS)
    for num_seeds in (2, 5):
        for encoder_sd in (0.0, 1.0):
            yield from _in_noise(Design(num_seeds=num_seeds, effects=0.0, encoder_sd=encoder_sd), num_worlds)
    yield from _planted(Design(num_seeds=5, effects=0.0), num_worlds)


def scaled_gains(scores: Floats) -> Floats:
    """Gains of one matrix in units of the noise of their target: shape (targets, rows, seeds).

    `scores` has shape (targets, 1 + rows, seeds).
    """
    variances, _ = row_variances(scores)
    noise = np.sqrt(np.nanmean(variances, axis=-1))
    return (scores[:, 1:] - scores[:, :1]) / noise[:, None, None]


def _pairs(detected: HalfCorrelations) -> Floats:
    """p of all pairs."""
    return detected.p[np.triu_indices(len(detected.p), 1)]


def _of_rows(gains: Floats) -> HalfCorrelations:
    return half_correlations(gains.swapaxes(0, 1))


def _of_columns(gains: Floats) -> HalfCorrelations:
    return half_correlations(gains)


def _plain_p(gains: Floats) -> Floats:
    """p of Spearman's rho between the mean gains of all pairs of variables, shape (variables, n, seeds)."""
    means = gains.mean(axis=-1).tolist()
    pairs = [(a, b) for a in range(len(means)) for b in range(a)]
    return np.array([spearman(means[a], means[b]).p for a, b in pairs])


def _in_noise(design: Design, num_worlds: int) -> Iterator[Measure]:
    """Share of pairs with p < 0.05 where nothing is planted."""
    worlds = simulated(design, num_worlds, 400 + design.num_seeds)
    setting = f"{design.num_seeds} seeds, encoder {design.encoder_sd:.0f}"
    gains = [scaled_gains(scores) for scores in worlds.scores]
    sample = gains[: max(num_worlds // 10, 1)]  # the plain test enumerates all orders
    rows = np.array([_pairs(_of_rows(matrix)) for matrix in gains])
    columns = np.array([_pairs(_of_columns(matrix)) for matrix in gains])
    plain_rows = np.array([_plain_p(matrix.swapaxes(0, 1)) for matrix in sample])
    plain_columns = np.array([_plain_p(matrix) for matrix in sample])
    for name, old, value in (("rows", plain_rows, rows), ("columns", plain_columns, columns)):
        yield Measure(
            name=f"pairs of {name} with p < 0.05 in noise",
            setting=setting,
            old=float((old < LEVEL).mean()),
            value=float((value < LEVEL).mean()),
            high=0.07,
        )


def _planted(design: Design, num_worlds: int) -> Iterator[Measure]:
    """Share of planted correlations of rows that are found, by the size of the effects in units of the noise."""
    for effect_sd in (1.0, 2.0, 3.0, 5.0):
        worlds = simulated(design, num_worlds, 500)
        tested = [_pairs(_of_rows(scaled_gains(scores))) for scores in _with_planted(worlds, effect_sd)]
        low = {"low": 0.60} if effect_sd >= 3 else {}
        setting = f"5 seeds, effects {effect_sd:.0f}"
        detected = [bool(p[0] < LEVEL) for p in tested]
        corrected = [adjusted(p)[0] < LEVEL for p in tested]
        yield Measure(name="planted correlation of 0.8 found", setting=setting, value=float(np.mean(detected)), **low)
        yield Measure(name="the same after correction for all pairs", setting=setting, value=float(np.mean(corrected)))


def _with_planted(worlds: Worlds, effect_sd: float) -> Iterator[Floats]:
    """The scores with gains whose first two rows have a correlation of PLANTED, the other rows none."""
    random = np.random.default_rng(9)
    for scores, noise in zip(worlds.scores, worlds.noise, strict=True):
        effects = random.normal(0, effect_sd, (scores.shape[0], scores.shape[1] - 1))
        effects[:, 1] = PLANTED * effects[:, 0] + np.sqrt(1 - PLANTED**2) * effects[:, 1]
        changed = scores.copy()
        changed[:, 1:] += (effects * noise[:, None])[..., None]
        yield changed
