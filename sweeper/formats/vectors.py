"""Texts with one vector each: the encoding and decoding that both retrieval formats share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sweeper.formats.interface import Array, Features, Lengths, Outputs
from sweeper.formats.pieces import available_tokens, item_per_example, tokenise

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

MOVED = 2**12
"""Vectors that are moved in one step."""


def feature_per_text(
    texts: Sequence[Sequence[str]],
    tokenizer: "PreTrainedTokenizerBase",
    lengths: Lengths,
    labels: Mapping[str, Array] | None = None,
) -> Features:
    """One feature per text of each example, truncated to max_length; one item per example."""
    available_tokens(tokenizer, lengths.max_length, pair=False)
    counts = [len(example) for example in texts]
    options = {"truncation": True, "max_length": lengths.max_length}
    pieces = tokenise(tokenizer, [text for example in texts for text in example], None, {}, options)
    return item_per_example(pieces, counts, labels or {})


@dataclass(frozen=True)
class Vectors(Sequence[Any]):
    """The vectors (features, hidden) of each example, as views of one array with the vectors of all examples."""

    rows: Array
    """(n, hidden): one vector per text."""
    items: Array
    """(m + 1,): example i has the vectors rows[items[i]:items[i + 1]]."""

    def __len__(self) -> int:
        return len(self.items) - 1

    def __getitem__(self, number: Any) -> Any:
        number = range(len(self))[number]
        return self.rows[self.items[number] : self.items[number + 1]]


def vectors_of(features: Features, outputs: Outputs) -> Vectors:
    """The vectors (features, hidden) of each example, in the order of its texts."""
    return Vectors(rows=outputs["vectors"], items=features.items)


def take_vectors(predictions: Sequence[Any], groups: Sequence[Sequence[int]]) -> list[Array]:
    """The first vectors of the examples of each group as one writable float32 array per group.

    Vectors that are already in the order of the groups are moved within their own array, so that a large pool is in
    memory only once. The predictions are invalid afterwards.
    """
    order, ends = np.concatenate(groups), np.cumsum([len(group) for group in groups])[:-1]
    if not isinstance(predictions, Vectors):  # single arrays, which have to be copied into one
        return np.split(np.array([predictions[number][0] for number in order], dtype=np.float32), ends)
    rows = predictions.items[order]
    if predictions.rows.dtype != np.float32 or (np.diff(rows) <= 0).any():
        return np.split(predictions.rows[rows].astype(np.float32), ends)
    # Rows are ascending, so a vector never moves to a higher index and none is overwritten before it has moved.
    for start in range(0, len(rows), MOVED):
        block = rows[start : start + MOVED]
        predictions.rows[start : start + len(block)] = predictions.rows[block]
    return np.split(predictions.rows[: len(rows)], ends)
