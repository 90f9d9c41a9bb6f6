"""Counters, losses and selection values of a training, in its checkpoints and with its net in the encoder store."""

import math
from dataclasses import dataclass, field
from itertools import pairwise

from sweeper.scoring.sums import mean

CURVE_POINTS = 20
"""Number of points of the recorded loss curve."""


@dataclass
class Progress:
    """The state of a training in numbers. A checkpoint contains it together with the weights and the optimiser."""

    step: int = 0
    """Number of finished steps."""
    planned_steps: int = 0
    """Number of steps of the schedule. A training that stops early finishes fewer."""
    tokens: int = 0
    """Tokens read so far, without padding."""
    examples: dict[str, int] = field(default_factory=dict)
    """Task -> number of items read so far, with repetitions."""
    losses: list[float] = field(default_factory=list)
    """Loss of each finished step."""
    gradient_norms: list[float] = field(default_factory=list)
    """Norm of the gradient of each finished step, before clipping. Old checkpoints do not have those of their steps."""
    values: list[float] = field(default_factory=list)
    """Selection value of each evaluation during the training. Empty unless `keep` is `best`."""
    kept_step: int = 0
    """Step after which the kept weights were taken."""
    averaged_steps: int = 0
    """Number of steps, up to `kept_step`, whose weights were averaged; 0 if the weights are those of one step."""
    micro_tokens: int = 0
    """Smallest token limit of a micro-batch so far. A resumed training does not increase it again."""
    translated: dict[str, dict[str, dict[str, int]]] = field(default_factory=dict)
    """Task -> language -> training examples `translated` and `dropped`; set when the training ends."""


def norm_curve(progress: Progress) -> tuple[float | None, ...]:
    """Averages of the gradient norms over the intervals of the loss curve. Empty if some were not measured."""
    if len(progress.gradient_norms) != len(progress.losses):
        return ()
    return tuple(norm if math.isfinite(norm) else None for norm in loss_curve(progress.gradient_norms))


def loss_curve(losses: list[float]) -> tuple[float, ...]:
    """Averages of the losses over at most CURVE_POINTS equal intervals of the steps."""
    points = min(CURVE_POINTS, len(losses))
    edges = [round(i * len(losses) / points) for i in range(points + 1)] if points else []
    return tuple(mean(losses[a:b]) for a, b in pairwise(edges))
