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
    """A source and a target sentence that were matched, and how far they stand out from their neighbours."""

    source: str
    target: str
    margin: float


def mine(
    source: Array, target: Array, k: int = NEIGHBOURS, search: Search | None = None, *, in_place: bool = False
) -> list[tuple[int, int, float]]:
    """Pairs (source index, target index, margin) of one-to-one matching, from the highest margin down.

    source (n, d) and target (m, d) are sentence vectors. The margin of a pair is its cosine over the mean of the two
    sentences' mean cosines with their k nearest in the other pool (ratio margin, Artetxe & Schwenk 2019, eq. 3). Each
    sentence proposes the best of its k nearest, in both directions, and proposals are taken greedily while neither
    sentence is taken (mode "max"); of equal margins source proposals come first, the lower index first. As in XTREME, a
    pair of which the margin is not above 0 uses up its sentences and is dropped.

    `in_place` scales the vectors, float32, to unit length where they lie, so that no second copy is held.
    """
    x, y = (unit_vectors(some, some if in_place else None) for some in (source, target))
    forward, forward_index = nearest(x, y, k, search)
    backward, backward_index = nearest(y, x, k, search)
    x_mean, y_mean = forward.mean(axis=1), backward.mean(axis=1)
    x_best, x_margin = _proposals(forward, forward_index, x_mean, y_mean)
    y_best, y_margin = _proposals(backward, backward_index, y_mean, x_mean)
    pairs = np.concatenate([np.stack([np.arange(len(x)), x_best], 1), np.stack([y_best, np.arange(len(y))], 1)])
    return _one_to_one(pairs, np.concatenate([x_margin, y_margin]))


def _proposals(cosines: Array, indices: Array, own: Array, other: Array) -> tuple[Array, Array]:
    """Each sentence's best neighbour by margin, (n,), and that margin, (n,)."""
    scale = (own[:, None] + other[indices]) / 2
    margins = np.divide(cosines, scale, out=np.zeros_like(cosines), where=scale != 0)
    rows, best = np.arange(len(indices)), margins.argmax(axis=1)
    return indices[rows, best], margins[rows, best]


def _one_to_one(pairs: Array, margins: Array) -> list[tuple[int, int, float]]:
    taken_sources: set[int] = set()
    taken_targets: set[int] = set()
    matched = []
    for place in np.argsort(-margins, kind="stable"):
        source, target = (int(index) for index in pairs[place])
        if source in taken_sources or target in taken_targets:
            continue
        taken_sources.add(source)
        taken_targets.add(target)
        if margins[place] > 0:
            matched.append((source, target, float(margins[place])))
    return matched


def best_threshold(candidates: Iterable[Candidate], gold: Collection[Pair]) -> float:
    """The margin above which candidates have the best F1 against the gold pairs (XTREME's bucc_optimize).

    Halfway between the last candidate taken and the next one; after the very last one its own margin, where XTREME's
    script runs past the end of its list. Of equal F1 the highest. 0, which takes everything, if no candidate is right.
    """
    ranked = sorted(candidates, key=lambda candidate: -candidate.margin)
    threshold, best, correct = 0.0, 0.0, 0
    for taken, candidate in enumerate(ranked, start=1):
        correct += (candidate.source, candidate.target) in gold
        f1 = precision_recall_f1(correct, taken, len(gold))[2]
        if f1 > best:
            following = ranked[taken].margin if taken < len(ranked) else candidate.margin
            threshold, best = (candidate.margin + following) / 2, f1
    return threshold


def fitted_half(paired: Sequence[str], unpaired: Sequence[str]) -> set[str]:
    """Ids of the source sentences that the threshold is fitted on, where there is no other pool; the others are scored.

    Every second one in the order of their ids' sha256, of those with a partner and of those without one alike. A mined
    pair belongs to the half of its source sentence, right or wrong. Both halves search all of both pools, so that
    neither is easier than the whole; and since each holds half of the gold pairs and half of the sentences that can
    raise a false alarm, precision means in a half what it means in the whole.
    """
    return {name for names in (paired, unpaired) for name in sorted(names, key=_hash)[::2]}


def _hash(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()
