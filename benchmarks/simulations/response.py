"""A simulated response: the score of a training as a function of its learning rate, with noise between seeds."""

import math
from dataclasses import dataclass, replace
from random import Random
from typing import NamedTuple

BELOW, ABOVE = 8.0, 30.0
"""Points lost one decade below and above the optimum; the loss is quadratic. A rate that is too high costs more."""
LARGEST_LOSS = 40.0
"""Points between the optimum and a training that learns nothing."""
HIGHEST = 1e-3
"""Upper end of the range of learning rates."""


class Trial(NamedTuple):
    """One training of a search."""

    rate: float
    value: float
    """Selection value in points."""


@dataclass(frozen=True)
class Response:
    """The response of one cell. Every search for its optimum has the range `low` to HIGHEST."""

    optimum: float
    """Logarithm (base 10) of the best learning rate."""
    decades: float
    """Width of the range of learning rates."""
    noise: float
    """Standard deviation of a selection value between seeds, in points."""
    top: float = 75.0
    """Score at the optimum, in points."""
    shift: float = 0.0
    """Decades by which the optimum of a training with a tenth of the steps is higher (an assumption)."""

    @property
    def high(self) -> float:
        """Upper end of the range of learning rates."""
        return HIGHEST

    @property
    def low(self) -> float:
        """Lower end of the range of learning rates."""
        return HIGHEST / 10**self.decades

    def score(self, rate: float, share: float = 1.0) -> float:
        """The expected score of a training, or of one that ends after a share of its steps."""
        distance = math.log10(rate) - self.optimum + self.shift * math.log10(share)
        loss = (ABOVE if distance > 0 else BELOW) * distance**2
        return self.top - min(loss, LARGEST_LOSS)

    def train(self, rate: float, generator: Random, share: float = 1.0) -> Trial:
        """A training with its own seed, which ends after a share of its steps."""
        return Trial(rate, self.score(rate, share) + generator.gauss(0, self.noise))


def draw_response(decades: float, noise: float, generator: Random) -> Response:
    """A response whose optimum is in the middle half of the range."""
    low = math.log10(HIGHEST) - decades
    return Response(low + decades * generator.uniform(0.25, 0.75), decades, noise)


def draw_cell(column: Response, spread: float, generator: Random) -> Response:
    """Another cell of a column. Standard deviations: `spread` decades for its optimum, three points for its top."""
    optimum, top = column.optimum + generator.gauss(0, spread), column.top + generator.gauss(0, 3)
    return replace(column, optimum=optimum, top=top)
