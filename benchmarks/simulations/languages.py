"""Measures of slopes of gains on the distance of a language: in pure noise, and with a planted slope."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis.results.slopes import Slope, language_effects, slope_on
from analysis.results.stats import LEVEL
from benchmarks.simulations.measure import Measure

Floats = npt.NDArray[np.float64]
NUM_CELLS, NUM_SEEDS = 10, 3
MAX_WORLDS = 1000


@dataclass(frozen=True, kw_only=True)
class Design:
    """One simulated target: gains of NUM_CELLS recipes that share a baseline, in units of the noise of a score."""

    num_languages: int = 15
    slope: float = 0.0
    """True change of the gain from distance 0 to 1."""
    training_sd: float = 0.0
    """Standard deviation over trainings of their own change from distance 0 to 1."""


def measures(num_worlds: int) -> Iterator[Measure]:
    """Yield the measures of slopes."""
    num_worlds = min(num_worlds, MAX_WORLDS)
    for num_languages in (6, 15, 40):
        yield from _in_noise(Design(num_languages=num_languages), num_worlds, low=0.93)
    yield from _in_noise(Design(training_sd=2.0), num_worlds)
    yield from _planted(Design(slope=-4.0), num_worlds)


def distances(num_languages: int) -> Floats:
    """English at 0, the other languages between 0.3 and 0.7 as on syntactic distance."""
    return np.concatenate([[0.0], np.linspace(0.3, 0.7, num_languages - 1)])


def simulated_gains(design: Design, random: np.random.Generator) -> Floats:
    """Gains of shape (cells, languages, seeds). All cells share the noise of the baseline."""
    trait = distances(design.num_languages)
    scores = random.normal(size=(NUM_CELLS + 1, len(trait), NUM_SEEDS))
    own_slopes = design.training_sd * random.normal(size=(NUM_CELLS + 1, 1, NUM_SEEDS))
    scores += own_slopes * trait[:, None]
    gains: Floats = scores[1:] - scores[:1] + design.slope * trait[:, None]
    return gains


def _slopes(design: Design, num_worlds: int) -> list[tuple[Slope, float]]:
    """The slope of a report, and the p of a regression that takes all gains as independent."""
    from scipy import stats  # noqa: PLC0415

    random, trait = np.random.default_rng(500 + design.num_languages), distances(design.num_languages)
    drawn = [simulated_gains(design, random) for _ in range(num_worlds)]
    plain = [stats.linregress(np.tile(trait, NUM_CELLS), gains.mean(axis=-1).ravel()).pvalue for gains in drawn]
    return [(slope_on(trait, language_effects(gains)), float(p)) for gains, p in zip(drawn, plain, strict=True)]


def _in_noise(design: Design, num_worlds: int, low: float = 0.0) -> Iterator[Measure]:
    slopes = _slopes(design, num_worlds)
    setting = f"{design.num_languages} languages"
    # A training that differs between near and distant languages is a limit of the method, not a target.
    name = "noise" if not design.training_sd else "slopes of trainings"
    high = 0.07 if low else 1.0
    yield Measure(
        name=f"slopes over languages with p < 0.05, {name}",
        setting=setting,
        value=float(np.mean([slope.p < LEVEL for slope, _ in slopes])),
        old=float(np.mean([p < LEVEL for _, p in slopes])),
        high=high,
    )
    yield Measure(
        name=f"coverage of the interval of a slope, {name}", setting=setting, value=_coverage(slopes, 0.0), low=low
    )


def _planted(design: Design, num_worlds: int) -> Iterator[Measure]:
    slopes = _slopes(design, num_worlds)
    setting = f"{design.num_languages} languages"
    mean = float(np.mean([slope.slope for slope, _ in slopes])) / design.slope
    yield Measure(name="mean slope / planted slope", setting=setting, value=mean, low=0.95, high=1.05)
    yield Measure(
        name="coverage of a planted slope", setting=setting, value=_coverage(slopes, design.slope), low=0.93, high=0.99
    )
    power = float(np.mean([slope.p < LEVEL for slope, _ in slopes]))
    yield Measure(name="planted slopes with p < 0.05", setting=setting, value=power)


def _coverage(slopes: list[tuple[Slope, float]], truth: float) -> float:
    return float(np.mean([slope.low <= truth <= slope.high for slope, _ in slopes]))
