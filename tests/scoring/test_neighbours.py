"""Nearest sentences by cosine and by CSLS."""

import numpy as np
import pytest

from sweeper.scoring import neighbours
from sweeper.scoring.neighbours import nearest_translations


def directions(*degrees):
    angles = np.deg2rad(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def test_only_the_direction_of_a_vector_matters():
    pool = np.array([[3.0, 0.0], [0.0, 0.5]])
    assert nearest_translations(np.array([[0.1, 0.0], [1.0, 9.0]]), pool).tolist() == [0, 1]


@pytest.mark.parametrize("similarity", ["cosine", "csls"])
def test_ties_go_to_the_lowest_index(similarity):
    pool = directions(90, 0, 0, 0)
    assert nearest_translations(directions(0, 90), pool, similarity).tolist() == [1, 0]


@pytest.mark.parametrize("similarity", ["cosine", "csls"])
def test_a_vector_of_zeros_finds_the_first_sentence(similarity):
    assert nearest_translations(np.zeros((1, 2)), np.eye(2), similarity).tolist() == [0]


def test_csls_lowers_the_rank_of_a_sentence_that_is_near_to_many(monkeypatch):
    # Queries at 0, 40 and 50 degrees, the pool at 25, 47 and 85. With k = 2 the pool's mean cosines with its nearest
    # queries are r(25) = (cos 15 + cos 25) / 2, r(47) = (cos 3 + cos 7) / 2, r(85) = (cos 35 + cos 45) / 2.
    # By 2 cos - r the query at 50 scores 47 with 2 cos 3 - 0.9956 = 1.0017 and 85 with 2 cos 35 - 0.7631 = 0.8752. The
    # query at 40 scores 25 with 2 cos 15 - 0.9361 = 0.9957 and 47 with 2 cos 7 - 0.9956 = 0.9895, so it prefers 25.
    monkeypatch.setattr(neighbours, "CSLS_NEIGHBOURS", 2)
    queries, pool = directions(0, 40, 50), directions(25, 47, 85)
    assert nearest_translations(queries, pool).tolist() == [0, 1, 1]
    assert nearest_translations(queries, pool, "csls").tolist() == [0, 0, 1]


def test_csls_is_twice_the_cosine_minus_both_mean_cosines():
    draw = np.random.default_rng(2)
    x, y = draw.normal(size=(40, 8)), draw.normal(size=(50, 8))
    cosines = (x / np.linalg.norm(x, axis=1, keepdims=True)) @ (y / np.linalg.norm(y, axis=1, keepdims=True)).T
    near_x = np.sort(cosines, axis=1)[:, -10:].mean(axis=1)
    near_y = np.sort(cosines, axis=0)[-10:].mean(axis=0)
    by_hand = (2 * cosines - near_x[:, None] - near_y[None]).argmax(axis=1)
    assert nearest_translations(x, y, "csls").tolist() == by_hand.tolist()
    assert by_hand.tolist() != cosines.argmax(axis=1).tolist()


def test_csls_equals_cosine_if_all_sentences_are_equally_near():
    assert nearest_translations(np.eye(4), np.eye(4)[::-1], "csls").tolist() == [3, 2, 1, 0]
