"""Exact k-nearest-neighbour search in blocks of bounded memory, with a result independent of the search back end."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Protocol

import numpy as np

from sweeper.errors import TrialError

Array = np.ndarray[Any, Any]
BLOCK = 2**23
"""Largest number of float32 values in memory at once in addition to the vectors: 32 MiB."""
SPARE = 8
"""Additional candidates requested from a search, so that the k nearest are rarely uncertain because of rounding."""
FEW = 16
"""If more than 1 / FEW of the pool rows have to be ranked for a query, the query is multiplied by all rows instead,
because one large product is faster than gathering many rows."""
GRID = 2.0**26
"""Vectors are rounded to multiples of 1 / GRID. Products of two values are then multiples of 2**-52, and a sum of such
products below 2 is exact in float64 in any order, so equal vectors tie on all machines. The error of a cosine is
smaller than that of float32."""


class Index(Protocol):
    """A pool (m, d) searched by float32 inner products with queries (n, d), exact up to rounding (see `_rounding`)."""

    def best(self, queries: Array, k: int) -> tuple[Array, Array]:
        """The k highest products in descending order and the pool rows that they belong to, both (n, k)."""
        ...

    def reaching(self, queries: Array, least: Array, most: int) -> Sequence[Array | None]:
        """For each query the rows whose product is at least its value in `least` (n,); None if they exceed `most`."""
        ...


Search = Callable[[Array], Index]
"""Builds the index of a pool: with numpy, faiss, or the device of a trial."""


def unit_vectors(vectors: Array | Sequence[Array], out: Array | None = None) -> Array:
    """Rows (n, d) divided by their Euclidean lengths, float32, on the grid; a row of zeros is unchanged.

    The result is written to `out` (n, d), float32, if it is given. `out` may be the vectors themselves, which avoids a
    second copy. Raises TrialError if a value is not finite, which means that the encoder has diverged.
    """
    units = np.empty((len(vectors), *np.shape(vectors[:1])[1:]), dtype=np.float32) if out is None else out
    broken = 0
    # In blocks, so that no second array of the size of all vectors is needed.
    for block in _blocks(*units.shape):
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
    """Values up to 1 as float32, rounded to multiples of 1 / GRID."""
    return np.asarray(np.rint(np.asarray(values, dtype=np.float32) * GRID) / GRID, dtype=np.float32)


def nearest(queries: Array, pool: Array, k: int, search: Search | None = None) -> tuple[Array, Array]:
    """The k rows of pool (m, d) with the highest inner product with each row of queries (n, d).

    Rows must be on the grid, and the product of two lengths must be below 2, as for unit vectors. Returns the exact
    products (n, k), float64, in descending order, and indices (n, k) into the pool; ties go to the lowest index. If the
    pool has fewer than k rows, k is their number.

    `search` proposes k + SPARE candidates by float32 products; the default is faiss if it is installed, otherwise
    numpy. The candidates are ranked by exact products. If rounding could have excluded a row from the candidates, all
    such rows are ranked as well, so the result does not depend on the search.
    """
    k, wide = min(k, len(pool)), min(k + SPARE, len(pool))
    index = (search or _search())(pool)
    rough, candidates = index.best(queries, wide)
    products, indices = _ranked(queries, pool, candidates, k)
    # If the search has returned the whole pool, no row can be missing.
    if wide < len(pool):
        error = _rounding(queries, pool)
        # A row that was not proposed has a float32 product of at most rough[:, -1]. If the exact k-th product is larger
        # than that by more than the error, no such row can be among the k nearest.
        doubtful = np.flatnonzero(products[:, -1] - rough[:, -1] <= error)
        crowded = []  # queries with too many rows to gather
        for query, rows in _reaching(index, queries, doubtful, pool, products[:, -1] - error):
            if rows is None:
                crowded.append(query)
            else:
                row = slice(query, query + 1)
                products[row], indices[row] = _ranked(queries[row], pool, rows[None], k)
        if crowded:
            products[crowded], indices[crowded] = _exactly(queries, np.array(crowded), pool, k)
    return products, indices


def merged(earlier: tuple[Array, Array], later: tuple[Array, Array], k: int) -> tuple[Array, Array]:
    """The k best of two blocks of a pool, each given as products and rows (n, any number); ties go to the earlier."""
    products, indices = (np.concatenate(both, axis=1) for both in zip(earlier, later, strict=True))
    return _best(products, indices, k)


@dataclass(frozen=True)
class NumpyIndex:
    """An index by float32 matrix products of a block of queries with the whole pool."""

    pool: Array

    def best(self, queries: Array, k: int) -> tuple[Array, Array]:
        """See Index."""
        products = np.empty((len(queries), k), dtype=np.float32)
        indices = np.empty((len(queries), k), dtype=np.int64)
        for block in _blocks(len(queries), len(self.pool)):
            products[block], indices[block] = _top(queries[block] @ self.pool.T, k)
        return products, indices

    def reaching(self, queries: Array, least: Array, most: int) -> Sequence[Array | None]:
        """See Index."""
        rows: list[Array | None] = []
        for block in _blocks(len(queries), len(self.pool)):
            for products, low in zip(queries[block] @ self.pool.T, least[block], strict=True):
                reached = np.flatnonzero(products >= low)
                rows.append(reached if len(reached) <= most else None)
        return rows


class FaissIndex(NumpyIndex):
    """An exhaustive index of faiss (IndexFlatIP). It copies the pool for the duration of a search."""

    def best(self, queries: Array, k: int) -> tuple[Array, Array]:
        """See Index."""
        import faiss  # noqa: PLC0415 - optional dependency

        index = faiss.IndexFlatIP(self.pool.shape[1])
        index.add(np.ascontiguousarray(self.pool))
        products, indices = index.search(np.ascontiguousarray(queries), k)
        return products, indices


def _search() -> Search:
    return FaissIndex if find_spec("faiss") else NumpyIndex


def _rounding(queries: Array, pool: Array) -> float:
    """Largest error of a float32 inner product of d values.

    The bound is d * 2**-24 times both lengths (Higham 2002, section 3.1), doubled as a margin of safety.
    """
    return 2 * int(pool.shape[1]) * 2**-24 * _longest(queries) * _longest(pool)


def _longest(rows: Array) -> float:
    """The largest Euclidean length of the rows (n, d); 0 without rows."""
    return max((float(np.linalg.norm(rows[block], axis=1).max()) for block in _blocks(*rows.shape)), default=0.0)


def _ranked(queries: Array, pool: Array, candidates: Array, k: int) -> tuple[Array, Array]:
    """The k best of the candidates (n, c) of each query, by exact products."""
    indices = np.sort(candidates, axis=1)  # the stable sort in _best then puts the lowest index first among ties
    products = np.empty(indices.shape, dtype=np.float64)
    for block in _blocks(len(queries), 2 * indices.shape[1] * pool.shape[1]):
        rows = pool[indices[block]].astype(np.float64)
        products[block] = (rows @ queries[block].astype(np.float64)[:, :, None])[:, :, 0]
    return _best(products, indices, k)


def _reaching(
    index: Index, queries: Array, numbers: Array, pool: Array, least: Array
) -> Iterator[tuple[int, Array | None]]:
    """Each query of `numbers` with the pool rows whose float32 product is at least its value in `least` (n,).

    None instead of the rows if there are so many that a product with the whole pool is faster.
    """
    most = min(len(pool) // FEW, BLOCK // (2 * pool.shape[1]))
    for block in _blocks(len(numbers), max(2 * most, pool.shape[1])):
        chosen = numbers[block]
        yield from zip(chosen.tolist(), index.reaching(queries[chosen], least[chosen], most), strict=True)


def _exactly(queries: Array, numbers: Array, pool: Array, k: int) -> tuple[Array, Array]:
    """The k highest exact products of the queries of `numbers` with the whole pool."""
    products = np.full((len(numbers), k), -np.inf)
    indices = np.zeros((len(numbers), k), dtype=np.int64)
    # The pool is the outer loop, so that each of its blocks is converted to float64 once.
    for pool_block in _blocks(len(pool), 2 * pool.shape[1]):
        rows = pool[pool_block].astype(np.float64)
        for block in _blocks(len(numbers), 2 * max(rows.shape)):
            top, positions = _top(queries[numbers[block]].astype(np.float64) @ rows.T, min(k, len(rows)))
            earlier, later = (products[block], indices[block]), (top, positions + pool_block.start)
            products[block], indices[block] = merged(earlier, later, k)
    return products, indices


def _best(products: Array, indices: Array, k: int) -> tuple[Array, Array]:
    """The k highest products of each row and their indices, both (n, k); ties keep their order."""
    best = np.argsort(-products, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(products, best, axis=1), np.take_along_axis(indices, best, axis=1)


def _top(products: Array, k: int) -> tuple[Array, Array]:
    """The k highest products of each row and their positions, both (n, k). Overwrites the products."""
    rows = np.arange(len(products))
    best = np.empty((len(rows), k), dtype=np.int64)
    values = np.empty((len(rows), k), dtype=products.dtype)
    # k passes of argmax, which returns the first of equal values; a partial sort does not guarantee that.
    for rank in range(k):
        best[:, rank] = products.argmax(axis=1)
        values[:, rank] = products[rows, best[:, rank]]
        products[rows, best[:, rank]] = -np.inf  # so that the next pass finds the next one
    return values, best


def _blocks(count: int, width: int) -> Iterator[slice]:
    """Slices of `count` rows with `width` values each: as many rows per slice as fit into BLOCK, at least one."""
    step = max(1, BLOCK // max(1, width))
    yield from (slice(first, first + step) for first in range(0, count, step))
