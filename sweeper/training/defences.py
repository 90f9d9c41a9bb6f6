"""Defences against perturbed texts: noise and adversarial steps in the token embeddings of each training step."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from sweeper.space import Training
from sweeper.training.heads import Batch
from sweeper.training.model import Net

Draws = Sequence[tuple[int, int]]
"""For each feature of a batch, its number of tokens without padding, and the seed of its noise."""


def backward(net: Net, batch: Batch, draws: Draws, training: Training, loss_of: Callable[[], Tensor]) -> Tensor:
    """Add the gradient of a micro-batch to the gradients of the net. Returns its loss.

    `loss_of` computes the loss with a forward pass. With an adversarial step, the loss is the mean of that without the
    step and that with it (Goodfellow et al. 2015, section 5).
    """
    shift = uniform_noise(net, batch, draws, training.embedding_noise) if training.embedding_noise else None
    if not training.adversarial:
        with _shifted(net, shift):
            loss = loss_of()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.detach()
    shift = (_zeros(net, batch) if shift is None else shift).requires_grad_()
    with _shifted(net, shift):
        loss = loss_of() / 2
    loss.backward()  # type: ignore[no-untyped-call]
    assert shift.grad is not None
    with _shifted(net, shift.detach() + adversarial_step(shift.grad, training.adversarial)):
        adversarial_loss = loss_of() / 2
    adversarial_loss.backward()  # type: ignore[no-untyped-call]
    return (loss + adversarial_loss).detach()


def uniform_noise(net: Net, batch: Batch, draws: Draws, alpha: float) -> Tensor:
    """Noise (n, length, embedding), uniform within +-alpha / sqrt(tokens * embedding size): NEFTune, Jain et al. 2024.

    Each feature has its own seed, so that its noise does not depend on the micro-batch. Padding has none.
    """
    noise = _zeros(net, batch)
    generator = torch.Generator(device=noise.device)
    for row, (length, seed) in enumerate(draws):
        generator.manual_seed(seed)
        uniform = torch.rand((length, noise.shape[2]), generator=generator, device=noise.device)
        noise[row, :length] = (2 * uniform - 1) * alpha / (length * noise.shape[2]) ** 0.5
    return noise


def adversarial_step(gradient: Tensor, size: float) -> Tensor:
    """A step of the given L2 norm in the direction of the gradient (n, length, embedding) of each feature.

    This is the fast gradient method of Miyato et al. 2017. A feature without a gradient, because it has no label, has
    no step.
    """
    norms = gradient.flatten(1).norm(dim=1)[:, None, None]
    return torch.where(norms > 0, size * gradient / norms.clamp_min(torch.finfo(norms.dtype).tiny), 0.0)


@contextmanager
def _shifted(net: Net, shift: Tensor | None) -> Iterator[None]:
    """Add a tensor (n, length, embedding), if there is one, to the token embeddings in all forward passes."""
    if shift is None:
        yield
        return
    table: Any = net.body.get_input_embeddings()  # type: ignore[operator]
    hook = table.register_forward_hook(lambda module, inputs, embedded: embedded + shift)
    try:
        yield
    finally:
        hook.remove()


def _zeros(net: Net, batch: Batch) -> Tensor:
    return torch.zeros((*batch["input_ids"].shape, net.embeddings().shape[1]), device=batch["input_ids"].device)
