"""The mean gain of each target over recipes, with an interval over seeds."""

import numpy as np
import pandas as pd

from .estimates import is_summarised, mean_estimates
from .load import CLEAN
from .seed_part import MEAN
from .stats import are_equal, t_intervals

COLUMNS = ("target", "gain", "num_recipes", "num_seeds", "se", "df", "low", "high")
"""Columns of the table of column means."""


def column_means(seeds: pd.DataFrame, estimates: pd.DataFrame) -> pd.DataFrame:
    """The mean gain of each target over the recipes whose gain summaries include; fractions of 1.

    `seeds` are the `scores_by_seed` of a model, `estimates` its table of estimates. The mean is over the seeds that all
    of these recipes have. The interval is that of the paired t test (Student 1908) of the means of the seeds, so that
    the noise of the reference, which all recipes share, is part of it. The bounds are nan with fewer than two seeds and
    if all of the means are equal. Columns: COLUMNS, targets in the order of `estimates`.
    """
    cells = mean_estimates(estimates)
    targets = list(dict.fromkeys(cells["target"]))
    cells = cells[is_summarised(cells)]
    clean = seeds[(seeds["language"] == MEAN) & (seeds["condition"] == CLEAN)]
    rows = clean.merge(cells[["recipe", "target"]], on=["recipe", "target"]).dropna(subset="gain")
    by_target = dict(iter(rows.groupby("target")))
    means = pd.DataFrame([_row(target, by_target[target]) for target in targets if target in by_target])
    means = means.reindex(columns=list(COLUMNS))
    means["low"], means["high"], _ = t_intervals(means["gain"], means["se"], means["df"])
    return means


def _row(target: str, rows: pd.DataFrame) -> dict[str, object]:
    """All columns but the bounds. `rows` has the gains of each recipe and seed on one target."""
    by_seed = rows.pivot(index="recipe", columns="seed", values="gain").dropna(axis=1)
    num_recipes, num_seeds = by_seed.shape
    means = by_seed.mean()
    has_error = num_seeds > 1 and not are_equal(means.min(), means.max(), rows["score"].max())
    return {
        "target": target,
        "gain": means.mean(),
        "num_recipes": num_recipes,
        "num_seeds": num_seeds,
        "se": means.std() / np.sqrt(num_seeds) if has_error else np.nan,
        "df": num_seeds - 1.0 if has_error else np.nan,
    }
