"""Tables of measured trials: the speed and the memory of each type. They fit 80 columns."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from rich import box
from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table

from sweeper.plan.measurement import CUDA_CONTEXT, Measurement, TypeMeasurement, trials_per_gpu
from sweeper.plan.numbers import gib


@dataclass(frozen=True, kw_only=True)
class MemoryNeeds:
    """The memory of the trials of a plan: of measured types, or the bounds of the trainings of each model."""

    types: tuple[TypeMeasurement, ...] = ()
    machine: int = 0
    """Bytes of the main memory of the machine; 0 if they are not known."""
    bounds: Mapping[str, int | str] = field(default_factory=dict)
    """Model -> bytes that a training needs at least, or the reason why they are not known. Empty with types."""

    def tables(self) -> Iterator[RenderableType]:
        """The tables of the measured types, else of the bounds."""
        return memory_tables(self.types, self.machine) if self.types else bound_tables(self.bounds)

    def as_json(self) -> dict[str, Any]:
        """The value that `sweeper plan --memory --json` prints."""
        types = [{"model": each.model, "type": each.type, **each.memory} for each in self.types if each.memory]
        return {"types": types, "machine": self.machine, "bounds": dict(self.bounds)}


def speed_tables(measurement: Measurement) -> Iterator[RenderableType]:
    """The speed of each type of trial, and where and when it was measured."""
    table = _table("training\ntokens/s", "evaluation\ntokens/s", "other s\nper trial")
    for each in measurement.types:
        rates = [f"{rate:,.0f}" if rate else "" for rate in (each.training, each.evaluation)]
        table.add_row(_name(each), *rates, f"{each.rest:.1f}")
    yield table
    source = measurement.source
    yield escape(f"{source[0].upper()}{source[1:]}, with one trial at a time.")


def memory_tables(types: tuple[TypeMeasurement, ...], machine: int = 0) -> Iterator[RenderableType]:
    """The peak memory of each type of trial, and the number of such trials that fit.

    `machine`: bytes of the main memory of the machine; 0 if they are not known.
    """
    measured = [each for each in types if each.memory]
    has_gpu = any("reserved" in each.memory for each in measured)
    of_gpu, of_machine = ("GPU", "of", "trials\nper GPU"), ("trials per\nmachine",)
    table = _table(*(of_gpu if has_gpu else ()), "process", *(of_machine if machine else ()))
    for each in measured:
        gpu = _gpu_cells(each.memory) if has_gpu else ()
        process = each.memory["process"]
        table.add_row(_name(each), *gpu, gib(process), *([str(machine // process)] if machine else []))
    yield table
    context = f"A trial on a GPU counts with {gib(CUDA_CONTEXT)} more, which CUDA can use for its process. "
    yield (
        f"Peak memory of one trial, its scores included. {context if has_gpu else ''}"
        f"{f'The machine has {gib(machine)} of main memory.' if machine else ''}"
    ).rstrip()


def bound_tables(needed: Mapping[str, int | str]) -> Iterator[RenderableType]:
    """The memory that a training of each model needs at least: bytes, or the reason why it is not known."""
    yield (
        "The memory of these trials was not measured: sweeper pace SPACE measures it. A training of all weights needs "
        "at least the memory of its weights, gradients and optimiser state:"
    )
    for model, size in needed.items():
        yield escape(f"  {model}: {gib(size) if isinstance(size, int) else size}")


def _gpu_cells(memory: Mapping[str, int]) -> tuple[str, ...]:
    if "reserved" not in memory:
        return "", "", ""
    return gib(memory["reserved"]), gib(memory["device"]), str(trials_per_gpu(memory))


def _table(*numbers: str) -> Table:
    table = Table("trials", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.columns[0].overflow = "fold"
    for name in numbers:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _name(each: TypeMeasurement) -> str:
    return escape(f"{each.model}, {each.type}")
