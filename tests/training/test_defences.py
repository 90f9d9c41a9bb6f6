"""Noise and adversarial steps in the token embeddings of a training."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from sweeper.plan.tokens import stage_tokens
from sweeper.space import Stage, Training
from sweeper.training.defences import Draws, _shifted, adversarial_step, backward, uniform_noise
from sweeper.training.gradients import loss_function
from sweeper.training.loop import StageContext
from sweeper.training.model import Net
from sweeper.training.schedule import WHOLE, micro_batches
from sweeper.training.stage import DataReader, make_schedule, new_net, run_stage
from tests.training.conftest import CPU
from tests.tuning.imaginary import SMALL
from tests.worlds import TRAINING, stage

Case = tuple[Net, dict[str, Tensor], Callable[[], Tensor]]


@pytest.fixture
def case(body: Callable[[], nn.Module], reader: DataReader) -> Case:
    """A net without dropout, a batch of 8 pairs of different lengths, and the loss on it."""
    spec = stage("claims", training=replace(TRAINING, batch_size=8))
    net, schedule = new_net(body(), spec, reader, CPU).eval(), make_schedule(spec, reader)
    [batch], _ = micro_batches(schedule, 0, 10**6, WHOLE)
    batch["attention_mask"][0, -3:] = 0
    return net, batch, loss_function(net, "claims", batch, 8, "fp32")


def draws(batch: dict[str, Tensor], seeds: range) -> Draws:
    return list(zip(batch["attention_mask"].sum(dim=1).tolist(), seeds, strict=True))


def test_noise_is_uniform_within_its_bound_and_padding_has_none(case: Case) -> None:
    net, batch, _ = case
    noise = uniform_noise(net, batch, draws(batch, range(8)), alpha=5.0)
    for row, length in zip(noise, batch["attention_mask"].sum(dim=1).tolist(), strict=True):
        bound = 5.0 / (length * noise.shape[2]) ** 0.5
        assert 0.99 * bound < row.abs().max() <= bound
        # The norm of a uniform vector is alpha / sqrt(3).
        assert float(row.norm()) == pytest.approx(5.0 / 3**0.5, rel=0.05)
        assert not row[length:].any()


def test_the_noise_of_a_feature_depends_on_its_seed_only(case: Case) -> None:
    net, batch, _ = case
    noise = uniform_noise(net, batch, draws(batch, range(8)), alpha=5.0)
    last = {name: tensor[4:] for name, tensor in batch.items() if tensor.dim()}
    assert torch.equal(uniform_noise(net, last, draws(last, range(4, 8)), alpha=5.0), noise[4:])
    assert not torch.equal(uniform_noise(net, last, draws(last, range(4)), alpha=5.0), noise[4:])


def test_an_adversarial_step_has_its_norm_and_raises_the_loss_more_than_a_random_step(case: Case) -> None:
    net, batch, loss_of = case
    shift = torch.zeros((*batch["input_ids"].shape, net.width), requires_grad=True)
    with _shifted(net, shift):
        clean = loss_of()
    [gradient] = torch.autograd.grad(clean, shift)
    step = adversarial_step(gradient, 0.5)
    assert step.flatten(1).norm(dim=1).tolist() == pytest.approx([0.5] * 8)
    assert not step[batch["attention_mask"] == 0].any()
    random = adversarial_step(torch.randn(step.shape, generator=torch.Generator().manual_seed(0)), 0.5)
    raised = []
    for change in (step, random):
        with _shifted(net, change), torch.no_grad():
            raised.append(float(loss_of() - clean))
    assert raised[0] > 5 * abs(raised[1])


def test_a_feature_without_a_gradient_has_no_step() -> None:
    gradient = torch.stack([torch.zeros(3, 4), torch.ones(3, 4)])
    assert adversarial_step(gradient, 2.0).flatten(1).norm(dim=1).tolist() == pytest.approx([0.0, 2.0])


def test_the_gradient_is_the_mean_of_those_without_and_with_the_step_and_the_net_stays_unshifted(case: Case) -> None:
    net, batch, loss_of = case
    clean = loss_of()
    shift = torch.zeros((*batch["input_ids"].shape, net.width), requires_grad=True)
    with _shifted(net, shift):
        [gradient] = torch.autograd.grad(loss_of(), shift)
    with _shifted(net, adversarial_step(gradient, 0.5)):
        attacked = loss_of()
    parameters = [parameter for parameter in net.parameters() if parameter.requires_grad]
    expected = torch.autograd.grad((clean + attacked) / 2, parameters, allow_unused=True)
    loss = backward(net, batch, draws(batch, range(8)), replace(TRAINING, adversarial=0.5), loss_of)
    assert float(loss) == pytest.approx(float((clean + attacked).detach() / 2))
    for parameter, gradient_of_mean in zip(parameters, expected, strict=True):
        if gradient_of_mean is not None:
            assert parameter.grad is not None
            assert torch.allclose(parameter.grad, gradient_of_mean, atol=1e-6)
    assert torch.equal(loss_of(), clean)


def test_an_adversarial_training_counts_each_token_twice(
    body: Callable[[], nn.Module], reader: DataReader, context: StageContext
) -> None:
    plain = run_stage(body, stage("claims"), reader, context).progress
    context.checkpoints.clear()
    defended = stage("claims", training=replace(TRAINING, adversarial=0.5))
    progress = run_stage(body, defended, reader, context).progress
    assert (progress.tokens, progress.step, progress.examples) == (2 * plain.tokens, plain.step, plain.examples)
    planned = [
        stage_tokens(SMALL, Stage(tasks=("claims",), training=training), sets_aside=False)
        for training in (Training(), Training(embedding_noise=5.0), Training(adversarial=0.5))
    ]
    assert planned == [planned[0], planned[0], 2 * planned[0]]
