"""The best recipe for each target, chosen on English selection data and never on the scores of the cells."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from sweeper.errors import UserError
from sweeper.records.record import ScoreRecord, TrainingRecord
from sweeper.scoring.sums import mean
from sweeper.space import CLEAN
from sweeper.tasks.benchmarks import Benchmark

from .load import RunData

NAMED = "named by the user"
"""The reason for a recipe that was not chosen by selection values."""


@dataclass(frozen=True, kw_only=True)
class Best:
    """The recipe that was chosen for a target."""

    recipe: str
    value: float
    """The highest selection value: a mean over targets and replicate seeds, a fraction of 1."""
    columns: tuple[str, ...]
    """The targets whose selection values were averaged."""
    num_compared: int
    """Number of recipes with every replicate seed of these targets; the others were not compared."""
    by_search: bool = False
    """Whether values of search trials are among those averaged, because replicates were refitted and have none."""


def best_per_target(
    data: RunData, model: str, targets: Collection[str] | None = None, among: Benchmark | None = None
) -> dict[str, Best]:
    """Target -> the recipe of one model with the highest selection value, for `targets` (None: all of the space).

    The selection value of a recipe on a target is measured on English selection data of the target (a separate dev
    split if test is reported, otherwise a part of train that is set aside), as the mean over the replicate seeds.
    Refitted replicates train on that part and have no value; theirs is that of the search trial that chose their dials.
    A target that trains nothing (retrieval) has no selection data. Its recipe is the one with the highest mean over all
    targets that train, or over those that are tasks of the benchmark `among`.

    Only recipes with every replicate seed of these targets are compared. Of equal values, the first recipe in the space
    is chosen. The choice for one target does not depend on `targets`.

    Raises UserError if no recipe can be compared for one of `targets`.
    """
    values = selection_values(data, model)
    members = None if among is None else [entry.name for entry in among.entries]
    trained = tuple(name for name in values.columns if members is None or name in members)
    best = {}
    for target in data.space.targets:
        if targets is None or target.task in targets:
            columns = (target.task,) if target.task in values.columns else trained
            best[target.task] = _best(data, model, values[list(columns)], target.task, among)
    return best


def _best(data: RunData, model: str, values: pd.DataFrame, target: str, among: Benchmark | None) -> Best:
    """The recipe with the highest mean of the selection values of all columns of `values`."""
    columns = tuple(values.columns)
    if not columns:
        scope = f"target of {among.title}" if among else "target"
        raise UserError(
            f"{target!r} trains nothing, and no other {scope} in this run does. There are no selection values that a "
            "recipe could be chosen by: name a recipe with --recipe."
        )
    means = values.mean(axis=1, skipna=False).dropna()
    # The other recipes must not win because these cannot be compared with them.
    if unvalued := _unvalued(data, model, columns):
        raise UserError(
            f"No recipe can be chosen for {target!r}: its replicates were refitted and have no selection value, and no "
            f"search trial of {', '.join(columns)} belongs to {', '.join(unvalued)}. Values of search trials need "
            "dials and search.scope = 'cell'. Name a recipe with --recipe."
        )
    if means.empty:
        raise UserError(
            f"No recipe can be chosen for {target!r}: no recipe has every replicate seed "
            f"({', '.join(map(str, data.space.seeds))}) of {', '.join(columns)}. Finish the sweep, or name a recipe "
            "with --recipe."
        )
    # idxmax returns the first of equal values, and the index has the order of the space.
    recipe = str(means.idxmax())
    by_search = any(record.spec.refitted for _, record in _scored(data, model, columns))
    return Best(
        recipe=recipe, value=float(means[recipe]), columns=columns, num_compared=len(means), by_search=by_search
    )


def selection_values(data: RunData, model: str) -> pd.DataFrame:
    """Recipes x targets that train: selection value, mean over the replicate seeds; nan if a seed is missing.

    The value of refitted replicates is that of the search trial that chose their dials.
    """
    space = data.space
    targets = [target.task for target in space.targets if space.task(target.task).training_task]
    by_cell: dict[tuple[str, str], dict[int, float]] = {}
    for score, record in _scored(data, model, targets):
        value = _selection_value(data, record)
        if value is not None:
            by_cell.setdefault((score.recipe, score.target), {})[record.spec.seed] = value
    complete = {cell: _mean(seeds) for cell, seeds in by_cell.items() if set(seeds) == set(space.seeds)}
    recipes = [recipe.name for recipe in space.recipes]
    means = [[complete.get((recipe, target), float("nan")) for target in targets] for recipe in recipes]
    return pd.DataFrame(means, index=recipes, columns=targets)


def _selection_value(data: RunData, record: TrainingRecord) -> float | None:
    """The value of a replicate; if it was refitted, that of the best search trial of its recipe. None without one."""
    if not record.spec.refitted:
        return record.value
    trial = data.chosen.get(record.spec.study)
    # With a search per target, the trial belongs to the baseline and has no information about another recipe.
    return trial.value if trial is not None and trial.spec.recipe == record.spec.recipe else None


def _unvalued(data: RunData, model: str, targets: Collection[str]) -> list[str]:
    """The recipes with refitted replicates on the targets and without a search trial of their own."""
    scored = _scored(data, model, targets)
    found = {score.recipe for score, record in scored if _selection_value(data, record) is None}
    return [recipe.name for recipe in data.space.recipes if recipe.name in found]


def _scored(data: RunData, model: str, targets: Collection[str]) -> Iterator[tuple[ScoreRecord, TrainingRecord]]:
    """The scores of cells of a model on the targets, each with the training of its replicate."""
    by_key = {record.key: record for record in data.replicates}
    for score in data.cell_scores:
        if score.model == model and score.target in targets and score.condition == CLEAN:
            yield score, by_key[score.training]


def _mean(values: Mapping[int, float]) -> float:
    # Floating-point sums depend on the order, and records come in the order of their keys: hence sorted by seed.
    return mean([values[seed] for seed in sorted(values)])


def reason(target: str, best: Best, num_recipes: int) -> str:
    """The reason for the best recipe of a target, in words. `num_recipes` is the number of recipes of the space."""
    where = "" if best.columns == (target,) else f", mean of {', '.join(best.columns)}"
    is_partial = best.num_compared < num_recipes
    scope = f", of the {best.num_compared} of {num_recipes} recipes with every seed" if is_partial else ""
    source = " of the search trials (replicates were refitted)" if best.by_search else ""
    return f"best English selection value{source}, {100 * best.value:.2f}{where}{scope}"


def first_seed_scores(
    data: RunData, model: str, recipe: str, target: str, seeds: Sequence[int] | None = None
) -> list[ScoreRecord]:
    """The score records of a cell for the first of `seeds` with a score, however high the score is.

    `seeds` are by default the replicate seeds of the space.

    There are several records if languages were scored at different times. The list is empty if the cell has no score.
    """
    cell = (model, recipe, target, CLEAN)
    scores = [score for score in data.cell_scores if (score.model, score.recipe, score.target, score.condition) == cell]
    for seed in (None, *(data.space.seeds if seeds is None else seeds)):
        if of_seed := [score for score in scores if score.seed == seed]:
            return of_seed
    return []
