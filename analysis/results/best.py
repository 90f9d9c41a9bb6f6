"""The best row for each target, chosen on English selection data alone: no score of any cell takes part."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import pandas as pd

from sweeper.errors import UserError
from sweeper.tasks.benchmarks import Benchmark

from .load import Study


@dataclass(frozen=True, kw_only=True)
class Best:
    """The row chosen for a target."""

    recipe: str
    value: float
    """What it was chosen by: a mean of English selection values over the replicate seeds, a fraction of 1."""
    columns: tuple[str, ...]
    """The targets whose selection values these are."""
    num_compared: int
    """Rows that have every replicate seed of these targets; no other row was compared."""


def best_per_target(
    study: Study, model: str, targets: Collection[str] | None = None, among: Benchmark | None = None
) -> dict[str, Best]:
    """Target -> the row with the highest selection value of one model, for `targets` (None: all of the space).

    A row's value on a target is what its trained replicates came to on the target's English selection data (English
    dev where test is reported, else a part of train carved out), mean over the seeds. A target that trains nothing
    (retrieval) has no such data: it takes the row with the highest mean over all targets that train, or those of them
    that are tasks of the benchmark `among`. Only rows with every replicate seed of every column in question are
    compared; of equal values the row that stands first in the space is taken. Raises UserError if one of `targets` has
    no such row; which others are asked for moves no choice.
    """
    values = selection_values(study, model)
    own = None if among is None else [entry.name for entry in among.entries]
    trained = tuple(name for name in values.columns if own is None or name in own)
    found = {}
    for target in study.space.targets:
        if targets is not None and target.task not in targets:
            continue
        columns = (target.task,) if target.task in values.columns else trained
        if not columns:
            kind = f"target of {among.title}" if among else "target"
            raise UserError(
                f"{target.task!r} trains nothing, and no {kind} in this run does, so nothing says which row is best: "
                "name one."
            )
        means = values[list(columns)].mean(axis=1, skipna=False).dropna()
        if means.empty:
            raise UserError(
                f"No row has every replicate seed ({', '.join(map(str, study.space.seeds))}) of {', '.join(columns)}, "
                f"so none can be chosen for {target.task!r}: run the sweep to its end, or name a row."
            )
        # idxmax takes the first of equal values, and rows stand in the order of the space.
        recipe = str(means.idxmax())
        found[target.task] = Best(recipe=recipe, value=float(means[recipe]), columns=columns, num_compared=len(means))
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
