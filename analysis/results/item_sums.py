"""Sums of the influences of items over seeds, for each language and for the mean over languages."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .influence import Units, padded
from .seed_part import ENGLISH, MEAN

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class UnitMap:
    """A linear map from the influences of all positions to those of all units."""

    units: npt.NDArray[np.intp]
    """Unit of each position."""
    weights: Floats
    """Weight of each position, 0 outside the languages of the map."""
    num_units: int

    def of(self, values: Floats) -> Floats:
        """Influences of shape (rows, positions) as an array of shape (rows, units)."""
        values = np.pad(values, ((0, 0), (0, len(self.weights) - values.shape[1])))
        used = self.weights != 0
        mapped = np.zeros((len(values), self.num_units))
        # Several languages have the same units, so the values are added and not assigned.
        for row, line in enumerate(values):
            mapped[row] = np.bincount(self.units[used], weights=(line * self.weights)[used], minlength=self.num_units)
        return mapped


def unit_maps(units: Units) -> dict[tuple[str, str], UnitMap]:
    """(language, minus) -> map: each language, their mean, and each language minus English."""
    languages, numbers = np.asarray(units.languages, dtype=object), np.asarray(units.units, dtype=np.intp)
    names = list(dict.fromkeys(units.languages))
    weights = {(name, ""): (languages == name).astype(float) for name in names}
    weights[MEAN, ""] = np.full(len(numbers), 1 / max(len(names), 1))
    if ENGLISH in names:
        english = weights[ENGLISH, ""]
        weights |= {(name, ENGLISH): weights[name, ""] - english for name in names if name != ENGLISH}
    return {key: UnitMap(units=numbers, weights=weight, num_units=units.num) for key, weight in weights.items()}


class InfluenceSums:
    """Sums over seeds: of the influences of each row, and of the squared differences between rows."""

    def __init__(self, num_rows: int) -> None:
        self._total: list[Floats] = [np.zeros(0) for _ in range(num_rows)]
        self._num = np.zeros(num_rows)
        self._pairs = np.zeros((num_rows, num_rows))
        self._squares: dict[tuple[str, str], Floats] = {}

    def add(
        self,
        rows: list[int],
        values: list[Floats],
        absent: npt.NDArray[np.bool_],
        maps: Mapping[tuple[str, str], UnitMap],
    ) -> None:
        """Add the influences of one seed. `rows` has the number of each row that has the seed."""
        if not rows:
            return
        pairs = np.ix_(rows, rows)
        self._num[rows] += 1
        self._pairs[pairs] += 1
        for row, value in zip(rows, values, strict=True):
            total = self._total[row]
            self._total[row] = np.pad(total, (0, len(value) - len(total))) + value
        stacked = np.where(absent, np.nan, padded(values, absent.shape[1]))
        for key, table in maps.items():
            squares = self._squares.setdefault(key, np.zeros_like(self._pairs))
            squares[pairs] += _distances(table.of(stacked))

    def variances(self, key: tuple[str, str], table: UnitMap, absent: npt.NDArray[np.bool_]) -> dict[str, Floats]:
        """The fields variance, difference and residual of a block."""
        totals = np.where(absent, np.nan, padded(self._total, absent.shape[1]))
        means = table.of(totals / np.where(self._num > 0, self._num, np.nan)[:, None])
        difference = _distances(means)
        squares = self._squares.get(key, np.full_like(difference, np.nan))
        num = self._pairs
        residual = (squares - num * difference) / np.where(num > 1, num * (num - 1), np.nan)
        return {
            "variance": (means**2).sum(axis=1),
            "difference": difference,
            # Rows with different seeds are compared with their own means, which can make it slightly negative.
            "residual": np.maximum(residual, 0.0),
        }


def _distances(values: Floats) -> Floats:
    """Squared distances between the rows of an array of shape (rows, units): shape (rows, rows)."""
    products = values @ values.T
    squares = np.diag(products)
    return np.maximum(squares[:, None] + squares[None, :] - 2 * products, 0.0)
