"""The batches of a training in the order of its steps: for a GPU, the next one is made while the GPU computes."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import torch

from sweeper.training.gradients import Batches

Make = Callable[[int], Batches]
"""Makes the micro-batches of a step."""


def prefetched(make: Make, steps: range, device: torch.device) -> Iterator[Batches]:
    """The batches of the steps. On a GPU, a thread makes the next one, in memory from which the GPU copies without
    waiting (pinned). On a CPU, a thread would take time from the computation.
    """
    if device.type == "cuda":
        yield from in_thread(lambda step: _pinned(make(step)), steps)
    else:
        yield from map(make, steps)


def in_thread(make: Make, steps: range) -> Iterator[Batches]:
    """The batches of the steps, of which a thread makes the next one ahead. An error is raised at its step."""
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="batches") as pool:
        ahead = [pool.submit(make, step) for step in steps[:1]]
        for step in steps:
            current = ahead.pop()
            following = range(step + 1, steps.stop)[:1]
            batches = current.result()
            ahead = [pool.submit(make, next_step) for next_step in following]
            yield batches


def _pinned(batches: Batches) -> Batches:
    micro_batches, num_labels = batches
    return [{name: tensor.pin_memory() for name, tensor in batch.items()} for batch in micro_batches], num_labels
