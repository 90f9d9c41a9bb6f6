"""The class Model: an encoder, the resources of its trials, and its own training options and dials."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, TypeVar

from sweeper.errors import UserError, unknown
from sweeper.space.dials import Dials, Training, Value, check_dials
from sweeper.space.factors import Factor
from sweeper.space.stage import Stage
from sweeper.space.target import Target
from sweeper.typed import check_fields

Trained = TypeVar("Trained", Stage, Target)
MOST_PROCESSES = 64
"""Maximum number of processes of a training. No machine has more GPUs."""


@dataclass(frozen=True, kw_only=True)
class Resources:
    """CPUs and GPUs that one trial reserves. With a fraction of a GPU, several trials share it."""

    cpus: float = 1.0
    """CPUs of a trial, for all of its processes."""
    gpus: float = 0.0
    """0, at most 1, or one for each of several processes."""
    processes: int = 1
    """Data-parallel processes of each training of the model: each computes the gradient of a part of every batch, on a
    GPU of its own if the trial has GPUs. Part of every key, because the rounding of sums depends on it."""

    @property
    def shares_gpu(self) -> bool:
        """Whether a trial has only a share of a GPU."""
        return 0 < self.gpus < 1

    @property
    def alone(self) -> "Resources":
        """The resources of a trial beside which no other one runs: a whole GPU instead of a share of one."""
        return replace(self, gpus=1.0) if self.shares_gpu else self

    def __post_init__(self) -> None:
        check_fields(self)
        if self.cpus <= 0 or self.gpus < 0:
            raise UserError(f"Resources need cpus > 0 and gpus >= 0, got cpus={self.cpus}, gpus={self.gpus}.")
        if not 1 <= self.processes <= MOST_PROCESSES:
            raise UserError(f"Resources need 1 <= processes <= {MOST_PROCESSES}, got processes={self.processes}.")
        if self.gpus not in (0, self.processes) and (self.processes > 1 or self.gpus > 1):
            raise UserError(
                "Each process of a trial uses one GPU: Resources need gpus <= 1 for one process, and gpus = 0 or "
                f"gpus = processes for several, got gpus={self.gpus:g}, processes={self.processes}. More processes "
                "change all keys."
            )


@dataclass(frozen=True, kw_only=True)
class Model:
    """A pretrained encoder. `id` is a Hub id or a folder; a relative path starts from the folder of the space file."""

    name: str
    id: str
    revision: str | None = None
    resources: Resources = field(default_factory=Resources)
    layers: int = 0
    """The lowest layers that the model consists of; the layers above them are removed before the training. 0: all."""
    training: Mapping[str, Value | None] = field(default_factory=dict)
    """Options of Training that this model uses in all stages and targets, such as {"batch_size": 16}."""
    dials: Dials = field(default_factory=dict)
    """Dials of this model: they replace those of the same name in all stages and targets that have one."""
    factors: Mapping[str, Factor] = field(default_factory=dict)
    """Properties that contrasts refer to, such as {"family": "xlmr", "parameters": 85e6}. No result depends on
    them."""

    parameters: int = 0
    """Number of parameters without the embedding tables, for slopes on `log10_parameters`; 0 if it is not given. A run
    checks it. No result depends on it."""

    def __post_init__(self) -> None:
        check_fields(self)
        if self.parameters < 0:
            raise UserError(f"A model needs parameters >= 0, or 0 if they are not given, got {self.parameters}.")
        if self.layers < 0:
            raise UserError(f"A model needs layers >= 0, or 0 for all of its layers, got {self.layers}.")
        check_dials(self.dials)
        known = [option.name for option in fields(Training)]
        for name in self.training:
            if name not in known:
                raise unknown("option of Training", name, known)

    @property
    def covariates(self) -> Mapping[str, Factor]:
        """The factors, and the decimal logarithm of the parameters if they are given."""
        return {**({"log10_parameters": math.log10(self.parameters)} if self.parameters else {}), **self.factors}

    @property
    def has_overrides(self) -> bool:
        """Whether the model changes the training or the dials of the space."""
        return bool(self.training or self.dials)

    def override(self, trained: Trained) -> Trained:
        """A stage or target with the training options and dials of this model."""
        training: Any = replace(trained.training, **self.training)  # type: ignore[arg-type]
        dials = {name: self.dials.get(name, dial) for name, dial in trained.dials.items()}
        return replace(trained, training=training, dials=dials)


@dataclass(frozen=True, kw_only=True)
class ResourceOverrides:
    """CPUs and GPUs of each trial, in place of those of its model. None keeps the value of the model."""

    cpus: float | None = None
    gpus: float | None = None

    def __post_init__(self) -> None:
        check_fields(self)
        # Resources raises UserError for values that no model allows.
        values = {name: value for name, value in vars(self).items() if value is not None}
        Resources(**values, processes=_processes(self.gpus or 0.0))

    def for_model(self, model: Model) -> Resources:
        """The resources of a trial of that model."""
        default = model.resources
        return Resources(
            cpus=default.cpus if self.cpus is None else self.cpus,
            gpus=default.gpus if self.gpus is None else self.gpus,
            processes=default.processes,
        )

    def largest(self, models: Iterable[Model]) -> Resources:
        """The largest number of CPUs and of GPUs that a trial of any of the models needs."""
        resources = [self.for_model(model) for model in models]
        gpus = max(r.gpus for r in resources)
        return Resources(cpus=max(r.cpus for r in resources), gpus=gpus, processes=_processes(gpus))


def _processes(gpus: float) -> int:
    """The smallest number of processes that uses these GPUs, within the limits of Resources."""
    return min(max(1, int(gpus)), MOST_PROCESSES)
