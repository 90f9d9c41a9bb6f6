"""The best row for each target, chosen on English selection data alone: no score of any cell takes part."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import pandas as pd

from analysis.load import Study
from sweeper.errors import UserError


@dataclass(frozen=True, kw_only=True)
class Best:
    """The row chosen for a target."""

    recipe: str
    value: float
    """What it was chosen by: a mean of English selection values over the replicate seeds, a fraction of 1."""
    columns: tuple[str, ...]
    """The targets whose selection values these are."""


def best_per_target(study: Study, model: str, targets: Collection[str] | None = None) -> dict[str, Best]:
    """Target -> the row with the highest selection value of one model, for `targets` (None: all of the space).

    A row's value on a target is what its trained replicates came to on the target's English selection data (English
    dev where test is reported, else a part of train carved out), mean over the seeds. A target that trains nothing
    (retrieval) has no such data: it takes the row with the highest mean over all targets that train. Only rows with
    every replicate seed of every column in question are compared; of equal values the row that stands first in the
    space is taken. Raises UserError if one of `targets` has no such row; which others are asked for moves no choice.
    """
    values = selection_values(study, model)
    trained = tuple(values.columns)
    found = {}
    for target in study.space.targets:
        if targets is not None and target.task not in targets:
            continue
        columns = (target.task,) if target.task in trained else trained
        if not columns:
            raise UserError("No target of this run trains anything, so nothing says which row is best: name one.")
        means = values[list(columns)].mean(axis=1, skipna=False).dropna()
        if means.empty:
            raise UserError(
                f"No row has every replicate seed ({', '.join(map(str, study.space.seeds))}) of {', '.join(columns)}, "
                f"so none can be chosen for {target.task!r}: run the sweep to its end, or name a row."
            )
        # idxmax takes the first of equal values, and rows stand in the order of the space.
        recipe = str(means.idxmax())
        found[target.task] = Best(recipe=recipe, value=float(means[recipe]), columns=columns)
    return found


def selection_values(study: Study, model: str) -> pd.DataFrame:
    """Recipes x targets that train: mean selection value over the seeds, nan where a seed is missing."""
    space = study.space
    targets = [target.task for target in space.targets if space.task(target.task).training_task]
    by_key = {record.key: record for record in study.prepared}
    found: dict[tuple[str, str], dict[int, float]] = {}
    for score in study.cells:
        record = by_key[score.training]
        if score.model == model and score.target in targets and record.value is not None:
            found.setdefault((score.recipe, score.target), {})[record.spec.seed] = record.value
    complete = {cell: _mean(seeds) for cell, seeds in found.items() if set(seeds) == set(space.seeds)}
    rows = [recipe.name for recipe in space.recipes]
    return pd.DataFrame(
        [[complete.get((row, target), float("nan")) for target in targets] for row in rows], index=rows, columns=targets
    )


def _mean(values: Mapping[int, float]) -> float:
    return sum(values[seed] for seed in sorted(values)) / len(values)
