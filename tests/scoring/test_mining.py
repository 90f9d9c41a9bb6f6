"""Ratio margin, one-to-one matching, and the threshold fitted on one half."""

import numpy as np
import pytest

from sweeper.scoring.mining import Candidate, best_threshold, fitted_half, mine


def directions(*degrees):
    angles = np.deg2rad(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def ranked(*rows):
    return [Candidate(source=source, target=target, margin=margin) for source, target, margin in rows]


def test_the_margin_is_the_cosine_over_the_mean_of_both_neighbourhoods():
    [first, second] = mine(directions(0, 60), directions(0, 60))
    # Each sentence has the cosines 1 and 1/2 with its two neighbours: mean 3/4 on both sides.
    assert first == (0, 0, pytest.approx(4 / 3))
    assert second == (1, 1, pytest.approx(4 / 3))


def test_only_the_k_nearest_are_neighbours():
    [first, *_] = mine(directions(0, 60), directions(0, 60), k=1)
    assert first == (0, 0, pytest.approx(1.0))


def test_a_hub_is_matched_only_once():
    pairs = mine(directions(0, 20, 40), directions(0, 20))
    assert len({target for _, target, _ in pairs}) == len(pairs) == 2


def test_each_sentence_is_matched_once_in_descending_order_of_margins():
    draw = np.random.default_rng(3)
    pairs = mine(draw.normal(size=(40, 6)), draw.normal(size=(25, 6)))
    sources, targets, margins = zip(*pairs, strict=True)
    assert len(set(sources)) == len(sources) == len(set(targets))
    assert list(margins) == sorted(margins, reverse=True)


def test_translations_are_found_among_distractors():
    draw = np.random.default_rng(5)
    meaning = draw.normal(size=(30, 16))
    source = np.concatenate([meaning, draw.normal(size=(70, 16))])
    target = np.concatenate([draw.normal(size=(50, 16)), meaning + 0.05 * draw.normal(size=(30, 16))])
    best = {(source_, target_) for source_, target_, _ in mine(source, target)[:30]}
    assert best == {(number, 50 + number) for number in range(30)}


def test_pairs_with_a_negative_cosine_are_dropped():
    # The second target proposes the second source, the only free one; their cosine is negative.
    assert [pair[:2] for pair in mine(directions(0, 20), directions(0, 115))] == [(0, 0)]


def test_if_all_vectors_are_equal_only_the_first_pair_is_mined():
    # All cosines and margins are 1, so each sentence proposes the first one of the other side.
    assert mine(np.ones((3, 2)), np.ones((2, 2))) == [(0, 0, pytest.approx(1.0))]


def test_among_equal_margins_source_proposals_come_first_then_the_lower_index():
    crossed = np.eye(2)[::-1]
    assert mine(np.eye(2), crossed, k=1) == [(0, 1, 1.0), (1, 0, 1.0)]


def test_vectors_of_zeros_have_no_margin_and_are_not_mined():
    assert mine(np.zeros((2, 3)), np.zeros((2, 3))) == []


def test_the_threshold_is_halfway_to_the_next_candidate():
    candidates = ranked(("a", "a", 1.4), ("b", "b", 1.2), ("c", "x", 1.0), ("d", "d", 0.9))
    # With gold a, b, e the F1 of the first 1, 2, 3, 4 candidates is 2/4, 4/5, 4/6, 4/7.
    assert best_threshold(candidates, {("a", "a"), ("b", "b"), ("e", "e")}) == pytest.approx(1.1)


def test_among_thresholds_with_equal_f1_the_highest_is_chosen():
    candidates = ranked(("a", "a", 1.4), ("b", "x", 1.2), ("c", "y", 1.1), ("d", "d", 1.0))
    # With gold a, d the F1 of the first 1, 2, 3, 4 candidates is 2/3, 1/2, 2/5, 2/3.
    assert best_threshold(candidates, {("a", "a"), ("d", "d")}) == pytest.approx(1.3)


def test_if_all_candidates_are_correct_the_threshold_is_the_lowest_margin():
    assert best_threshold(ranked(("a", "a", 1.4), ("b", "b", 1.2)), {("a", "a"), ("b", "b")}) == 1.2


def test_without_a_correct_candidate_the_threshold_accepts_all():
    assert best_threshold(ranked(("a", "x", 1.4)), {("a", "a")}) == 0


def test_halves_are_equal_stable_and_balanced_in_gold_and_fillers():
    paired, unpaired = [f"source-{n}" for n in range(10)], [f"source-{n}" for n in range(10, 31)]
    half = fitted_half(paired, unpaired)
    assert len(half & set(paired)) == 5
    assert len(half & set(unpaired)) == 11
    assert half == fitted_half(paired[::-1], unpaired[::-1])
