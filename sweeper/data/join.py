"""Joins the features of consecutive chunks of examples into one set of arrays."""

from collections.abc import Mapping, Sequence

import numpy as np

from sweeper.formats.interface import Array, Features


def join(chunks: Sequence[tuple[int, Features]]) -> Features:
    """Join chunks, each (number of examples, features), in order; indices and boundaries are shifted accordingly."""
    if len(chunks) == 1:
        return chunks[0][1]
    pieces = [features for _, features in chunks]
    segments = [piece.segments for piece in pieces if piece.segments is not None]
    first_examples = np.cumsum([0, *(number for number, _ in chunks)])
    return Features(
        tokens=np.concatenate([piece.tokens for piece in pieces]),
        offsets=_chain([piece.offsets for piece in pieces]),
        items=_chain([piece.items for piece in pieces]),
        example=np.concatenate(
            [piece.example + start for piece, start in zip(pieces, first_examples[:-1], strict=True)], dtype=np.int32
        ),
        labels=_columns([piece.labels for piece in pieces]),
        segments=np.concatenate(segments) if segments else None,
        extra=_columns([piece.extra for piece in pieces]),
    )


def _chain(bounds: Sequence[Array]) -> Array:
    """Boundaries of the concatenation; each array of `bounds` starts at 0."""
    lengths = np.concatenate([np.diff(chunk) for chunk in bounds])
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def _columns(tables: Sequence[Mapping[str, Array]]) -> dict[str, Array]:
    return {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}
