"""Measures of the interval and the test of a cell, with noise between seeds only."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from analysis.results.moderation import gain_variances
from analysis.results.stats import LEVEL, are_equal, t_intervals
from benchmarks.simulations.measure import Measure
from benchmarks.simulations.worlds import Design, Worlds, simulated

Floats = npt.NDArray[np.float64]
NUM_SEEDS = (2, 3, 5, 10)
NULL = {"effects": 0.0}
SENSITIVITY: Mapping[str, Mapping[str, float]] = {
    "a seed effect of 2": {"seed_sd": 2.0},
    "noise of rows, log sd 0.3": {"row_spread": 0.3},
    "noise of rows, log sd 0.5": {"row_spread": 0.5},
    "encoder noise of 1": {"encoder_sd": 1.0},
    "4 rows": {"num_rows": 4},
}
"""Departures from the main simulation, for which there is no target."""


@dataclass(frozen=True, kw_only=True)
class Tested:
    """Intervals and tests of all cells. Arrays of shape (worlds, targets, rows); nan without an interval."""

    low: Floats
    high: Floats
    p: Floats

    @property
    def calls(self) -> npt.NDArray[np.bool_]:
        """Whether a cell is significant after the correction (Benjamini & Hochberg 1995), shape (worlds, cells)."""
        p = np.where(np.isnan(self.p), 1.0, self.p).reshape(len(self.p), -1)
        ordered = np.sort(p, axis=-1)
        num = p.shape[-1]
        is_below = ordered <= LEVEL * np.arange(1, num + 1) / num
        last = np.where(is_below, np.arange(num), -1).max(axis=-1, keepdims=True)
        return (last >= 0) & (p <= np.take_along_axis(ordered, np.maximum(last, 0), axis=-1))


def plain(worlds: Worlds) -> Tested:
    """Paired t tests over seeds (Student 1908)."""
    differences = worlds.scores[..., 1:, :] - worlds.scores[..., :1, :]
    num = differences.shape[-1]
    error = differences.std(axis=-1, ddof=1) / np.sqrt(num)
    return Tested(
        **dict(zip(("low", "high", "p"), t_intervals(differences.mean(axis=-1), error, num - 1), strict=True))
    )


def moderated(worlds: Worlds) -> Tested:
    """The intervals of a report."""
    differences = worlds.scores[..., 1:, :] - worlds.scores[..., :1, :]
    variance, df, is_bimodal = gain_variances(worlds.scores, 0)
    scale = np.abs(worlds.scores).max(axis=-1)[..., 1:]
    has_none = is_bimodal[..., 1:] | are_equal(differences.min(axis=-1), differences.max(axis=-1), scale)
    error = np.where(has_none, np.nan, np.sqrt(variance[..., 1:] / differences.shape[-1]))
    bounds = t_intervals(differences.mean(axis=-1), error, df[..., 1:])
    return Tested(**dict(zip(("low", "high", "p"), bounds, strict=True)))


def coverage(tested: Tested, worlds: Worlds) -> float:
    """Share of intervals that contain the true gain."""
    has_interval = ~np.isnan(tested.low)
    return float(((tested.low <= worlds.gains) & (worlds.gains <= tested.high))[has_interval].mean())


def half_width(tested: Tested, worlds: Worlds) -> float:
    """Mean half width in units of the noise of one score."""
    return float(np.nanmean((tested.high - tested.low) / 2 / worlds.noise[..., None]))


def power(tested: Tested, worlds: Worlds) -> float:
    """Share of cells with a gain that are significant."""
    return float(tested.calls[worlds.gains.reshape(len(worlds.gains), -1) != 0].mean())


def false_discoveries(tested: Tested, worlds: Worlds) -> float:
    """Mean share of cells without a gain among the significant ones of a matrix (0 without any)."""
    calls = tested.calls
    is_false = calls & (worlds.gains.reshape(len(calls), -1) == 0)
    return float((is_false.sum(axis=1) / np.maximum(calls.sum(axis=1), 1)).mean())


def any_call(tested: Tested, _: Worlds) -> float:
    """Share of matrices with a significant cell."""
    return float(tested.calls.any(axis=1).mean())


def measures(num_worlds: int) -> Iterator[Measure]:
    """Yield the measures with noise between seeds only."""
    for num_seeds in NUM_SEEDS:
        yield from _main(Design(num_seeds=num_seeds), num_worlds)
    for name, changes in SENSITIVITY.items():
        for num_seeds in (3, 5):
            yield from _sensitivity(name, replace(Design(num_seeds=num_seeds), **changes), num_worlds // 2)
    for num_seeds in (2, 3, 5):
        yield from _small(Design(num_seeds=num_seeds, num_rows=5, target_spread=1.0), num_worlds)
    yield from _floor(num_worlds)
    for num_seeds in NUM_SEEDS:
        yield from collapses(Design(num_seeds=num_seeds), num_worlds // 4)


def _main(design: Design, num_worlds: int) -> Iterator[Measure]:
    """The measures of the acceptance of a cell's interval, for one number of seeds."""
    num_seeds, setting = design.num_seeds, f"{design.num_seeds} seeds"
    worlds, null = simulated(design, num_worlds, num_seeds), simulated(replace(design, **NULL), num_worlds, num_seeds)
    both = plain(worlds), moderated(worlds)
    old, value = (coverage(tested, worlds) for tested in both)
    yield Measure(name="coverage of a cell's 95 % interval", setting=setting, old=old, value=value, low=0.93, high=0.97)
    old, value = (half_width(tested, worlds) for tested in both)
    yield Measure(name="half width, in units of the noise of a score", setting=setting, old=old, value=value)
    limits = {"high": 0.70} if num_seeds == 3 else {}
    yield Measure(name="half width, as a share of the plain one", setting=setting, old=1.0, value=value / old, **limits)
    old, value = (power(tested, worlds) for tested in both)
    lowest = {3: {"low": 0.04}, 5: {"low": 0.10}}.get(num_seeds, {})
    yield Measure(name="cells with a gain that are significant", setting=setting, old=old, value=value, **lowest)
    old, value = (false_discoveries(tested, worlds) for tested in both)
    yield Measure(name="false discoveries", setting=setting, old=old, value=value, high=0.06)
    old, value = (any_call(tested, null) for tested in (plain(null), moderated(null)))
    yield Measure(name="null matrices with a significant cell", setting=setting, old=old, value=value, high=0.06)


