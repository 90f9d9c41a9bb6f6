"""The influence of each group of examples on a score: the score minus the one without the group (jackknife).

Examples of one group depend on each other (questions on a paragraph, the two sentences of a pair). The translations of
an example belong to one unit as well, so that all languages lose it together.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from .sums import Measure

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.intp]


@dataclass
class Units:
    """Numbers the units of a target: groups of examples that are left out together, in all languages.

    A position is a pair of language and unit. Positions and units are numbered as they occur.
    """

    num: int = 0
    languages: list[str] = field(default_factory=list)
    """Language of each position."""
    units: list[int] = field(default_factory=list)
    """Unit of each position."""

    def __post_init__(self) -> None:
        self._of_group: dict[tuple[str, str], int] = {}
        self._of_example: dict[str, int] = {}
        self._positions: dict[tuple[str, int], int] = {}
        self._last: tuple[pd.DataFrame, Integers] | None = None

    def positions(self, outcomes: pd.DataFrame) -> Integers:
        """The position of each row of a table with the columns language, example and group."""
        ids = outcomes[["language", "example", "group"]]
        # Trainings that score the same data have the same rows, so most tables need no look-up.
        if self._last is not None and self._last[0].equals(ids):
            return self._last[1]
        rows = ids.astype(str).itertuples(index=False, name=None)
        numbered = np.fromiter((self._position(*row) for row in rows), dtype=np.intp, count=len(ids))
        self._last = ids, numbered
        return numbered

    def _position(self, language: str, example: str, group: str) -> int:
        unit = self._of_group.get((language, group), self._of_example.get(example))
        if unit is None:
            unit, self.num = self.num, self.num + 1
        self._of_group.setdefault((language, group), unit)
        # An item has the same id in all parallel languages.
        self._of_example.setdefault(example, unit)
        position = self._positions.setdefault((language, unit), len(self.units))
        if position == len(self.units):
            self.languages.append(language)
            self.units.append(unit)
        return position


def influences(outcomes: pd.DataFrame, positions: Integers, units: Units, measure: Measure) -> Floats:
    """The influence of each position of `units` on the main metric of its language, an array of length (positions,).

    The influences of one language have mean 0, and the sum of their squares is the jackknife estimate of the variance
    of the metric over new units, with the same bias correction (Efron & Stein 1981): for a mean over n units it equals
    s^2 / n. A position without examples has the influence of a unit without counts. A language without examples, or
    with fewer than two units, has nan.
    """
    counts = [np.ones(len(outcomes)), *(outcomes[name].to_numpy(dtype=float) for name in measure.columns)]
    size = len(units.units)
    sums = np.stack([np.bincount(positions, weights=weights, minlength=size) for weights in counts])
    codes, names = pd.factorize(np.asarray(units.languages, dtype=object))
    num = np.bincount(codes, minlength=len(names))
    totals = np.stack([np.bincount(codes, weights=values, minlength=len(names)) for values in sums])
    without = measure.value(*(totals[:, codes] - sums))
    centre = np.bincount(codes, weights=without, minlength=len(names)) / np.maximum(num, 1)
    scale = np.where(num > 1, np.sqrt((num - 1) / np.maximum(num, 1)), np.nan)
    is_scored = totals[0] > 0
    return np.where(is_scored[codes], (centre[codes] - without) * scale[codes], np.nan)


def padded(values: Sequence[Floats], size: int) -> Floats:
    """Arrays of different lengths as one of shape (arrays, size), with 0 at positions that were added later."""
    return np.stack([np.pad(one, (0, size - len(one))) for one in values])
