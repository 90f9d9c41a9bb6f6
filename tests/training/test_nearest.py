"""The nearest found by a device, here the CPU that torch knows: the bits of numpy, whatever room there is."""

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


def drawn(count: int, width: int, seed: int = 0) -> Array:
    return unit_vectors(np.random.default_rng(seed).normal(size=(count, width)))


def about_one_direction(count: int, width: int, spread: float, seed: int = 0) -> Array:
    return unit_vectors(drawn(1, width, seed=99) + np.float32(spread) * drawn(count, width, seed))


@pytest.mark.parametrize("room", [33 * 7, 33 * 26 + 1, MAX_POOL_VALUES])
@pytest.mark.parametrize("copies", [1, 2, 30])
def test_a_device_gives_the_bits_of_numpy_ties_included(room: int, copies: int) -> None:
    queries = drawn(40, 33)
    pool = np.concatenate([drawn(25, 33, seed=1), np.zeros((2, 33), np.float32)] * copies)
    ours = nearest(queries, pool, 4, NumpyIndex)
    theirs = nearest(queries, pool, 4, partial(DeviceIndex, device=CPU, max_values=room))
    assert all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))


@pytest.mark.parametrize("room", [64 * 301, 64 * 2000])
@pytest.mark.parametrize("spread", [0.1, 0.01, 0.008, 0.004, 0.0])
def test_vectors_too_close_for_float32_are_ranked_exactly(room: int, spread: float) -> None:
    queries = about_one_direction(30, 64, spread)
    pool = np.concatenate([about_one_direction(450, 64, spread, seed=1)] * 2)
    ours = nearest(queries, pool, 4, NumpyIndex)
    theirs = nearest(queries, pool, 4, partial(DeviceIndex, device=CPU, max_values=room))
    assert all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))


def test_a_pool_smaller_than_k_gives_all_it_has() -> None:
    found = nearest(drawn(3, 5), np.eye(2, 5, dtype=np.float32), 4, partial(DeviceIndex, device=CPU))
    assert [sorted(row) for row in found[1].tolist()] == [[0, 1]] * 3


@pytest.mark.parametrize("room", [16 * 10, 16 * 200])
def test_rows_that_are_reached_come_in_order_and_too_many_of_them_not_at_all(room: int) -> None:
    queries, pool = drawn(50, 16), drawn(170, 16, seed=1)
    index, products = DeviceIndex(pool, CPU, room), queries @ pool.T
    least = np.sort(products, axis=1)[:, -np.arange(1, 51) - 3, None].diagonal()[0].astype(np.float64) - 1e-5
    every = index.reaching(queries, least, 170)
    assert [rows.tolist() for rows in every if rows is not None] == [
        np.flatnonzero(row >= low).tolist() for row, low in zip(products, least, strict=True)
    ]
    some = index.reaching(queries, least, 20)
    assert [rows is None for rows in some] == [len(rows) > 20 for rows in every if rows is not None]
    assert any(rows is None for rows in some)
    assert any(rows is not None for rows in some)


def test_products_stay_in_float32_whatever_precision_is_allowed_around_them() -> None:
    queries, pool = drawn(20, 256), drawn(200, 256, seed=1)
    index = DeviceIndex(pool, CPU)
    plain = index.best(queries, 12)
    torch.set_float32_matmul_precision("medium")
    try:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            mixed = index.best(queries, 12)
        assert torch.get_float32_matmul_precision() == "medium", "what was allowed before is allowed again"
    finally:
        torch.set_float32_matmul_precision("highest")
    assert mixed[0].dtype == np.float32
    assert all(np.array_equal(a, b) for a, b in zip(plain, mixed, strict=True))


class Small(DeviceIndex):
    """On a device that holds no more than this many numbers of a pool."""

    holds = 33 * 20

    def _products(self, queries: Array) -> Iterator[tuple[slice, int, Tensor]]:
        for number, products in enumerate(super()._products(queries)):
            if number and self.max_values > self.holds:
                raise torch.OutOfMemoryError("out of memory")
            yield products


def test_a_device_that_runs_out_of_memory_searches_smaller_parts() -> None:
    queries, pool = drawn(40, 33), drawn(90, 33, seed=1)
    small = Small(pool, CPU, max_values=33 * 80)
    ours, theirs = nearest(queries, pool, 4, NumpyIndex), nearest(queries, pool, 4, lambda _: small)
    assert all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))
    assert small.max_values == 33 * 20


def test_a_device_without_room_for_a_single_vector_is_the_trial_s_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Small, "holds", 0)
    with pytest.raises(TrialError, match="use fewer trials per device"):
        nearest(drawn(40, 33), drawn(90, 33, seed=1), 4, partial(Small, device=CPU, max_values=33 * 80))


def test_a_gpu_searches_and_a_cpu_leaves_it_to_numpy_or_faiss() -> None:
    assert search_on(CPU) is None
    search = search_on(torch.device("cuda", 0))
    assert search is not None
    index = search(drawn(3, 5))
    assert isinstance(index, DeviceIndex)
    assert index.device.type == "cuda"
