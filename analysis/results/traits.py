"""Traits of intermediate tasks, and their correlation with gains."""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from sweeper.space import tasks_of

from .halves import MIN_N
from .load import RunData
from .stats import adjusted, correlation_ratio, spearman, spearman_interval
from .trivial import PreparationLevel

TRAITS: Mapping[str, str] = {
    "train_size": "published training examples",
    "seen": "training examples seen",
    "tokens": "training tokens seen",
    "headroom": "share of its own headroom gained",
    "format": "format",
    "group": "group",
}
"""Trait of an intermediate task -> its label in figures and tables. The headroom of a task is 1 minus the trivial
score; the share that is gained is (score - trivial) / (1 - trivial)."""
CATEGORIES = ("format", "group")
"""Traits without an order. Their correlation with gains is the correlation ratio eta, from 0 to 1."""


def traits_of(data: RunData, model: str, preparations: Iterable[PreparationLevel]) -> pd.DataFrame:
    """The traits of each recipe of one task: a frame of recipes x TRAITS. A mixture has no single value of a trait.

    `seen` and `tokens` are means over seeds and include repetitions.
    """
    names = {recipe.name: tasks_of(recipe.stages, masked=False) for recipe in data.space.recipes}
    single = {recipe: tasks[0] for recipe, tasks in names.items() if len(tasks) == 1}
    shares = {
        (level.recipe, level.task): (level.score - level.trivial) / (1 - level.trivial)
        for level in preparations
        if level.trivial < 1
    }
    seen = _seen(data, model)
    rows = {}
    for recipe, name in single.items():
        task = data.space.task(name)
        examples, tokens = seen.get(recipe, (np.nan, np.nan))
        rows[recipe] = {
            "train_size": task.train_size or np.nan,
            "seen": examples,
            "tokens": tokens,
            "headroom": shares.get((recipe, name), np.nan),
            "format": task.format,
            "group": task.group,
        }
    numbers = [trait for trait in TRAITS if trait not in CATEGORIES]
    return pd.DataFrame.from_dict(rows, orient="index", columns=list(TRAITS)).astype(dict.fromkeys(numbers, float))


def predictors(traits: pd.DataFrame, gains: pd.DataFrame) -> pd.DataFrame:
    """The correlation of each trait with each column of `gains`, both indexed by recipe.

    Columns trait, target, rho (Spearman's, or the correlation ratio of a category), low, high (95 % jackknife interval;
    nan for a category), n, p (permutation), q (over the whole table). nan with fewer than MIN_N recipes.
    """
    rows = []
    for trait in TRAITS:
        for target in gains.columns:
            both = pd.DataFrame({"trait": traits[trait], "gain": gains[target]}).dropna()
            rows.append((trait, target, *_correlation(trait, both)))
    table = pd.DataFrame(rows, columns=["trait", "target", "rho", "low", "high", "n", "p"])
    return table.assign(q=adjusted(table["p"]))


def _correlation(trait: str, both: pd.DataFrame) -> tuple[float, float, float, int, float]:
    """rho, low, high, n, p."""
    values, gains = both["trait"].tolist(), both["gain"].tolist()
    n = len(both)
    if n < MIN_N:
        return np.nan, np.nan, np.nan, n, np.nan
    if trait in CATEGORIES:
        eta, p = correlation_ratio([str(value) for value in values], gains)
        return eta, np.nan, np.nan, n, p
    found = spearman(values, gains)
    low, high = spearman_interval(values, gains)
    return found.rho, low, high, n, found.p


def _seen(data: RunData, model: str) -> dict[str, tuple[float, float]]:
    """Recipe -> training examples and tokens that its encoder has seen, mean over seeds."""
    counts = [
        (record.spec.recipe, sum(record.examples.values()), record.tokens)
        for record in data.replicates
        if record.spec.kind == "prepare" and record.spec.model.name == model and record.state == "done"
    ]
    means = pd.DataFrame(counts, columns=["recipe", "seen", "tokens"]).groupby("recipe").mean()
    return {str(recipe): (float(row["seen"]), float(row["tokens"])) for recipe, row in means.iterrows()}
