"""The uncertainty of gains about new items, and about new seeds and new items together."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from .items import ItemParts
from .names import tuples_of
from .stats import CONFIDENCE

Floats = npt.NDArray[np.float64]


def combined(seed: Any, seed_df: Any, item: Any, item_df: Any, residual: Any) -> tuple[Floats, Floats]:
    """The variance of a gain about new seeds and new items, and its degrees of freedom. Takes arrays of one shape.

    `seed` is the variance over seeds on the same items, and `item` the variance over items of the mean of the same
    seeds. Both contain `residual`, the part that differs between seeds and items at once (crossed random effects), so
    that the sum is seed + item - residual; it is never below the larger part. The degrees of freedom are those with
    which the 95 % interval combines the intervals of both parts (Zou & Donner 2008),

        half width^2 = t(seed_df)^2 seed + t(item_df)^2 (item - residual),  at least t(item_df)^2 item.

    Those of Satterthwaite (1946) are too many where two seeds have a variance of one degree of freedom: an
    underestimated variance then hides its own uncertainty. Without one part (nan, or items that add nothing), the other
    stands for both.
    """
    from scipy import special  # noqa: PLC0415 - takes about a second to import

    seed, item = np.asarray(seed, dtype=float), np.asarray(item, dtype=float)
    seed_df, item_df = np.asarray(seed_df, dtype=float), np.asarray(item_df, dtype=float)
    only_items = np.maximum(item - np.nan_to_num(residual), 0.0)
    total = np.maximum(seed + only_items, item)
    share = 0.5 + CONFIDENCE / 2
    of_seed, of_item = special.stdtrit(seed_df, share) ** 2, special.stdtrit(item_df, share) ** 2
    squared = np.maximum(of_seed * seed + of_item * only_items, of_item * item)
    both_df = special.stdtridf(share, np.sqrt(squared / np.where(total > 0, total, np.nan)))
    # Items add nothing, and have no degrees of freedom, where every seed has its own.
    has_seed, has_item = ~np.isnan(seed), item > 0
    total = np.where(has_seed & has_item, total, np.where(has_seed, seed, item))
    return total, np.where(has_seed & has_item, both_df, np.where(has_seed, seed_df, item_df))


def item_part(cells: pd.DataFrame, items: ItemParts, reference: str) -> pd.DataFrame:
    """The item variances of gains. `cells` has the columns recipe, target, condition and language.

    Returns a frame with the index of `cells` and the columns item (variance of the gain about new items), residual,
    num_items (0 if unknown; of one seed if each has its own) and is_own (each seed has its own items, so that the
    variance between seeds contains them).
    The variances are nan without outcomes of the row and of the reference.
    """
    rows = []
    for recipe, target, condition, language in tuples_of(cells[["recipe", "target", "condition", "language"]]):
        block = items.block(target, language, condition)
        variance, residual = block.of_gain(recipe, reference) if block else (np.nan, np.nan)
        # One item, or a group of all items, says nothing about the variation between items.
        num_items = block.num_items if block and not np.isnan(variance) else 0
        if num_items < 2:
            variance = residual = np.nan
        is_own = target in items.own_items
        num_items = items.own_counts.get((target, condition, language), 0) if is_own else num_items
        rows.append((variance, residual, num_items, is_own))
    types = {"item": float, "residual": float, "num_items": int, "is_own": bool}
    return pd.DataFrame(rows, columns=list(types), index=cells.index).astype(types)
