"""The machine as a trial sees it: device, threads, precision, seeds, and what an out-of-memory looks like."""

import hashlib
import os
import random
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
import torch
import torch.utils.deterministic
import transformers

from sweeper.errors import TrialError, UserError

TOO_LITTLE_MEMORY = (torch.OutOfMemoryError, MemoryError)
SMALLEST_PASS = 64
"""Tokens of a forward pass below which an out-of-memory is final."""


@dataclass
class Clock:
    """Seconds spent in each kind of work of one trial."""

    seconds: dict[str, float] = field(default_factory=dict)
    started: float = field(default_factory=time.perf_counter)
    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    resumed_at: int = 0
    """Step at which a training went on from a checkpoint: a lost process timed those before it; 0: none did."""

    @contextmanager
    def time(self, kind: str) -> Iterator[None]:
        """Add the time spent inside to `kind`, less what is timed as another kind in there: no second counts twice."""
        start, counted = time.perf_counter(), sum(self.seconds.values())
        try:
            yield
        finally:
            inside = sum(self.seconds.values()) - counted
            self.seconds[kind] = self.seconds.get(kind, 0.0) + time.perf_counter() - start - inside

    def timing(self) -> dict[str, float]:
        """Seconds of each kind so far, and `total` since the clock was made."""
        return self.seconds | {"total": time.perf_counter() - self.started}


def set_up(gpus: float) -> torch.device:
    """Make this process compute the same bytes every time, and say on which device.

    It is a GPU only if the trial owns some of one. Safe to call before every trial.
    """
    transformers.logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # slow, and for debugging
    if gpus == 0 or not torch.cuda.is_available():
        return torch.device("cpu")
    torch.cuda.empty_cache()
    return torch.device("cuda", 0)


def use_threads(threads: int) -> None:
    """Compute with that many CPU threads: sums depend on it, so it is a value of the space."""
    if torch.get_num_threads() != threads:
        torch.set_num_threads(threads)


def halved(micro_tokens: int, error: BaseException) -> int:
    """The next smaller pass after an out-of-memory. Raises TrialError if it would be too small to be of use."""
    if micro_tokens // 2 < SMALLEST_PASS:
        raise TrialError(
            f"Out of memory even with {micro_tokens} tokens a pass: use fewer trials a device, a shorter max_length or "
            "a smaller model."
        ) from error
    return micro_tokens // 2


def derived_seed(*parts: object) -> int:
    """A seed of 63 bits that depends on every part, the same on any machine."""
    text = "/".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def seed_everything(seed: int) -> None:
    """Set the seed of Python, NumPy and torch (CPU and GPU)."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def autocast(device: torch.device, precision: str) -> AbstractContextManager[object]:
    """Mixed precision for a forward pass: float32 master weights, bfloat16 products.

    Raises UserError on a GPU that cannot compute in bfloat16.
    """
    if precision == "bf16" and device.type == "cuda" and not torch.cuda.is_bf16_supported():
        raise UserError("precision = 'bf16' needs a GPU that computes in bfloat16; this one does not: use 'fp32'.")
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bf16")


def machine(device: torch.device) -> dict[str, str]:
    """What a record says about where it was made."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else f"cpu x{torch.get_num_threads()}"
    return {
        "host": os.uname().nodename,
        "pid": str(os.getpid()),
        "device": name,
        "cuda_visible_devices": os.environ.get("CUDA_VISIBLE_DEVICES", ""),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }
