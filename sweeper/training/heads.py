"""Task heads and their losses: one module for each head type, and the table of them."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from sweeper.formats.interface import IGNORED, HeadKind

Batch = Mapping[str, Tensor]
COSINE_SCALE = 100.0
"""Initial factor of the cosines in the dual encoder's loss. The factor is learned, as in XTREME-R."""
Loss = tuple[Tensor, int]
"""Sum of the loss, and the number of labels it is summed over."""


class Head(nn.Module):
    """Computes outputs and a loss from hidden states (n, length, hidden).

    `Outputs` in `formats.interface` describes the names and shapes of the outputs.
    """

    def outputs(self, hidden: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Outputs of a batch, float32."""
        raise NotImplementedError

    def loss(self, hidden: Tensor, batch: Batch) -> Tensor:
        """The loss summed over the labels of a batch."""
        raise NotImplementedError


class SequenceHead(Head):
    """Classifies a feature by the hidden state of its first token, as RoBERTa's classification head does."""

    def __init__(self, hidden: int, num_labels: int, dropout: float) -> None:
        super().__init__()
        self.dense = nn.Linear(hidden, hidden)
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(hidden, num_labels)

    def _logits(self, hidden: Tensor) -> Tensor:
        first = self.dropout(hidden[:, 0])
        logits: Tensor = self.out(self.dropout(torch.tanh(self.dense(first))))
        return logits.float()

    def outputs(self, hidden: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Logits (n, labels)."""
        return {"logits": self._logits(hidden)}

    def loss(self, hidden: Tensor, batch: Batch) -> Tensor:
        """Cross-entropy."""
        return functional.cross_entropy(self._logits(hidden), batch["label"], reduction="sum", ignore_index=IGNORED)


class ChoiceHead(SequenceHead):
    """Scores each choice of an item by the hidden state of its first token. An item may have 2 or more choices."""

    def __init__(self, hidden: int, num_labels: int, dropout: float) -> None:
        super().__init__(hidden, 1, dropout)

    def outputs(self, hidden: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Scores (n,), one for each choice."""
        return {"score": self._logits(hidden)[:, 0]}

    def loss(self, hidden: Tensor, batch: Batch) -> Tensor:
        """Cross-entropy over the choices of each item. `slot` (n, 2): the item of a feature, and its choice there."""
        rows, columns = batch["slot"].unbind(dim=1)
        # Items with fewer choices are padded with -inf, which softmax gives no probability.
        table = hidden.new_full((len(batch["label"]), int(columns.max()) + 1), float("-inf"), dtype=torch.float32)
        table = table.index_put((rows, columns), self._logits(hidden)[:, 0])
        return functional.cross_entropy(table, batch["label"], reduction="sum", ignore_index=IGNORED)


class TokenHead(Head):
    """Classifies each token."""

    def __init__(self, hidden: int, num_labels: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(hidden, num_labels)

    def outputs(self, hidden: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Index of the best label (n, length)."""
        return {"best": self.out(hidden).argmax(dim=-1)}

    def loss(self, hidden: Tensor, batch: Batch) -> Tensor:
        """Cross-entropy over the labelled tokens."""
        labelled = batch["tags"] != IGNORED  # selected before the linear layer, which is then smaller
        logits = self.out(self.dropout(hidden[labelled])).float()
        return functional.cross_entropy(logits, batch["tags"][labelled], reduction="sum")


class SpanHead(Head):
    """Scores each token as the start and as the end of the answer. The first token means that there is no answer."""

    def __init__(self, hidden: int, num_labels: int, dropout: float) -> None:
        super().__init__()
        self.out = nn.Linear(hidden, 2)

    def outputs(self, hidden: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Start and end logits (n, length)."""
        start, end = self.out(hidden).float().unbind(dim=-1)
        return {"start": start, "end": end}

    def loss(self, hidden: Tensor, batch: Batch) -> Tensor:
        """Mean of the cross-entropies of start and end."""
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

    def __init__(self, hidden: int, num_labels: int, dropout: float) -> None:
        super().__init__()
        self.dense = nn.Linear(hidden, hidden)
        self.scale = nn.Parameter(torch.full((1,), COSINE_SCALE))

    def _vectors(self, hidden: Tensor) -> Tensor:
        return functional.normalize(torch.tanh(self.dense(hidden[:, 0])).float(), dim=1)

    def outputs(self, hidden: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Vectors (n, hidden)."""
        return {"vectors": self._vectors(hidden)}

    def loss(self, hidden: Tensor, batch: Batch) -> Tensor:
        """Cross-entropy of each query over all candidates of the batch.

        The features alternate: query, candidate, query ... A candidate of another pair with the same text (the same
        hash in `right`) is not used as a negative.
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
    """Predicts masked tokens. Its output weights are the token embeddings of the body."""

    def __init__(self, hidden: int, num_labels: int, dropout: float) -> None:
        super().__init__()
        self.dense = nn.Linear(hidden, hidden)
        self.norm = nn.LayerNorm(hidden)
        self.bias = nn.Parameter(torch.zeros(num_labels))
        # A body trained with masked language modelling predicts tokens from its hidden states: start near the identity.
        nn.init.eye_(self.dense.weight)
        nn.init.zeros_(self.dense.bias)

    def _logits(self, hidden: Tensor, batch: Batch) -> Tensor:
        """Logits (masked tokens, vocabulary). `embeddings` (vocabulary, hidden) are those of the body."""
        state = self.norm(functional.gelu(self.dense(hidden[batch["masked"] != IGNORED])))
        return functional.linear(state, batch["embeddings"], self.bias).float()

    def outputs(self, hidden: Tensor, batch: Batch) -> dict[str, Tensor]:
        """For each feature (n,): the summed `loss`, the number of `masked` tokens, the loss of a `uniform` guess."""
        masked = batch["masked"] != IGNORED
        losses = functional.cross_entropy(self._logits(hidden, batch), batch["masked"][masked], reduction="none")
        table = torch.zeros(masked.shape, device=losses.device).masked_scatter(masked, losses)  # (n, length)
        count = masked.sum(dim=1).float()
        return {"loss": table.sum(dim=1), "masked": count, "uniform": count * math.log(len(batch["embeddings"]))}

    def loss(self, hidden: Tensor, batch: Batch) -> Tensor:
        """Cross-entropy over the masked tokens."""
        gold = batch["masked"][batch["masked"] != IGNORED]
        return functional.cross_entropy(self._logits(hidden, batch), gold, reduction="sum")


HEADS: Mapping[HeadKind, Any] = {
    "sequence": SequenceHead,
    "choice": ChoiceHead,
    "token": TokenHead,
    "span": SpanHead,
    "mlm": MaskedHead,
    "dual": DualHead,
}
LABELS: Mapping[HeadKind, str] = {
    "sequence": "label",
    "choice": "label",
    "token": "tags",
    "span": "start",
    "mlm": "masked",
    "dual": "right",
}
"""Head -> name of its label array. A loss is averaged over the entries of this array that are not IGNORED."""
