"""Memory that other processes use, on the device of a trial."""

import os
from pathlib import Path

import torch

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
