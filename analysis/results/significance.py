"""A paired test of each cell's gain, corrected for the number of cells."""

from dataclasses import dataclass

import numpy as np

from .matrix import Cell, Matrix, cells_of
from .stats import LEVEL, Interval, adjusted, paired_interval


@dataclass(frozen=True, kw_only=True)
class CellTest:
    """The test of one cell's gain against 0."""

    interval: Interval
    q: float
    """`interval.p` corrected for the number of cells (Benjamini & Hochberg 1995); nan without a test."""
    num_agreeing: int
    """Number of seeds whose gain has the sign of the mean gain."""

    @property
    def is_tested(self) -> bool:
        """Whether there are enough seeds for a test."""
        return not np.isnan(self.interval.p)

    @property
    def is_significant(self) -> bool:
        """Whether the gain differs from 0 at LEVEL after the correction. False without a test."""
        return self.q < LEVEL


def cell_tests(matrix: Matrix) -> dict[Cell, CellTest]:
    """A test for each cell that has a gain, except those of the reference recipe."""
    gains = {cell: rows["gain"].tolist() for cell, rows in cells_of(matrix.seed_gains) if cell[0] != matrix.reference}
    intervals = {cell: paired_interval(values) for cell, values in gains.items()}
    corrected = adjusted([interval.p for interval in intervals.values()])
    return {
        cell: CellTest(interval=interval, q=q, num_agreeing=_num_agreeing(gains[cell]))
        for (cell, interval), q in zip(intervals.items(), corrected, strict=True)
    }


def _num_agreeing(gains: list[float]) -> int:
    return int((np.sign(gains) == np.sign(np.mean(gains))).sum())
