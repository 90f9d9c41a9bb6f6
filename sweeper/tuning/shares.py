"""The shares of a GPU that trials reserve: larger ones where the memory does not suffice for those of the space."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from sweeper.plan.measurement import Measurement, trials_per_gpu
from sweeper.plan.numbers import gib
from sweeper.records.record import TrainingRecord
from sweeper.records.spec import TrialSpec
from sweeper.space import Model
from sweeper.tuning.agenda import Agenda


@dataclass
class Shares:
    """Model -> the share of a GPU that its trials reserve from now on. They start with that of their resources, or with
    a larger one that was measured before (`first_shares`).

    A share only grows, so that fewer trials use a GPU at the same time. Trials without a GPU and those with whole GPUs
    keep their resources. No key and no result depends on a share.
    """

    _larger: dict[str, float] = field(default_factory=dict)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Each model with a share that was measured, and the share as text."""
        return ((model, _text(share)) for model, share in self._larger.items())

    def resized(self, spec: TrialSpec) -> TrialSpec:
        """The trial with the share of its model."""
        share = self._larger.get(spec.model.name, 0.0)
        if not spec.resources.shares_gpu or share <= spec.resources.gpus:
            return spec
        return replace(spec, resources=replace(spec.resources, gpus=share))

    def enlarge(self, spec: TrialSpec) -> str:
        """Double the share of a trial whose memory did not suffice, up to a whole GPU. Returns a message."""
        self._grow(spec, 2 * spec.resources.gpus)
        return f"Trials of {spec.model.name} reserve {_text(self._larger[spec.model.name])} from now on."

    def measure(self, spec: TrialSpec, record: TrainingRecord) -> str:
        """Enlarge the share of a model if the peak of a trial is above it. Returns a message; "" if it is not above.

        As many trials fit on a GPU as their peaks and the context of CUDA in each process leave space for.
        """
        memory = record.memory
        if not spec.resources.shares_gpu or "reserved" not in memory:
            return ""
        share = _needed(memory)
        if share <= self.resized(spec).resources.gpus:
            return ""
        self._grow(spec, share)
        return (
            f"It needs {gib(memory['reserved'])} of the {gib(memory['device'])} of a GPU: further trials of "
            f"{spec.model.name} reserve {_text(self._larger[spec.model.name])} each, so that all of them fit."
        )

    def _grow(self, spec: TrialSpec, share: float) -> None:
        model = spec.model.name
        self._larger[model] = min(1.0, max(share, self._larger.get(model, 0.0)))


def first_shares(agenda: Agenda, measurement: Measurement | None) -> Shares:
    """The shares with which a sweep starts: larger than those of the space for models that were measured to need more.

    They are measured by the trials of the run that have ended, and by `sweeper pace`.
    """
    needed: dict[str, float] = {}
    for model, memory in _measured(agenda, measurement):
        share, resources = _needed(memory), agenda.specs.resources.for_model(model)
        if resources.shares_gpu and share > max(resources.gpus, needed.get(model.name, 0.0)):
            needed[model.name] = share
    return Shares(needed)


def _measured(agenda: Agenda, measurement: Measurement | None) -> Iterator[tuple[Model, Mapping[str, int]]]:
    """Models and the memory of trials of them on a GPU."""
    peaks = [(agenda.unit(slot).model, ended.memory) for slot, ended in agenda.done.items()]
    for model in agenda.plan.space.models:
        peaks += [(model, each.memory) for each in (measurement.of_model(model) if measurement else ())]
    return ((model, memory) for model, memory in peaks if "reserved" in memory)


def _needed(memory: Mapping[str, int]) -> float:
    """The share of a GPU of trials that have this peak."""
    return 1 / max(1, trials_per_gpu(memory))


def _text(share: float) -> str:
    return "a whole GPU" if share == 1 else f"{share:.3g} of a GPU"
