"""Texts of which each is one vector: what the two kinds of retrieval encode and read alike."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sweeper.formats.interface import Array, Features, Lengths, Outputs
from sweeper.formats.pieces import room, tokenise

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

MOVED = 2**12
"""Vectors that are moved at a time."""


def one_feature_a_text(
    texts: Sequence[Sequence[str]],
    tokenizer: "PreTrainedTokenizerBase",
    lengths: Lengths,
    labels: Mapping[str, Array] | None = None,
) -> Features:
    """A feature for each text of each example, cut at max_length; an example is an item."""
    room(tokenizer, lengths.max_length, pair=False)
    counts = [len(some) for some in texts]
    options = {"truncation": True, "max_length": lengths.max_length}
    pieces = tokenise(tokenizer, [text for some in texts for text in some], None, {}, options)
    return Features(
        tokens=pieces.tokens,
        offsets=pieces.offsets,
        items=np.cumsum([0, *counts], dtype=np.int64),
        example=np.repeat(np.arange(len(texts), dtype=np.int32), counts),
        labels=labels or {},
        segments=pieces.segments,
    )


@dataclass(frozen=True)
class Vectors(Sequence[Any]):
    """The vectors (features, hidden) of each example, as views of one array that holds those of all."""

    rows: Array
    """(n, hidden): a vector a text."""
    items: Array
    """(m + 1,): the vectors of example i are rows[items[i]:items[i + 1]]."""

    def __len__(self) -> int:
        return len(self.items) - 1

    def __getitem__(self, number: Any) -> Any:
        number = range(len(self))[number]
        return self.rows[self.items[number] : self.items[number + 1]]


def vectors_of(features: Features, outputs: Outputs) -> Vectors:
    """The vectors (features, hidden) of each example, in the order of its texts."""
    return Vectors(rows=outputs["vectors"], items=features.items)


def used_up(predictions: Sequence[Any], groups: Sequence[Sequence[int]]) -> list[Array]:
    """For each group of examples their first vectors as one array, float32, that may be written to.

    Vectors that lie in the groups' order are moved together within their own array, so that a large pool is held once:
    the predictions mean nothing afterwards.
    """
    order, ends = np.concatenate(groups), np.cumsum([len(group) for group in groups])[:-1]
    if not isinstance(predictions, Vectors):
        return np.split(np.array([predictions[number][0] for number in order], dtype=np.float32), ends)
    places = predictions.items[order]
    if predictions.rows.dtype != np.float32 or (np.diff(places) <= 0).any():
        return np.split(predictions.rows[places].astype(np.float32), ends)
    for start in range(0, len(places), MOVED):  # never behind where it lies: nothing is overwritten before it has moved
        some = places[start : start + MOVED]
        predictions.rows[start : start + len(some)] = predictions.rows[some]
    return np.split(predictions.rows[: len(places)], ends)
