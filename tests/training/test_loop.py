"""The training loop: a resumed training equals an uninterrupted one, and each failure has a message."""

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
from sweeper.training.gradients import Team
from sweeper.training.loop import StageContext, _step, make_optimizer
from sweeper.training.model import Net
from sweeper.training.progress import loss_curve
from sweeper.training.schedule import WHOLE, Schedule, micro_batches
from sweeper.training.stage import DataReader, Trained, make_schedule, new_net, run_stage
from tests.training.conftest import CPU, no_device_memory, no_main_memory
from tests.worlds import TRAINING, stage

MakeBody = Callable[[], nn.Module]
# The loss is checked after steps 20, 40 and 45. A checkpoint can be written after 20 and 40.
LONG = replace(TRAINING, batch_size=4, min_steps=45, max_length=32)
DEFENCES: dict[str, Any] = {"embedding_noise": 5.0, "adversarial": 0.5}


class Killed(BaseException):
    """Simulates SIGKILL. Nothing in the package catches it."""


def killed_at(make_body: MakeBody, passes: int) -> MakeBody:
    """Bodies that raise Killed after the given number of forward passes."""
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


def limited_memory(make_body: MakeBody, tokens: int, shortage: Callable[[], None] = no_device_memory) -> MakeBody:
    """Bodies that run out of memory in a forward pass of more than `tokens` tokens."""

    def hook(_: nn.Module, args: Any, inputs: dict[str, torch.Tensor]) -> None:
        if inputs["input_ids"].numel() > tokens:
            shortage()

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
    "noise and adversarial steps": stage("claims", training=replace(LONG, **DEFENCES)),
    "several tasks with masking mixed in": stage("names", "endings", training=LONG, mlm=0.3),
}


@pytest.mark.parametrize("spec", STAGES.values(), ids=STAGES.keys())
def test_a_killed_and_resumed_training_ends_with_the_same_bytes(
    body: MakeBody, reader: DataReader, context: StageContext, spec: StageSpec
) -> None:
    uninterrupted = run_stage(
        body, spec, reader, replace(context, checkpoints=replace(context.checkpoints, interval=1e9))
    )
    for passes in (41, 3):  # the second process is killed as well, before it writes a checkpoint
        with pytest.raises(Killed):
            run_stage(killed_at(body, passes), spec, reader, context)
        if passes == 41:
            state = context.checkpoints.load(context.notify)
            assert state is not None
            step = state["progress"]["step"]
            assert 0 < step < 45
    resumed = run_stage(body, spec, reader, context)
    assert weights(resumed) == weights(uninterrupted)
    assert resumed.progress == uninterrupted.progress
    assert context.clock.resumed_at == step


@pytest.mark.parametrize("passes", [0, 1, 19, 20, 21, 44])
def test_the_step_of_the_kill_does_not_change_the_result(
    body: MakeBody, reader: DataReader, context: StageContext, passes: int
) -> None:
    spec = STAGES["tag"]
    uninterrupted = run_stage(
        body, spec, reader, replace(context, checkpoints=replace(context.checkpoints, interval=1e9))
    )
    with pytest.raises(Killed):
        run_stage(killed_at(body, passes), spec, reader, context)
    assert weights(run_stage(body, spec, reader, context)) == weights(uninterrupted)


def test_a_training_with_a_damaged_checkpoint_renames_it_and_starts_again(
    body: MakeBody, reader: DataReader, context: StageContext, messages: list[str]
) -> None:
    spec, checkpoints = STAGES["tag"], context.checkpoints
    checkpoints.folder.write("one.pt", b"PK\x03\x04 half a checkpoint")
    trained = run_stage(body, spec, reader, context)
    assert "is damaged" in messages[0]
    assert checkpoints.folder.exists("one.pt.damaged")
    checkpoints.clear()
    assert weights(trained) == weights(run_stage(body, spec, reader, context))


