"""Measures of the interval of a cell about new seeds and new items.

An example is answered correctly if the sum of the skill of the row, the effect of its seed, the ease of the item, the
effect of row and item, and an effect of all three is positive. The true gain is that over all seeds and items.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from analysis.results.item_part import combined
from analysis.results.moderation import gain_variances
from analysis.results.stats import t_intervals
from benchmarks.simulations.measure import Measure

Floats = npt.NDArray[np.float64]
NUM_ROWS = 10
NUM_ITEMS = 100
NUM_SEEDS = (1, 2, 3, 5, 10)
CHUNK = 100
"""Number of columns that are simulated at once: 100 x 11 rows x 10 seeds x 100 items need 90 MB."""
SEED_SD, EASE_SD, ROW_ITEM_SD = 0.1, 1.0, 0.5
"""Standard deviations in units of the effect of row, seed and item together. 0.1 is about two points of accuracy."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """Means and variances of simulated columns. Row 0 is the baseline."""

    scores: Floats
    """Shape (columns, rows, seeds)."""
    gains: Floats
    """True gains, shape (columns, rows - 1)."""
    item: Floats
    """Variance over items of the mean gain over seeds, shape (columns, rows - 1)."""
    residual: Floats
    """The part of `item` that differs between seeds; nan with one seed."""


def columns(num_seeds: int, num_columns: int, random: np.random.Generator, seed_sd: float = SEED_SD) -> Column:
    """Simulate columns of 10 rows and a baseline on 100 items."""
    shape = (num_columns, NUM_ROWS + 1)
    skill = random.normal(0.4, 0.2, shape)
    latent = skill[..., None, None] + seed_sd * random.normal(size=(*shape, num_seeds, 1))
    latent = latent + EASE_SD * random.normal(size=(num_columns, 1, 1, NUM_ITEMS))
    latent = latent + ROW_ITEM_SD * random.normal(size=(*shape, 1, NUM_ITEMS))
    correct = (latent + random.normal(size=(*shape, num_seeds, NUM_ITEMS)) > 0).astype(float)
    truth = stats.norm.cdf(skill / np.sqrt(1 + seed_sd**2 + EASE_SD**2 + ROW_ITEM_SD**2))
    gains = correct[:, 1:] - correct[:, :1]
    over_items = gains.mean(axis=2).var(axis=-1, ddof=1) / NUM_ITEMS
    within = gains - gains.mean(axis=2, keepdims=True)
    within = within - within.mean(axis=3, keepdims=True)
    num = num_seeds - 1
    residual = (within**2).sum(axis=(2, 3)) / (max(num, 1) * (NUM_ITEMS - 1)) / (num_seeds * NUM_ITEMS)
    return Column(
        scores=correct.mean(axis=-1),
        gains=truth[:, 1:] - truth[:, :1],
        item=over_items,
        residual=residual if num else np.full_like(residual, np.nan),
    )


def intervals(column: Column) -> Iterator[tuple[Floats, Floats]]:
    """Yield the bounds of the intervals over seeds only (plain), and of those of a report."""
    differences = column.scores[:, 1:] - column.scores[:, :1]
    num_seeds, mean = differences.shape[-1], differences.mean(axis=-1)
    seed = seed_df = np.full_like(mean, np.nan)
    if num_seeds > 1:
        error = differences.std(axis=-1, ddof=1) / np.sqrt(num_seeds)
        yield t_intervals(mean, error, num_seeds - 1)[:2]
        variance, df, _ = gain_variances(column.scores[:, None], 0)
        seed, seed_df = variance[:, 0, 1:] / num_seeds, df[:, 0, 1:]
    else:
        yield seed, seed
    total, df = combined(seed, seed_df, column.item, NUM_ITEMS - 1, column.residual)
    yield t_intervals(mean, np.sqrt(total), df)[:2]


def few_rows(num_seeds: int, num_columns: int, seed_sd: float) -> float:
    """Coverage of a report's intervals where too few rows share a prior: paired t tests over seeds, with items."""
    column = columns(num_seeds, num_columns, np.random.default_rng(num_seeds), seed_sd)
    differences = column.scores[:, 1:] - column.scores[:, :1]
    mean, seed = differences.mean(axis=-1), differences.var(axis=-1, ddof=1) / num_seeds
    total, df = combined(seed, num_seeds - 1, column.item, NUM_ITEMS - 1, column.residual)
    low, high, _ = t_intervals(mean, np.sqrt(total), df)
    return float(((low <= column.gains) & (column.gains <= high)).mean())


def measures(num_worlds: int) -> Iterator[Measure]:
    """Yield coverage and width for new seeds and items."""
    for seed_sd in (SEED_SD, 3 * SEED_SD):
        for num_seeds in (2, 3, 5):
            yield Measure(
                name=f"coverage for new seeds and items; few rows, noise of seeds {seed_sd:.1f}",
                setting=f"{NUM_ITEMS} items, {num_seeds} seeds",
                value=few_rows(num_seeds, max(num_worlds // 10, 10), seed_sd),
                low=0.93,
            )
    for num_seeds in NUM_SEEDS:
        random = np.random.default_rng(num_seeds)
        hits: list[list[float]] = [[], []]
        widths: list[list[float]] = [[], []]
        for _ in range(max(num_worlds // CHUNK, 1)):
            column = columns(num_seeds, CHUNK, random)
            for kind, (low, high) in enumerate(intervals(column)):
                has_interval = ~np.isnan(low)
                hits[kind] += ((low <= column.gains) & (column.gains <= high))[has_interval].astype(float).tolist()
                widths[kind] += ((high - low) / 2)[has_interval].tolist()
        setting = f"{NUM_ITEMS} items, {num_seeds} seed{'s' if num_seeds > 1 else ''}"
        old, value = (float(np.mean(values)) if values else np.nan for values in hits)
        # One seed says nothing about other seeds, so that its interval has no target.
        limits = {"low": 0.93} if num_seeds > 1 else {}
        yield Measure(name="coverage for new seeds and items", setting=setting, old=old, value=value, **limits)
        old, value = (100 * float(np.mean(values)) if values else np.nan for values in widths)
        yield Measure(name="half width for new seeds and items, points", setting=setting, old=old, value=value)
