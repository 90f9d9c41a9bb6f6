"""Scores beside the trivial score, which is that of the majority class or of a random choice."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from sweeper.scoring.scorers import SCORERS
from sweeper.tasks.spec import Task

from .load import RunData, main_scores
from .matrix import Matrix, cells_of

Verdict = Literal["above", "unclear", "not above", "unknown"]
"""A score is "above" the trivial score by more than two standard errors, or "unclear" if it is above by less. It is
"unknown" if one of the two scores is missing."""


@dataclass(frozen=True, kw_only=True)
class TargetLevel:
    """The scores of one target beside its trivial score. Scores are fractions of 1."""

    target: str
    metric: str
    language: str
    """"en"; or "" for the mean over languages, if the target has no English evaluation data (retrieval)."""
    num_examples: int
    """Examples in the language; in the smallest one for a mean over languages."""
    trivial: float
    reference: float
    """Score of the reference recipe, mean over seeds; nan if it is missing."""
    best_recipe: str
    """The recipe with the highest score, other than the reference; "" if no other recipe has a score."""
    best: float

    @property
    def verdict(self) -> Verdict:
        """The score of the reference recipe beside the trivial one."""
        return verdict(self.reference, self.trivial, self.num_examples)


@dataclass(frozen=True, kw_only=True)
class PreparationLevel:
    """The dev score of a prepared encoder on one of its tasks, beside the trivial score. Fractions of 1."""

    recipe: str
    task: str
    metric: str
    num_seeds: int
    num_examples: int
    trivial: float
    score: float
    """Mean over languages and seeds."""

    @property
    def verdict(self) -> Verdict:
        """The score beside the trivial one."""
        return verdict(self.score, self.trivial, self.num_examples)


def target_levels(data: RunData, matrix: Matrix) -> tuple[TargetLevel, ...]:
    """The level of each target that has a score, in the order of the space."""
    table = main_scores(data.table)
    table = table[table["model"] == matrix.model]
    levels = {
        str(target): _target_level(data.space.task(str(target)), rows, matrix)
        for target, rows in table.groupby("target")
    }
    return tuple(levels[target.task] for target in data.space.targets if target.task in levels)


def _target_level(task: Task, rows: pd.DataFrame, matrix: Matrix) -> TargetLevel:
    has_english = (rows["language"] == "en").any()
    rows = rows[rows["language"] == "en"] if has_english else rows
    means = rows.groupby("recipe")["value"].mean()
    rivals = means.drop(matrix.reference, errors="ignore")
    return TargetLevel(
        target=task.name,
        metric=SCORERS[task.scorer].label,
        language="en" if has_english else "",
        num_examples=int(rows["count"].min()),
        trivial=float(rows["trivial"].mean()),
        reference=float(means.get(matrix.reference, np.nan)),
        best_recipe=str(rivals.idxmax()) if len(rivals) else "",
        best=float(rivals.max()) if len(rivals) else np.nan,
    )


def preparation_levels(data: RunData, model: str) -> tuple[PreparationLevel, ...]:
    """The level of each prepared encoder on each of its tasks, in the order of the space."""
    table = main_scores(data.preparation_scores)
    table = table[table["model"] == model]
    levels = [
        PreparationLevel(
            recipe=recipe,
            task=task,
            metric=SCORERS[data.space.task(task).scorer].label,
            num_seeds=int(rows["seed"].nunique()),
            num_examples=int(rows["count"].min()),
            trivial=float(rows["trivial"].mean()),
            score=float(rows["value"].mean()),
        )
        for (recipe, task), rows in cells_of(table)
    ]
    order = {recipe.name: number for number, recipe in enumerate(data.space.recipes)}
    return tuple(sorted(levels, key=lambda level: order[level.recipe]))


def verdict(score: float, trivial: float, num_examples: int) -> Verdict:
    """Whether a score is above the trivial score by more than two standard errors.

    The standard error is that of a share of `num_examples` examples, sqrt(p (1 - p) / n). It is an approximation for
    metrics such as F1 and exact match, whose standard error has no closed form.
    """
    if np.isnan(score) or np.isnan(trivial):
        return "unknown"
    if score <= trivial:
        return "not above"
    error = np.sqrt(max(trivial * (1 - trivial), score * (1 - score)) / max(num_examples, 1))
    return "above" if score - trivial > 2 * error else "unclear"
