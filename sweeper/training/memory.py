"""The memory of the device of a trial: what other processes use of it, and whether a training can fit."""

import os
from pathlib import Path

import torch
from torch import nn

from sweeper.errors import TrialError
from sweeper.space import Training

LARGE_SHARE = 0.2
"""Share of the memory of a device in use by other processes from which on a shortage can pass."""
CONTEXT = 2**30
"""Bytes of GPU memory that CUDA can use for this process beside its tensors."""


def share_of_others(device: torch.device) -> float:
    """The share of the memory of a GPU, or of this machine, that other processes use: 0 to 1. 0 if it is not known."""
    if device.type == "cuda":
        try:
            free, total = torch.cuda.mem_get_info(device)
        except RuntimeError:  # a call can fail after the one that had no memory
            return 0.0
        return max(0.0, (total - free - torch.cuda.memory_reserved(device) - CONTEXT) / total)
    try:
        facts = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
        total, available = (1024 * int(facts[name].split()[0]) for name in ("MemTotal", "MemAvailable"))
        own = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, KeyError, ValueError):
        return 0.0
    return max(0.0, (total - available - own) / total)


def device_memory(device: torch.device) -> int | None:
    """Bytes of the memory of a GPU; None for a CPU."""
    return torch.cuda.get_device_properties(device).total_memory if device.type == "cuda" else None


def check_fits(net: nn.Module, training: Training, memory: int | None) -> None:
    """Raise TrialError if a training needs more memory than its device has, even without activations.

    Everything is float32: the weights and their average, and for each trained weight its gradient and the two moments
    of the optimiser.
    """
    weights = sum(parameter.numel() for parameter in net.parameters())
    trained = sum(parameter.numel() for parameter in net.parameters() if parameter.requires_grad)
    needed = 4 * (weights * (2 if training.average else 1) + 3 * trained)
    if memory is not None and needed > memory:
        raise TrialError(
            f"The weights, gradients and optimiser state of the training need {needed / 2**30:.2f} GiB, and the GPU "
            f"has {memory / 2**30:.2f} GiB: use a larger GPU, frozen_layers or a smaller model. Smaller batches and "
            "gradient_checkpointing do not help."
        )
