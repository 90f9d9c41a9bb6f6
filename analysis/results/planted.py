"""The planted truth of a run in a synthetic world beside the gains that the run measured."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from sweeper.space import Space
from sweeper.world.truth import planted_gains

from .estimates import Estimate
from .matrix import Cell, Matrix, entry
from .stats import LEVEL, Correlation, rho_ceiling, spearman

Outcome = Literal["found", "missed", "false gain", "no gain", "not tested"]


@dataclass(frozen=True, kw_only=True)
class PlantedCell:
    """One cell: the planted gain and the measured gain over the same reference."""

    planted: float
    """Grade, -2 to 2: planted gain of the recipe minus that of the reference. Only sign and rank can be compared."""
    gain: float
    """Measured mean gain over seeds, a fraction of 1."""
    q: float
    """Corrected p of the gain, as of `Estimate`; nan without a test."""

    @property
    def outcome(self) -> Outcome:
        """Result of the test: a planted gain or loss is found or missed, a planted zero is no gain or a false gain."""
        if math.isnan(self.q):
            return "not tested"
        is_reported = self.q < LEVEL
        if self.planted:
            return "found" if is_reported and self.planted * self.gain > 0 else "missed"
        # Any fine-tuning moves an encoder, mostly for the worse: only a gain contradicts a planted zero.
        return "false gain" if is_reported and self.gain > 0 else "no gain"


@dataclass(frozen=True)
class Planted:
    """Planted and measured gains of one model."""

    cells: Mapping[Cell, PlantedCell]
    """Cells with a planted truth and a comparable gain, in the order of the space."""

    @cached_property
    def correlation(self) -> Correlation:
        """Spearman's rank correlation of planted and measured gains."""
        return spearman([cell.planted for cell in self.cells.values()], [cell.gain for cell in self.cells.values()])

    @cached_property
    def ceiling(self) -> float:
        """Largest possible rank correlation: the planted gains have ties, the measured gains have none."""
        return rho_ceiling(cell.planted for cell in self.cells.values())

    def outcomes(self, sign: Literal[-1, 0, 1]) -> list[Outcome]:
        """Outcomes of the tested cells with a planted gain (sign 1), a planted zero (0) or a planted loss (-1)."""
        cells = [cell for cell in self.cells.values() if (cell.planted > 0) - (cell.planted < 0) == sign]
        return [cell.outcome for cell in cells if cell.outcome != "not tested"]


def compare_planted(matrix: Matrix, estimates: Mapping[Cell, Estimate], space: Space) -> Planted | None:
    """Planted and measured gains of the cells of a matrix, with the q of their `cell_estimates`.

    Cells with the same rows, incomplete and missing cells are left out, as are cells whose recipe or target is not part
    of the synthetic world. Returns None if no cell is left, as on real data.
    """
    truth = planted_gains(space) if space.world else {}
    if not matrix.is_baseline and not any(recipe == matrix.reference for recipe, _ in truth):
        return None
    gains = matrix.summarised
    measured = {cell: entry(gains, cell) for cell in truth if cell[0] in gains.index}
    cells = {
        cell: PlantedCell(
            # Rounded, because thirds that cancel each other leave a remainder of 1e-17.
            planted=round(truth[cell] - truth.get((matrix.reference, cell[1]), 0.0), 9),
            gain=gain,
            q=estimates[cell].q if cell in estimates else math.nan,
        )
        for cell, gain in measured.items()
        if not math.isnan(gain)
    }
    return Planted(cells) if cells else None


def planted_title(planted: Planted) -> str:
    """The numbers of outcomes and the rank correlation, as the title of a figure."""
    rho = planted.correlation.rho
    related = "" if math.isnan(rho) else f"rank correlation {rho:.2f}"
    return "; ".join(text for text in (", ".join(outcome_phrases(planted)), related) if text)


def outcome_phrases(planted: Planted) -> list[str]:
    """Phrases with the numbers of planted gains and losses found, and of planted zeros reported as gains."""
    gains, zeros, losses = planted.outcomes(1), planted.outcomes(0), planted.outcomes(-1)
    texts = [_share(gains, "found", "planted gain", "found"), _share(losses, "found", "planted loss", "found")]
    texts.append(_share(zeros, "false gain", "planted zero", "reported as gains"))
    return [text for text in texts if text]


def _share(outcomes: Sequence[Outcome], counted: Outcome, noun: str, verb: str) -> str:
    """Phrase such as `8 of 9 planted gains found`; "" without outcomes."""
    plural = "es" if noun.endswith("s") else "s"
    return f"{outcomes.count(counted)} of {len(outcomes)} {noun}{plural} {verb}" if outcomes else ""
