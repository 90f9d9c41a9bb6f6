"""Sets of best rows, correlations and predictors of a model as tables of JSON values."""

from typing import Any

import pandas as pd

from ..results.results import Results
from ..results.seed_part import MEAN
from .cells import Table, columns_of

BEST_COLUMNS = ("target", "recipes", "num_rows", "best", "gain", "corrected")
PAIR_COLUMNS = ("of", "a", "b", "rho", "low", "high", "n", "p", "q")
PREDICTOR_COLUMNS = (*("predictor", "ndcg", "regret_1", "regret_3", "low", "high", "n", "seconds", "recommended"),)


def best_values(results: Results) -> Table:
    """One row for each target and for their mean: the recipes that cannot be distinguished from the best one (a list),
    the number of compared recipes, the best of them, its gain, and the gain corrected for its selection."""
    rows: list[tuple[Any, ...]] = []
    for target, column in results.leaders.rows.groupby("target", sort=False):
        members = column[column["is_best"]].sort_values("gain", ascending=False, kind="stable")
        if len(members):
            first = members.iloc[0]
            names = members["recipe"].tolist()
            rows.append((target, names, len(column), first["recipe"], first["gain"], first["corrected"]))
    table = pd.DataFrame(rows, columns=list(BEST_COLUMNS)).astype({"gain": float, "corrected": float})
    return columns_of(table, BEST_COLUMNS)


def correlation_values(results: Results) -> Table:
    """The correlations of recipes and of targets that could be computed, the largest first."""
    pairs = {"recipes": results.correlations.recipes, "targets": results.correlations.targets}
    tables = [table.assign(of=of).dropna(subset="rho") for of, table in pairs.items()]
    table = pd.concat([each for each in tables if len(each)] or tables[:1])
    return columns_of(table.sort_values("rho", key=abs, ascending=False, kind="stable"), PAIR_COLUMNS)


def predictor_values(results: Results) -> Table:
    """The mean quality of each predictor of transfer that could be judged."""
    table = results.rankings
    return columns_of(table[(table["target"] == MEAN) & table["ndcg"].notna()], PREDICTOR_COLUMNS)
