"""The training loop: AdamW, linear warm-up and decay, clipping, accumulation; resumes at any step to the same bytes."""

import io
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor

from sweeper.errors import TrialError
from sweeper.files.folder import Folder
from sweeper.formats.interface import IGNORED, Array
from sweeper.space import Training
from sweeper.training.batches import Masking, Stream, collate, mask_tokens, passes
from sweeper.training.heads import LABELS
from sweeper.training.model import Net
from sweeper.training.runtime import Clock, autocast, derived_seed, seed_everything

CURVE_POINTS = 20
CHECK_EVERY = 20
"""Steps between two looks at the loss: each one waits for the GPU."""


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """A whole training, decided before its first step."""

    streams: tuple[Stream, ...]
    order: Array
    """(steps,) the stream that each step draws from."""
    training: Training
    seed: int
    masking: Masking | None = None

    @property
    def num_steps(self) -> int:
        """Optimiser steps."""
        return len(self.order)

    def learning_rate(self, step: int) -> float:
        """The rate of a step: up from 0 over the warm-up, then down to 0, linearly."""
        warmup = round(self.training.warmup * self.num_steps)
        rise = (step + 1) / (warmup + 1)
        fall = (self.num_steps - step) / max(1, self.num_steps - warmup)
        return self.training.learning_rate * min(1.0, rise, fall)


@dataclass
class Progress:
    """How far a training is; together with weights and optimiser all that a resume needs."""

    step: int = 0
    tokens: int = 0
    examples: dict[str, int] = field(default_factory=dict)
    losses: list[float] = field(default_factory=list)
    """Loss of every step so far."""
    micro_tokens: int = 0
    """The smallest micro-batch so far: an out-of-memory before a kill still counts after the resume."""
    translated: dict[str, dict[str, dict[str, int]]] = field(default_factory=dict)
    """Task -> language -> training examples `translated` and `dropped`; known at the end."""


@dataclass(frozen=True, kw_only=True)
class Checkpoints:
    """Where a training in flight is kept, and how often. A finished one leaves nothing."""

    folder: Folder
    name: str
    every: float = 60.0
    """Seconds between two checkpoints."""

    def load(self, notify: Callable[[str], None]) -> dict[str, Any] | None:
        """The last checkpoint, None if there is none; a damaged one is set aside and told of."""
        try:
            data = io.BytesIO(self.folder.read(self.name))
        except FileNotFoundError:
            return None
        try:
            state: dict[str, Any] = torch.load(data, map_location="cpu", weights_only=True)
        except (RuntimeError, UnpicklingError, EOFError, ValueError, KeyError) as error:
            aside = self.folder.set_aside(self.name)
            notify(
                f"The checkpoint {self.name} is damaged ({type(error).__name__}); set aside as {aside}; it restarts."
            )
            return None
        return state

    def save(self, state: dict[str, Any], clock: Clock) -> float:
        """Replace the checkpoint, atomically; when the next one is due, so that saving stays under 5 % of the time."""
        started = time.monotonic()
        with clock.time("save"):
            self.folder.write_with(self.name, partial(_save_to, state))
        now = time.monotonic()
        return now + max(self.every, 20 * (now - started))

    def clear(self) -> None:
        """Forget it: the training has finished."""
        self.folder.remove(self.name)


@dataclass(frozen=True, kw_only=True)
class StageContext:
    """What a training has around it, none of which changes its result."""

    device: torch.device
    clock: Clock
    checkpoints: Checkpoints
    notify: Callable[[str], None]
    """Takes a sentence for the user."""


def train(net: Net, schedule: Schedule, micro_tokens: int, context: StageContext) -> Progress:
    """Train a net in place, from the last checkpoint if there is one.

    Raises TrialError on a loss that is not finite.
    """
    device, clock, checkpoints = context.device, context.clock, context.checkpoints
    optimizer = make_optimizer(net, schedule.training)
    progress = _resume(net, optimizer, checkpoints.load(context.notify))
    clock.resumed_at = max(clock.resumed_at, progress.step)
    micro_tokens = progress.micro_tokens = min(micro_tokens, progress.micro_tokens or micro_tokens)
    counts = _occurrences(schedule.order)
    pending: list[Tensor] = []
    due = time.monotonic() + checkpoints.every
    net.train()
    for step in range(progress.step, schedule.num_steps):
        with clock.time("wait"):
            stream = schedule.streams[int(schedule.order[step])]
            chosen = stream.batch(int(counts[step]))
            batches = list(_micro_batches(stream, chosen, micro_tokens, schedule, step))
        with clock.time("train"):
            seed_everything(derived_seed("step", schedule.seed, step))
            for group in optimizer.param_groups:
                group["lr"] = schedule.learning_rate(step)
            pending.append(_step(net, optimizer, stream.items.task, batches, schedule.training, device))
        task = stream.items.task
        progress.step = step + 1
        progress.examples[task] = progress.examples.get(task, 0) + len(chosen)
        progress.tokens += sum(int(batch["attention_mask"].sum()) for batch in batches)
        if progress.step % CHECK_EVERY == 0 or progress.step == schedule.num_steps:
            with clock.time("train"):
                _collect(progress, pending, schedule.training)
            if time.monotonic() > due and progress.step < schedule.num_steps:
                due = checkpoints.save(_state(net, optimizer, progress), clock)
    return progress


