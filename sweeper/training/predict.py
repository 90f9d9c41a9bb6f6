"""Outputs of a net for all features of a data set, computed in batches of similar length."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from torch import Tensor

from sweeper.errors import TrialError
from sweeper.formats.interface import IGNORED, Array, Features, Outputs
from sweeper.training.batches import Masking, by_length, mask_features, pad_features, pad_flat
from sweeper.training.heads import Batch
from sweeper.training.model import Net
from sweeper.training.runtime import TOO_LITTLE_MEMORY, autocast, halved, main_memory_errors

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
    """Maximum number of tokens in a forward pass. It is halved when the device runs out of memory, except on a share of
    a GPU."""
    masking: Masking | None = None
    """Needed to evaluate masked language modelling."""
    notify: Callable[[str], None]
    """Called with each message for the user."""
    shares_gpu: bool = False
    """Whether the trial has only a share of a GPU."""

    @property
    def device(self) -> torch.device:
        """Device of the net."""
        return next(self.net.parameters()).device

    def heads(self, task: str, features: Features, *, with_gold: bool = False) -> Outputs:
        """Outputs of the head of a task for all features, as described by `formats.interface.Outputs`.

        With `with_gold`, a head of tokens also gives the log-probabilities of the labels in `features`, which have the
        numbers of its own label set. Raises TrialError if an output is not finite.
        """
        head = self.net.head(task)
        if head.is_masked:
            assert self.masking is not None
            features = mask_features(features, self.masking, MASK_SEED)
        elif not with_gold:
            features = replace(features, labels={})
        return self._run(features, lambda batch: head.outputs(self.net.hidden(batch), batch), head.token_outputs)

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

    def states(self, features: Features, positions: Array) -> Array:
        """The last hidden state (n, hidden) of one token of each feature, at the given positions (n,).

        Raises TrialError if a state is not finite.
        """
        numbered = replace(features, labels={**features.labels, "position": positions})
        return self._run(numbered, self._at_positions)["states"]

    def mean_vector(self, features: Features) -> Array:
        """The mean over features of their sentence vectors (hidden,): means of the last hidden states of all tokens.

        Raises TrialError if it is not finite.
        """
        means: Array = self._run(replace(features, labels={}), self._token_means)["means"].mean(
            axis=0, dtype=np.float64
        )
        return means

    def _token_means(self, batch: Batch) -> dict[str, Tensor]:
        mask = batch["attention_mask"].unsqueeze(-1).float()
        return {"means": (self.net.hidden(batch).float() * mask).sum(dim=1) / mask.sum(dim=1)}

    def _at_positions(self, batch: Batch) -> dict[str, Tensor]:
        hidden = self.net.hidden(batch)
        return {"states": hidden[torch.arange(len(hidden), device=hidden.device), batch["position"]].float()}

    def _pooled(self, layers: Sequence[int], pooling: str, batch: Batch) -> dict[str, Tensor]:
        """The vectors (n, hidden) of a batch for each layer; the keys are those of `_vector_name`."""
        states, mask = self.net.layers(batch), batch["attention_mask"].unsqueeze(-1).float()
        if pooling == "cls":
            return {_vector_name(layer): states[layer][:, 0].float() for layer in layers}
        return {_vector_name(layer): (states[layer].float() * mask).sum(dim=1) / mask.sum(dim=1) for layer in layers}

    def _run(self, features: Features, compute: Compute, by_token: Sequence[str] = ()) -> dict[str, Array]:
        """Outputs of all features, computed with smaller passes after an out-of-memory error.

        With only a share of a GPU, the error is raised instead. `by_token` names the outputs with one value for each
        token.
        """
        self.net.eval()
        micro_tokens = self.micro_tokens
        while True:
            try:
                with main_memory_errors():
                    outputs = self._all(features, compute, micro_tokens, by_token)
            except TOO_LITTLE_MEMORY as error:
                if self.shares_gpu:
                    raise
                micro_tokens = halved(micro_tokens, error)
                self.notify(f"Out of memory in an evaluation: continuing with {micro_tokens} tokens per pass.")
                continue
            _check_finite(outputs)
            return outputs

    @torch.inference_mode()
    def _all(
        self, features: Features, compute: Compute, micro_tokens: int, by_token: Sequence[str]
    ) -> dict[str, Array]:
        device = self.device
        collected: dict[str, Array] = {}
        for numbers in by_length(features, micro_tokens):
            batch = {name: tensor.to(device) for name, tensor in self._batch(features, numbers).items()}
            with autocast(device, self.precision):
                outputs = compute(batch)
            for name, tensor in outputs.items():
                store = _store_tokens if name in by_token else _store_features
                store(collected, name, tensor.cpu().numpy(), features, numbers)
        return collected

    def _batch(self, features: Features, numbers: Array) -> dict[str, Tensor]:
        batch = pad_features(features, numbers, self.pad)
        if "masked" in features.labels:
            batch["masked"] = pad_flat(features.labels["masked"], features.offsets, numbers, IGNORED)
            batch["embeddings"] = self.net.embeddings()  # the output weights of the masked head
        if "tags" in features.labels:
            batch["tags"] = pad_flat(features.labels["tags"], features.offsets, numbers, IGNORED)
        if "position" in features.labels:
            batch["position"] = torch.from_numpy(features.labels["position"][numbers])
        return batch


def _vector_name(layer: int) -> str:
    return f"vectors of layer {layer}"


def _store_features(collected: dict[str, Array], name: str, values: Array, features: Features, numbers: Array) -> None:
    """Copy one output of a batch (b, ...) into the array of the data set (n, ...), at the given feature numbers."""
    if name not in collected:
        collected[name] = np.zeros((len(features.offsets) - 1, *values.shape[1:]), dtype=_dtype(values))
    collected[name][numbers] = values


def _store_tokens(collected: dict[str, Array], name: str, values: Array, features: Features, numbers: Array) -> None:
    """Copy one output of a batch (b, length) into the array of the data set (t,), at the given feature numbers."""
    offsets = np.asarray(features.offsets)
    if name not in collected:
        collected[name] = np.zeros(int(offsets[-1]), dtype=_dtype(values))
    for row, number in enumerate(numbers.tolist()):
        start, end = offsets[number], offsets[number + 1]
        collected[name][start:end] = values[row, : end - start]  # without the padding


def _dtype(values: Array) -> type[np.generic]:
    return np.int32 if values.dtype.kind == "i" else np.float32


def _check_finite(outputs: Outputs) -> None:
    for name, values in outputs.items():
        # Checking the extremes needs no second array. If any value is NaN, both extremes are NaN.
        extremes = values.min(initial=0), values.max(initial=0)
        if not np.isfinite(extremes).all():
            raise TrialError(
                f"The evaluation computed {name} that are not finite: the training diverged. Lower the learning rate."
            )
