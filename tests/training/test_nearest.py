"""Search on a device (the CPU device of torch) gives the same bits as numpy, for any amount of memory."""

from collections.abc import Iterator
from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor

from sweeper.errors import TrialError
from sweeper.scoring.nearest import Array, NumpyIndex, nearest, unit_vectors
from sweeper.training.nearest import MAX_POOL_VALUES, DeviceIndex, search_on

CPU = torch.device("cpu")


def random_vectors(count: int, width: int, seed: int = 0) -> Array:
    return unit_vectors(np.random.default_rng(seed).normal(size=(count, width)))


def similar_vectors(count: int, width: int, spread: float, seed: int = 0) -> Array:
    return unit_vectors(random_vectors(1, width, seed=99) + np.float32(spread) * random_vectors(count, width, seed))


# Chunks of a few rows, chunks that do not divide the pool, and the whole pool at once.
@pytest.mark.parametrize("max_values", [33 * 7, 33 * 26 + 1, MAX_POOL_VALUES])
@pytest.mark.parametrize("copies", [1, 2, 30])
def test_a_device_gives_the_same_bits_as_numpy_including_ties(max_values: int, copies: int) -> None:
    queries = random_vectors(40, 33)
    pool = np.concatenate([random_vectors(25, 33, seed=1), np.zeros((2, 33), np.float32)] * copies)
    expected = nearest(queries, pool, 4, NumpyIndex)
    actual = nearest(queries, pool, 4, partial(DeviceIndex, device=CPU, max_values=max_values))
    assert all(np.array_equal(a, b) for a, b in zip(expected, actual, strict=True))


@pytest.mark.parametrize("max_values", [64 * 301, 64 * 2000])
@pytest.mark.parametrize("spread", [0.1, 0.01, 0.008, 0.004, 0.0])
def test_vectors_too_close_for_float32_are_ranked_exactly(max_values: int, spread: float) -> None:
    queries = similar_vectors(30, 64, spread)
    pool = np.concatenate([similar_vectors(450, 64, spread, seed=1)] * 2)
    expected = nearest(queries, pool, 4, NumpyIndex)
    actual = nearest(queries, pool, 4, partial(DeviceIndex, device=CPU, max_values=max_values))
    assert all(np.array_equal(a, b) for a, b in zip(expected, actual, strict=True))


def test_a_pool_smaller_than_k_gives_all_its_rows() -> None:
    _, rows = nearest(random_vectors(3, 5), np.eye(2, 5, dtype=np.float32), 4, partial(DeviceIndex, device=CPU))
    assert [sorted(row) for row in rows.tolist()] == [[0, 1]] * 3


@pytest.mark.parametrize("max_values", [16 * 10, 16 * 200])
def test_reached_rows_are_in_order_and_none_are_returned_if_they_are_too_many(max_values: int) -> None:
    queries, pool = random_vectors(50, 16), random_vectors(170, 16, seed=1)
    index, products = DeviceIndex(pool, CPU, max_values), queries @ pool.T
    # Query i reaches its i + 4 nearest rows: 4 to 53 rows, so that some queries exceed the limit of 20 below.
    least = np.sort(products, axis=1)[:, -np.arange(1, 51) - 3, None].diagonal()[0].astype(np.float64) - 1e-5
    reached = index.reaching(queries, least, 170)
    assert [rows.tolist() for rows in reached if rows is not None] == [
        np.flatnonzero(row >= low).tolist() for row, low in zip(products, least, strict=True)
    ]
    limited = index.reaching(queries, least, 20)
    assert [rows is None for rows in limited] == [len(rows) > 20 for rows in reached if rows is not None]
    assert any(rows is None for rows in limited)
    assert any(rows is not None for rows in limited)


def test_products_are_float32_even_if_the_caller_allows_lower_precision() -> None:
    queries, pool = random_vectors(20, 256), random_vectors(200, 256, seed=1)
    index = DeviceIndex(pool, CPU)
    plain = index.best(queries, 12)
    torch.set_float32_matmul_precision("medium")
    try:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            mixed = index.best(queries, 12)
        assert torch.get_float32_matmul_precision() == "medium", "the previous precision is restored"
    finally:
        torch.set_float32_matmul_precision("highest")
    assert mixed[0].dtype == np.float32
    assert all(np.array_equal(a, b) for a, b in zip(plain, mixed, strict=True))


class LimitedIndex(DeviceIndex):
    """An index on a device with memory for `capacity` pool values."""

    capacity = 33 * 20

    def _products(self, queries: Array) -> Iterator[tuple[slice, int, Tensor]]:
        for number, products in enumerate(super()._products(queries)):
            if number and self.max_values > self.capacity:
                raise torch.OutOfMemoryError("out of memory")
            yield products


def test_a_device_that_runs_out_of_memory_searches_smaller_chunks() -> None:
    queries, pool = random_vectors(40, 33), random_vectors(90, 33, seed=1)
    index = LimitedIndex(pool, CPU, max_values=33 * 80)
    expected, actual = nearest(queries, pool, 4, NumpyIndex), nearest(queries, pool, 4, lambda _: index)
    assert all(np.array_equal(a, b) for a, b in zip(expected, actual, strict=True))
    assert index.max_values == 33 * 20


def test_a_device_without_memory_for_a_single_vector_fails_the_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LimitedIndex, "capacity", 0)
    with pytest.raises(TrialError, match="use fewer trials per device"):
        nearest(
            random_vectors(40, 33),
            random_vectors(90, 33, seed=1),
            4,
            partial(LimitedIndex, device=CPU, max_values=33 * 80),
        )


def test_only_a_gpu_has_a_device_index() -> None:
    assert search_on(CPU) is None
    search = search_on(torch.device("cuda", 0))
    assert search is not None
    index = search(random_vectors(3, 5))
    assert isinstance(index, DeviceIndex)
    assert index.device.type == "cuda"
