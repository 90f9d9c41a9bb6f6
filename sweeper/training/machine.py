"""What a machine offers to trials: versions, GPUs, number formats, memory and disk. Runs on each node of a cluster."""

import os
import platform
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import torch

from sweeper.training.runtime import slow_bf16

PACKAGES = ("ray", "torch", "transformers", "datasets", "optuna", "transfer-sweeper")
"""Packages that must be equal on all nodes of a cluster."""
SHARED_MEMORY = Path("/dev/shm")
MPS_FOLDER = "/tmp/nvidia-mps"
"""The usual folder in which the Multi-Process Service (MPS) of NVIDIA makes the file `control`."""


@dataclass(frozen=True, kw_only=True)
class Gpu:
    """One visible GPU."""

    name: str
    memory: int
    """Bytes."""
    has_bf16: bool


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What one machine offers."""

    host: str
    versions: Mapping[str, str]
    """Python and PACKAGES -> version; "" for a package that is not installed."""
    gpus: tuple[Gpu, ...]
    cuda: str
    """The version of CUDA (or ROCm) that torch was built for; "" for a build for CPUs."""
    has_mps: bool
    """Whether the Multi-Process Service of NVIDIA has been started."""
    has_bf16: bool
    """Whether the CPU has instructions for bfloat16, or this is not known."""
    memory: int
    """Bytes of main memory."""
    shared_memory: int | None
    """Free bytes in /dev/shm; None if it does not exist."""
    disk: int
    """Free bytes in the folder of the cache."""
    clock: float
    """Seconds since 1970 on this machine, when it was asked."""


def inspect_machine(cache: str) -> Machine:
    """Describe this machine. `cache` is the local folder of the cache, which does not need to exist."""
    visible = range(torch.cuda.device_count()) if torch.cuda.is_available() else ()
    return Machine(
        host=platform.node(),
        versions={"Python": platform.python_version(), **{name: _version(name) for name in PACKAGES}},
        gpus=tuple(map(_gpu, visible)),
        cuda=torch.version.cuda or torch.version.hip or "",
        has_mps=Path(os.environ.get("CUDA_MPS_PIPE_DIRECTORY", MPS_FOLDER), "control").exists(),
        has_bf16=not slow_bf16(),
        memory=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        shared_memory=shutil.disk_usage(SHARED_MEMORY).free if SHARED_MEMORY.is_dir() else None,
        disk=shutil.disk_usage(_existing(Path(cache))).free,
        clock=time.time(),
    )


def _gpu(number: int) -> Gpu:
    properties = torch.cuda.get_device_properties(number)
    # Compute capability 8 (Ampere) is the first with instructions for bfloat16; older GPUs emulate it.
    return Gpu(name=properties.name, memory=properties.total_memory, has_bf16=properties.major >= 8)


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that exists."""
    absolute = folder.expanduser().absolute()
    return next(path for path in (absolute, *absolute.parents) if path.is_dir())
