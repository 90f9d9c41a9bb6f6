"""The k nearest rows are exact, with ties to the lowest index, for every block size and every search back end."""

from fractions import Fraction

import numpy as np
import pytest

from sweeper.errors import TrialError
from sweeper.scoring import nearest as module
from sweeper.scoring.nearest import Array, FaissIndex, NumpyIndex, Search, nearest, unit_vectors


def drawn(count: int, width: int, seed: int = 0) -> Array:
    return unit_vectors(np.random.default_rng(seed).normal(size=(count, width)))


def concentrated(count: int, width: int, spread: float, seed: int = 0) -> Array:
    """Rows near one direction, like mean vectors of an encoder, with the mean cosine 1 - spread ** 2."""
    return unit_vectors(drawn(1, width, seed=99) + np.float32(spread) * drawn(count, width, seed))


FEW_IN_REACH, MOST_IN_REACH = 0.01, 0.004
"""Spreads at which rounding could make about twenty of 900 rows of 64 values the nearest, or most of them."""


def exact(x: Array, y: Array) -> Fraction:
    return sum((Fraction(float(a)) * Fraction(float(b)) for a, b in zip(x, y, strict=True)), Fraction(0))


def test_the_nearest_are_those_of_exact_fractions() -> None:
    queries, pool = drawn(5, 7), drawn(40, 7, seed=1)
    products, indices = nearest(queries, pool, 4)
    for number, query in enumerate(queries):
        fractions = [exact(query, row) for row in pool]
        best = sorted(range(40), key=lambda row: (-fractions[row], row))[:4]
        assert indices[number].tolist() == best
        assert [Fraction(value) for value in products[number].tolist()] == [fractions[row] for row in best]


def test_a_row_of_ties_goes_to_the_lowest_indices() -> None:
    pool = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 0.0], [1.0, 0.0]], dtype=np.float32)
    products, indices = nearest(pool[1:2], pool, 3)
    assert indices.tolist() == [[1, 2, 3]]
    assert products.tolist() == [[1, 1, 1]]


def test_equal_vectors_tie_to_the_last_bit_at_all_positions_in_the_pool() -> None:
    queries, once = drawn(30, 301), drawn(17, 301, seed=1)
    pool = np.concatenate([once, once[::-1], once])
    products, indices = nearest(queries, pool, 3)
    assert (np.diff(products, axis=1) == 0).all()
    assert (indices[:, 0] < 17).all()
    assert (indices[:, 1] == 33 - indices[:, 0]).all()
    assert (indices[:, 2] == 34 + indices[:, 0]).all()


@pytest.mark.parametrize("block", [1, 70, 1000, 2**23])
def test_blocks_of_any_size_give_the_same_bits(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    queries, pool = drawn(23, 65), np.concatenate([drawn(31, 65, seed=1)] * 2)
    whole = nearest(queries, pool, 4)
    monkeypatch.setattr(module, "BLOCK", block)
    parts = nearest(queries, pool, 4)
    assert all(np.array_equal(a, b) for a, b in zip(whole, parts, strict=True))
    assert np.array_equal(drawn(31, 65, seed=1), pool[:31])


@pytest.mark.parametrize("spread", [1, FEW_IN_REACH, MOST_IN_REACH])
def test_memory_stays_within_the_size_of_a_block(monkeypatch: pytest.MonkeyPatch, spread: float) -> None:
    import tracemalloc

    queries, pool = concentrated(900, 16, spread), concentrated(2000, 16, spread, seed=1)
    monkeypatch.setattr(module, "BLOCK", 2**14)
    tracemalloc.start()
    nearest(queries, pool, 4)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 900 * 2000 * 4 / 4, "a quarter of the whole matrix of similarities"


def test_a_pool_with_fewer_than_k_rows_returns_all_rows() -> None:
    assert nearest(np.eye(2, dtype=np.float32), np.eye(2, dtype=np.float32), 4)[1].tolist() == [[0, 1], [1, 0]]


class Careless(NumpyIndex):
    """A search with the rounding errors of float32 that prefers the last of equal rows."""

    def best(self, queries: Array, k: int) -> tuple[Array, Array]:
        products = queries @ self.pool.T
        noise = np.random.default_rng(0).uniform(-1, 1, products.shape).astype(np.float32)
        products += noise * self.pool.shape[1] * 2**-25
        order = np.lexsort((-np.arange(len(self.pool)) + 0 * products, -products), axis=1)[:, :k]
        return np.take_along_axis(products, order, axis=1), order


SEARCHES = [Careless, FaissIndex]


@pytest.mark.parametrize("search", SEARCHES)
@pytest.mark.parametrize("copies", [1, 2, 30])
def test_another_search_gives_the_same_bits_ties_included(search: Search, copies: int) -> None:
    if search is FaissIndex:
        pytest.importorskip("faiss")
    queries = drawn(40, 33)
    pool = np.concatenate([drawn(25, 33, seed=1), np.zeros((2, 33), np.float32)] * copies)
    ours, theirs = nearest(queries, pool, 4, NumpyIndex), nearest(queries, pool, 4, search)
    assert all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))


