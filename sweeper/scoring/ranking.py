"""Average precision of ranked candidates up to rank 20, as used by XTREME-R for LAReQA and Mewsli-X."""

from collections.abc import Mapping, Sequence

from sweeper.scoring.sums import mean, total

DEPTH = 20
"""Number of ranks that are scored."""


def average_precision(hits: Sequence[int], num_right: int, depth: int = DEPTH) -> float:
    """Average precision of one query at `depth` (XTREME-R's utils_lareqa.py, average_precision_at_k).

    hits: ranks of the correct candidates, from 1, in ascending order; ranks greater than `depth` are ignored. The
    result is the sum of the precisions at these ranks divided by the largest possible number of them,
    min(num_right, depth). With one correct candidate it is the reciprocal rank, the name that Mewsli-X uses. A query
    without a correct candidate scores 0.
    """
    if not num_right:
        return 0.0
    precisions = [number / rank for number, rank in enumerate(hits, start=1) if rank <= depth]
    return total(precisions) / min(num_right, depth)


def mean_average_precision(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """`map20`, the mean of the `average_precision` of all queries. `rows` must not be empty."""
    return {"map20": mean([row["average_precision"] for row in rows])}


def expected_average_precision(num_right: int, num_candidates: int, depth: int = DEPTH) -> float:
    """Expected average precision of a random order of the candidates.

    With R correct candidates of N, a correct one is at rank r with probability R / N. Given that, each better rank has
    a correct one with probability (R - 1) / (N - 1), so the expected precision at r is
    (1 + (r - 1)(R - 1) / (N - 1)) / r.
    """
    if not num_right:
        return 0.0
    # Probability that any other rank has a correct candidate, given one correct candidate.
    density = (num_right - 1) / max(1, num_candidates - 1)
    ranks = range(1, min(depth, num_candidates) + 1)
    expected = total((1 + (rank - 1) * density) / rank for rank in ranks) * num_right / num_candidates
    return expected / min(num_right, depth)
