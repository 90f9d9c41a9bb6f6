"""Outputs of a net for all features of a data set, computed in batches of similar length."""

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
"""Outputs with one value for each token: (n, length) in a batch, (t,) for a data set."""
MAX_VECTOR_BYTES = 2**30
"""Maximum size of the vectors, of all layers together, that one pass over a data set computes."""
MASK_SEED = 0
"""Seed of the masks in an evaluation. It is constant, so that all trainings are evaluated on the same masked tokens."""

Compute = Callable[[Batch], Mapping[str, Tensor]]


@dataclass(frozen=True, kw_only=True)
class Predictor:
    """A net with the settings of its evaluation."""

    net: Net
    pad: int
    """Token id of padding."""
    precision: str
    micro_tokens: int
    """Maximum number of tokens in a forward pass. It is halved when the device runs out of memory."""
    masking: Masking | None = None
    """Needed to evaluate masked language modelling."""
    notify: Callable[[str], None]
    """Called with each message for the user."""

    @property
    def device(self) -> torch.device:
        """Device of the net."""
        return next(self.net.parameters()).device

    def heads(self, task: str, features: Features) -> Outputs:
        """Outputs of the head of a task for all features, as described by `formats.interface.Outputs`.

        Raises TrialError if an output is not finite.
        """
        head = self.net.head(task)
        if isinstance(head, MaskedHead):
            assert self.masking is not None
            features = mask_features(features, self.masking, MASK_SEED)
        return self._run(features, lambda batch: head.outputs(self.net.hidden(batch), batch))

    def vectors(self, layers: Sequence[int], pooling: str, features: Features) -> Iterator[Outputs]:
        """Sentence vectors of each of the hidden layers in turn: `vectors` (n, hidden), one for each feature.

        `pooling` is `mean` (over all tokens, including special tokens) or `cls` (the first token). `layers` must be
        distinct. One pass over the features computes as many layers as fit into MAX_VECTOR_BYTES. The generator keeps
        no reference to an array that it has yielded, so the caller may free or modify it.

        Raises TrialError if a vector is not finite.
        """
        step = max(1, MAX_VECTOR_BYTES // (4 * self.net.width * (len(features.offsets) - 1)))
        for first in range(0, len(layers), step):
            pass_layers = layers[first : first + step]
            vectors = self._run(features, partial(self._pooled, pass_layers, pooling))
            yield from ({"vectors": vectors.pop(_vector_name(layer))} for layer in pass_layers)

    def _pooled(self, layers: Sequence[int], pooling: str, batch: Batch) -> dict[str, Tensor]:
        """Vectors (n, hidden) of a batch for each layer, by the name that `_vector_name` gives the layer."""
        states, mask = self.net.layers(batch), batch["attention_mask"].unsqueeze(-1).float()
        if pooling == "cls":
            return {_vector_name(layer): states[layer][:, 0].float() for layer in layers}
        return {_vector_name(layer): (states[layer].float() * mask).sum(dim=1) / mask.sum(dim=1) for layer in layers}

    def _run(self, features: Features, compute: Compute) -> dict[str, Array]:
        """Outputs of all features, computed with smaller passes after an out-of-memory."""
        self.net.eval()
        micro_tokens = self.micro_tokens
        while True:
            try:
                outputs = self._all(features, compute, micro_tokens)
            except TOO_LITTLE_MEMORY as error:
                micro_tokens = halved(micro_tokens, error)
                self.notify(f"Out of memory in an evaluation: continuing with {micro_tokens} tokens per pass.")
                continue
            _check_finite(outputs)
            return outputs

    @torch.inference_mode()
    def _all(self, features: Features, compute: Compute, micro_tokens: int) -> dict[str, Array]:
        device = self.device
        collected: dict[str, Array] = {}
        for numbers in by_length(features, micro_tokens):
            batch = {name: tensor.to(device) for name, tensor in self._batch(features, numbers).items()}
            with autocast(device, self.precision):
                outputs = compute(batch)
            for name, tensor in outputs.items():
                _store_outputs(collected, name, tensor.cpu().numpy(), features, numbers)
        return collected

    def _batch(self, features: Features, numbers: Array) -> dict[str, Tensor]:
        batch = pad_features(features, numbers, self.pad)
        if "masked" in features.labels:
            batch["masked"] = pad_flat(features.labels["masked"], features.offsets, numbers, IGNORED)
            batch["embeddings"] = self.net.embeddings()
        return batch


def _vector_name(layer: int) -> str:
    return f"vectors of layer {layer}"


def _store_outputs(collected: dict[str, Array], name: str, values: Array, features: Features, numbers: Array) -> None:
    """Copy one output of a batch into the array of the data set, at the given feature numbers."""
    offsets = np.asarray(features.offsets)
    if name not in collected:
        shape = (int(offsets[-1]),) if name in BY_TOKEN else (len(offsets) - 1, *values.shape[1:])
        collected[name] = np.zeros(shape, dtype=np.int32 if values.dtype.kind == "i" else np.float32)
    if name not in BY_TOKEN:
        collected[name][numbers] = values
        return
    for row, number in enumerate(numbers.tolist()):
        start, end = offsets[number], offsets[number + 1]
        collected[name][start:end] = values[row, : end - start]  # without the padding


def _check_finite(outputs: Outputs) -> None:
    for name, values in outputs.items():
        # Checking the extremes needs no second array. If any value is NaN, both extremes are NaN.
        extremes = values.min(initial=0), values.max(initial=0)
        if not np.isfinite(extremes).all():
            raise TrialError(
                f"The evaluation computed {name} that are not finite: the training diverged. Lower the learning rate."
            )
