"""Real trainings in the synthetic world, with the interface of a simulated response (`search.py --world`)."""

import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

import numpy as np

from benchmarks.simulations.response import Trial
from search_spaces.demo_full import SPACE as FULL
from search_spaces.tiny import SPACE as TINY
from sweeper.plan.resolve import Resolver
from sweeper.plan.specs import Specs
from sweeper.plan.units import make_plan
from sweeper.space import LogUniform, Search
from sweeper.training.trial import run_trial
from sweeper.training.workbench import Workbench
from sweeper.tuning.options import Options
from sweeper.tuning.sweep import make_site

HIGHEST = 3e-2
"""Upper end of the range of learning rates."""
NUM_RATES = 13
"""Learning rates of the reference, at equal logarithmic distances."""
TARGET = "words"
NUM_EXAMPLES, NUM_EPOCHS = 256, 4
"""Training examples and epochs: 64 steps, about one CPU second."""


@dataclass
class TinyTrainings:
    """Trainings on one target of the synthetic world after the baseline. The value is that of its selection data."""

    folder: Path
    """Folder for the world, the tokenised data and the records."""
    num_seeds: int
    """Seeds of each learning rate of the reference."""
    decades: float = 3.0
    high: float = HIGHEST
    num: int = 0
    """Number of trainings so far."""
    _reference: dict[float, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        target = next(target for target in FULL.targets if target.task == TARGET)
        training = replace(target.training, cap_examples=NUM_EXAMPLES, epochs=NUM_EPOCHS)
        dials = {"learning_rate": LogUniform(low=self.low, high=self.high)}
        targets = (replace(target, training=training, dials=dials),)
        space = replace(TINY, recipes=TINY.recipes[:1], targets=targets, search=Search(scope="cell"))
        self._bench = Workbench(make_site(space, Options(run=str(self.folder))))
        self._specs = Specs(plan=make_plan(space), resolver=Resolver(space=space, sources=self._bench.sources))
        self._unit = self._specs.plan.units[0]

    @property
    def low(self) -> float:
        """Lower end of the range of learning rates."""
        return self.high / 10**self.decades

    @property
    def top(self) -> float:
        """The highest expected score of the reference, in points."""
        return max(self.reference().values())

    def train(self, rate: float, generator: Random, share: float = 1.0) -> Trial:
        """A training with its own seed, which ends after a share of its steps. Its value is 0 if it fails."""
        seed = generator.randrange(1, 2**31)
        spec = self._specs.search(self._unit, 0, {"learning_rate": rate}, ())
        *earlier, last = spec.chain
        spec = replace(spec, seed=seed, chain=(*earlier, replace(last, seed=seed, stop=share)))
        self.num += 1
        return Trial(rate, 100 * (run_trial(spec, self._bench).training.value or 0.0))

    def score(self, rate: float) -> float:
        """The expected score of a training, interpolated between the learning rates of the reference."""
        reference = self.reference()
        return float(np.interp(math.log10(rate), list(reference), list(reference.values())))

    def reference(self) -> dict[float, float]:
        """Logarithm of each learning rate of the reference -> mean value over seeds."""
        if not self._reference:
            generator, lowest = Random("reference"), math.log10(self.low)
            for number in range(NUM_RATES):
                power = lowest + self.decades * number / (NUM_RATES - 1)
                values = [self.train(min(10**power, self.high), generator).value for _ in range(self.num_seeds)]
                self._reference[power] = float(np.mean(values))
        return self._reference
