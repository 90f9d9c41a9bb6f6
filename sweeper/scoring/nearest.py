"""The k nearest rows of a pool, in blocks of bounded memory: one answer, whoever searches and however it is cut."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Protocol

import numpy as np

from sweeper.errors import TrialError

Array = np.ndarray[Any, Any]
BLOCK = 2**23
"""Most numbers held at once beside the vectors, counted as float32: 32 MiB."""
SPARE = 8
"""Candidates beyond k that a search is asked for, so that it seldom leaves a doubt which k are the nearest."""
FEW = 16
"""A query with more than one pool row in this many near enough to be ranked is multiplied by all rows instead: it is
faster to multiply many rows in order than to pick out some."""
GRID = 2.0**26
"""Vectors are rounded to multiples of 1 / GRID. Products of two are multiples of 2**-52 then, and a sum of them below 2
is exact in float64, in any order: equal vectors tie, on any machine. It costs a cosine less than float32 would."""


class Index(Protocol):
    """A pool (m, d) that queries (n, d) search by inner products in float32, right to rounding (see `_rounding`)."""

    def best(self, queries: Array, k: int) -> tuple[Array, Array]:
        """The highest k products and the rows that they are of, both (n, k), from the highest down."""
        ...

    def reaching(self, queries: Array, least: Array, most: int) -> Sequence[Array | None]:
        """For each query all rows whose product is at least its own of `least` (n,); None if they are over `most`."""
        ...


Search = Callable[[Array], Index]
"""From a pool to what searches it: numpy, faiss, or a device that a trial owns."""


def unit_vectors(vectors: Array | Sequence[Array], out: Array | None = None) -> Array:
    """Rows (n, d) divided by their Euclidean lengths, float32, on the grid; a row of zeros stays.

    Into `out` (n, d), float32, where it is given: the vectors themselves, to hold them once. Raises TrialError if a
    value is not finite: an encoder that has diverged.
    """
    units = np.empty((len(vectors), *np.shape(vectors[:1])[1:]), dtype=np.float32) if out is None else out
    broken = 0
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
    """Values of 1 at most as float32, each a multiple of 1 / GRID."""
    return np.asarray(np.rint(np.asarray(values, dtype=np.float32) * GRID) / GRID, dtype=np.float32)


def nearest(queries: Array, pool: Array, k: int, search: Search | None = None) -> tuple[Array, Array]:
    """The k rows of pool (m, d) with the highest inner product with each row of queries (n, d).

    Rows lie on the grid and are so short that no product of lengths reaches 2: unit vectors are. Returns the products
    (n, k), float64 and exact, from the highest down, and indices (n, k) into the pool; ties go to the lowest index.
    Where the pool holds fewer than k rows, k is their number.

    `search` proposes k + SPARE candidates by products in float32: faiss where it is installed, else numpy, unless told
    otherwise. They are ranked by the exact products; where rounding could hide a row from a search, every row that it
    could hide is ranked with them. So the answer is the same whoever searches.
    """
    k, wide = min(k, len(pool)), min(k + SPARE, len(pool))
    index = (search or _search())(pool)
    rough, candidates = index.best(queries, wide)
    products, indices = _ranked(queries, pool, candidates, k)
    if wide < len(pool):
        error = _rounding(queries, pool)
        doubtful = np.flatnonzero(products[:, -1] - rough[:, -1] <= error)
        crowded = []
        for query, rows in _reaching(index, queries, doubtful, pool, products[:, -1] - error):
            if rows is None:
                crowded.append(query)
            else:
                one = slice(query, query + 1)
                products[one], indices[one] = _ranked(queries[one], pool, rows[None], k)
        if crowded:
            products[crowded], indices[crowded] = _exactly(queries, np.array(crowded), pool, k)
    return products, indices


def merged(earlier: tuple[Array, Array], later: tuple[Array, Array], k: int) -> tuple[Array, Array]:
    """The best k of two parts of a pool, each the products and their rows, (n, any number); the earlier wins ties."""
    products, indices = (np.concatenate(both, axis=1) for both in zip(earlier, later, strict=True))
    return _best(products, indices, k)


@dataclass(frozen=True)
class NumpyIndex:
    """Blocks of matrix products in float32, a block of queries by all of the pool at a time."""

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
        found: list[Array | None] = []
        for block in _blocks(len(queries), len(self.pool)):
            for row, low in zip(queries[block] @ self.pool.T, least[block], strict=True):
                reached = np.flatnonzero(row >= low)
                found.append(reached if len(reached) <= most else None)
        return found


class FaissIndex(NumpyIndex):
    """The same by faiss, flat and exhaustive; while it searches it holds a copy of the pool."""

    def best(self, queries: Array, k: int) -> tuple[Array, Array]:
        """See Index."""
        import faiss  # noqa: PLC0415 - an extra

        index = faiss.IndexFlatIP(self.pool.shape[1])
        index.add(np.ascontiguousarray(self.pool))
        products, indices = index.search(np.ascontiguousarray(queries), k)
        return products, indices


def _search() -> Search:
    return FaissIndex if find_spec("faiss") else NumpyIndex


def _rounding(queries: Array, pool: Array) -> float:
    """How far from the exact product one in float32 may lie: the error bound of a sum of d products.

    That bound is d * 2**-24 times both lengths (Higham 2002, section 3.1), doubled here to be safe.
    """
    return 2 * int(pool.shape[1]) * 2**-24 * _longest(queries) * _longest(pool)


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
    return _best(products, indices, k)


def _reaching(
    index: Index, queries: Array, numbers: Array, pool: Array, least: Array
) -> Iterator[tuple[int, Array | None]]:
    """Each of the numbered queries with the pool rows whose product in float32 is at least its own of `least` (n,);
    None where they are so many that it is better multiplied by all of the pool.
    """
    most = min(len(pool) // FEW, BLOCK // (2 * pool.shape[1]))
    for block in _blocks(len(numbers), max(2 * most, pool.shape[1])):
        some = numbers[block]
        yield from zip(some.tolist(), index.reaching(queries[some], least[some], most), strict=True)


def _exactly(queries: Array, numbers: Array, pool: Array, k: int) -> tuple[Array, Array]:
    """The highest k of every exact product of the numbered queries; the pool outside, so that it is converted once."""
    products = np.full((len(numbers), k), -np.inf)
    indices = np.zeros((len(numbers), k), dtype=np.int64)
    for part in _blocks(len(pool), 2 * pool.shape[1]):
        rows = pool[part].astype(np.float64)
        for block in _blocks(len(numbers), 2 * max(rows.shape)):
            found, places = _top(queries[numbers[block]].astype(np.float64) @ rows.T, min(k, len(rows)))
            earlier, later = (products[block], indices[block]), (found, places + part.start)
            products[block], indices[block] = merged(earlier, later, k)
    return products, indices


def _best(products: Array, indices: Array, k: int) -> tuple[Array, Array]:
    """Of each row the k highest products and what they are of, both (n, k), the first of equals first."""
    best = np.argsort(-products, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(products, best, axis=1), np.take_along_axis(indices, best, axis=1)


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
