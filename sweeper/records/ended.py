"""An ended trial: the part of its training record that decides how a sweep continues.

A training record has several kilobytes, most of them the definitions of its data. The driver of a sweep keeps only this
part of each record, and the status of a run reads no more.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sweeper.files.serialize import FORMAT
from sweeper.records.record import DEAD_WORKER, OUT_OF_MEMORY, State, TrainingRecord
from sweeper.records.spec import Phase, Role, TrialSpec
from sweeper.space import Value


@dataclass(frozen=True, kw_only=True)
class EndedSpec:
    """Some fields of a TrialSpec."""

    name: str
    role: Role
    phase: Phase = ""
    study: str = ""
    number: int = 0
    dials: Mapping[str, Value] = field(default_factory=dict)

    @classmethod
    def of(cls, spec: TrialSpec) -> "EndedSpec":
        """The fields of a spec."""
        return cls(
            name=spec.name,
            role=spec.role,
            phase=spec.phase,
            study=spec.study,
            number=spec.number,
            dials=spec.dials,
        )


@dataclass(frozen=True, kw_only=True)
class EndedTrial:
    """Some fields of a TrainingRecord."""

    key: str
    spec: EndedSpec
    state: State
    reason: str = ""
    value: float | None = None
    timing: Mapping[str, float] = field(default_factory=dict)
    machine: Mapping[str, str] = field(default_factory=dict)
    memory: Mapping[str, int] = field(default_factory=dict)
    format: int = FORMAT

    @property
    def can_be_retried(self) -> bool:
        """Whether the training failed because memory was short or its worker died. It may succeed when run again."""
        return self.state == "failed" and self.reason.startswith((OUT_OF_MEMORY, DEAD_WORKER))

    @classmethod
    def of(cls, record: TrainingRecord) -> "EndedTrial":
        """The fields of a record."""
        return cls(
            key=record.key,
            spec=EndedSpec.of(record.spec),
            state=record.state,
            reason=record.reason,
            value=record.value,
            timing=record.timing,
            machine=record.machine,
            memory=record.memory,
        )
