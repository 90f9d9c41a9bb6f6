"""Mining translation pairs from two pools (BUCC 2018): ratio margin, greedy one-to-one matching, fitted threshold."""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from sweeper.scoring.counts import precision_recall_f1
from sweeper.scoring.nearest import Array, Search, nearest, unit_vectors

NEIGHBOURS = 4
"""k of the ratio margin, XTREME's value."""
Pair = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A matched source and target sentence, with the margin of the match."""

    source: str
    target: str
    margin: float


def mine(
    source: Array, target: Array, k: int = NEIGHBOURS, search: Search | None = None, *, in_place: bool = False
) -> list[tuple[int, int, float]]:
    """Pairs (source index, target index, margin) of one-to-one matching, in descending order of the margin.

    source (n, d) and target (m, d) are sentence vectors. The margin of a pair is its cosine divided by the mean of the
    two sentences' mean cosines with their k nearest neighbours in the other pool (ratio margin, Artetxe & Schwenk 2019,
    eq. 3). Each sentence of both pools proposes the best of its k nearest neighbours. Proposals are accepted greedily
    while both sentences are free (mode "max"). Among equal margins, proposals of the source come first, then the lower
    index. As in XTREME, a pair whose margin is not positive blocks its two sentences and is then dropped.

    `in_place` scales the float32 vectors in their own arrays, so that there is no second copy.
    """
    x, y = (unit_vectors(vectors, vectors if in_place else None) for vectors in (source, target))
    forward, forward_index = nearest(x, y, k, search)
    backward, backward_index = nearest(y, x, k, search)
    x_mean, y_mean = forward.mean(axis=1), backward.mean(axis=1)
    x_best, x_margin = _proposals(forward, forward_index, x_mean, y_mean)
    y_best, y_margin = _proposals(backward, backward_index, y_mean, x_mean)
    # Proposals of the source come first, so the stable sort in _one_to_one prefers them among equal margins.
    pairs = np.concatenate([np.stack([np.arange(len(x)), x_best], 1), np.stack([y_best, np.arange(len(y))], 1)])
    return _one_to_one(pairs, np.concatenate([x_margin, y_margin]))


def _proposals(cosines: Array, indices: Array, means: Array, pool_means: Array) -> tuple[Array, Array]:
    """The best neighbour of each sentence by margin, (n,), and that margin, (n,)."""
    scale = (means[:, None] + pool_means[indices]) / 2
    # Vectors of zeros have a scale of 0; their margin is 0, so they are never mined.
    margins = np.divide(cosines, scale, out=np.zeros_like(cosines), where=scale != 0)
    rows, best = np.arange(len(indices)), margins.argmax(axis=1)
    return indices[rows, best], margins[rows, best]


def _one_to_one(pairs: Array, margins: Array) -> list[tuple[int, int, float]]:
    taken_sources: set[int] = set()
    taken_targets: set[int] = set()
    matched = []
    for number in np.argsort(-margins, kind="stable"):
        source, target = (int(index) for index in pairs[number])
        if source in taken_sources or target in taken_targets:
            continue
        taken_sources.add(source)
        taken_targets.add(target)
        # Only now, because a pair with a negative margin still blocks its two sentences, as in XTREME.
        if margins[number] > 0:
            matched.append((source, target, float(margins[number])))
    return matched


def best_threshold(candidates: Iterable[Candidate], gold: Collection[Pair]) -> float:
    """The margin threshold with the best F1 against the gold pairs (bucc_optimize of XTREME).

    The threshold is halfway between the last accepted candidate and the next one. After the last candidate of all it is
    the margin of that candidate, where the script of XTREME reads past the end of its list. Among thresholds with equal
    F1 it is the highest. It is 0, which accepts all candidates, if no candidate is correct.
    """
    ranked = sorted(candidates, key=lambda candidate: -candidate.margin)
    threshold, best, correct = 0.0, 0.0, 0
    for taken, candidate in enumerate(ranked, start=1):
        correct += (candidate.source, candidate.target) in gold
        f1 = precision_recall_f1(correct, taken, len(gold))[2]
        if f1 > best:  # not >=: among equal F1 the first one has the highest threshold
            following = ranked[taken].margin if taken < len(ranked) else candidate.margin
            threshold, best = (candidate.margin + following) / 2, f1
    return threshold


def fitted_half(paired: Sequence[str], unpaired: Sequence[str]) -> set[str]:
    """Ids of the source sentences that the threshold is fitted on if there is no other pool; the rest is scored.

    The set contains half of the sentences with a partner and half of those without: every second one in the order of
    the sha256 of the ids. A mined pair belongs to the half of its source sentence, whether it is correct or not. Both
    halves search all of both pools, so neither half is easier than the whole pool. Each half has half of the gold pairs
    and half of the sentences that can give false positives, so precision is comparable to that on the whole pool.
    """
    return {name for names in (paired, unpaired) for name in sorted(names, key=_hash)[::2]}


def _hash(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()
