"""The progress of a running trial, which its worker writes into the run folder every few seconds."""

from dataclasses import dataclass
from typing import Literal

Phase = Literal["load", "train", "save", "evaluate"]
PHASES: dict[Phase, str] = {
    "load": "loading",
    "train": "training",
    "save": "saving",
    "evaluate": "evaluating",
}
"""Phase of a trial -> its name for people."""
SILENCE = 90.0
"""Seconds without a sign of life after which a trial is called stale. Workers write several times as often."""


@dataclass(frozen=True, kw_only=True)
class TrialProgress:
    """The state of a running trial at one moment. No result depends on it."""

    key: str
    name: str
    phase: Phase = "load"
    detail: str = ""
    """The object of the phase, for example the target and language that are evaluated; "" if there is none."""
    stage: str = ""
    """The tasks of the stage that is trained; "" before a training."""
    step: int = 0
    """Number of finished steps of the training."""
    planned_steps: int = 0
    """Number of steps of the training's schedule; 0 before it is known."""
    loss: float | None = None
    """Training loss of the last step whose loss was read. On a GPU it is read every few steps."""
    learning_rate: float | None = None
    gradient_norm: float | None = None
    """Norm of the gradient before clipping, of the same step as the loss."""
    tokens: int = 0
    """Tokens that the training has read, without padding."""
    tokens_per_second: float | None = None
    """Speed of the training since it started or was resumed in this process."""
    seconds: float = 0.0
    """Seconds since the start of the trial."""
    seconds_left: float | None = None
    """Estimated seconds until the last planned step of the training; None if unknown."""
    value: float | None = None
    """Last selection value of a training with `keep = "best"`."""
    host: str = ""
    pid: int = 0
    device: str = ""
    """Name of the GPU, or `cpu xTHREADS`; "" before it is known."""
    written: float = 0.0
    """Time of writing, in seconds since 1970 (UTC)."""

    def silence(self, now: float) -> float:
        """Seconds since the last sign of life, at a time in seconds since 1970."""
        return max(0.0, now - self.written)

    def is_stale(self, now: float) -> bool:
        """Whether the last sign of life is so old that the worker has probably died."""
        return self.silence(now) > SILENCE
