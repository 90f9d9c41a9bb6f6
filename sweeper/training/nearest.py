"""Nearest-neighbour search on the GPU of a trial: an implementation of the `Index` of `scoring/nearest.py`."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from sweeper.errors import OutOfMemoryError
from sweeper.formats.interface import Array
from sweeper.scoring.nearest import Search, merged

T = TypeVar("T")
MAX_POOL_VALUES = 2**30
"""Default for the maximum number of pool values on the device, 4 GiB of float32. The products with the queries need
half of that in addition."""


def search_on(device: torch.device) -> Search | None:
    """A search on `device` if it is a GPU; None for a CPU, on which numpy or faiss is as fast."""
    return partial(DeviceIndex, device=device) if device.type == "cuda" else None


class DeviceIndex:
    """A pool (m, d) that a device searches in float32, one chunk of the pool and one block of queries at a time."""

    def __init__(self, pool: Array, device: torch.device, max_values: int = MAX_POOL_VALUES) -> None:
        self.pool, self.device, self.max_values = pool, device, max_values
        self._resident: Tensor | None = None
        """The whole pool on the device, if it fits. It is kept there because it is searched several times."""

    def best(self, queries: Array, k: int) -> tuple[Array, Array]:
        """See scoring.nearest.Index."""
        return self._retrying(lambda: self._best(queries, k))

    def reaching(self, queries: Array, least: Array, most: int) -> Sequence[Array | None]:
        """See scoring.nearest.Index."""
        return self._retrying(lambda: self._reaching(queries, least, most))

    def _best(self, queries: Array, k: int) -> tuple[Array, Array]:
        values = np.full((len(queries), k), -np.inf, dtype=np.float32)
        indices = np.zeros((len(queries), k), dtype=np.int64)
        for block, first, products in self._products(queries):
            best_products, best_rows = products.topk(min(k, products.shape[1]), dim=1)
            chunk_best = best_products.cpu().numpy(), best_rows.cpu().numpy() + first
            values[block], indices[block] = merged((values[block], indices[block]), chunk_best, k)
        return values, indices

    def _reaching(self, queries: Array, least: Array, most: int) -> list[Array | None]:
        # The next lower float32, so that rounding `least` excludes no row.
        low = torch.from_numpy(np.nextafter(least.astype(np.float32), np.float32(-np.inf))).to(self.device)
        counts = np.zeros(len(queries), dtype=np.int64)
        chunks: list[list[Array]] = [[] for _ in queries]
        for block, first, products in self._products(queries):
            reached = products >= low[block, None]
            counts[block] += reached.sum(dim=1).cpu().numpy()
            # A query with more than `most` rows returns None, so its rows need not be copied.
            reached &= torch.from_numpy(counts[block] <= most).to(self.device)[:, None]
            query_numbers, rows = reached.nonzero().cpu().numpy().T
            by_query = np.split(rows + first, np.searchsorted(query_numbers, np.arange(1, len(reached))))
            for query_chunks, query_rows in zip(chunks[block], by_query, strict=True):
                query_chunks.append(query_rows)
        return [np.concatenate(rows) if n <= most else None for rows, n in zip(chunks, counts.tolist(), strict=True)]

    def _products(self, queries: Array) -> Iterator[tuple[slice, int, Tensor]]:
        """A block of the queries, the first row of a chunk of the pool, and their products (queries, rows)."""
        for first, chunk in self._chunks():
            # A quarter of the limit: the previous block still exists while a block is computed.
            step = max(1, self.max_values // 4 // max(1, len(chunk)))
            for start in range(0, len(queries), step):
                block = slice(start, start + step)
                yield block, first, torch.from_numpy(queries[block]).to(self.device) @ chunk.T

    def _chunks(self) -> Iterator[tuple[int, Tensor]]:
        """Chunks of the pool on the device, each with the number of its first row."""
        if self.max_values < self.pool.size:
            # Half of the limit: the previous chunk still exists while a chunk is copied.
            step = max(1, self.max_values // 2 // self.pool.shape[1])
            for first in range(0, len(self.pool), step):
                yield first, torch.from_numpy(self.pool[first : first + step]).to(self.device)
            return
        if self._resident is None:
            self._resident = torch.from_numpy(self.pool).to(self.device)
        yield 0, self._resident

    def _retrying(self, search: Callable[[], T]) -> T:
        """The result of a search in full float32 precision, retried with half the memory after each out-of-memory.

        Raises OutOfMemoryError if a single vector of the pool does not fit.
        """
        while True:
            try:
                with _full_float32(self.device):
                    return search()
            except torch.OutOfMemoryError as error:
                if self.max_values < self.pool.shape[1]:
                    raise OutOfMemoryError(
                        "Out of memory on the device while searching a single sentence: use fewer trials per device."
                    ) from error
            # After the except block: the exception refers to the tensors of the failed search.
            self._resident, self.max_values = None, self.max_values // 2


@contextmanager
def _full_float32(device: torch.device) -> Iterator[None]:
    """Compute float32 products in full precision, without autocast.

    The exact ranking in scoring/nearest.py relies on the rounding of float32. TensorFloat-32 and bfloat16 round more.
    """
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        with torch.inference_mode(), torch.autocast(device.type, enabled=False):
            yield
    finally:
        torch.set_float32_matmul_precision(before)
