"""The shares of a GPU that trials reserve: larger ones where the memory does not suffice for those of the space."""

from dataclasses import dataclass, field, replace

from sweeper.plan.measurement import trials_per_gpu
from sweeper.plan.numbers import gib
from sweeper.records.record import TrainingRecord
from sweeper.records.spec import TrialSpec


@dataclass
class Shares:
    """Model -> the share of a GPU that its trials reserve from now on. They start with that of their resources.

    A share only grows, so that fewer trials use a GPU at the same time. Trials without a GPU and those with whole GPUs
    keep their resources. No key and no result depends on a share.
    """

    _larger: dict[str, float] = field(default_factory=dict)

    def resized(self, spec: TrialSpec) -> TrialSpec:
        """The trial with the share of its model."""
        share = self._larger.get(spec.model.name, 0.0)
        if not spec.resources.shares_gpu or share <= spec.resources.gpus:
            return spec
        return replace(spec, resources=replace(spec.resources, gpus=share))

    def enlarge(self, spec: TrialSpec) -> str:
        """Double the share of a trial whose memory did not suffice, up to a whole GPU. Returns a message."""
        self._grow(spec, 2 * spec.resources.gpus)
        return f"Trials of {spec.model.name} reserve {self._text(spec)} from now on."

    def measure(self, spec: TrialSpec, record: TrainingRecord) -> str:
        """Enlarge the share of a model if the peak of a trial is above it. Returns a message; "" if it is not above.

        As many trials fit on a GPU as their peaks and the context of CUDA in each process leave space for.
        """
        memory = record.memory
        if not spec.resources.shares_gpu or "reserved" not in memory:
            return ""
        share = 1 / max(1, trials_per_gpu(memory))
        if share <= self.resized(spec).resources.gpus:
            return ""
        self._grow(spec, share)
        return (
            f"It needs {gib(memory['reserved'])} of the {gib(memory['device'])} of a GPU: further trials of "
            f"{spec.model.name} reserve {self._text(spec)} each, so that all of them fit."
        )

    def _text(self, spec: TrialSpec) -> str:
        share = self._larger[spec.model.name]
        return "a whole GPU" if share == 1 else f"{share:.3g} of a GPU"

    def _grow(self, spec: TrialSpec, share: float) -> None:
        model = spec.model.name
        self._larger[model] = min(1.0, max(share, self._larger.get(model, 0.0)))
