"""The nearest of many vectors, proposed by the GPU of a trial: what `scoring/nearest.py` asks of an index."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from sweeper.errors import TrialError
from sweeper.formats.interface import Array
from sweeper.scoring.nearest import Search, merged

T = TypeVar("T")
ROOM = 2**30
"""Most numbers of a pool on the device at once, 4 GiB of float32; their products with queries take half as much."""


def search_on(device: torch.device) -> Search | None:
    """A search on that device if it is a GPU; None on a CPU, where numpy or faiss are no slower."""
    return partial(DeviceIndex, device=device) if device.type == "cuda" else None


class DeviceIndex:
    """A pool (m, d) searched by a device in float32, a part of the pool by a block of queries at a time."""

    def __init__(self, pool: Array, device: torch.device, room: int = ROOM) -> None:
        self.pool, self.device, self.room = pool, device, room
        self._held: Tensor | None = None
        """All of the pool on the device, where it has room: it is searched more than once."""

    def best(self, queries: Array, k: int) -> tuple[Array, Array]:
        """See scoring.nearest.Index."""
        return self._with_room(lambda: self._best(queries, k))

    def reaching(self, queries: Array, least: Array, most: int) -> Sequence[Array | None]:
        """See scoring.nearest.Index."""
        return self._with_room(lambda: self._reaching(queries, least, most))

    def _best(self, queries: Array, k: int) -> tuple[Array, Array]:
        values = np.full((len(queries), k), -np.inf, dtype=np.float32)
        indices = np.zeros((len(queries), k), dtype=np.int64)
        for some, first, products in self._products(queries):
            found, places = products.topk(min(k, products.shape[1]), dim=1)
            later = found.cpu().numpy(), places.cpu().numpy() + first
            values[some], indices[some] = merged((values[some], indices[some]), later, k)
        return values, indices

    def _reaching(self, queries: Array, least: Array, most: int) -> list[Array | None]:
        low = torch.from_numpy(np.nextafter(least.astype(np.float32), np.float32(-np.inf))).to(self.device)
        counts = np.zeros(len(queries), dtype=np.int64)
        found: list[list[Array]] = [[] for _ in queries]
        for some, first, products in self._products(queries):
            reached = products >= low[some, None]
            counts[some] += reached.sum(dim=1).cpu().numpy()
            reached &= torch.from_numpy(counts[some] <= most).to(self.device)[:, None]
            which, rows = reached.nonzero().cpu().numpy().T
            parts = np.split(rows + first, np.searchsorted(which, np.arange(1, len(reached))))
            for one, part in zip(found[some], parts, strict=True):
                one.append(part)
        return [np.concatenate(rows) if n <= most else None for rows, n in zip(found, counts.tolist(), strict=True)]

    def _products(self, queries: Array) -> Iterator[tuple[slice, int, Tensor]]:
        """Which queries, the first row of a part of the pool, and their products with that part (queries, rows)."""
        for first, part in self._parts():
            # A quarter of the room: while a block is made, the one before it is still there.
            step = max(1, self.room // 4 // max(1, len(part)))
            for start in range(0, len(queries), step):
                some = slice(start, start + step)
                yield some, first, torch.from_numpy(queries[some]).to(self.device) @ part.T

    def _parts(self) -> Iterator[tuple[int, Tensor]]:
        """Parts of the pool on the device, each with the number of its first row."""
        if self.room < self.pool.size:
            step = max(1, self.room // 2 // self.pool.shape[1])  # while one is sent, the last is still there
            for first in range(0, len(self.pool), step):
                yield first, torch.from_numpy(self.pool[first : first + step]).to(self.device)
            return
        if self._held is None:
            self._held = torch.from_numpy(self.pool).to(self.device)
        yield 0, self._held

    def _with_room(self, work: Callable[[], T]) -> T:
        """The work in float32 proper, begun again with half the room each time that the device runs out of memory."""
        while True:
            try:
                with _whole_float32(self.device):
                    return work()
            except torch.OutOfMemoryError as error:
                if self.room < self.pool.shape[1]:
                    raise TrialError(
                        "Out of memory on the device even where it searches one sentence: use fewer trials a device."
                    ) from error
            self._held, self.room = None, self.room // 2


@contextmanager
def _whole_float32(device: torch.device) -> Iterator[None]:
    """Products of float32 as such: an index promises their rounding, which TensorFloat-32 and bfloat16 would break."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        with torch.inference_mode(), torch.autocast(device.type, enabled=False):
            yield
    finally:
        torch.set_float32_matmul_precision(before)
