"""Features of consecutive chunks of examples joined into one set of arrays."""

from collections.abc import Mapping, Sequence

import numpy as np

from sweeper.formats.interface import Array, Features


def join(parts: Sequence[tuple[int, Features]]) -> Features:
    """One Features for (number of examples, their features) in order; indices are moved along."""
    if len(parts) == 1:
        return parts[0][1]
    pieces = [features for _, features in parts]
    segments = [piece.segments for piece in pieces if piece.segments is not None]
    before = np.cumsum([0, *(number for number, _ in parts)])
    return Features(
        tokens=np.concatenate([piece.tokens for piece in pieces]),
        offsets=_chain([piece.offsets for piece in pieces]),
        items=_chain([piece.items for piece in pieces]),
        example=np.concatenate(
            [piece.example + start for piece, start in zip(pieces, before[:-1], strict=True)], dtype=np.int32
        ),
        labels=_columns([piece.labels for piece in pieces]),
        segments=np.concatenate(segments) if segments else None,
        extra=_columns([piece.extra for piece in pieces]),
    )


def _chain(bounds: Sequence[Array]) -> Array:
    """Boundaries (each starts at 0) of things that now follow each other."""
    lengths = np.concatenate([np.diff(each) for each in bounds])
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def _columns(tables: Sequence[Mapping[str, Array]]) -> dict[str, Array]:
    return {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}