@pytest.mark.parametrize("search", [NumpyIndex, *SEARCHES])
@pytest.mark.parametrize("spread", [0.1, FEW_IN_REACH, 0.008, MOST_IN_REACH])
@pytest.mark.parametrize("block", [1000, 2**14, 2**23])
def test_concentrated_vectors_are_ranked_exactly_for_all_blocks_and_searches(
    monkeypatch: pytest.MonkeyPatch, block: int, spread: float, search: Search
) -> None:
    if search is FaissIndex:
        pytest.importorskip("faiss")
    queries = concentrated(30, 64, spread)
    pool = np.concatenate([concentrated(450, 64, spread, seed=1)] * 2)
    integers = (queries * module.GRID).astype(np.int64) @ (pool * module.GRID).astype(np.int64).T  # below 2**63: exact
    best = np.argsort(-integers, axis=1, kind="stable")[:, :4]
    monkeypatch.setattr(module, "BLOCK", block)
    products, indices = nearest(queries, pool, 4, search)
    assert np.array_equal(indices, best)
    assert np.array_equal(products * module.GRID**2, np.take_along_axis(integers, best, axis=1))


@pytest.mark.parametrize(("spread", "whole"), [(FEW_IN_REACH, False), (MOST_IN_REACH, True)])
def test_a_query_is_multiplied_by_the_whole_pool_only_if_rounding_could_hide_many_rows(
    monkeypatch: pytest.MonkeyPatch, spread: float, whole: bool
) -> None:
    queries, pool = concentrated(30, 64, spread), concentrated(900, 64, spread, seed=1)
    rough, _ = NumpyIndex(pool).best(queries, 4 + module.SPARE)
    assert (rough[:, 3] - rough[:, -1] < 64 * 2**-23).any(), "the candidates alone do not decide the nearest rows"
    searched, exactly = [], module._exactly

    def watched(queries: Array, numbers: Array, pool: Array, k: int) -> tuple[Array, Array]:
        searched.extend(numbers.tolist())
        return exactly(queries, numbers, pool, k)

    monkeypatch.setattr(module, "_exactly", watched)
    nearest(queries, pool, 4, NumpyIndex)
    assert searched == (list(range(30)) if whole else [])


def test_equal_vectors_for_all_sentences_are_searched_exactly() -> None:
    pool = np.repeat(drawn(1, 50), 60, axis=0)
    assert nearest(pool[:3], pool, 4)[1].tolist() == [[0, 1, 2, 3]] * 3


def test_unit_vectors_are_on_a_grid_that_is_finer_than_float32_cosines() -> None:
    vectors = drawn(100, 64)
    assert np.array_equal(np.rint(vectors * module.GRID), vectors * module.GRID)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=3e-7)


def test_a_vector_of_zeros_is_unchanged() -> None:
    assert unit_vectors(np.zeros((1, 3))).tolist() == [[0, 0, 0]]


def test_the_error_for_a_diverged_encoder_counts_the_affected_sentences() -> None:
    with pytest.raises(TrialError, match="1 of 2 sentences"):
        unit_vectors(np.array([[1.0, np.nan], [1.0, 0.0]]))
