"""Texts of which each is one vector: what the two kinds of retrieval encode and read alike."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from sweeper.formats.interface import Array, Features, Lengths, Outputs
from sweeper.formats.pieces import room, tokenise

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


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


def vectors_of(features: Features, outputs: Outputs) -> list[Array]:
    """The vectors (features, hidden) of each example, in the order of its texts."""
    bounds = zip(features.items[:-1], features.items[1:], strict=True)
    return [outputs["vectors"][first:last] for first, last in bounds]
