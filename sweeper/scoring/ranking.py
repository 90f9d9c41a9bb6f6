"""Average precision of ranked candidates, cut at rank 20, as XTREME-R scores LAReQA and Mewsli-X."""

from collections.abc import Mapping, Sequence

DEPTH = 20
"""Ranks that count."""


def average_precision(hits: Sequence[int], num_right: int, depth: int = DEPTH) -> float:
    """Average precision of one query at `depth` (XTREME-R's utils_lareqa.py, average_precision_at_k).

    hits: ranks from 1 up, in ascending order, at which its right candidates stand; those below `depth` count nothing.
    The mean of the precision at each of them over the most that could stand there, min(num_right, depth). With one
    right candidate it is the reciprocal rank, which is how Mewsli-X calls it. A query without any scores 0.
    """
    if not num_right:
        return 0.0
    precisions = [number / rank for number, rank in enumerate(hits, start=1) if rank <= depth]
    return sum(precisions) / min(num_right, depth)


def mean_average_precision(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """`map20` of queries with their `average_precision`, each counting alike. Rows are not empty."""
    return {"map20": sum(row["average_precision"] for row in rows) / len(rows)}


def expected_average_precision(num_right: int, num_candidates: int, depth: int = DEPTH) -> float:
    """What a random order of the candidates is expected to score.

    At rank r a right one stands with probability R / N; given that, each rank above holds a right one with probability
    (R - 1) / (N - 1), so that the expected precision there is (1 + (r - 1)(R - 1) / (N - 1)) / r.
    """
    if not num_right:
        return 0.0
    others = (num_right - 1) / max(1, num_candidates - 1)
    ranks = range(1, min(depth, num_candidates) + 1)
    expected = sum((1 + (rank - 1) * others) / rank for rank in ranks) * num_right / num_candidates
    return expected / min(num_right, depth)
