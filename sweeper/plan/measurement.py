"""The result of `sweeper pace`: the speed, the fixed time and the memory of each type of trial on one machine."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Literal

from sweeper.errors import DamagedError, FormatError, UserError
from sweeper.files.folder import Folder
from sweeper.files.probe import check_writable
from sweeper.files.seal import is_sealed
from sweeper.files.serialize import FORMAT, read_json, write_sealed
from sweeper.plan.units import Unit
from sweeper.space import Model
from sweeper.typed import check_fields

FORWARD = 3
"""Assumed speed of evaluation relative to training: a training step is a forward pass and a backward pass, and the
backward pass costs twice the forward pass."""
CUDA_CONTEXT = 2**30
"""Bytes of GPU memory that CUDA can use for a process beside its tensors."""
MEMORY_KEYS = ({"process"}, {"process", "allocated", "reserved", "device"})
"""The keys of the memory of a trial without and with a GPU."""


Assumption = Literal["type", "evaluation", "lengths"]
"""A value that was not measured: `type` has medians of its model, `evaluation` is FORWARD times as fast as training,
and `lengths` are those of a plan (`tokens.FILLED_SHARE`)."""


@dataclass(frozen=True, kw_only=True)
class TypeMeasurement:
    """One type of trial with one model."""

    model: str
    model_id: str
    layers: int
    type: str
    """`trial_types.type_of`."""
    unit: str
    """The unit whose trial was run."""
    training: float | None = None
    """Training tokens per second; None for a type that trains nothing."""
    evaluation: float | None = None
    """Tokens per second of selection and scoring; None if the trial evaluated nothing."""
    rest: float = 0.0
    """Seconds of a trial in which it neither trains nor evaluates: mostly loading and saving."""
    memory: Mapping[str, int] = field(default_factory=dict)
    """`TrainingRecord.memory`."""

    def __post_init__(self) -> None:
        check_fields(self)
        for name in ("training", "evaluation"):
            if (speed := getattr(self, name)) is not None and speed <= 0:
                raise UserError(f"TypeMeasurement needs {name} > 0, got {speed}.")
        if self.rest < 0:
            raise UserError(f"TypeMeasurement needs rest >= 0, got {self.rest}.")
        if self.memory and not _is_memory(self.memory):
            raise UserError(
                "TypeMeasurement.memory needs process > 0, and on a GPU also allocated >= 0, reserved >= 0 and "
                f"device > 0, got {dict(self.memory)}."
            )


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """The content of a file of `sweeper pace`."""

    space: str
    date: str
    """Time of the measurement."""
    host: str
    device: str
    versions: Mapping[str, str]
    memory: int
    """Bytes of the main memory of the machine."""
    types: tuple[TypeMeasurement, ...]
    lengths: Mapping[str, float] = field(default_factory=dict)
    """`length_key` -> tokens of an example as a share of max_length, for each of its features."""
    failed: Mapping[str, str] = field(default_factory=dict)
    """Model and type -> the reason why its trial failed, so that it is not among the types."""
    format: int = FORMAT

    def __post_init__(self) -> None:
        check_fields(self)
        if self.memory < 0:
            raise UserError(f"Measurement needs memory >= 0, got {self.memory}.")
        for name, share in self.lengths.items():
            if share <= 0:
                raise UserError(f"Measurement.lengths needs shares > 0, got {share} for {name!r}.")

    @property
    def source(self) -> str:
        """The machine and the day, for people."""
        versions = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        return f"measured on {self.date[:10]} on {self.host} ({self.device}; {versions})"

    def of_model(self, model: Model) -> list[TypeMeasurement]:
        """The measured types of a model. Its name can differ between two spaces, its id is the same."""
        return [each for each in self.types if (each.model_id, each.layers) == (model.id, model.layers)]

    def throughput(self, model: Model) -> float | None:
        """Median of the training tokens per second of a model; None if nothing of it was measured."""
        types = self.of_model(model)
        trained = [each.training for each in types if each.training]
        # A space without trainings has none that could be measured.
        read = [each.evaluation / FORWARD for each in types if each.evaluation]
        return median(trained or read) if trained or read else None

    def rates(self, unit: Unit, type_name: str, throughput: float) -> "Rates":
        """The rates of the trials of a unit: those of its type, else medians over the types of its model."""
        types = self.of_model(unit.model)
        same = [each for each in types if each.type == type_name]
        similar = same or types
        evaluated = [each.evaluation for each in similar if each.evaluation] or [
            each.evaluation for each in types if each.evaluation
        ]
        found: dict[Assumption, list[Any]] = {"type": same, "evaluation": evaluated}
        return Rates(
            training=median([each.training for each in similar if each.training] or [throughput]),
            evaluation=median(evaluated) if evaluated else FORWARD * throughput,
            rest=median(each.rest for each in similar) if similar else 0.0,
            assumed=frozenset(name for name, values in found.items() if not values),
        )


@dataclass(frozen=True, kw_only=True)
class Rates:
    """The speed of the trials of a unit."""

    training: float
    """Tokens per second."""
    evaluation: float
    rest: float = 0.0
    """Seconds of each trial beside its training and its evaluation."""
    assumed: frozenset[Assumption] = frozenset({"evaluation", "lengths"})
    """The values that were not measured."""

    def seconds(self, trained: float, evaluated: float, num_trials: int) -> float:
        """Seconds of trials that train and evaluate with these numbers of tokens."""
        return trained / self.training + evaluated / self.evaluation + num_trials * self.rest


def trials_per_gpu(memory: Mapping[str, int]) -> int:
    """Number of trials with this memory that fit on one GPU."""
    return memory["device"] // (memory["reserved"] + CUDA_CONTEXT)


def length_key(task: str, max_length: int, *, trains: bool) -> str:
    """The key of a task in `Measurement.lengths`."""
    return f"{task} {'train' if trains else 'scored'} {max_length}"


def default_file(space: str) -> str:
    """The file of a space with this name, in the folder of run folders."""
    return f"runs/{space}.pace.json"


def file_of_node(path: str, node: str) -> str:
    """The file beside `path` for a type of node.

    >>> file_of_node("runs/xtreme.pace.json", "8 CPUs and 1 A10G")
    'runs/xtreme.pace.8-CPUs-1-A10G.json'
    """
    words = re.sub(r"[^\w.]+", "-", node.replace(" and ", " "))
    return str(Path(path).with_suffix(f".{words}{Path(path).suffix}"))


def check_target(path: str) -> None:
    """Raise UserError or MachineError if a measurement cannot be written to this path."""
    if "://" in path:
        raise UserError(f"--out of `sweeper pace` takes a local file, got {path!r}.")
    if Path(path).is_dir():
        raise UserError(f"--out of `sweeper pace` takes a file, and {path!r} is a folder: add the name of a file.")
    check_writable(str(Path(path).parent), "folder of the result")


def write_measurement(measurement: Measurement, path: str) -> None:
    """Write a measurement to a local file."""
    target = Path(path)
    Folder(str(target.parent)).write(target.name, write_sealed(measurement))


def read_measurement(path: str) -> Measurement | None:
    """The measurement in a file; None for a folder, a URL or a path that does not exist.

    Raises UserError if the file is not one of `sweeper pace`.
    """
    file = Path(path)
    if "://" in path or not file.is_file():
        return None
    remedy = f"Measure again (sweeper pace SPACE --out {path}), or remove the file."
    content = file.read_bytes()
    if not is_sealed(content):
        raise UserError(f"{path} is not a file of `sweeper pace`, which begins with a digest. {remedy}")
    try:
        return read_json(Measurement, content, path)
    except FormatError as error:
        raise UserError(f"Another version of the sweeper wrote {path}. {remedy}") from error
    except DamagedError as error:
        raise UserError(f"{error} {remedy}") from error
    except UserError as error:
        raise UserError(f"{path}: {error} {remedy}") from error


def _is_memory(memory: Mapping[str, int]) -> bool:
    """Whether these are peaks of a trial. Tables divide by the memory of the process."""
    return (
        set(memory) in MEMORY_KEYS
        and min(memory.values()) >= 0
        and memory["process"] > 0
        and memory.get("device", 1) > 0
    )