def make_optimizer(net: Net, training: Training) -> torch.optim.AdamW:
    """AdamW; biases and norms (tensors of fewer than two dimensions) do not decay (Devlin et al. 2019)."""
    wanted = [parameter for parameter in net.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in wanted if p.dim() >= 2], "weight_decay": training.weight_decay},
        {"params": [p for p in wanted if p.dim() < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=0.0, eps=training.adam_epsilon, fused=True)


def loss_curve(losses: list[float]) -> tuple[float, ...]:
    """The losses averaged over at most CURVE_POINTS equal parts of the steps."""
    points = min(CURVE_POINTS, len(losses))
    edges = [round(i * len(losses) / points) for i in range(points + 1)] if points else []
    return tuple(sum(losses[a:b]) / (b - a) for a, b in pairwise(edges))


def _step(
    net: Net,
    optimizer: torch.optim.AdamW,
    task: str,
    batches: list[dict[str, Tensor]],
    training: Training,
    device: torch.device,
) -> Tensor:
    head = net.head(task)
    total = sum(int(batch.pop("num_labels")) for batch in batches) or 1
    loss = torch.zeros((), device=device)
    optimizer.zero_grad(set_to_none=True)
    for batch in batches:
        on_device = {name: tensor.to(device, non_blocking=True) for name, tensor in batch.items()}
        with autocast(device, training.precision):
            if "masked" in on_device:
                on_device["embeddings"] = net.embeddings()
            part = head.loss(net.hidden(on_device), on_device) / total
        part.backward()  # type: ignore[no-untyped-call]
        loss = loss + part.detach()
    torch.nn.utils.clip_grad_norm_(net.parameters(), training.clip)
    optimizer.step()
    return loss


def _micro_batches(
    stream: Stream, chosen: Array, micro_tokens: int, schedule: Schedule, step: int
) -> Iterator[dict[str, Tensor]]:
    for number, part in enumerate(passes(stream.items, chosen, micro_tokens)):
        batch = collate(stream.items, part, torch.device("cpu"))
        if stream.items.head == "mlm" and schedule.masking is not None:
            seed = derived_seed("mask", schedule.seed, step, *part[:1].tolist(), number)
            mask_tokens(batch, schedule.masking, seed)
        labels = batch[LABELS[stream.items.head]]
        batch["num_labels"] = (labels != IGNORED).sum()
        yield batch


def _collect(progress: Progress, pending: list[Tensor], training: Training) -> None:
    values = torch.stack(pending).tolist()
    pending.clear()
    progress.losses += values
    if not all(math.isfinite(value) for value in values):
        raise TrialError(
            f"The training loss is not finite at step {progress.step} with learning_rate={training.learning_rate:g}: "
            "lower the learning rate's upper bound, or raise warmup."
        )


def _occurrences(order: Array) -> list[int]:
    seen: dict[int, int] = {}
    counts = []
    for stream in order.tolist():
        counts.append(seen.get(stream, 0))
        seen[stream] = counts[-1] + 1
    return counts


def _save_to(state: dict[str, Any], path: Path) -> None:
    with path.open("wb") as file:
        torch.save(state, file)


def _state(net: Net, optimizer: torch.optim.AdamW, progress: Progress) -> dict[str, Any]:
    return {"net": net.state_dict(), "optimizer": optimizer.state_dict(), "progress": vars(progress)}


def _resume(net: Net, optimizer: torch.optim.AdamW, state: dict[str, Any] | None) -> Progress:
    if state is None:
        return Progress()
    net.load_state_dict(state["net"])
    optimizer.load_state_dict(state["optimizer"])
    return Progress(**state["progress"])
