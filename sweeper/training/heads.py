"""Task heads with their losses and properties: one class for each head type, and the table of them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from sweeper.formats.interface import IGNORED, Array, Features

Batch = Mapping[str, Tensor]
COSINE_SCALE = 100.0
"""Initial factor of the cosines in the dual encoder's loss. The factor is learned, as in XTREME-R."""


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """Sizes of a head, and its dropout."""

    hidden: int
    """Size of a hidden state."""
    labels: int
    """Number of labels; for masked language modelling the size of the vocabulary."""
    embedding: int
    """Size of a token embedding of the body."""
    dropout: float


class Head(nn.Module):
    """Computes outputs and a loss from hidden states (n, length, hidden).

    A subclass declares its properties. Other modules test a property, never the name of a head.
    """

    labels: ClassVar[str]
    """Name of the label array. A loss is averaged over the entries of this array that are not IGNORED."""
    token_labels: ClassVar[tuple[str, ...]] = ()
    """Label arrays with one value for each token."""
    token_outputs: ClassVar[tuple[str, ...]] = ()
    """Outputs with one value for each token: (n, length) in a batch, (t,) for a data set."""
    has_item_labels: ClassVar[bool] = False
    """Whether the other label arrays have one value for each item (m,) instead of each feature (n,)."""
    is_masked: ClassVar[bool] = False
    """Whether the head predicts masked tokens from the vocabulary."""
    is_contrastive: ClassVar[bool] = False
    """Whether the loss compares the items of a batch with each other, so that a batch cannot be split."""
    has_one_label: ClassVar[bool] = False
    """Whether an item has one label, so that the loss adds to `seen`."""
    seen: list[Tensor] | None = None
    """If it is a list, the loss adds a tensor (2, m) for each batch: the probabilities of the gold labels of its items,
    and whether these are the predictions."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()

    @classmethod
    def extra_arrays(cls, features: Features, items: Array) -> dict[str, Array]:
        """Arrays that the loss needs for a batch of these items, in addition to the inputs and labels."""
        return {}

    @classmethod
    def indices(cls, batch: Batch) -> dict[str, Tensor]:
        """Indices that the loss needs for a batch, in addition to its arrays. They are computed on the CPU, because it
        would have to wait for a GPU that computes their number.
        """
        return {}

    def outputs(self, hidden: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Outputs of a batch, float32."""
        raise NotImplementedError

    def loss(self, hidden: Tensor, batch: Batch) -> Tensor:
        """The loss summed over the labels of a batch."""
        raise NotImplementedError


