"""The sentence that each sentence takes for its translation (Tatoeba), by cosine or by CSLS."""

import numpy as np

from sweeper.scoring.nearest import Array, Search, nearest, on_grid, unit_vectors

CSLS_NEIGHBOURS = 10
"""k of CSLS, Conneau et al.'s value."""


def translations_found(queries: Array, pool: Array, similarity: str = "cosine", search: Search | None = None) -> Array:
    """Index (n,) of the sentence in pool (n, d) that each query (n, d) takes for its translation.

    The one of the highest cosine, or of the highest CSLS(x, y) = 2 cos(x, y) - r(x) - r(y), where r is a sentence's
    mean cosine with its 10 nearest on the other side (Conneau et al. 2018, section 2.3): a sentence that is near to
    many is held back. Over all of the pool, ties to the lowest index. Tatoeba's accuracy is the share of queries i that
    find i. XTREME searches the other language's sentences with the English ones (its similarity_search(x, y) puts x,
    the other language, into the index), and so does the format that calls this.
    """
    x, y = unit_vectors(queries), unit_vectors(pool)
    if similarity == "csls":
        x, y = _scaled(x, y, search)
    return nearest(x, y, 1, search)[1][:, 0]


def _scaled(x: Array, y: Array, search: Search | None) -> tuple[Array, Array]:
    """Both with a coordinate more, so that their product is cos(x, y) - r(y) / 2: CSLS ranks a query's pool alike."""
    nearness = nearest(y, x, CSLS_NEIGHBOURS, search)[0].mean(axis=1, keepdims=True)
    return np.hstack([x, np.ones((len(x), 1), dtype=np.float32)]), np.hstack([y, on_grid(-nearness / 2)])
