"""Measures of the set of best rows, and of the named gain after its correction for selection."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from analysis.results.best_rows import best_rows
from analysis.results.moderation import moderated, row_variances
from analysis.results.selection import corrected_gains
from benchmarks.simulations.measure import Measure
from benchmarks.simulations.worlds import Design, Worlds, simulated

Floats = npt.NDArray[np.float64]
NUM_SEEDS = (2, 3, 5, 10)
LARGEST_BIAS = {2: 0.10, 3: 0.05, 5: 0.05}
"""Number of seeds -> how far the corrected gain may be from the truth, as a share of it."""
SHARE, NULL_SHARE = 20, 4
"""One of this many matrices is used for the sets, whose null distributions are drawn one by one. Null sets need more
matrices: the standard error of a share of 0.95 is 0.7 points with 100 matrices of 9 targets, 0.3 points with 500."""


@dataclass(frozen=True, kw_only=True)
class Sets:
    """Sets of best rows. Arrays of shape (targets of all worlds, 1 + rows); row 0 is the baseline."""

    is_best: npt.NDArray[np.bool_]
    truth: Floats
    """True scores of the rows, relative to the baseline."""

    @property
    def contains_best(self) -> float:
        """Share of sets that contain the row with the highest true score; of several, the first."""
        best = self.truth.argmax(axis=1)
        return float(self.is_best[np.arange(len(best)), best].mean())

    @property
    def contains_all(self) -> float:
        """Share of sets with all rows."""
        return float(self.is_best.all(axis=1).mean())

    @property
    def size(self) -> float:
        """Mean number of rows in a set."""
        return float(self.is_best.sum(axis=1).mean())


def measures(num_worlds: int) -> Iterator[Measure]:
    """Yield the measures of the named gain and of the sets."""
    for num_seeds in NUM_SEEDS:
        yield from _named_gain(Design(num_seeds=num_seeds), num_worlds)
    for num_seeds in NUM_SEEDS:
        yield from _sets(Design(num_seeds=num_seeds), max(num_worlds // SHARE, 1))
    for num_seeds in NUM_SEEDS:
        yield _null_sets(Design(num_seeds=num_seeds, effects=0.0), max(num_worlds // NULL_SHARE, 1))


def _named_gain(design: Design, num_worlds: int) -> Iterator[Measure]:
    """By how much the largest gain of a matrix overstates the truth, as a share of the truth."""
    worlds = simulated(design, num_worlds, 100 + design.num_seeds)
    gains = (worlds.scores[..., 1:, :] - worlds.scores[..., :1, :]).mean(axis=-1)
    variances = moderated(*row_variances(worlds.scores))[0] / design.num_seeds
    corrected = corrected_gains(gains, variances[..., 1:], variances[..., 0])
    named = gains.reshape(num_worlds, -1).argmax(axis=1)
    plain, report, truth = (
        float(values.reshape(num_worlds, -1)[np.arange(num_worlds), named].mean())
        for values in (gains, corrected, worlds.gains)
    )
    limit = LARGEST_BIAS.get(design.num_seeds)
    yield Measure(
        name="overstatement of the largest gain",
        setting=f"{design.num_seeds} seeds",
        old=plain / truth - 1,
        value=report / truth - 1,
        **({} if limit is None else {"low": -limit, "high": limit}),
    )


def _sets(design: Design, num_worlds: int) -> Iterator[Measure]:
    """Whether sets contain the best row, and their size with and without moderated variances."""
    setting = f"{design.num_seeds} seeds"
    worlds = simulated(design, num_worlds, 200 + design.num_seeds)
    plain, report = (_sets_of(worlds, is_moderated=is_moderated) for is_moderated in (False, True))
    yield Measure(
        name="sets of best rows that contain the best",
        setting=setting,
        old=plain.contains_best,
        value=report.contains_best,
        low=0.95,
    )
    yield Measure(
        name="size of a set of best rows", setting=setting, old=plain.size, value=report.size, high=plain.size
    )


def _null_sets(design: Design, num_worlds: int) -> Measure:
    """Whether sets contain every row if all rows are equally good. The plain value is over a fifth of the matrices."""
    null = simulated(design, num_worlds, 300 + design.num_seeds)
    few = replace(null, scores=null.scores[: max(num_worlds // 5, 1)], gains=null.gains[: max(num_worlds // 5, 1)])
    return Measure(
        name="sets with all rows in null worlds",
        setting=f"{design.num_seeds} seeds",
        old=_sets_of(few, is_moderated=False).contains_all,
        value=_sets_of(null, is_moderated=True).contains_all,
        low=0.95,
    )


def _sets_of(worlds: Worlds, *, is_moderated: bool) -> Sets:
    variances, df = row_variances(worlds.scores)
    if is_moderated:
        variances, df = moderated(variances, df)
    num_seeds = worlds.scores.shape[-1]
    means = worlds.scores.mean(axis=-1)
    columns = [array.reshape(-1, array.shape[-1]) for array in (means, variances / num_seeds, df)]
    truth = np.concatenate([np.zeros((*worlds.gains.shape[:2], 1)), worlds.gains], axis=-1)
    sets = [best_rows(*column) for column in zip(*columns, strict=True)]
    return Sets(is_best=np.array(sets), truth=truth.reshape(-1, truth.shape[-1]))
