"""Translations found by cosine and by CSLS."""

import numpy as np
import pytest

from sweeper.scoring import neighbours
from sweeper.scoring.neighbours import translations_found


def directions(*degrees):
    angles = np.deg2rad(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def test_length_does_not_count_and_direction_does():
    pool = np.array([[3.0, 0.0], [0.0, 0.5]])
    assert translations_found(np.array([[0.1, 0.0], [1.0, 9.0]]), pool).tolist() == [0, 1]


@pytest.mark.parametrize("similarity", ["cosine", "csls"])
def test_ties_go_to_the_lowest_index(similarity):
    pool = directions(90, 0, 0, 0)
    assert translations_found(directions(0, 90), pool, similarity).tolist() == [1, 0]


@pytest.mark.parametrize("similarity", ["cosine", "csls"])
def test_a_vector_of_zeros_is_equally_far_from_all_and_finds_the_first(similarity):
    assert translations_found(np.zeros((1, 2)), np.eye(2), similarity).tolist() == [0]


def test_csls_holds_back_a_sentence_that_is_near_to_many(monkeypatch):
    # Queries at 0, 40 and 50 degrees, the pool at 25, 47 and 85. With k = 2 the pool's mean cosines with its nearest
    # queries are r(25) = (cos 15 + cos 25) / 2, r(47) = (cos 3 + cos 7) / 2, r(85) = (cos 35 + cos 45) / 2.
    # By 2 cos - r the query at 50 gives 47: 2 cos 3 - 0.9956 = 1.0017, 85: 2 cos 35 - 0.7631 = 0.8752; the one at 40
    # gives 25: 2 cos 15 - 0.9361 = 0.9957, 47: 2 cos 7 - 0.9956 = 0.9895. So it leaves the hub at 47.
    monkeypatch.setattr(neighbours, "CSLS_NEIGHBOURS", 2)
    queries, pool = directions(0, 40, 50), directions(25, 47, 85)
    assert translations_found(queries, pool).tolist() == [0, 1, 1]
    assert translations_found(queries, pool, "csls").tolist() == [0, 0, 1]


def test_csls_is_twice_the_cosine_less_both_neighbourhoods():
    draw = np.random.default_rng(2)
    x, y = draw.normal(size=(40, 8)), draw.normal(size=(50, 8))
    cosines = (x / np.linalg.norm(x, axis=1, keepdims=True)) @ (y / np.linalg.norm(y, axis=1, keepdims=True)).T
    near_x = np.sort(cosines, axis=1)[:, -10:].mean(axis=1)
    near_y = np.sort(cosines, axis=0)[-10:].mean(axis=0)
    by_hand = (2 * cosines - near_x[:, None] - near_y[None]).argmax(axis=1)
    assert translations_found(x, y, "csls").tolist() == by_hand.tolist()
    assert by_hand.tolist() != cosines.argmax(axis=1).tolist()


def test_csls_is_cosine_where_all_sentences_are_equally_near():
    assert translations_found(np.eye(4), np.eye(4)[::-1], "csls").tolist() == [3, 2, 1, 0]
