"""The training loop: AdamW, linear warm-up and decay, gradient clipping and accumulation, checkpoints.

A training that is resumed from a checkpoint ends with the same bytes as one that was not interrupted (on CPU).
"""

import logging
import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor

from sweeper.errors import TrialError
from sweeper.space import Training
from sweeper.training.checkpoints import Checkpoints
from sweeper.training.dynamics import Dynamics
from sweeper.training.gradients import ALONE, Batches, Team, add_gradient
from sweeper.training.keep import Keeper, ValueOf
from sweeper.training.model import Net
from sweeper.training.prefetch import prefetched
from sweeper.training.progress import Progress
from sweeper.training.reporter import Reporter
from sweeper.training.runtime import Clock, seed_everything
from sweeper.training.schedule import Schedule, micro_batches

logger = logging.getLogger(__name__)

LOGGED_STEPS = 500
"""Approximate number of steps in the log of a long training."""
StepValues = tuple[Tensor, Tensor]
"""Of one step, on the device: the mean loss of its labels, and the norm of its gradient before clipping."""
CHECK_EVERY = 20
"""Steps between two checks of the loss. Each check waits for the GPU."""


@dataclass(frozen=True, kw_only=True)
class StageContext:
    """Device, clock, checkpoints, messages, progress and dynamics of a training. None of them changes its result."""

    device: torch.device
    clock: Clock
    checkpoints: Checkpoints
    notify: Callable[[str], None]
    """Called with each message for the user."""
    reporter: Reporter = field(default_factory=Reporter)
    dynamics: Dynamics = field(default_factory=Dynamics)
    """Collects the training dynamics, if it is enabled."""
    team: Callable[[], AbstractContextManager[Team]] = lambda: nullcontext(ALONE)
    """Starts the other processes of the training, if it has several, and ends them after it."""
    memory: int | None = None
    """Bytes of the memory of the device; None: not known."""
    shares_gpu: bool = False
    """Whether the trial has only a share of a GPU."""


@dataclass
class _Run:
    """A training in progress. Its methods are the parts of a step."""

    net: Net
    schedule: Schedule
    context: StageContext
    team: Team
    optimizer: torch.optim.AdamW
    keeper: Keeper
    progress: Progress
    pending: list[StepValues] = field(default_factory=list)
    """They remain on the device until the next check, because the CPU waits for the GPU when it reads one."""

    def take(self, step: int, upcoming: Iterator[Batches]) -> None:
        """Take a step with the next batches, and count its examples and tokens."""
        progress, schedule, clock = self.progress, self.schedule, self.context.clock
        with clock.time("train"):
            self.team.begin(self.net, step, progress.micro_tokens)
        with clock.time("wait"):
            items, chosen = schedule.batch(step)
            batches = next(upcoming)
        with clock.time("train"):
            seed_everything(schedule.step_seed(step, self.team.rank))
            _set_learning_rate(self.optimizer, schedule.learning_rate(step))
            stream, passes = int(schedule.order[step]), schedule.training.num_passes
            with self.context.dynamics.observing(self.net.head(items.task), stream, chosen, passes):
                values, tokens = _step(self.net, self.optimizer, items.task, batches, schedule.training, self.team)
            self.pending.append(values)
            self.keeper.add(step + 1)
        progress.step = step + 1
        progress.examples[items.task] = progress.examples.get(items.task, 0) + len(chosen)
        progress.tokens += tokens * passes
        self.context.reporter.step(progress, schedule.learning_rate(step))
        if self.context.device.type == "cpu":  # there, a value can be read without waiting
            self.context.reporter.losses(*(value.item() for value in values))

    def is_checked(self) -> bool:
        """Whether the last step is followed by a check."""
        step = self.progress.step
        return step % CHECK_EVERY == 0 or step == self.schedule.last_step or self.keeper.is_due(step)

    def check(self) -> None:
        """Check and report the losses since the last check, and evaluate the weights if that is due."""
        progress, context = self.progress, self.context
        with context.clock.time("train"):
            _collect(progress, self.pending, self.schedule.training, context.dynamics)
        context.reporter.losses(progress.losses[-1], progress.gradient_norms[-1])
        _log_step(progress, self.schedule)
        if self.keeper.is_due(progress.step):
            _evaluate(self.keeper, progress, context)

    def save(self) -> None:
        """Write a checkpoint if one is due. After a check, so that it does not follow a loss that is not finite."""
        checkpoints, progress = self.context.checkpoints, self.progress
        if progress.step < self.schedule.last_step and checkpoints.is_due():
            state = _state(self.net, self.optimizer, self.keeper, progress, self.context.dynamics)
            checkpoints.save(state, self.context.clock)
            logger.debug("checkpoint after step %d", progress.step)