@pytest.mark.parametrize("damage", ["bit", "block", "truncated", "swapped", "unsealed"])
def test_a_checkpoint_with_any_damage_is_renamed_and_changes_no_weight(
    body: MakeBody, reader: DataReader, context: StageContext, messages: list[str], damage: str
) -> None:
    spec, checkpoints = STAGES["tag"], context.checkpoints
    uninterrupted = run_stage(body, spec, reader, replace(context, checkpoints=replace(checkpoints, interval=1e9)))
    with pytest.raises(Killed):
        run_stage(killed_at(body, 44), spec, reader, context)
    content = checkpoints.folder.read("one.pt")
    middle = len(content) // 2
    damaged = {
        "bit": content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :],
        "block": content[:middle] + bytes(4096) + content[middle + 4096 :],
        "truncated": content[:-1],
        "unsealed": content[:-64],  # as an earlier version wrote it
    }
    if damage == "swapped":
        # A valid checkpoint under the name of another training.
        checkpoints.folder.write("two.pt", content)
        checkpoints.folder.remove("one.pt")
        context = replace(context, checkpoints=replace(checkpoints, name="two.pt"))
    else:
        checkpoints.folder.write("one.pt", damaged[damage])
    trained = run_stage(body, spec, reader, context)
    assert "is damaged (DamagedError) and was renamed to" in messages[-1]
    assert weights(trained) == weights(uninterrupted)


