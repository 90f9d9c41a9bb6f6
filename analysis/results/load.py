"""A run folder as one tidy table: a row per score of a replicate, in a language, on a metric."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from sweeper.records.counting import counting, is_shown, winners
from sweeper.records.record import ScoreRecord, TrainingRecord
from sweeper.run.run import Run
from sweeper.space import Space, Target, tasks_of

KEYS = ["model", "recipe", "target", "seed", "split", "condition", "language", "metric"]
COLUMNS = [*KEYS, "value", "trivial", "count", "main", "training"]
CLEAN = "clean"
"""The usual condition: evaluation data as they were published."""


@dataclass(frozen=True, kw_only=True)
class Study:
    """What a run folder says, with everything that must not meet in one matrix already left out."""

    space: Space
    table: pd.DataFrame
    """Scores of the space's cells on its split. Columns: model, recipe, target, seed (Int64, NA where nothing depends
    on one), split, condition, language, metric, value, trivial (fractions of 1), count (examples), main, training."""
    cells: tuple[ScoreRecord, ...]
    """The score records behind `table`, in the order of their keys."""
    own: pd.DataFrame
    """The same columns: how each preparation scored on the dev data of the tasks it was trained on."""
    layers: pd.DataFrame
    """The same columns and `layer` (share of the depth): cells of targets with several layers, by layer."""
    trainings: tuple[TrainingRecord, ...]
    """Every training of the ledger, failed ones and search trials included, in the order of their names."""
    prepared: tuple[TrainingRecord, ...]
    """The replicates that count, preparations and targets."""
    chosen: Mapping[str, TrainingRecord | None]
    """Study key -> the search trial whose dials it chose."""
    num_outdated: int = 0
    """Replicates left out because a later search trial chose other dials."""
    notes: tuple[str, ...] = ()
    """What a reader of the table must know: cells with two trainings of one seed."""


def load(run: str) -> Study:
    """Read a run folder (a path or an fsspec URL).

    Raises UserError if it is no run folder or a newer version wrote it, DamagedError if a record cannot be read.
    """
    folder = Run.open(run)
    space, ledger = folder.space, folder.ledger
    trainings, scores = ledger.trainings(), ledger.scores()
    counted = counting(trainings, space.search.trials)
    num_replicates = sum(record.spec.role == "replicate" for record in trainings.values())
    joined = [(score, counted[score.training]) for score in scores.values() if score.training in counted]
    made = {key: record.machine.get("started", "") for key, record in counted.items()}
    of_cells = sorted(_cells_of(space, joined), key=lambda score: score.key)
    table, notes = _one_training_a_seed(_table(of_cells), made)
    kept = set(zip(table["target"], table["training"], strict=True))
    own, _ = _one_training_a_seed(_table(_own_of(space, joined)), made)
    return Study(
        space=space,
        table=table,
        cells=tuple(score for score in of_cells if (score.target, score.training) in kept),
        own=own,
        layers=_layers_of(space, joined, made),
        trainings=tuple(sorted(trainings.values(), key=lambda record: (record.spec.name, record.key))),
        prepared=tuple(counted[key] for key in sorted(counted)),
        chosen=winners(trainings.values(), space.search.trials),
        num_outdated=num_replicates - len(counted),
        notes=notes,
    )


Joined = tuple[ScoreRecord, TrainingRecord]


def _cells_of(space: Space, joined: Iterable[Joined]) -> Iterator[ScoreRecord]:
    """The scores that belong to a cell of the space, on its split."""
    targets = {target.task: target for target in space.targets}
    for score, training in joined:
        target = targets.get(score.target)
        if target and score.split == space.evaluate and _is_in(space, score) and is_shown(score, target):
            steps = len(training.spec.chain) - _num_stages(space, score.recipe)
            # A task can be row and column at once: its preparation's own score is one stage short of the cell.
            if steps == space.num_trained(target):
                yield _in_languages(target, score)


def _layers_of(space: Space, joined: Sequence[Joined], made: Mapping[str, str]) -> pd.DataFrame:
    """The cells of every layer, as if each in turn were the one that the matrix shows."""
    several = [target for target in space.targets if target.also_layers]
    parts = []
    for layer in sorted({layer for target in several for layer in target.layers}):
        targets = tuple(replace(target, layer=layer) for target in several if layer in target.layers)
        cells, _ = _one_training_a_seed(_table(_cells_of(replace(space, targets=targets), joined)), made)
        parts.append(cells.assign(layer=layer))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=[*COLUMNS, "layer"])


def _own_of(space: Space, joined: Iterable[Joined]) -> Iterator[ScoreRecord]:
    """The dev scores of preparations on tasks of their own."""
    tasks = {recipe.name: tasks_of(recipe.stages, masked=False) for recipe in space.recipes}
    for score, training in joined:
        is_own = score.split == "dev" and _is_in(space, score) and score.target in tasks[score.recipe]
        if is_own and len(training.spec.chain) == _num_stages(space, score.recipe):
            yield score


def _is_in(space: Space, score: ScoreRecord) -> bool:
    return (
        score.model in {model.name for model in space.models}
        and score.recipe in {recipe.name for recipe in space.recipes}
        and (score.seed is None or score.seed in space.seeds)
    )


def _num_stages(space: Space, recipe: str) -> int:
    return len(next(row.stages for row in space.recipes if row.name == recipe))


def _in_languages(target: Target, score: ScoreRecord) -> ScoreRecord:
    if target.languages is None:
        return score
    kept = {language: score.metrics[language] for language in target.languages if language in score.metrics}
    return replace(score, metrics=kept)


def _table(scores: Iterable[ScoreRecord]) -> pd.DataFrame:
    """A row per language and metric; disjoint language sets of one training merge by standing in one table."""
    rows = [row for score in sorted(scores, key=lambda score: score.key) for row in _rows(score)]
    table = pd.DataFrame.from_records(rows, columns=COLUMNS)
    table = table.astype({"seed": "Int64", "value": float, "trivial": float, "count": int, "main": bool})
    # Where a language was scored twice, the score on more examples stands.
    table = table.sort_values([*KEYS, "training", "count"], ascending=[True] * (len(KEYS) + 1) + [False], kind="stable")
    return table.drop_duplicates([*KEYS, "training"]).reset_index(drop=True)


def _rows(score: ScoreRecord) -> Iterator[tuple[object, ...]]:
    for language, metrics in score.metrics.items():
        trivial = score.trivial.get(language, {})
        for metric, value in metrics.items():
            yield (
                *(score.model, score.recipe, score.target, score.seed, score.split, score.condition, language, metric),
                *(value, trivial.get(metric, float("nan")), score.counts.get(language, 0)),
                *(metric == score.main, score.training),
            )


def _one_training_a_seed(table: pd.DataFrame, made: Mapping[str, str]) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Keep one training a cell and seed, and say where there were two: the newest, so that all rows are of one make."""
    cell = ["model", "recipe", "target", "seed"]
    sizes = table.groupby([*cell, "training"], dropna=False).size().reset_index(name="num_scores")
    sizes["made"] = sizes["training"].map(dict(made)).astype(str)
    order = ["made", "num_scores", "training"]
    sizes = sizes.sort_values(order, ascending=[False, False, True], kind="stable")
    doubled = sizes.duplicated(cell)
    notes = tuple(
        f"{row.model}/{row.recipe} -> {row.target}, seed {row.seed}: training {row.training} is left out, a newer one "
        "has the same name and seed (the data or the model changed between two runs)."
        for row in sizes[doubled].itertuples()
    )
    kept = sizes.loc[~doubled, [*cell, "training"]]
    return table.merge(kept, on=[*cell, "training"]), notes
