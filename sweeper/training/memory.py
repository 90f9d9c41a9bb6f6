"""The memory of a trial: its peak, what other processes use of its device, and whether a training can fit."""

import os
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import torch
from torch import nn

from sweeper.errors import CrowdedError, OutOfMemoryError, ShortageError, TrialError
from sweeper.plan.measurement import CUDA_CONTEXT
from sweeper.records.record import OUT_OF_MEMORY
from sweeper.space import Resources, Training
from sweeper.training.model import body_of, num_parameters
from sweeper.training.runtime import TOO_LITTLE_MEMORY, main_memory_errors

LARGE_SHARE = 0.2
"""Share of the memory of a device in use by other processes from which on a shortage can pass."""
PEAK_RESET, PROCESS_FACTS = Path("/proc/self/clear_refs"), Path("/proc/self/status")
"""Linux's files for this process: writing 5 to the first one resets the peak of its resident memory, which the second
one contains."""


def share_of_others(device: torch.device) -> float:
    """The share of the memory of a GPU, or of this machine, that other processes use: 0 to 1. 0 if it is not known."""
    if device.type == "cuda":
        try:
            free, total = torch.cuda.mem_get_info(device)
        except RuntimeError:  # a call can fail after the one that had no memory
            return 0.0
        return max(0.0, (total - free - torch.cuda.memory_reserved(device) - CUDA_CONTEXT) / total)
    try:
        facts = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
        total, available = (1024 * int(facts[name].split()[0]) for name in ("MemTotal", "MemAvailable"))
        own = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, KeyError, ValueError):
        return 0.0
    return max(0.0, (total - available - own) / total)


@contextmanager
def explained_shortage(resources: Resources, device: torch.device) -> Iterator[None]:
    """Raise another error if the block has too little memory: CrowdedError if the trial has a share of the GPU whose
    memory is short, ShortageError if other processes use LARGE_SHARE of the memory or more, else OutOfMemoryError.
    """
    try:
        with main_memory_errors():
            yield
    except (*TOO_LITTLE_MEMORY, OutOfMemoryError) as error:
        # torch raises an error of its own for a GPU. The machine has no more memory with a larger share of a GPU.
        is_of_machine = any(isinstance(each, MemoryError) for each in (error, error.__cause__))
        if resources.shares_gpu and not is_of_machine:
            raise CrowdedError(f"{OUT_OF_MEMORY} on {resources.gpus:.3g} of a GPU.") from error
        # A record with this reason can be retried.
        reason = str(error) if str(error).startswith(OUT_OF_MEMORY) else f"{OUT_OF_MEMORY}. {error}".strip()
        share = share_of_others(torch.device("cpu") if is_of_machine else device)
        if share >= LARGE_SHARE:
            raise ShortageError(f"{reason} Other processes used {share:.0%} of the memory.") from error
        raise OutOfMemoryError(reason) from error


def device_memory(device: torch.device) -> int | None:
    """Bytes of the memory of a GPU; None for a CPU."""
    return torch.cuda.get_device_properties(device).total_memory if device.type == "cuda" else None


def start_peaks(device: torch.device) -> None:
    """Forget the peaks of earlier trials of this process, as far as the system can."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    # Linux only; elsewhere the peak of the process is that since its start.
    with suppress(OSError):
        PEAK_RESET.write_text("5")


def peaks(device: torch.device) -> dict[str, int]:
    """The peaks since `start_peaks` in bytes (`TrainingRecord.memory`)."""
    process = {"process": _resident_peak()}
    if device.type != "cuda":
        return process
    return process | {
        "allocated": torch.cuda.max_memory_allocated(device),
        "reserved": torch.cuda.max_memory_reserved(device),
        "device": torch.cuda.get_device_properties(device).total_memory,
    }


def _resident_peak() -> int:
    """Largest resident memory of this process in bytes."""
    try:
        lines = PROCESS_FACTS.read_text().splitlines()
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else 1024 * peak


def check_fits(net: nn.Module, training: Training, memory: int | None) -> None:
    """Raise TrialError if a training needs more memory than its device has, even without activations."""
    weights = sum(parameter.numel() for parameter in net.parameters())
    trained = sum(parameter.numel() for parameter in net.parameters() if parameter.requires_grad)
    needed = state_bytes(weights, trained, averages=bool(training.average))
    if memory is not None and needed > memory:
        raise TrialError(
            f"{OUT_OF_MEMORY}: the weights, gradients and optimiser state of the training need {needed / 2**30:.2f} "
            f"GiB, and the GPU has {memory / 2**30:.2f} GiB. Use a larger GPU and --retry-failed, frozen_layers or a "
            "smaller model. Smaller batches and gradient_checkpointing do not help."
        )


def state_bytes(weights: int, trained: int, *, averages: bool = False) -> int:
    """Bytes of a training without its activations, for these numbers of weights and of trained weights.

    Everything is float32: the weights and their average, and for each trained weight its gradient and the two moments
    of the optimiser.
    """
    return 4 * (weights * (2 if averages else 1) + 3 * trained)


def smallest_training(config: Any) -> int:
    """Bytes of a training of an encoder with this configuration, without its activations and without a head."""
    number = num_parameters(body_of(config))["total"]
    return state_bytes(number, number)
