"""Device, threads, precision, seeds, timing and out-of-memory handling of a trial."""

import hashlib
import logging
import os
import random
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import torch
import torch.utils.deterministic
import transformers

from sweeper.errors import OutOfMemoryError, UserError

TOO_LITTLE_MEMORY = (torch.OutOfMemoryError, MemoryError)
"""Exceptions that are handled by a smaller forward pass."""
ALLOCATION_FAILURES = ("DefaultCPUAllocator", "bad_alloc")
"""Parts of the messages with which torch reports too little main memory, as a plain RuntimeError."""
CPU_FACTS = Path("/proc/cpuinfo")
"""Linux's description of the CPU."""
BF16_FLAGS = ("avx512_bf16", "amx_bf16", "bf16")
"""Flags of CPUs with instructions for bfloat16: two of x86, one of ARM."""
SLOW_BF16 = (
    "precision = 'bf16' on a CPU without bf16 instructions ({host}): a training step can take many times longer than "
    "in fp32. Use --set precision=fp32, in a new run folder."
)
NOWHERE = logging.NullHandler()
"""Without any handler, Python would print warnings to the terminal."""
SMALLEST_PASS = 64
"""Minimum number of tokens in a forward pass."""


@dataclass
class Clock:
    """Measures the time that one trial spends on each activity (`load`, `train`, `wait` ...)."""

    seconds: dict[str, float] = field(default_factory=dict)
    """Activity -> seconds so far."""
    started: float = field(default_factory=time.perf_counter)
    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    resumed_at: int = 0
    """Step at which the training was resumed from a checkpoint, else 0. `seconds` does not include earlier steps."""

    @contextmanager
    def time(self, activity: str) -> Iterator[None]:
        """Add the duration of the block to `activity`, without nested blocks, which are counted separately."""
        start, counted = time.perf_counter(), sum(self.seconds.values())
        try:
            yield
        finally:
            nested = sum(self.seconds.values()) - counted
            self.seconds[activity] = self.seconds.get(activity, 0.0) + time.perf_counter() - start - nested

    def timing(self) -> dict[str, float]:
        """Activity -> seconds so far, and the `total` since the clock was created."""
        return self.seconds | {"total": time.perf_counter() - self.started}

    def since(self, earlier: Mapping[str, float]) -> tuple[dict[str, float], str]:
        """The timing since an earlier timing of this clock ({}: since its start), and the time at which it begins."""
        timing = {name: seconds - earlier.get(name, 0.0) for name, seconds in self.timing().items()}
        return timing, self.time_after(earlier.get("total", 0.0))

    def time_after(self, seconds: float) -> str:
        """The time at which the clock showed these seconds."""
        return (self.began + timedelta(seconds=seconds)).isoformat(timespec="milliseconds")


def set_up(gpus: float, rank: int = 0) -> torch.device:
    """Make the computations of this process deterministic. Returns its device.

    `gpus` is the number of GPUs of the trial, or its share of one. The device is the CPU if it is 0 or no GPU is
    available. `rank` is the number of this process in the trial. The function may be called before every trial.
    """
    # Warnings of transformers go to the log of the trial, and not to the terminal.
    transformers.logging.set_verbosity_warning()  # type: ignore[no-untyped-call]
    transformers.logging.disable_default_handler()
    logging.getLogger("transformers").addHandler(NOWHERE)
    transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS is deterministic only with this setting
    torch.use_deterministic_algorithms(True, warn_only=True)
    # Filling uninitialised memory is on by default in deterministic mode; it is slow, and useful for debugging only.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    if gpus == 0 or not torch.cuda.is_available():
        return torch.device("cpu")
    torch.cuda.set_device(rank)
    torch.cuda.empty_cache()  # other trials may share the GPU
    return torch.device("cuda", rank)


def use_threads(threads: int) -> None:
    """Set the number of CPU threads. It changes the rounding of sums, so it is a setting of the space."""
    if torch.get_num_threads() != threads:
        torch.set_num_threads(threads)


@contextmanager
def main_memory_errors() -> Iterator[None]:
    """Raise MemoryError if the block has too little main memory, for which torch raises a RuntimeError."""
    try:
        yield
    except RuntimeError as error:
        is_shortage = any(part in str(error) for part in ALLOCATION_FAILURES)
        if not is_shortage or isinstance(error, TOO_LITTLE_MEMORY):
            raise
        raise MemoryError(str(error).splitlines()[0]) from error


def halved(micro_tokens: int, error: BaseException) -> int:
    """Half of `micro_tokens`, after too little memory. Raises OutOfMemoryError if that is less than SMALLEST_PASS."""
    if micro_tokens // 2 < SMALLEST_PASS:
        raise OutOfMemoryError(
            f"Out of memory even with {micro_tokens} tokens per pass: use fewer trials per device, a shorter "
            "max_length or a smaller model."
        ) from error
    return micro_tokens // 2


def derived_seed(*values: object) -> int:
    """A seed of 63 bits that depends on all values and is the same on every machine."""
    text = "/".join(str(value) for value in values)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def seed_everything(seed: int) -> None:
    """Seed the random generators of Python, NumPy and torch (CPU and GPU)."""
    random.seed(seed)
    np.random.seed(seed % 2**32)  # NumPy takes 32 bits
    torch.manual_seed(seed)


def autocast(device: torch.device, precision: str) -> AbstractContextManager[object]:
    """Context of a forward pass: float32 weights, and products in bfloat16 if `precision` is `bf16`.

    Raises UserError on a GPU that does not support bfloat16.
    """
    if precision == "bf16" and device.type == "cuda" and not torch.cuda.is_bf16_supported():
        raise UserError("precision = 'bf16' needs a GPU with bfloat16, which this one does not support: use 'fp32'.")
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bf16")


def slow_bf16() -> str:
    """A warning for trainings in bf16 on the CPU of this machine; "" if it has bf16 instructions or is not known."""
    lines = CPU_FACTS.read_text(encoding="utf-8").splitlines() if CPU_FACTS.is_file() else []
    parts = (line.partition(":") for line in lines)
    flags = {flag for name, _, text in parts if name.strip().lower() in ("flags", "features") for flag in text.split()}
    return SLOW_BF16.format(host=os.uname().nodename) if flags and flags.isdisjoint(BF16_FLAGS) else ""


def device_name(device: torch.device) -> str:
    """Name of a GPU, or `cpu xTHREADS`."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else f"cpu x{torch.get_num_threads()}"


def machine(device: torch.device) -> dict[str, str]:
    """Host, process, device and library versions of a record."""
    return {
        "host": os.uname().nodename,
        "pid": str(os.getpid()),
        "device": device_name(device),
        "cuda_visible_devices": os.environ.get("CUDA_VISIBLE_DEVICES", ""),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }
