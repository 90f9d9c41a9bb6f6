"""The trials that fit on the machines at the same time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sweeper.space import Resources

TOLERANCE = 1e-6
"""For sums of fractions such as 5 x 0.2."""


@dataclass(frozen=True, kw_only=True)
class Room:
    """The limits of the trials at a time."""

    num: int | None = None
    """Largest number of trials; None: any."""
    available: Mapping[str, float] = field(default_factory=dict)
    """Resources of Ray, such as {"CPU": 4.0, "GPU": 1.0}. On a cluster, where trials that wait start machines: {}."""

    def fits(self, running: Sequence[Resources], more: Resources) -> bool:
        """Whether a trial fits beside running ones. One trial always does."""
        if not running:
            return True
        if self.num is not None and len(running) >= self.num:
            return False
        if not self.available:
            return True
        cpus = sum(each.cpus for each in (*running, more))
        gpus = sum(each.gpus for each in (*running, more))
        return cpus <= self.available.get("CPU", 0) + TOLERANCE and gpus <= self.available.get("GPU", 0) + TOLERANCE
