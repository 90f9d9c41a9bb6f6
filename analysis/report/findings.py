"""The three strongest findings of a study, in careful words."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..results.correlate import comparable_targets
from ..results.load import Study
from ..results.matrix import Cell, Matrix, cells_of, entry, matrix
from ..results.stats import MIN_SEEDS, Interval, adjusted, paired_interval
from .tables import BEATS, trivial_rows


@dataclass(frozen=True, kw_only=True)
class CellTest:
    """How sure a cell's gain is."""

    interval: Interval
    q: float
    """The interval's p corrected for the number of cells tested; nan where there is none."""
    num_agreeing: int
    """Seeds whose gain has the sign of the mean."""


def strongest_findings(study: Study, against: str = "") -> list[str]:
    """Three sentences at most, of the first model: the largest gain, the largest loss, the best row on average.

    Cells that share training data with their target, or lack languages, take no part. With fewer than three seeds the
    sentences describe and claim nothing. Gains are measured against the row `against`, or else the baseline.
    """
    found = matrix(study, study.space.models[0].name, against)
    gains = found.unflagged
    cells = {(row, column): entry(gains, (row, column)) for row in gains.index for column in gains.columns}
    cells = {cell: gain for cell, gain in cells.items() if not math.isnan(gain)}
    if not cells:
        other = "its baseline's" if found.is_baseline else f"that of {found.reference_words}"
        return [f"No gain can be stated yet: no cell has both its own score and {other} with the same seed."]
    tests = cell_tests(found)
    weak = {str(row[0]) for row in trivial_rows(study, found) if row[-1] != BEATS}
    best, worst = max(cells, key=cells.__getitem__), min(cells, key=cells.__getitem__)
    named = [("largest gain" if cells[best] > 0 else "smallest loss", best)]
    if worst != best:
        named.append(("largest loss" if cells[worst] < 0 else "smallest gain", worst))
    caution = f"{found.reference_words} itself does not clearly beat the trivial score."
    sentences = [
        _of_cell(what, cell, tests[cell], found) + (f" On `{cell[1]}` {caution}" if cell[1] in weak else "")
        for what, cell in named
    ]
    row = _of_best_row(found, gains)
    return [*sentences, row] if row else sentences


def cell_tests(found: Matrix) -> dict[Cell, CellTest]:
    """A test for each cell outside the reference row that has a gain."""
    gains = {cell: rows["gain"].tolist() for cell, rows in cells_of(found.seed_gains) if cell[0] != found.reference}
    intervals = {cell: paired_interval(values) for cell, values in gains.items()}
    corrected = adjusted([interval.p for interval in intervals.values()])
    return {
        cell: CellTest(interval=interval, q=q, num_agreeing=_num_agreeing(gains[cell]))
        for (cell, interval), q in zip(intervals.items(), corrected, strict=True)
    }


def _num_agreeing(gains: list[float]) -> int:
    return int((np.sign(gains) == np.sign(np.mean(gains))).sum())


def _of_cell(what: str, cell: Cell, test: CellTest, found: Matrix) -> str:
    base, score = entry(found.scores, (found.reference, cell[1])), entry(found.scores, cell)
    own = "after" if found.is_baseline else "here"
    return (
        f"The {what} outside flagged cells is {100 * test.interval.mean:+z.1f} points: `{cell[0]}` on `{cell[1]}` "
        f"({100 * base:.1f} for {found.reference_words}, {100 * score:.1f} {own}). {_certainty(test)}"
    )


def _certainty(test: CellTest) -> str:
    found = test.interval
    if found.n == 1:
        return "One seed: nothing is known of its spread."
    if found.n < MIN_SEEDS or math.isnan(found.p):
        return (
            f"{test.num_agreeing} of {found.n} seeds agree in sign (standard deviation {100 * found.sd:.1f}); "
            "this describes the seeds and is no claim of significance."
        )
    verdict = "" if test.q < 0.05 else "; not distinguishable from no effect once all cells are counted"
    return (
        f"95 % interval {100 * found.low:+z.1f} to {100 * found.high:+z.1f} over {found.n} seeds, p = {found.p:.3f}, "
        f"{test.q:.3f} corrected for the number of cells{verdict}."
    )


def _of_best_row(found: Matrix, gains: pd.DataFrame) -> str:
    targets = list(comparable_targets(gains))
    if len(targets) < 2 or len(gains) < 2:
        return ""
    means = gains[targets].mean(axis=1).sort_values(ascending=False, kind="stable")
    best, values = str(means.index[0]), gains.loc[means.index[0], targets]
    spread = _seed_spread(found, best, targets)
    return (
        f"On average over the {len(targets)} targets that no row shares training data with, `{best}` is ahead with "
        f"{100 * means.iloc[0]:+z.1f} points{spread}, above 0 on {int((values > 0).sum())} of them; "
        f"`{means.index[-1]}` is last with {100 * means.iloc[-1]:+z.1f}."
    )


def _seed_spread(found: Matrix, recipe: str, targets: list[str]) -> str:
    rows = found.seed_gains[(found.seed_gains["recipe"] == recipe) & found.seed_gains["target"].isin(targets)]
    by_seed = rows.pivot(index="seed", columns="target", values="gain").dropna().mean(axis=1)
    if len(by_seed) < 2:
        return " (one seed)"
    return f" ({100 * by_seed.min():+z.1f} to {100 * by_seed.max():+z.1f} over {len(by_seed)} seeds)"
