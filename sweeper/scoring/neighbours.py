"""The nearest sentence in another language (Tatoeba), by cosine or by CSLS."""

import numpy as np

from sweeper.scoring.nearest import Array, Search, nearest, on_grid, unit_vectors

CSLS_NEIGHBOURS = 10
"""k of CSLS, the value of Conneau et al."""


def nearest_translations(
    queries: Array, pool: Array, similarity: str = "cosine", search: Search | None = None
) -> Array:
    """Index (n,) of the sentence in pool (n, d) that is nearest to each query (n, d).

    Nearest means the highest cosine, or the highest CSLS(x, y) = 2 cos(x, y) - r(x) - r(y), where r is the mean cosine
    of a sentence with its 10 nearest neighbours on the other side (Conneau et al. 2018, section 2.3). CSLS lowers the
    rank of a sentence that is near to many others. The search covers the whole pool, and ties go to the lowest index.
    The accuracy of Tatoeba is the share of queries i with the result i. XTREME uses the English sentences as queries
    (its similarity_search(x, y) puts x, the other language, into the index), and so does the format that calls this.
    """
    x, y = unit_vectors(queries), unit_vectors(pool)
    if similarity == "csls":
        x, y = _scaled(x, y, search)
    return nearest(x, y, 1, search)[1][:, 0]


def _scaled(x: Array, y: Array, search: Search | None) -> tuple[Array, Array]:
    """Both with one more coordinate, so that their product is cos(x, y) - r(y) / 2. It ranks the pool as CSLS does."""
    nearness = nearest(y, x, CSLS_NEIGHBOURS, search)[0].mean(axis=1, keepdims=True)  # r(y)
    # r(x) is constant for a query and does not change the order of its pool, so it is omitted.
    return np.hstack([x, np.ones((len(x), 1), dtype=np.float32)]), np.hstack([y, on_grid(-nearness / 2)])
