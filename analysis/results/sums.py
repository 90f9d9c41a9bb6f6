"""Main metrics from additive counts, for many sums at once: the counts of all examples, or of all but one group."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Measure:
    """The main metric of a scorer as a function of sums over examples."""

    columns: Sequence[str]
    """Additive counts in the outcomes of an example; `sweeper.formats` documents them."""
    value: Callable[..., Floats]
    """The metric from the number of examples and the sums of `columns`: arrays of one shape, fractions of 1."""


def _ratio(above: Floats, below: Floats) -> Floats:
    """Quotient, 0 where the divisor is 0, as in `sweeper.scoring.counts`."""
    return np.where(below != 0, above / np.where(below != 0, below, 1.0), 0.0)


def _share(num: Floats, correct: Floats) -> Floats:
    return _ratio(correct, num)


def _f1(num: Floats, correct: Floats, predicted: Floats, gold: Floats) -> Floats:
    """Harmonic mean of precision and recall: 2 correct / (predicted + gold)."""
    return _ratio(2 * correct, predicted + gold)


def _mean_of_two(num: Floats, em: Floats, f1: Floats) -> Floats:
    return _ratio(em + f1, 2 * num)


def _accuracy_and_f1(num: Floats, correct: Floats, *positive: Floats) -> Floats:
    return (_share(num, correct) + _f1(num, *positive)) / 2


_ANSWERS = Measure(columns=("em", "f1"), value=_mean_of_two)
_CORRECT = Measure(columns=("correct",), value=_share)
MEASURES: Mapping[str, Measure] = {
    "accuracy": _CORRECT,
    "accuracy_f1": Measure(
        columns=("correct", "positive_correct", "positive_predicted", "positive_gold"), value=_accuracy_and_f1
    ),
    "chunks": Measure(columns=("chunks_correct", "chunks_predicted", "chunks_gold"), value=_f1),
    "squad": _ANSWERS,
    "squad2": _ANSWERS,
    "mlqa": _ANSWERS,
    "neighbours": _CORRECT,
    "mining": Measure(columns=("correct", "mined", "gold"), value=_f1),
    "ranking": Measure(columns=("average_precision",), value=_share),
    "masked_accuracy": Measure(
        columns=("masked", "restored"), value=lambda num, masked, restored: _ratio(restored, masked)
    ),
    "loss": Measure(columns=("masked", "loss"), value=lambda num, masked, loss: _ratio(loss, masked)),
}
"""`Task.scorer` -> its main metric. The threshold of a fitted metric (mining, squad2) stays the one of all examples."""
