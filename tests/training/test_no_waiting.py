"""No training step waits for the device: its tensors are on `meta`, which has no values that the CPU could read."""

import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from sweeper.records.spec import StageSpec
from sweeper.tasks.spec import Task
from sweeper.training.dynamics import Dynamics
from sweeper.training.gradients import ALONE
from sweeper.training.keep import Keeper
from sweeper.training.loop import _step, make_optimizer
from sweeper.training.schedule import WHOLE, micro_batches
from sweeper.training.stage import DataReader, make_schedule, new_net
from tests.training.conftest import CPU
from tests.worlds import BY_NAME, TRAINING, data, stage

PAIRS = Task(
    name="pairs",
    format="rank",
    scorer="ranking",
    columns={"query": "premise", "candidate": "hypothesis"},
    train=BY_NAME["claims"].train,
)
META = torch.device("meta")
SHORT = replace(TRAINING, batch_size=8, micro_tokens=64, max_length=32, average=0.99)
STAGES = {
    "classify": stage("claims", training=SHORT),
    "choose": stage("gaps", training=SHORT),
    "tag": stage("words", training=SHORT),
    "span": stage("questions", training=SHORT),
    "pairs": replace(stage("claims", training=SHORT), data=(data("pairs"),)),
    "masked": stage("texts", training=SHORT),
    "bf16": stage("claims", training=replace(SHORT, precision="bf16")),
    "gradient checkpointing": stage("claims", training=replace(SHORT, gradient_checkpointing=True)),
    "adversarial steps": stage("claims", training=replace(SHORT, adversarial=0.5)),
    "noise": stage("claims", training=replace(SHORT, embedding_noise=5.0)),
}


def imitate(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace functions that `meta` does not have: those of number formats, random numbers and the optimiser."""
    generator, rand, autocast = torch.Generator(), torch.rand, torch.autocast
    monkeypatch.setattr(torch, "Generator", lambda device: generator)
    monkeypatch.setattr(torch, "rand", lambda size, generator, device: rand(size, device=device))
    # The package hides its module of this name.
    monkeypatch.setattr(sys.modules["torch.optim.optimizer"], "_get_fused_kernels_supported_devices", lambda: ["meta"])
    monkeypatch.setattr(torch, "autocast", lambda device, **options: autocast("cpu", **options))


@pytest.mark.parametrize("spec", STAGES.values(), ids=STAGES.keys())
def test_a_training_step_reads_no_value_from_the_device(
    body: Callable[[], nn.Module], reader: DataReader, monkeypatch: pytest.MonkeyPatch, spec: StageSpec
) -> None:
    reader = replace(reader, tasks={**BY_NAME, PAIRS.name: PAIRS})
    training, schedule = spec.training, make_schedule(spec, reader)
    net = new_net(body(), spec, reader, CPU).to(META).train()
    optimizer, dynamics = make_optimizer(net, training), Dynamics(enabled=True)
    keeper = Keeper(net, training, schedule.num_steps, None, last_step=schedule.last_step)
    dynamics.start([stream.items.num_items for stream in schedule.streams])
    imitate(monkeypatch)
    for step in range(2):
        items, chosen = schedule.batch(step)
        batches = micro_batches(schedule, step, training.micro_tokens, WHOLE)
        with dynamics.observing(net.head(items.task), 0, chosen, training.num_passes):
            (loss, norm), _ = _step(net, optimizer, items.task, batches, training, ALONE)
        keeper.add(step + 1)
        assert (loss.device, norm.device) == (META, META)


READS: dict[str, Callable[[Tensor], Any]] = {
    "item": lambda tensor: tensor[0].item(),
    "tolist": lambda tensor: tensor.tolist(),
    "condition": lambda tensor: bool(tensor.all()),
    "cpu": lambda tensor: tensor.cpu(),
    "nonzero": lambda tensor: tensor.nonzero(),
    "mask": lambda tensor: tensor[tensor > 0],
}


@pytest.mark.parametrize("read", READS.values(), ids=READS.keys())
def test_reading_a_value_from_the_device_is_an_error(read: Callable[[Tensor], Any]) -> None:
    with pytest.raises((RuntimeError, NotImplementedError)):
        read(torch.ones(3, device=META))
