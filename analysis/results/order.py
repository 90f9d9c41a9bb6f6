"""An order of rows in which similar rows are next to each other."""

import pandas as pd

from .stats import Floats


def clustered(values: pd.DataFrame) -> list[str]:
    """The index of a frame, ordered so that similar rows are next to each other.

    The order is that of the leaves of an average-linkage tree over Euclidean distances (Sokal & Michener 1958), with
    neighbours at the smallest distance (Bar-Joseph et al. 2001). A missing value counts as the mean of its column, or
    as 0 if the column is empty.
    """
    names = [str(name) for name in values.index]
    filled: Floats = values.fillna(values.mean()).fillna(0.0).to_numpy(dtype=float)
    if len(names) < 3 or not filled.shape[1]:
        return names
    from scipy.cluster import hierarchy  # noqa: PLC0415 - takes long to import
    from scipy.spatial.distance import pdist  # noqa: PLC0415

    # Distances, because scipy warns if it takes the values of a symmetric frame for distances.
    tree = hierarchy.linkage(pdist(filled), method="average", optimal_ordering=True)
    return [names[leaf] for leaf in hierarchy.leaves_list(tree)]
