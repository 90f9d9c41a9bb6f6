"""The state of a running sweep: what runs, waits and was lost. The driver writes it every few seconds."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

SweepState = Literal["running", "ended", "stopped"]
"""A sweep is "stopped" after a stop request or an error. A killed sweep stays "running", and its file becomes old."""


@dataclass(frozen=True, kw_only=True)
class LiveTrial:
    """A running trial."""

    name: str
    key: str
    kind: str
    """`search`, `prepare`, `target`, `score` or `predict`."""
    model: str
    recipe: str
    target: str
    """The task that is trained on the recipe's encoder; "" for a preparation."""
    seed: int
    since: str
    """Time of the start, ISO 8601 in UTC."""
    host: str = ""
    device: str = ""
    """Name of the GPU, or `cpu xTHREADS`; "" before the worker has reported it."""
    phase: str = ""
    """`load`, `train`, `save` or `evaluate`."""
    stage: str = ""
    """Tasks of the stage that is trained."""
    step: int = 0
    steps: int = 0
    """Number of planned steps; 0 before it is known."""
    loss: float | None = None
    tokens_per_second: float | None = None
    seconds_left: float | None = None
    """Estimated seconds until the last step of its training."""


@dataclass(frozen=True, kw_only=True)
class LiveMessage:
    """A message about a trial, for example the reason why it was lost."""

    name: str
    time: str
    """ISO 8601, UTC."""
    text: str


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """Trials of one kind that have not started."""

    ready: int = 0
    """Trials that can start as soon as a worker is free."""
    waiting: int = 0
    """Trials that wait for results of other trials."""
    blocked: int = 0
    """Trials that cannot run because a trial that they depend on failed or was lost."""


@dataclass(frozen=True, kw_only=True)
class LiveState:
    """A sweep at one moment. Displays read it, and no result depends on it."""

    written: str
    """Time of this state, ISO 8601 in UTC."""
    started: str
    """Start of the sweep, ISO 8601 in UTC."""
    state: SweepState
    host: str
    pid: int
    version: str
    """Version of the sweeper."""
    counts: Mapping[str, tuple[int, int]]
    """Kind of trial -> number of finished trials, number of all trials."""
    failed: int
    """Number of finished trials that failed."""
    running: tuple[LiveTrial, ...] = ()
    queue: Mapping[str, Waiting] = field(default_factory=dict)
    """Kind of trial -> trials that have not started."""
    lost: tuple[LiveMessage, ...] = ()
    """The latest trials that left no record, with the reason."""
    notices: tuple[LiveMessage, ...] = ()
    """The latest messages of trials."""
    seconds_left: float | None = None
    """Estimated seconds until the sweep ends; None if unknown."""
    seconds_left_basis: str = ""
    """The measurements behind the estimate, in words."""
