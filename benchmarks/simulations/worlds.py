"""Simulated matrices of scores with known gains."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Design:
    """How matrices are simulated. All sizes are in units of the noise of one score of the target."""

    num_seeds: int
    num_rows: int = 10
    """Number of recipes besides the baseline."""
    num_targets: int = 9
    effects: float = 0.3
    """Share of cells with a gain."""
    effect_sd: float = 1.5
    target_spread: float = 0.6
    """Standard deviation of the logarithm of the noise over targets."""
    row_spread: float = 0.0
    """Standard deviation of the logarithm of the noise over the rows of a target."""
    seed_sd: float = 0.0
    """Standard deviation of the effect of a seed on all rows of a target, as of shared data draws."""
    encoder_sd: float = 0.0
    """Standard deviation of the noise of a prepared encoder, which the targets of a row share."""
    collapsed: float = 0.0
    """Share of trainings that lose 20 units."""


@dataclass(frozen=True, kw_only=True)
class Worlds:
    """Simulated matrices. Row 0 is the baseline."""

    scores: Floats
    """Shape (worlds, targets, 1 + rows, seeds)."""
    gains: Floats
    """The true gains, shape (worlds, targets, rows)."""
    noise: Floats
    """Standard deviation of one score, shape (worlds, targets)."""


def simulated(design: Design, num_worlds: int, seed: int) -> Worlds:
    """Simulate matrices. Equal arguments give equal matrices."""
    random = np.random.default_rng(seed)
    shape = (num_worlds, design.num_targets, 1 + design.num_rows)
    noise = np.exp(random.normal(0, design.target_spread, shape[:2]))
    of_rows = noise[..., None] * np.exp(random.normal(0, design.row_spread, shape))
    scores = random.normal(size=(*shape, design.num_seeds)) * of_rows[..., None]
    shared = design.seed_sd * random.normal(size=(*shape[:2], 1, design.num_seeds))
    encoders = design.encoder_sd * random.normal(size=(num_worlds, 1, 1 + design.num_rows, design.num_seeds))
    collapses = 20.0 * (random.random(scores.shape) < design.collapsed)
    scores += (shared + encoders - collapses) * noise[..., None, None]
    is_effect = random.random((*shape[:2], design.num_rows)) < design.effects
    gains = np.where(is_effect, random.normal(0, design.effect_sd, is_effect.shape), 0.0) * noise[..., None]
    scores[..., 1:, :] += gains[..., None]
    return Worlds(scores=scores, gains=gains, noise=noise)