def _sensitivity(name: str, design: Design, num_worlds: int) -> Iterator[Measure]:
    """Coverage and calls in null matrices for a departure from the main simulation."""
    worlds, null = simulated(design, num_worlds, 1), simulated(replace(design, **NULL), num_worlds, 2)
    functions: tuple[tuple[str, Callable[[Tested, Worlds], float], Worlds], ...] = (
        ("coverage", coverage, worlds),
        ("null matrices with a significant cell", any_call, null),
    )
    for label, measure, given in functions:
        old, value = measure(plain(given), given), measure(moderated(given), given)
        yield Measure(name=f"{label}; {name}", setting=f"{design.num_seeds} seeds", old=old, value=value)


def _small(design: Design, num_worlds: int) -> Iterator[Measure]:
    """Coverage in the quietest and the noisiest target of matrices whose columns share a prior."""
    worlds = simulated(design, num_worlds, 4)
    tests, order = (plain(worlds), moderated(worlds)), worlds.noise.argsort(axis=1)
    for name, place in (("quietest", 0), ("noisiest", -1)):
        chosen = (np.arange(len(order)), order[:, place])
        old, value = (
            float(((tested.low <= worlds.gains) & (worlds.gains <= tested.high))[chosen].mean()) for tested in tests
        )
        label, setting = (
            f"coverage in the {name} target; 5 rows, noise of targets, log sd 1",
            f"{design.num_seeds} seeds",
        )
        yield Measure(name=label, setting=setting, old=old, value=value, low=0.93, high=0.97)


def _floor(num_worlds: int) -> Iterator[Measure]:
    """Null cells near the floor: three seeds, 40 items in each of two languages, of which 3 % are right."""
    random = np.random.default_rng(0)
    correct = random.binomial(40, 0.03, size=(num_worlds, 9, 11, 3, 2)) / 40
    scores = correct.mean(axis=-1)
    # Seeds start from scores such as 0.1 + 0.2, so that equal differences differ in their last bits.
    scores = scores + random.choice([0.1, 0.2, 0.3], size=(num_worlds, 9, 1, 3))
    worlds = Worlds(scores=scores, gains=np.zeros((num_worlds, 9, 10)), noise=np.ones((num_worlds, 9)))
    with np.errstate(all="ignore"):
        old, value = (float(np.mean(tested.p < 1e-6)) for tested in (plain(worlds), moderated(worlds)))
    yield Measure(
        name="p < 1e-6 among null cells near the floor, %", setting="3 seeds", old=100 * old, value=100 * value, high=0
    )


def collapses(design: Design, num_worlds: int) -> Iterator[Measure]:
    """Collapsed trainings: how many cells are called bimodal, and how good the other intervals are."""
    setting = f"{design.num_seeds} seeds"
    worlds = simulated(design, num_worlds, 3)
    _, _, is_bimodal = gain_variances(worlds.scores, 0)
    yield Measure(
        name="cells called bimodal, no training collapsed", setting=setting, value=float(is_bimodal[..., 1:].mean())
    )
    worlds = simulated(replace(design, collapsed=0.1), num_worlds, 3)
    old, value = coverage(plain(worlds), worlds), coverage(moderated(worlds), worlds)
    yield Measure(name="coverage with 10 % collapsed trainings", setting=setting, old=old, value=value)
    _, _, is_bimodal = gain_variances(worlds.scores, 0)
    is_split = _is_split(worlds)
    is_affected = (is_split | is_split[..., :1])[..., 1:]
    yield Measure(
        name="cells with collapsed seeds that are called bimodal",
        setting=setting,
        value=float(is_bimodal[..., 1:][is_affected].mean()),
    )


def _is_split(worlds: Worlds) -> npt.NDArray[np.bool_]:
    """Whether some seeds of a row have collapsed and others have not."""
    spread = np.ptp(worlds.scores, axis=-1)
    return spread > 12 * worlds.noise[..., None]
