"""The interface of a tracker, which a user can implement as well."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, kw_only=True)
class TrackedTrial:
    """A trial as a tracker shows it: one run, in the group of its cell."""

    key: str
    """Key of the training record, with the suffix `-score` for the scoring of an encoder. A resumed trial keeps it."""
    name: str
    """For example `mini-xlmr/mnli -> pos/seed 1`."""
    group: str
    """The cell or preparation, for example `mini-xlmr/mnli -> pos`: all its seeds and search trials."""
    project: str
    """Name of the space."""
    config: Mapping[str, Any] = field(default_factory=dict)
    """Flat: recipe, task, model, seed, `dial.NAME` and `training.NAME`."""


class Tracker(Protocol):
    """Receives the trials of a sweep on the driver, in a thread of its own that the sweep does not wait for.

    Several trials can run at the same time. Any method may raise an exception: it is reported, and the sweep goes on.
    """

    def start(self, trial: TrackedTrial) -> int:
        """A trial has started, possibly for the second time. Returns the last step that was logged for it, or 0."""
        ...

    def log(self, trial: TrackedTrial, step: int, values: Mapping[str, float]) -> None:
        """New values of curves, such as `train/loss`. Steps increase."""
        ...

    def finish(self, trial: TrackedTrial, state: str, scores: Mapping[str, float]) -> None:
        """A trial has ended as `done` or `failed`, with the final values, or as `lost`, to be started again.

        Names of scores: `score/TARGET/LANGUAGE/METRIC`, `selection/TASK/METRIC`, `value`.
        """
        ...

    def close(self) -> None:
        """The sweep has ended."""
        ...


@dataclass(frozen=True, kw_only=True)
class TrackerSettings:
    """What a shipped tracker is made with."""

    folder: str
    """Folder for local files."""
    argument: str = ""
    """The text after `NAME:` on the command line; its meaning depends on the tracker."""
