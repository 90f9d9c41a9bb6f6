"""A further process of a data-parallel training: it computes the gradient of its part of each batch.

It has no state except weights, which it receives before each step, and writes nothing.
"""

import os
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from threading import Thread

import torch

from sweeper.files.serialize import read_json
from sweeper.training.gradients import add_gradient
from sweeper.training.model import Net
from sweeper.training.peers import LOAD, CommonMemoryError, Group, Job, leaving, meet
from sweeper.training.runtime import main_memory_errors, seed_everything, set_up, use_threads
from sweeper.training.schedule import Schedule, micro_batches
from sweeper.training.stage import make_schedule, new_net
from sweeper.training.workbench import Workbench


def main(file: str) -> None:
    """Take part in the training that a JSON file describes, until the first process ends this one."""
    Thread(target=_end_with_parent, daemon=True).start()
    job = read_json(Job, Path(file).read_bytes(), file)
    bench = Workbench(job.site)
    device = set_up(job.spec.resources.gpus, job.rank.number)
    reader = replace(bench.reader(job.spec), device=device)
    schedule = make_schedule(job.stage, reader)
    # The first process has the weights. The pretrained encoder gives the shapes.
    net = new_net(bench.pretrained(job.spec.model), job.stage, reader, device)
    use_threads(job.stage.training.threads)
    job.ready.touch()
    meet(job)
    with main_memory_errors(), leaving():
        serve(net.train(), schedule, Group(rank=job.rank))


def serve(net: Net, schedule: Schedule, group: Group) -> None:
    """Compute this process's part of the gradient of each step that the first process orders."""
    while True:
        step, micro_tokens = group.exchange((0, 0))
        group.share(net, step)
        if step == LOAD:
            continue
        items, _ = schedule.batch(step)
        batches = micro_batches(schedule, step, micro_tokens, group.rank)
        seed_everything(schedule.step_seed(step, group.rank))
        net.zero_grad(set_to_none=True)
        # The first process then ends this one and starts again with a smaller number of tokens. Of any other lack of
        # memory it does not know, so that this process must end.
        with suppress(CommonMemoryError):
            add_gradient(net, items.task, batches, schedule.training, group)


def _end_with_parent() -> None:
    """End this process when the first one closes the pipe or dies."""
    # Not `sys.stdin`: Python aborts at its end if another thread waits in it.
    while os.read(0, 1):
        pass
    os._exit(1)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(sys.argv[1])