def test_weights_that_the_last_step_makes_infinite_fail_the_training(
    body: MakeBody, reader: DataReader, context: StageContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = torch.optim.AdamW.step
    num_steps = make_schedule(STAGES["tag"], reader).num_steps

    def breaking(optimizer: torch.optim.AdamW, *args: Any) -> Any:
        result = step(optimizer, *args)
        parameter = optimizer.param_groups[0]["params"][0]
        if optimizer.state[parameter]["step"] == num_steps:
            parameter.data[0] = float("nan")
        return result

    monkeypatch.setattr(torch.optim.AdamW, "step", breaking)
    with pytest.raises(TrialError, match=f"The weights are not finite after step {num_steps} with learning_rate="):
        run_stage(body, STAGES["tag"], reader, context)


def empty_schedule(training: Training, num_steps: int) -> Schedule:
    return Schedule(streams=(), order=np.zeros(num_steps, dtype=np.int64), training=training, seed=0)


@pytest.mark.parametrize("change", ["progress", "weights", "part"])
def test_a_checkpoint_with_another_layout_is_renamed_and_the_training_starts_anew(
    body: MakeBody, reader: DataReader, context: StageContext, messages: list[str], change: str
) -> None:
    spec, checkpoints = STAGES["tag"], context.checkpoints
    uninterrupted = run_stage(body, spec, reader, replace(context, checkpoints=replace(checkpoints, interval=1e9)))
    with pytest.raises(Killed):
        run_stage(killed_at(body, 44), spec, reader, context)
    state = checkpoints.load(context.notify)
    assert state is not None
    if change == "progress":
        state["progress"]["epochs"] = 2
    elif change == "weights":
        state["net"].popitem()
    else:
        del state["keeper"]
    checkpoints.save(state, context.clock)
    assert weights(run_stage(body, spec, reader, context)) == weights(uninterrupted)
    assert "one.pt has another layout and was renamed to" in messages[-1]
    assert checkpoints.folder.exists("one.pt.damaged")


def test_the_learning_rate_rises_during_the_warm_up_and_falls_until_the_last_step() -> None:
    ten = empty_schedule(replace(TRAINING, learning_rate=1.0, warmup=0.2), 10)
    expected = [1 / 3, 2 / 3, 1, 7 / 8, 6 / 8, 5 / 8, 4 / 8, 3 / 8, 2 / 8, 1 / 8]
    assert [ten.learning_rate(step) for step in range(10)] == pytest.approx(expected)


def test_a_training_of_one_step_has_the_full_learning_rate() -> None:
    assert empty_schedule(replace(TRAINING, learning_rate=0.5), 1).learning_rate(0) == 0.5


def test_the_loss_curve_contains_means_over_equal_intervals() -> None:
    assert loss_curve([float(i) for i in range(40)]) == tuple(2 * i + 0.5 for i in range(20))
    assert loss_curve([3.0, 1.0]) == (3.0, 1.0)
    assert loss_curve([]) == ()


@pytest.mark.parametrize("options", [{}, DEFENCES], ids=["plain", "defences"])
@pytest.mark.parametrize("task", ["claims", "gaps", "words", "questions"])
def test_micro_batches_give_the_gradient_of_the_whole_batch(
    body: MakeBody, reader: DataReader, task: str, options: dict[str, Any]
) -> None:
    spec = stage(task, training=replace(TRAINING, learning_rate=1e-9, clip=1e9, **options))
    net, schedule = new_net(body(), spec, reader, CPU).eval(), make_schedule(spec, reader)
    gradients = []
    for micro_tokens in (10**6, 32):
        batches = micro_batches(schedule, 0, micro_tokens, WHOLE)
        assert (len(batches[0]) > 1) == (micro_tokens == 32)
        _step(net, make_optimizer(net, spec.training), task, batches, spec.training, Team())
        gradients.append({name: p.grad.clone() for name, p in net.named_parameters() if p.grad is not None})
    whole, split = gradients
    assert whole.keys() == split.keys()
    assert max(float((whole[name] - split[name]).abs().max()) for name in whole) < 1e-6


def test_the_error_for_a_loss_that_is_not_finite_gives_step_learning_rate_and_remedy(
    body: MakeBody, reader: DataReader, context: StageContext
) -> None:
    def broken() -> nn.Module:
        body_with_nan = body()
        with torch.no_grad():
            body_with_nan.embeddings.word_embeddings.weight.fill_(float("nan"))  # type: ignore[union-attr, operator]
        return body_with_nan

    with pytest.raises(TrialError, match=r"step 20 with learning_rate=0\.003: lower the upper bound"):
        run_stage(broken, STAGES["tag"], reader, context)


@pytest.mark.parametrize("shortage", [no_device_memory, no_main_memory])
def test_out_of_memory_halves_the_micro_batch_and_keeps_the_effective_batch(
    body: MakeBody, reader: DataReader, context: StageContext, messages: list[str], shortage: Callable[[], None]
) -> None:
    spec = stage("claims", training=replace(LONG, batch_size=16, micro_tokens=1024))
    uninterrupted = run_stage(
        body, spec, reader, replace(context, checkpoints=replace(context.checkpoints, name="two.pt"))
    )
    context.checkpoints.clear()
    tight = run_stage(limited_memory(body, 150, shortage), spec, reader, context)
    assert tight.progress.micro_tokens == 128
    assert [line.split(";")[0] for line in messages] == [
        f"Out of memory: continuing with {tokens} tokens per micro-batch" for tokens in (512, 256, 128)
    ]
    assert tight.progress.examples == uninterrupted.progress.examples
    assert (tight.progress.step, tight.progress.tokens) == (uninterrupted.progress.step, uninterrupted.progress.tokens)
    assert tight.progress.losses[0] == pytest.approx(uninterrupted.progress.losses[0], abs=0.1)


def test_out_of_memory_on_a_share_of_a_gpu_ends_the_attempt_with_the_same_micro_batch(
    body: MakeBody, reader: DataReader, context: StageContext, messages: list[str]
) -> None:
    spec = stage("claims", training=replace(LONG, batch_size=16, micro_tokens=1024))
    with pytest.raises(torch.OutOfMemoryError):
        run_stage(limited_memory(body, 150), spec, reader, replace(context, shares_gpu=True))
    assert messages == []


def test_a_resumed_training_keeps_the_smaller_micro_batch_of_an_out_of_memory(
    body: MakeBody, reader: DataReader, context: StageContext
) -> None:
    spec = stage("claims", training=replace(LONG, batch_size=16, micro_tokens=256))
    with pytest.raises(Killed):
        run_stage(killed_at(limited_memory(body, 150), 60), spec, reader, context)
    assert context.checkpoints.load(context.notify) is not None
    assert run_stage(body, spec, reader, context).progress.micro_tokens == 128


def test_a_training_fails_with_a_reason_if_the_smallest_micro_batch_does_not_fit(
    body: MakeBody, reader: DataReader, context: StageContext
) -> None:
    with pytest.raises(TrialError, match="Out of memory even with 64 tokens per pass: use fewer trials per device"):
        run_stage(
            limited_memory(body, 2), stage("claims", training=replace(TRAINING, micro_tokens=128)), reader, context
        )


def test_biases_and_norms_have_no_weight_decay(body: MakeBody) -> None:
    net = Net(body(), {"words": ("token", 3)})
    decaying, free = make_optimizer(net, TRAINING).param_groups
    assert decaying["weight_decay"] == TRAINING.weight_decay
    assert free["weight_decay"] == 0
    assert {p.dim() for p in free["params"]} == {1}
    assert min(p.dim() for p in decaying["params"]) == 2
