"""The k nearest rows of a pool, in blocks of bounded memory: one answer, whoever searches and however it is cut."""

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any

import numpy as np

from sweeper.errors import TrialError

Array = np.ndarray[Any, Any]
Search = Callable[[Array, Array, int], tuple[Array, Array]]
"""From queries, pool and k to inner products and indices, both (n, k), from the highest down, right to rounding."""
BLOCK = 2**23
"""Most numbers held at once beside the vectors, counted as float32: 32 MiB."""
SPARE = 8
"""Candidates beyond k that a search is asked for, so that it seldom leaves a doubt which k are the nearest."""
GRID = 2.0**26
"""Vectors are rounded to multiples of 1 / GRID. Products of two are multiples of 2**-52 then, and a sum of them below 2
is exact in float64, in any order: equal vectors tie, on any machine. It costs a cosine less than float32 would."""


def unit_vectors(vectors: Array) -> Array:
    """Rows (n, d) divided by their Euclidean lengths, float32, on the grid; a row of zeros stays.

    Raises TrialError if a value is not finite: an encoder that has diverged.
    """
    units, broken = np.empty(vectors.shape, dtype=np.float32), 0
    for block in _blocks(len(vectors), vectors.shape[1]):
        rows = np.asarray(vectors[block], dtype=np.float32)
        finite = np.isfinite(rows).all(axis=1)
        if not finite.all():
            broken += int((~finite).sum())
            continue
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        units[block] = on_grid(rows / np.where(lengths > 0, lengths, 1))
    if broken:
        raise TrialError(f"Retrieval needs finite vectors, got NaN or infinity in {broken} of {len(units)} sentences.")
    return units


def on_grid(values: Array) -> Array:
    """Values of 1 at most as float32, each a multiple of 1 / GRID."""
    return np.asarray(np.rint(np.asarray(values, dtype=np.float32) * GRID) / GRID, dtype=np.float32)


def nearest(queries: Array, pool: Array, k: int, search: Search | None = None) -> tuple[Array, Array]:
    """The k rows of pool (m, d) with the highest inner product with each row of queries (n, d).

    Rows lie on the grid and are so short that no product of lengths reaches 2: unit vectors are. Returns the products
    (n, k), float64 and exact, from the highest down, and indices (n, k) into the pool; ties go to the lowest index.
    Where the pool holds fewer than k rows, k is their number.

    `search` proposes k + SPARE candidates by products in float32: faiss where it is installed, else numpy. They are
    ranked by the exact products; where rounding could hide a row from a search, that query is searched exactly. So the
    answer is the same whichever is used.
    """
    k, wide = min(k, len(pool)), min(k + SPARE, len(pool))
    rough, candidates = (search or _search())(queries, pool, wide)
    products, indices = _ranked(queries, pool, candidates, k)
    if wide < len(pool):
        doubtful = np.flatnonzero(rough[:, k - 1] - rough[:, -1] <= _rounding(queries, pool))
        products[doubtful], indices[doubtful] = _in_blocks(queries[doubtful], pool, k, np.float64)
    return products, indices


def numpy_search(queries: Array, pool: Array, k: int) -> tuple[Array, Array]:
    """Blocks of matrix products in float32."""
    return _in_blocks(queries, pool, k, np.float32)


def faiss_search(queries: Array, pool: Array, k: int) -> tuple[Array, Array]:
    """The same by faiss, flat and exhaustive; the index holds a copy of the pool."""
    import faiss  # noqa: PLC0415 - an extra

    index = faiss.IndexFlatIP(pool.shape[1])
    index.add(np.ascontiguousarray(pool))
    products, indices = index.search(np.ascontiguousarray(queries), k)
    return products, indices


def _search() -> Search:
    return faiss_search if find_spec("faiss") else numpy_search


def _rounding(queries: Array, pool: Array) -> float:
    """How far apart two products of equal rows may come out in float32: twice the error bound of a sum of d products.

    That bound is d * 2**-24 times both lengths (Higham 2002, section 3.1), doubled here to be safe.
    """
    return 4 * int(pool.shape[1]) * 2**-24 * _longest(queries) * _longest(pool)


def _longest(rows: Array) -> float:
    """The largest Euclidean length of rows (n, d); 0 if there are none."""
    return max((float(np.linalg.norm(rows[block], axis=1).max()) for block in _blocks(*rows.shape)), default=0.0)


def _ranked(queries: Array, pool: Array, candidates: Array, k: int) -> tuple[Array, Array]:
    """The best k of each query's candidates (n, c) by exact products."""
    indices = np.sort(candidates, axis=1)  # a stable sort then leaves the lowest of equals first
    products = np.empty(indices.shape, dtype=np.float64)
    for block in _blocks(len(queries), 2 * indices.shape[1] * pool.shape[1]):
        rows = pool[indices[block]].astype(np.float64)
        products[block] = (rows @ queries[block].astype(np.float64)[:, :, None])[:, :, 0]
    best = np.argsort(-products, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(products, best, axis=1), np.take_along_axis(indices, best, axis=1)


def _in_blocks(queries: Array, pool: Array, k: int, kind: type[np.floating[Any]]) -> tuple[Array, Array]:
    """Every product of the kind, a block of queries by all of the pool at a time, and the highest k of each row."""
    products = np.empty((len(queries), k), dtype=kind)
    indices = np.empty((len(queries), k), dtype=np.int64)
    size = np.dtype(kind).itemsize // 4
    for block in _blocks(len(queries), size * len(pool)):
        rows = queries[block].astype(kind, copy=False)
        found = np.empty((len(rows), len(pool)), dtype=kind)
        for part in _blocks(len(pool), size * pool.shape[1]):
            found[:, part] = rows @ pool[part].astype(kind, copy=False).T
        products[block], indices[block] = _top(found, k)
    return products, indices


def _top(products: Array, k: int) -> tuple[Array, Array]:
    """Highest k of each row, by k passes: argmax takes the first of equals, which a partial sort does not promise."""
    rows = np.arange(len(products))
    best = np.empty((len(rows), k), dtype=np.int64)
    values = np.empty((len(rows), k), dtype=products.dtype)
    for place in range(k):
        best[:, place] = products.argmax(axis=1)
        values[:, place] = products[rows, best[:, place]]
        products[rows, best[:, place]] = -np.inf
    return values, best


def _blocks(count: int, width: int) -> Iterator[slice]:
    """Slices of `count` rows of `width` numbers, as many rows each as BLOCK holds, one at least."""
    step = max(1, BLOCK // max(1, width))
    yield from (slice(first, first + step) for first in range(0, count, step))
