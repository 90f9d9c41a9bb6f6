"""Sums of floats with the same bits in every version of Python.

The built-in `sum` compensates the rounding errors of floats from Python 3.12 on and does not before. Values that enter
a key, a record or a training are therefore added here. The scripts of XTREME add in the same way. Weights of contrasts
use this module or `math.fsum`, which also gives equal bits in all versions of Python.
"""

from collections.abc import Iterable, Sequence


def total(values: Iterable[float]) -> float:
    """The sum of the values, added from left to right; 0 without values."""
    result = 0.0
    for value in values:
        result += value
    return result


def mean(values: Sequence[float]) -> float:
    """The sum of the values divided by their number. `values` must not be empty."""
    return total(values) / len(values)
