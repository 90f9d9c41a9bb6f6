"""The loop: a killed training ends as one left alone, and every way to fail says what to do."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from sweeper.errors import TrialError
from sweeper.records.spec import StageSpec
from sweeper.space import Training
from sweeper.training.batches import Stream
from sweeper.training.loop import Schedule, StageContext, _micro_batches, _step, loss_curve, make_optimizer
from sweeper.training.model import Net
from sweeper.training.stage import DataReader, Trained, make_schedule, new_net, run_stage
from tests.training.conftest import CPU
from tests.worlds import TRAINING, stage

MakeBody = Callable[[], nn.Module]
LONG = replace(TRAINING, batch_size=4, min_steps=45, max_length=32)


class Killed(BaseException):
    """Stands for SIGKILL: nothing in the package catches it."""


def killed_at(make_body: MakeBody, passes: int) -> MakeBody:
    """Bodies that are killed at the beginning of their n-th forward pass."""
    left = [passes]

    def hook(*_: Any) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise Killed

    def make() -> nn.Module:
        body = make_body()
        body.register_forward_pre_hook(hook)
        return body

    return make


def small(make_body: MakeBody, tokens: int) -> MakeBody:
    """Bodies on a device whose memory holds passes of so many tokens at most."""

    def hook(_: nn.Module, args: Any, inputs: dict[str, torch.Tensor]) -> None:
        if inputs["input_ids"].numel() > tokens:
            raise torch.OutOfMemoryError("out of memory, tried to allocate a lot")

    def make() -> nn.Module:
        body = make_body()
        body.register_forward_pre_hook(hook, with_kwargs=True)
        return body

    return make


def weights(trained: Trained) -> dict[str, bytes]:
    return {name: tensor.numpy().tobytes() for name, tensor in trained.net.state_dict().items()}


STAGES = {
    "classify": stage("claims", training=LONG),
    "choose": stage("gaps", training=LONG),
    "tag": stage("words", training=LONG),
    "span": stage("questions", training=LONG),
    "masked": stage("texts", training=LONG),
    "several tasks with masking mixed in": stage("names", "endings", training=LONG, mlm=0.3),
}


@pytest.mark.parametrize("one", STAGES.values(), ids=STAGES.keys())
def test_a_training_killed_and_resumed_ends_with_the_same_bytes(
    body: MakeBody, reader: DataReader, context: StageContext, one: StageSpec
) -> None:
    alone = run_stage(body, one, reader, replace(context, checkpoints=replace(context.checkpoints, every=1e9)))
    for passes in (41, 3):  # the second life is killed too, before it has made a checkpoint of its own
        with pytest.raises(Killed):
            run_stage(killed_at(body, passes), one, reader, context)
        if passes == 41:
            state = context.checkpoints.load(context.notify)
            assert state is not None
            step = state["progress"]["step"]
            assert 0 < step < 45
    resumed = run_stage(body, one, reader, context)
    assert weights(resumed) == weights(alone)
    assert resumed.progress == alone.progress
    assert context.clock.resumed_at == step


@pytest.mark.parametrize("passes", [0, 1, 19, 20, 21, 44])
def test_it_does_not_matter_at_which_step_it_was_killed(
    body: MakeBody, reader: DataReader, context: StageContext, passes: int
) -> None:
    one = STAGES["tag"]
    alone = run_stage(body, one, reader, replace(context, checkpoints=replace(context.checkpoints, every=1e9)))
    with pytest.raises(Killed):
        run_stage(killed_at(body, passes), one, reader, context)
    assert weights(run_stage(body, one, reader, context)) == weights(alone)


def test_a_damaged_checkpoint_is_set_aside_and_told_of_and_the_training_restarts(
    body: MakeBody, reader: DataReader, context: StageContext, told: list[str]
) -> None:
    one, kept = STAGES["tag"], context.checkpoints
    kept.folder.write("one.pt", b"PK\x03\x04 half a checkpoint")
    trained = run_stage(body, one, reader, context)
    assert "is damaged" in told[0]
    assert kept.folder.exists("one.pt.damaged")
    kept.clear()
    assert weights(trained) == weights(run_stage(body, one, reader, context))


def schedule(training: Training, num_steps: int) -> Schedule:
    return Schedule(streams=(), order=np.zeros(num_steps, dtype=np.int64), training=training, seed=0)


def test_the_learning_rate_rises_over_the_warm_up_and_falls_to_its_last_step() -> None:
    ten = schedule(replace(TRAINING, learning_rate=1.0, warmup=0.2), 10)
    expected = [1 / 3, 2 / 3, 1, 7 / 8, 6 / 8, 5 / 8, 4 / 8, 3 / 8, 2 / 8, 1 / 8]
    assert [ten.learning_rate(step) for step in range(10)] == pytest.approx(expected)


def test_a_training_of_one_step_takes_it_at_the_full_rate() -> None:
    assert schedule(replace(TRAINING, learning_rate=0.5), 1).learning_rate(0) == 0.5


def test_the_curve_is_the_mean_of_equal_parts() -> None:
    assert loss_curve([float(i) for i in range(40)]) == tuple(2 * i + 0.5 for i in range(20))
    assert loss_curve([3.0, 1.0]) == (3.0, 1.0)
    assert loss_curve([]) == ()


@pytest.mark.parametrize("task", ["claims", "gaps", "words", "questions"])
def test_micro_batches_add_up_to_the_gradient_of_the_whole_batch(
    body: MakeBody, reader: DataReader, stream: Callable[[str], Stream], task: str
) -> None:
    one = stage(task, training=replace(TRAINING, learning_rate=1e-9, clip=1e9))
    net, plan = new_net(body(), one, reader, CPU).eval(), make_schedule(one, reader)
    chosen = stream(task).batch(0)
    found = []
    for micro_tokens in (10**6, 32):
        batches = list(_micro_batches(plan.streams[0], chosen, micro_tokens, plan, 0))
        assert (len(batches) > 1) == (micro_tokens == 32)
        _step(net, make_optimizer(net, one.training), task, batches, one.training, CPU)
        found.append({name: p.grad.clone() for name, p in net.named_parameters() if p.grad is not None})
    whole, parts = found
    assert whole.keys() == parts.keys()
    assert max(float((whole[name] - parts[name]).abs().max()) for name in whole) < 1e-6


def test_a_loss_that_is_not_finite_names_the_step_the_rate_and_what_to_do(
    body: MakeBody, reader: DataReader, context: StageContext
) -> None:
    def broken() -> nn.Module:
        made = body()
        with torch.no_grad():
            made.embeddings.word_embeddings.weight.fill_(float("nan"))  # type: ignore[union-attr, operator]
        return made

    with pytest.raises(TrialError, match=r"step 20 with learning_rate=0\.003: lower the upper bound"):
        run_stage(broken, STAGES["tag"], reader, context)


def test_out_of_memory_halves_the_micro_batch_and_keeps_the_effective_batch(
    body: MakeBody, reader: DataReader, context: StageContext, told: list[str]
) -> None:
    one = stage("claims", training=replace(LONG, batch_size=16, micro_tokens=1024))
    alone = run_stage(body, one, reader, replace(context, checkpoints=replace(context.checkpoints, name="two.pt")))
    context.checkpoints.clear()
    tight = run_stage(small(body, 150), one, reader, context)
    assert tight.progress.micro_tokens == 128
    assert [line.split(";")[0] for line in told] == [
        f"Out of memory: continuing with {tokens} tokens per micro-batch" for tokens in (512, 256, 128)
    ]
    assert tight.progress.examples == alone.progress.examples
    assert (tight.progress.step, tight.progress.tokens) == (alone.progress.step, alone.progress.tokens)
    assert tight.progress.losses[0] == pytest.approx(alone.progress.losses[0], abs=0.1)


def test_an_out_of_memory_before_a_kill_still_marks_the_resumed_training(
    body: MakeBody, reader: DataReader, context: StageContext
) -> None:
    one = stage("claims", training=replace(LONG, batch_size=16, micro_tokens=256))
    with pytest.raises(Killed):
        run_stage(killed_at(small(body, 150), 60), one, reader, context)
    assert context.checkpoints.load(context.notify) is not None
    assert run_stage(body, one, reader, context).progress.micro_tokens == 128


def test_where_the_smallest_micro_batch_does_not_fit_the_training_fails_with_a_reason(
    body: MakeBody, reader: DataReader, context: StageContext
) -> None:
    with pytest.raises(TrialError, match="Out of memory even with 64 tokens per pass: use fewer trials per device"):
        run_stage(small(body, 2), stage("claims", training=replace(TRAINING, micro_tokens=128)), reader, context)


def test_biases_and_norms_do_not_decay(body: MakeBody) -> None:
    net = Net(body(), {"words": ("token", 3)})
    decaying, free = make_optimizer(net, TRAINING).param_groups
    assert decaying["weight_decay"] == TRAINING.weight_decay
    assert free["weight_decay"] == 0
    assert {p.dim() for p in free["params"]} == {1}
    assert min(p.dim() for p in decaying["params"]) == 2
