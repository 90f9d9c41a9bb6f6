"""The gradient of a training step over the processes of a training, which are one or several."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor

from sweeper.space import Training
from sweeper.training.defences import backward
from sweeper.training.model import Net
from sweeper.training.padding import known_padding
from sweeper.training.runtime import autocast
from sweeper.training.schedule import WHOLE, MicroBatch, Rank


class Team:
    """The processes that share the batches of a training. In this class, one process has them all."""

    rank: Rank = WHOLE

    def load(self, net: Net) -> None:
        """Give all weights to the other processes."""

    def begin(self, net: Net, step: int, micro_tokens: int) -> None:
        """Let the other processes compute their part of a step with these weights."""

    def total(self, *counts: int) -> list[int]:
        """The sum of each count over all processes."""
        return list(counts)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Raise an error about too little memory in all processes if the block raises it in one of them."""
        yield

    def collect(self, net: Net, loss: Tensor) -> Tensor:
        """Add the gradients of the other processes to those of the net. Returns the sum of the losses."""
        return loss


ALONE = Team()
"""The only process of a training."""
Batches = tuple[list[MicroBatch], int]
"""The result of `micro_batches`."""


def add_gradient(net: Net, task: str, batches: Batches, training: Training, team: Team) -> tuple[Tensor, int]:
    """Add the gradient of a step. Returns the mean loss of its labels and its number of tokens without padding.

    The loss is divided by the labels of the whole batch, so that the gradient depends neither on the micro-batches nor
    on the number of processes. If the memory is too small for the passes of one process, all raise an error of
    TOO_LITTLE_MEMORY.
    """
    own, num_labels = batches
    num_labels, num_tokens = team.total(num_labels, sum(int(batch["attention_mask"].sum()) for batch in own))
    device = net.embeddings().device
    loss = torch.zeros((), device=device)
    with team.together():
        for batch in own:
            # Every value that the CPU needs is read before the copy, because it would have to wait for the GPU.
            padding = batch["attention_mask"]
            draws = list(zip(padding.sum(dim=1).tolist(), batch.pop("noise_seeds").tolist(), strict=True))
            on_device = {name: tensor.to(device, non_blocking=True) for name, tensor in batch.items()}
            loss_of = loss_function(net, task, on_device, num_labels or 1, training.precision)
            with known_padding(padding):
                loss = loss + backward(net, on_device, draws, training, loss_of)
    return team.collect(net, loss), num_tokens


def loss_function(net: Net, task: str, batch: MicroBatch, total: int, precision: str) -> Callable[[], Tensor]:
    """A function that returns the loss of a micro-batch, summed over its labels and divided by `total`."""
    return partial(_loss, net, task, batch, total, precision)


def _loss(net: Net, task: str, batch: MicroBatch, total: int, precision: str) -> Tensor:
    with autocast(batch["input_ids"].device, precision):
        if "masked" in batch:
            batch["embeddings"] = net.embeddings()
        return net.head(task).loss(net.hidden(batch), batch) / total
