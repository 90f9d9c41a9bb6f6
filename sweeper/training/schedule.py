"""All batches and learning rates of a training, and the micro-batches of a step for each of its processes."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from sweeper.formats.interface import IGNORED, Array
from sweeper.space import Training
from sweeper.space.dials import learning_rate_at
from sweeper.training.batches import Masking, Stream, TaskItems, collate, feature_numbers, mask_tokens, split_batch
from sweeper.training.runtime import derived_seed

MicroBatch = dict[str, Tensor]
"""Tensors of `collate` and `Head.indices`, and a seed for each feature in `noise_seeds`."""


@dataclass(frozen=True)
class Rank:
    """A process of a training, which computes a part of each batch."""

    number: int = 0
    """From 0 on. The first process has the optimiser."""
    processes: int = 1

    def of(self, numbers: Array) -> Array:
        """The part of sorted item numbers. The parts have similar lengths."""
        return numbers[self.number :: self.processes]


WHOLE = Rank()
"""The only process of a training."""


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """All batches and learning rates of one training. They are fixed before its first step."""

    streams: tuple[Stream, ...]
    order: Array
    """(steps,) index of the stream that each step reads."""
    training: Training
    seed: int
    masking: Masking | None = None
    stop: float = 1.0
    """Share of the planned steps after which the training ends."""

    @property
    def num_steps(self) -> int:
        """Number of planned optimiser steps."""
        return len(self.order)

    @property
    def last_step(self) -> int:
        """Number of the step after which the training ends."""
        return max(1, round(self.stop * self.num_steps))

    def learning_rate(self, step: int) -> float:
        """The learning rate of a step: a linear increase from 0 during the warm-up, then a linear decrease to 0.

        The decrease covers all planned steps. A training that stops early ends at a higher rate.
        """
        return learning_rate_at(self.training, step, self.num_steps)

    def batch(self, step: int) -> tuple[TaskItems, Array]:
        """The items of the stream of a step, and the numbers of those in its batch, sorted by length."""
        stream = self.streams[int(self.order[step])]
        return stream.items, stream.batch(self._numbers[step])

    def step_seed(self, step: int, rank: Rank) -> int:
        """The seed of dropout. Each step has its own, so that a result does not depend on interruptions."""
        return derived_seed("step", self.seed, step, *([rank.number] if rank.number else []))

    @cached_property
    def _numbers(self) -> list[int]:
        """For each step, the number of earlier steps with the same stream, which is the number of its batch."""
        seen: dict[int, int] = {}
        numbers = []
        for stream in self.order.tolist():
            numbers.append(seen.get(stream, 0))
            seen[stream] = numbers[-1] + 1
        return numbers


def micro_batches(schedule: Schedule, step: int, micro_tokens: int, rank: Rank) -> tuple[list[MicroBatch], int]:
    """The micro-batches of a process in a step as tensors on the CPU, and the number of their labels.

    A process can have none: a batch of pairs is not divided, and a small batch has too few items.
    """
    items, _ = schedule.batch(step)
    head = items.head_type
    make = _masked if head.is_masked and schedule.masking is not None else _collated
    batches = [batch | head.indices(batch) for batch in make(schedule, step, micro_tokens, rank)]
    return batches, sum(int((batch[head.labels] != IGNORED).sum()) for batch in batches)


def _collated(schedule: Schedule, step: int, micro_tokens: int, rank: Rank) -> Iterator[MicroBatch]:
    items, chosen = schedule.batch(step)
    if not items.head_type.is_contrastive:
        chosen = rank.of(chosen)
    elif rank.number:
        return
    if len(chosen):
        for numbers in split_batch(items, chosen, micro_tokens):
            yield _micro_batch(schedule, step, items, numbers)


def _masked(schedule: Schedule, step: int, micro_tokens: int, rank: Rank) -> Iterator[MicroBatch]:
    """Masked micro-batches. The masks are those of one process, so that the whole is masked before it is divided."""
    items, chosen = schedule.batch(step)
    assert schedule.masking is not None
    for number, numbers in enumerate(split_batch(items, chosen, micro_tokens)):
        batch = _micro_batch(schedule, step, items, numbers)
        mask_tokens(batch, schedule.masking, derived_seed("mask", schedule.seed, step, *numbers[:1].tolist(), number))
        rows = slice(rank.number, None, rank.processes)
        batch = {name: tensor[rows] for name, tensor in batch.items()}
        if len(batch["input_ids"]):
            yield batch


def _micro_batch(schedule: Schedule, step: int, items: TaskItems, numbers: Array) -> MicroBatch:
    batch = collate(items, numbers, torch.device("cpu"))
    features = feature_numbers(items.features, numbers).tolist()
    seeds = [derived_seed("embedding noise", schedule.seed, step, feature) for feature in features]
    return batch | {"noise_seeds": torch.tensor(seeds)}
