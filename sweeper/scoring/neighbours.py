"""Nearest neighbours by cosine, in blocks of bounded memory, and the translations so found (Tatoeba)."""

from typing import Any

import numpy as np

from sweeper.errors import TrialError

Array = np.ndarray[Any, Any]
BLOCK = 2**23
"""Most similarities held at once: 32 MiB of float32."""


def unit_vectors(vectors: Array) -> Array:
    """Rows (n, d) divided by their Euclidean lengths, float32; a row of zeros stays.

    Raises TrialError if a value is not finite: an encoder that has diverged.
    """
    rows = np.asarray(vectors, dtype=np.float32)
    if not np.isfinite(rows).all():
        broken = int((~np.isfinite(rows).all(axis=1)).sum())
        raise TrialError(f"Retrieval needs finite vectors, got NaN or infinity in {broken} of {len(rows)} sentences.")
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(lengths > 0, lengths, 1))


def nearest(queries: Array, pool: Array, k: int) -> tuple[Array, Array]:
    """The k rows of pool (m, d) nearest to each row of queries (n, d), both of unit length.

    Returns cosines (n, k) from the highest down, and indices (n, k) into the pool; ties go to the lowest index. Where
    the pool holds fewer than k rows, k is their number.
    """
    k = min(k, len(pool))
    cosines = np.empty((len(queries), k), dtype=np.float32)
    indices = np.empty((len(queries), k), dtype=np.int64)
    step = max(1, BLOCK // max(1, len(pool)))
    for first in range(0, len(queries), step):
        block = slice(first, first + step)
        cosines[block], indices[block] = _top(queries[block] @ pool.T, k)
    return cosines, indices


def _top(similarities: Array, k: int) -> tuple[Array, Array]:
    """Highest k of each row, by k passes: argmax takes the first of equals, which a partial sort does not promise."""
    rows = np.arange(len(similarities))
    best = np.empty((len(rows), k), dtype=np.int64)
    values = np.empty((len(rows), k), dtype=similarities.dtype)
    for place in range(k):
        best[:, place] = similarities.argmax(axis=1)
        values[:, place] = similarities[rows, best[:, place]]
        similarities[rows, best[:, place]] = -np.inf
    return values, best


def translations_found(queries: Array, pool: Array) -> Array:
    """Index (n,) of the sentence in pool (n, d) that each query (n, d) takes for its translation.

    Cosine over all of the pool, ties to the lowest index. Tatoeba's accuracy is the share of queries i that find i.
    XTREME searches the other language's sentences with the English ones (its similarity_search(x, y) puts x, the other
    language, into the index), and so does the format that calls this.
    """
    return nearest(unit_vectors(queries), unit_vectors(pool), 1)[1][:, 0]
