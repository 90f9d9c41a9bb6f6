"""From a trained net to outputs: batches by length, results in the order of the features."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from sweeper.errors import TrialError
from sweeper.formats.interface import IGNORED, Array, Features, Outputs
from sweeper.training.batches import Masking, by_length, mask_features, pad_features, pad_flat
from sweeper.training.heads import Batch, MaskedHead
from sweeper.training.model import Net
from sweeper.training.runtime import TOO_LITTLE_MEMORY, autocast, halved

BY_TOKEN = ("best", "start", "end")
"""Outputs with a value for every token, (n, length) in a batch and (t,) when put together."""
MOST_HELD = 2**30
"""Bytes of vectors that one pass makes at most, of several layers together."""
MASK_SEED = 0
"""Every training of every sweep is measured on the same masked tokens."""

Compute = Callable[[Batch], Mapping[str, Tensor]]


@dataclass(frozen=True, kw_only=True)
class Predictor:
    """A net ready to evaluate."""

    net: Net
    pad: int
    """Token id of padding."""
    precision: str
    micro_tokens: int
    """Tokens a pass at most; halved where that does not fit."""
    masking: Masking | None = None
    """How a corpus is masked."""
    notify: Callable[[str], None]
    """Takes a sentence for the user."""

    @property
    def device(self) -> torch.device:
        """Where the net lies."""
        return next(self.net.parameters()).device

    def heads(self, task: str, features: Features) -> Outputs:
        """What a task's head says of all features, laid out as `formats.interface.Outputs` describes.

        Raises TrialError if any output is not finite.
        """
        head = self.net.head(task)
        if isinstance(head, MaskedHead):
            assert self.masking is not None
            features = mask_features(features, self.masking, MASK_SEED)
        return self._run(features, lambda batch: head.outputs(self.net.hidden(batch), batch))

    def vectors(self, layers: Sequence[int], pooling: str, features: Features) -> Iterator[Outputs]:
        """For each hidden layer in turn one vector a feature, `vectors` (n, hidden): the mean over all tokens (special
        ones too), or the first token (`cls`). A pass serves as many layers as MOST_HELD bytes hold. What has been given
        is not held here: who takes it may let go of it, or write to it. No layer twice.

        Raises TrialError if any is not finite.
        """
        step = max(1, MOST_HELD // (4 * self.net.width * (len(features.offsets) - 1)))
        for first in range(0, len(layers), step):
            some = layers[first : first + step]
            found = self._run(features, partial(self._pooled, some, pooling))
            yield from ({"vectors": found.pop(_vectors_of(layer))} for layer in some)

    def _pooled(self, layers: Sequence[int], pooling: str, batch: Batch) -> dict[str, Tensor]:
        states, mask = self.net.layers(batch), batch["attention_mask"].unsqueeze(-1).float()
        if pooling == "cls":
            return {_vectors_of(layer): states[layer][:, 0].float() for layer in layers}
        return {_vectors_of(layer): (states[layer].float() * mask).sum(dim=1) / mask.sum(dim=1) for layer in layers}

    def _run(self, features: Features, compute: Compute) -> dict[str, Array]:
        self.net.eval()
        micro_tokens = self.micro_tokens
        while True:
            try:
                found = self._all(features, compute, micro_tokens)
            except TOO_LITTLE_MEMORY as error:
                micro_tokens = halved(micro_tokens, error)
                self.notify(f"Out of memory in an evaluation: going on with {micro_tokens} tokens a pass.")
                continue
            _check_finite(found)
            return found

    @torch.inference_mode()
    def _all(self, features: Features, compute: Compute, micro_tokens: int) -> dict[str, Array]:
        device = self.device
        found: dict[str, Array] = {}
        for numbers in by_length(features, micro_tokens):
            batch = {name: tensor.to(device) for name, tensor in self._batch(features, numbers).items()}
            with autocast(device, self.precision):
                outputs = compute(batch)
            for name, tensor in outputs.items():
                _place(found, name, tensor.cpu().numpy(), features, numbers)
        return found

    def _batch(self, features: Features, numbers: Array) -> dict[str, Tensor]:
        batch = pad_features(features, numbers, self.pad)
        if "masked" in features.labels:
            batch["masked"] = pad_flat(features.labels["masked"], features.offsets, numbers, IGNORED)
            batch["embeddings"] = self.net.embeddings()
        return batch


def _vectors_of(layer: int) -> str:
    return f"vectors of layer {layer}"


def _place(found: dict[str, Array], name: str, values: Array, features: Features, numbers: Array) -> None:
    offsets = np.asarray(features.offsets)
    if name not in found:
        shape = (int(offsets[-1]),) if name in BY_TOKEN else (len(offsets) - 1, *values.shape[1:])
        found[name] = np.zeros(shape, dtype=np.int32 if values.dtype.kind == "i" else np.float32)
    if name not in BY_TOKEN:
        found[name][numbers] = values
        return
    for row, number in enumerate(numbers.tolist()):
        start, end = offsets[number], offsets[number + 1]
        found[name][start:end] = values[row, : end - start]


def _check_finite(outputs: Outputs) -> None:
    for name, values in outputs.items():
        extremes = values.min(initial=0), values.max(initial=0)  # no second array; NaN is both of them
        if not np.isfinite(extremes).all():
            raise TrialError(f"The evaluation's {name} is not finite: the training diverged; lower the learning rate.")
