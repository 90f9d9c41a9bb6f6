"""Heads, new for each stage, and their losses: one module a kind, joined by a table."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from sweeper.formats.interface import IGNORED, HeadKind

Batch = Mapping[str, Tensor]
COSINE_SCALE = 100.0
"""What cosines are multiplied by at first; learned, as in XTREME-R."""
Loss = tuple[Tensor, int]
"""Sum of the loss, and the number of labels it is summed over."""


class Head(nn.Module):
    """What turns hidden states (n, length, hidden) into outputs and a loss.

    `outputs` names what Outputs in `formats.interface` describes.
    """

    def outputs(self, hidden: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Outputs of a batch, float32."""
        raise NotImplementedError

    def loss(self, hidden: Tensor, batch: Batch) -> Tensor:
        """The loss summed over the labels of a batch."""
        raise NotImplementedError


class SequenceHead(Head):
    """Labels a feature by its first token, as RoBERTa's classification head does."""

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
    """Scores every choice of an item by its first token; the choices of an item may be 2 or more."""

    def __init__(self, hidden: int, num_labels: int, dropout: float) -> None:
        super().__init__(hidden, 1, dropout)

    def outputs(self, hidden: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Score (n,), a choice each."""
        return {"score": self._logits(hidden)[:, 0]}

    def loss(self, hidden: Tensor, batch: Batch) -> Tensor:
        """Cross-entropy over the choices of each item; `slot` (n, 2) is a feature's item and its place among them."""
        rows, columns = batch["slot"].unbind(dim=1)
        table = hidden.new_full((len(batch["label"]), int(columns.max()) + 1), float("-inf"), dtype=torch.float32)
        table = table.index_put((rows, columns), self._logits(hidden)[:, 0])
        return functional.cross_entropy(table, batch["label"], reduction="sum", ignore_index=IGNORED)


class TokenHead(Head):
    """Labels every token."""

    def __init__(self, hidden: int, num_labels: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(hidden, num_labels)

    def outputs(self, hidden: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Best label (n, length)."""
        return {"best": self.out(hidden).argmax(dim=-1)}

    def loss(self, hidden: Tensor, batch: Batch) -> Tensor:
        """Cross-entropy over the labelled tokens."""
        labelled = batch["tags"] != IGNORED
        logits = self.out(self.dropout(hidden[labelled])).float()
        return functional.cross_entropy(logits, batch["tags"][labelled], reduction="sum")


class SpanHead(Head):
    """Scores every token as the start and as the end of the answer; the first token stands for no answer."""

    def __init__(self, hidden: int, num_labels: int, dropout: float) -> None:
        super().__init__()
        self.out = nn.Linear(hidden, 2)

    def outputs(self, hidden: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Start and end logits (n, length)."""
        start, end = self.out(hidden).float().unbind(dim=-1)
        return {"start": start, "end": end}

    def loss(self, hidden: Tensor, batch: Batch) -> Tensor:
        """Mean of the start's and the end's cross-entropy."""
        padding = batch["attention_mask"] == 0
        logits = [part.masked_fill(padding, float("-inf")) for part in self.outputs(hidden, batch).values()]
        parts = [
            functional.cross_entropy(logits[i], batch[name], reduction="sum") for i, name in enumerate(("start", "end"))
        ]
        return (parts[0] + parts[1]) / 2


class DualHead(Head):
    """Turns a text into a vector of length 1; one tower reads queries and candidates (XTREME-R's BertForRetrieval)."""

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
        """Cross-entropy of each query over the candidates of the batch, features being query, candidate, query ...

        A candidate of the same `right` as the query's own (another pair with the same text) is left out: no negative.
        """
        vectors = self._vectors(hidden)
        queries, candidates = vectors[0::2], vectors[1::2]
        with torch.autocast(hidden.device.type, enabled=False):  # at bfloat16's three digits the scale would drown it
            cosines = queries @ candidates.T
        own = torch.eye(len(cosines), dtype=torch.bool, device=cosines.device)
        same = batch["right"][:, None] == batch["right"][None, :]
        logits = (self.scale * cosines).masked_fill(same & ~own, float("-inf"))
        return functional.cross_entropy(logits, torch.arange(len(logits), device=logits.device), reduction="sum")


class MaskedHead(Head):
    """Names masked tokens; its output layer is the body's own table of token embeddings."""

    def __init__(self, hidden: int, num_labels: int, dropout: float) -> None:
        super().__init__()
        self.dense = nn.Linear(hidden, hidden)
        self.norm = nn.LayerNorm(hidden)
        self.bias = nn.Parameter(torch.zeros(num_labels))
        nn.init.eye_(self.dense.weight)
        nn.init.zeros_(self.dense.bias)

    def _logits(self, hidden: Tensor, batch: Batch) -> Tensor:
        """Logits (masked tokens, vocabulary); `embeddings` (vocabulary, hidden) is the body's table."""
        state = self.norm(functional.gelu(self.dense(hidden[batch["masked"] != IGNORED])))
        return functional.linear(state, batch["embeddings"], self.bias).float()

    def outputs(self, hidden: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Of each feature (n,): the `loss` summed over its `masked` tokens, and the loss of a `uniform` guess."""
        masked = batch["masked"] != IGNORED
        losses = functional.cross_entropy(self._logits(hidden, batch), batch["masked"][masked], reduction="none")
        table = torch.zeros(masked.shape, device=losses.device).masked_scatter(masked, losses)
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
"""The array whose entries other than IGNORED are what a loss is averaged over."""
