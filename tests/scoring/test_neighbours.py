"""Nearest neighbours by cosine."""

import numpy as np
import pytest

from sweeper.errors import TrialError
from sweeper.scoring import neighbours
from sweeper.scoring.neighbours import nearest, translations_found, unit_vectors


def test_length_does_not_count_and_direction_does():
    pool = np.array([[3.0, 0.0], [0.0, 0.5]])
    assert translations_found(np.array([[0.1, 0.0], [1.0, 9.0]]), pool).tolist() == [0, 1]


def test_ties_go_to_the_lowest_index():
    pool = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 0.0], [1.0, 0.0]], dtype=np.float32)
    cosines, indices = nearest(pool[1:2], pool, 3)
    assert indices.tolist() == [[1, 2, 3]]
    assert cosines.tolist() == [[1, 1, 1]]


def test_a_vector_of_zeros_is_equally_far_from_all_and_finds_the_first():
    assert translations_found(np.zeros((1, 2)), np.eye(2)).tolist() == [0]


def test_blocks_change_nothing(monkeypatch):
    draw = np.random.default_rng(0)
    queries, pool = unit_vectors(draw.normal(size=(23, 5))), unit_vectors(draw.normal(size=(31, 5)))
    whole = nearest(queries, pool, 4)
    monkeypatch.setattr(neighbours, "BLOCK", 70)
    parts = nearest(queries, pool, 4)
    assert (whole[1] == parts[1]).all()
    assert (whole[1] == np.argsort(-(queries @ pool.T), axis=1)[:, :4]).all()
    np.testing.assert_allclose(whole[0], parts[0], rtol=1e-6)


def test_a_pool_smaller_than_k_gives_all_it_has():
    assert nearest(np.eye(2, dtype=np.float32), np.eye(2, dtype=np.float32), 4)[1].tolist() == [[0, 1], [1, 0]]


def test_an_encoder_that_has_diverged_is_named():
    with pytest.raises(TrialError, match="1 of 2 sentences"):
        unit_vectors(np.array([[1.0, np.nan], [1.0, 0.0]]))