def train(
    net: Net,
    schedule: Schedule,
    micro_tokens: int,
    context: StageContext,
    value_of: ValueOf | None = None,
    team: Team = ALONE,
) -> Progress:
    """Train a net in place, starting from the last checkpoint if there is one.

    `value_of` evaluates the weights if the training keeps the best ones. Only this process of the team has an optimiser
    and checkpoints: the others receive the weights of each step. Raises TrialError if the loss or a weight is not
    finite.
    """
    run = _begin(net, schedule, context, value_of, team)
    progress = run.progress
    progress.micro_tokens = min(micro_tokens, progress.micro_tokens or micro_tokens)
    context.checkpoints.begin()
    logger.info("%d steps, of which %d are in a checkpoint", progress.planned_steps, progress.step)
    context.reporter.start(progress, schedule.last_step)
    net.train()
    team.load(net)
    make = partial(micro_batches, schedule, micro_tokens=progress.micro_tokens, rank=team.rank)
    steps = range(progress.step, schedule.last_step)
    upcoming = prefetched(make, steps, context.device)
    for step in steps:
        run.take(step, upcoming)
        if run.is_checked():
            run.check()
            if run.keeper.is_exhausted(progress):
                break
            run.save()
    _finish(run.keeper, net, progress, schedule.training)
    return progress


def _begin(net: Net, schedule: Schedule, context: StageContext, value_of: ValueOf | None, team: Team) -> _Run:
    """The training at its start or at its last checkpoint."""
    context.dynamics.start([stream.items.num_items for stream in schedule.streams])
    optimizer = make_optimizer(net, schedule.training)
    keeper = Keeper(net, schedule.training, schedule.num_steps, value_of, last_step=schedule.last_step)
    progress = _resume(net, optimizer, keeper, context)
    progress.planned_steps = schedule.num_steps
    context.clock.resumed_at = max(context.clock.resumed_at, progress.step)
    return _Run(net, schedule, context, team, optimizer, keeper, progress)


def _finish(keeper: Keeper, net: Net, progress: Progress, training: Training) -> None:
    """Give the net the weights that the training keeps, and check them."""
    keeper.finish(progress)
    _check_weights(net, progress, training)
    logger.info("%d of %d steps, weights after step %d kept", progress.step, progress.planned_steps, progress.kept_step)


def _evaluate(keeper: Keeper, progress: Progress, context: StageContext) -> None:
    """Evaluate the weights on the selection data, and report the value."""
    context.reporter.enter("evaluate", "selection data")
    with context.clock.time("evaluate"):
        keeper.evaluate(progress)
    logger.info("selection value after step %d: %.4f", progress.step, progress.values[-1])
    context.reporter.value(progress.values[-1])
    context.reporter.enter("train")


def _log_step(progress: Progress, schedule: Schedule) -> None:
    """Log the last step that was checked. A long training has at most about LOGGED_STEPS such lines without `-v`."""
    is_rare = progress.step % (CHECK_EVERY * max(1, round(schedule.num_steps / CHECK_EVERY / LOGGED_STEPS))) == 0
    logger.log(
        logging.INFO if is_rare or progress.step == schedule.last_step else logging.DEBUG,
        "step %d/%d: loss %.4f, learning rate %.3g, gradient norm %.3g, %d tokens",
        progress.step,
        schedule.num_steps,
        progress.losses[-1],
        schedule.learning_rate(progress.step - 1),
        progress.gradient_norms[-1],
        progress.tokens,
    )