class SequenceHead(Head):
    """Classifies a feature by the hidden state of its first token, as RoBERTa's classification head does."""

    labels = "label"
    has_one_label = True

    def __init__(self, sizes: Sizes) -> None:
        super().__init__(sizes)
        self.dense = nn.Linear(sizes.hidden, sizes.hidden)
        self.dropout = nn.Dropout(sizes.dropout)
        self.out = nn.Linear(sizes.hidden, sizes.labels)

    def _logits(self, hidden: Tensor) -> Tensor:
        first = self.dropout(hidden[:, 0])
        logits: Tensor = self.out(self.dropout(torch.tanh(self.dense(first))))
        return logits.float()

    def outputs(self, hidden: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Logits (n, labels)."""
        return {"logits": self._logits(hidden)}

    def loss(self, hidden: Tensor, batch: Batch) -> Tensor:
        """Cross-entropy."""
        return self._cross_entropy(self._logits(hidden), batch["label"])

    def _cross_entropy(self, logits: Tensor, gold: Tensor) -> Tensor:
        """The summed loss of logits (m, labels) with the gold labels (m,), which are added to `seen`."""
        if self.seen is not None:
            probabilities = logits.detach().softmax(dim=1).gather(1, gold[:, None])[:, 0]
            self.seen.append(torch.stack([probabilities, (logits.argmax(dim=1) == gold).float()]))
        return functional.cross_entropy(logits, gold, reduction="sum", ignore_index=IGNORED)


class ChoiceHead(SequenceHead):
    """Scores each choice of an item by the hidden state of its first token. An item may have 2 or more choices."""

    has_item_labels = True

    def __init__(self, sizes: Sizes) -> None:
        super().__init__(replace(sizes, labels=1))

    def outputs(self, hidden: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Scores (n,), one for each choice."""
        return {"score": self._logits(hidden)[:, 0]}

    @classmethod
    def extra_arrays(cls, features: Features, items: Array) -> dict[str, Array]:
        """`choices` (m, most choices): the features of each item, as rows of the batch; -1 after its last choice."""
        starts = np.asarray(features.items)
        counts = starts[items + 1] - starts[items]
        firsts, numbers = np.cumsum(counts) - counts, np.arange(counts.max())
        choices = np.where(numbers[None, :] < counts[:, None], firsts[:, None] + numbers[None, :], -1)
        return {"choices": choices.astype(np.int64)}

    def loss(self, hidden: Tensor, batch: Batch) -> Tensor:
        """Cross-entropy over the choices of each item."""
        choices, scores = batch["choices"], self._logits(hidden)[:, 0]
        # Items with fewer choices are padded with -inf, which softmax gives no probability.
        table = scores[choices.clamp(min=0)].masked_fill(choices < 0, float("-inf"))
        return self._cross_entropy(table, batch["label"])


class TokenHead(Head):
    """Classifies each token."""

    labels = "tags"
    token_labels = ("tags",)
    token_outputs = ("best", "log_best", "log_gold")

    def __init__(self, sizes: Sizes) -> None:
        super().__init__(sizes)
        self.dropout = nn.Dropout(sizes.dropout)
        self.out = nn.Linear(sizes.hidden, sizes.labels)

    def outputs(self, hidden: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Index of the best label (n, length).

        If the batch has `tags`, also the log-probabilities `log_best` of that label and `log_gold` of the tag, which is
        0 at tokens without one.
        """
        logits = self.out(hidden)
        best = logits.argmax(dim=-1)
        if "tags" not in batch:
            return {"best": best}
        logs = functional.log_softmax(logits.float(), dim=-1)
        gold = logs.gather(-1, batch["tags"].clamp(min=0).unsqueeze(-1)).squeeze(-1)
        return {
            "best": best,
            "log_best": logs.gather(-1, best.unsqueeze(-1)).squeeze(-1),
            "log_gold": torch.where(batch["tags"] == IGNORED, 0.0, gold),
        }

    @classmethod
    def indices(cls, batch: Batch) -> dict[str, Tensor]:
        """The labelled tokens."""
        return _labelled(batch["tags"])

    def loss(self, hidden: Tensor, batch: Batch) -> Tensor:
        """Cross-entropy over the labelled tokens."""
        labelled = batch["labelled"]  # selected before the linear layer, which is then smaller
        logits = self.out(self.dropout(hidden.flatten(0, 1)[labelled])).float()
        return functional.cross_entropy(logits, batch["tags"].flatten()[labelled], reduction="sum")


class SpanHead(Head):
    """Scores each token as the start and as the end of the answer. The first token means that there is no answer."""

    labels = "start"
    token_outputs = ("start", "end")

    def __init__(self, sizes: Sizes) -> None:
        super().__init__(sizes)
        self.out = nn.Linear(sizes.hidden, 2)

    def outputs(self, hidden: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Start and end logits (n, length)."""
        start, end = self.out(hidden).float().unbind(dim=-1)
        return {"start": start, "end": end}

    def loss(self, hidden: Tensor, batch: Batch) -> Tensor:
        """Mean of the cross-entropies of `start` and `end` (n,), token positions in the feature."""
        padding = batch["attention_mask"] == 0
        logits = [scores.masked_fill(padding, float("-inf")) for scores in self.outputs(hidden, batch).values()]
        losses = [
            functional.cross_entropy(logits[i], batch[name], reduction="sum") for i, name in enumerate(("start", "end"))
        ]
        return (losses[0] + losses[1]) / 2


class DualHead(Head):
    """Maps a text to a vector of length 1, with shared weights for queries and candidates (XTREME-R's
    BertForRetrieval).
    """

    labels = "right"
    has_item_labels = True
    is_contrastive = True

    def __init__(self, sizes: Sizes) -> None:
        super().__init__(sizes)
        self.dense = nn.Linear(sizes.hidden, sizes.hidden)
        self.scale = nn.Parameter(torch.full((1,), COSINE_SCALE))

    def _vectors(self, hidden: Tensor) -> Tensor:
        return functional.normalize(torch.tanh(self.dense(hidden[:, 0])).float(), dim=1)

    def outputs(self, hidden: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Vectors (n, hidden)."""
        return {"vectors": self._vectors(hidden)}

    def loss(self, hidden: Tensor, batch: Batch) -> Tensor:
        """Cross-entropy of each query over all candidates of the batch.

        The features alternate: query, candidate, query ... `right` (m,) is a hash of the candidate of each item. A
        candidate of another pair with the same text (the same hash) is not used as a negative.
        """
        vectors = self._vectors(hidden)
        queries, candidates = vectors[0::2], vectors[1::2]
        # The scale multiplies the rounding error of a cosine by 100, which is too much in bfloat16.
        with torch.autocast(hidden.device.type, enabled=False):
            cosines = queries @ candidates.T
        diagonal = torch.eye(len(cosines), dtype=torch.bool, device=cosines.device)
        same_text = batch["right"][:, None] == batch["right"][None, :]
        logits = (self.scale * cosines).masked_fill(same_text & ~diagonal, float("-inf"))
        return functional.cross_entropy(logits, torch.arange(len(logits), device=logits.device), reduction="sum")


class MaskedHead(Head):
    """Predicts masked tokens. Its output weights are the token embeddings of the body.

    If these are narrower than the hidden states, the dense layer maps to their size (ALBERT, Lan et al. 2020).
    """

    labels = "masked"
    token_labels = ("masked",)
    is_masked = True

    def __init__(self, sizes: Sizes) -> None:
        super().__init__(sizes)
        self.dense = nn.Linear(sizes.hidden, sizes.embedding)
        self.norm = nn.LayerNorm(sizes.embedding)
        self.bias = nn.Parameter(torch.zeros(sizes.labels))
        if sizes.embedding == sizes.hidden:
            # Close to the identity, because the hidden states of a pretrained body already predict tokens well.
            nn.init.eye_(self.dense.weight)
            nn.init.zeros_(self.dense.bias)

    @classmethod
    def indices(cls, batch: Batch) -> dict[str, Tensor]:
        """The masked tokens."""
        return _labelled(batch["masked"])

    def _logits(self, states: Tensor, batch: Batch) -> Tensor:
        """Logits (masked tokens, vocabulary) from their hidden states. `embeddings` (vocabulary, embedding) are those
        of the body.
        """
        projected = self.norm(functional.gelu(self.dense(states)))
        return functional.linear(projected, batch["embeddings"], self.bias).float()

    def outputs(self, hidden: Tensor, batch: Batch) -> dict[str, Tensor]:
        """For each feature (n,): the summed `loss`, the numbers of `masked` tokens and of those that are `restored`
        (predicted correctly), and the loss of a `uniform` guess.
        """
        masked = batch["masked"] != IGNORED
        gold, logits = batch["masked"][masked], self._logits(hidden[masked], batch)
        losses = functional.cross_entropy(logits, gold, reduction="none")
        restored = (logits.argmax(dim=1) == gold).float()
        count = masked.sum(dim=1).float()
        return {
            "loss": _sums_by_feature(losses, masked),
            "masked": count,
            "restored": _sums_by_feature(restored, masked),
            "uniform": count * math.log(len(batch["embeddings"])),
        }

    def loss(self, hidden: Tensor, batch: Batch) -> Tensor:
        """Cross-entropy over the masked tokens."""
        labelled = batch["labelled"]
        logits = self._logits(hidden.flatten(0, 1)[labelled], batch)
        return functional.cross_entropy(logits, batch["masked"].flatten()[labelled], reduction="sum")


def _labelled(labels: Tensor) -> dict[str, Tensor]:
    """`labelled` (k,): the tokens of a batch with a label, as indices of the flat `labels` (n, length)."""
    return {"labelled": (labels.flatten() != IGNORED).nonzero()[:, 0]}


def _sums_by_feature(values: Tensor, masked: Tensor) -> Tensor:
    """Sums over the tokens of each feature (n,) of one value for each masked token; `masked` is (n, length)."""
    return torch.zeros(masked.shape, device=values.device).masked_scatter(masked, values).sum(dim=1)


HEADS: Mapping[str, type[Head]] = {
    "sequence": SequenceHead,
    "choice": ChoiceHead,
    "token": TokenHead,
    "span": SpanHead,
    "mlm": MaskedHead,
    "dual": DualHead,
}
"""`Properties.head` of a format -> the head."""