def make_optimizer(net: Net, training: Training) -> torch.optim.AdamW:
    """AdamW without weight decay for biases and layer norms, the one-dimensional tensors (Devlin et al. 2019)."""
    trainable = [parameter for parameter in net.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in trainable if p.dim() >= 2], "weight_decay": training.weight_decay},
        {"params": [p for p in trainable if p.dim() < 2], "weight_decay": 0.0},
    ]
    # The learning rate is set before each step.
    return torch.optim.AdamW(groups, lr=0.0, eps=training.adam_epsilon, fused=True)


def _set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate


def _step(
    net: Net, optimizer: torch.optim.AdamW, task: str, batches: Batches, training: Training, team: Team
) -> tuple[StepValues, int]:
    """Take one optimiser step. Returns its values and its number of tokens without padding."""
    optimizer.zero_grad(set_to_none=True)
    loss, num_tokens = add_gradient(net, task, batches, training, team)
    norm = torch.nn.utils.clip_grad_norm_(net.parameters(), training.clip)
    optimizer.step()
    return (loss, norm), num_tokens


def _collect(progress: Progress, pending: list[StepValues], training: Training, dynamics: Dynamics) -> None:
    """Move the pending losses and norms to `progress`, and collect the dynamics of these steps.

    Raises TrialError if a loss is not finite.
    """
    losses, norms = zip(*pending, strict=True)
    values = torch.stack([*losses, *norms]).tolist()  # the only transfer from the GPU, apart from that of the dynamics
    dynamics.collect()
    progress.losses += values[: len(losses)]
    progress.gradient_norms += values[len(losses) :]
    pending.clear()
    if not all(math.isfinite(loss) for loss in progress.losses[-len(losses) :]):
        raise TrialError(
            f"The training loss is not finite at step {progress.step} with learning_rate={training.learning_rate:g}: "
            "lower the upper bound of the learning rate, or raise warmup."
        )


def _check_weights(net: Net, progress: Progress, training: Training) -> None:
    """Raise TrialError if a weight is not finite, which the loss of the last step does not show."""
    if not all(bool(torch.isfinite(parameter).all()) for parameter in net.parameters()):
        raise TrialError(
            f"The weights are not finite after step {progress.kept_step} with "
            f"learning_rate={training.learning_rate:g}: lower the upper bound of the learning rate, or raise warmup."
        )


def _state(
    net: Net, optimizer: torch.optim.AdamW, keeper: Keeper, progress: Progress, dynamics: Dynamics
) -> dict[str, Any]:
    state = {
        "net": net.state_dict(),
        "optimizer": optimizer.state_dict(),
        "keeper": keeper.state(),
        "progress": vars(progress),
    }
    # Without dynamics, the layout is that of versions that did not collect them.
    return state | {"dynamics": dynamics.state()} if dynamics.enabled else state


def _layout(state: dict[str, Any]) -> list[object]:
    """The parts of a checkpoint that must agree with those of this version: names and shapes, without values."""
    shapes = {name: value.shape for name, value in state.get("net", {}).items()}
    groups = [(set(group), len(group["params"])) for group in state.get("optimizer", {}).get("param_groups", ())]
    return [set(state), shapes, groups, set(state.get("keeper", ())), set(state.get("progress", ()))]


def _resume(net: Net, optimizer: torch.optim.AdamW, keeper: Keeper, context: StageContext) -> Progress:
    """Continue from the last checkpoint if there is one. One of another version, with another layout, is set aside."""
    state = context.checkpoints.load(context.notify)
    if state is None:
        return Progress()
    # Compared first, because an error halfway would leave a part of the weights loaded.
    if _layout(state) != _layout(_state(net, optimizer, keeper, Progress(), context.dynamics)):
        context.checkpoints.set_aside("has another layout", context.notify)
        return Progress()
    net.load_state_dict(state["net"])
    optimizer.load_state_dict(state["optimizer"])
    keeper.resume(state["keeper"])
    context.dynamics.resume(state.get("dynamics", ()))
    return Progress(**state["progress"])
