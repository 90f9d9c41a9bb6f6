"""Loads a run folder as tables: one row for each score of a replicate, in one language, on one metric."""

import math
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from sweeper.records.counting import is_replicate, is_shown, valid_replicates, winners
from sweeper.records.record import ScoreRecord, TrainingRecord
from sweeper.run.run import Run
from sweeper.space import CLEAN, Space, Target, tasks_of

from .collector import paused_collector

KEYS = ["model", "recipe", "target", "seed", "split", "condition", "language", "metric"]
COLUMNS = [*KEYS, "value", "trivial", "count", "main", "training"]
OF_RECORD = ["model", "recipe", "target", "seed", "split", "condition", "main", "training"]
"""Columns whose value is the same in all rows of a record; `main` is the name of its main metric until the end."""
PREDICTOR_COLUMNS = ["model", "recipe", "target", "seed", "predictor", "value", "seconds"]


@dataclass(frozen=True, kw_only=True)
class RunData:
    """The tables of a run folder, without the scores that must not enter a matrix.

    The tables leave out other splits, recipes, targets and seeds than those of the space, and replicates whose dials
    are outdated.
    """

    space: Space
    table: pd.DataFrame
    """Scores of the cells on the split of the space. Columns: model, recipe, target, seed (Int64; NA for a score that
    depends on no seed), split, condition, language, metric, value, trivial (fractions of 1), count (number of
    examples), main (whether the matrix shows this metric), training (key)."""
    cell_scores: tuple[ScoreRecord, ...]
    """The score records behind `table`, in the order of their keys."""
    preparation_scores: pd.DataFrame
    """Scores of each prepared encoder on the dev data of the tasks it was trained on; same columns as `table`."""
    layer_scores: pd.DataFrame
    """Scores of targets with several layers; the columns of `table` and `layer` (as a share of the depth, 0 to 1)."""
    trainings: tuple[TrainingRecord, ...]
    """All trainings in the ledger, with failed ones and search trials, in the order of their names."""
    replicates: tuple[TrainingRecord, ...]
    """The replicates that count, of recipes and of targets."""
    chosen: Mapping[str, TrainingRecord | None]
    """Study key -> the search trial with the chosen dials; None while no trial is done."""
    preparation_records: tuple[ScoreRecord, ...] = ()
    """The score records of prepared encoders and of twins without input (`Space.null_twins`), in the order of their
    keys."""
    predictors: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=PREDICTOR_COLUMNS))
    """Predictors of transfer of each prepared encoder. Columns: model, recipe, target, seed (Int64; NA for the
    pretrained encoder, which depends on no seed), predictor (`logme`, `h_score`, `knn`, `embedding`,
    `subword_overlap`; higher is better), value, seconds (of the forward passes and of the computation). No rows without
    `Space.predictors`."""
    num_outdated: int = 0
    """Number of replicates that are left out because a later search trial has better dials."""
    run: str = ""
    """The run folder, as a path or URL; "" for tables that were not loaded from one."""
    runs_of_models: Mapping[str, str] = field(default_factory=dict)
    """Model -> its run folder, for tables that were joined from two runs; otherwise empty."""
    notes: tuple[str, ...] = ()
    """Sentences about cells with two trainings of one seed."""
    damaged: tuple[str, ...] = ()
    """A message for each record that cannot be read and is left out."""
    unread: set[str] = field(default_factory=set)
    """Files with outcomes or training dynamics, relative to the ledger, that the file system did not return;
    `read_outcomes` and `data_maps` add them."""

    def preparations(self, model: str, recipe: str) -> list[TrainingRecord]:
        """The finished replicates that prepare the encoder of a recipe."""
        return [
            record
            for record in self.replicates
            if record.spec.kind == "prepare"
            and (record.spec.model.name, record.spec.recipe) == (model, recipe)
            and record.state == "done"
        ]

    @property
    def failed(self) -> tuple[TrainingRecord, ...]:
        """The trainings that failed."""
        return tuple(record for record in self.trainings if record.state == "failed")


@paused_collector()
def load(run: str) -> RunData:
    """Load the tables of a run folder, given as a path or an fsspec URL.

    A damaged record is left out and named in `damaged`. Raises UserError if `run` is not a run folder or was written by
    a newer version.
    """
    source = Run.open(run)
    space, ledger = source.space, source.ledger
    damaged: list[str] = []
    trainings, scores = ledger.trainings(damaged), ledger.scores(damaged)
    counted = valid_replicates(trainings, space.search)
    num_replicates = sum(map(is_replicate, trainings.values()))
    joined = [(score, counted[score.training]) for score in scores.values() if score.training in counted]
    started = {key: record.machine.get("started", "") for key, record in counted.items()}
    cell_scores = sorted(_cell_scores(space, joined), key=lambda score: score.key)
    table, notes = _one_training_per_seed(_table(cell_scores), started)
    prepared = sorted(_preparation_scores(space, joined), key=lambda score: score.key)
    preparations, _ = _one_training_per_seed(_table(prepared), started)
    return RunData(
        space=space,
        table=table,
        cell_scores=_records_in(table, cell_scores),
        preparation_scores=preparations[preparations["recipe"].isin([recipe.name for recipe in space.recipes])],
        preparation_records=_records_in(preparations, prepared),
        layer_scores=_layer_scores(space, joined, started),
        trainings=tuple(sorted(trainings.values(), key=lambda record: (record.spec.name, record.key))),
        replicates=tuple(counted[key] for key in sorted(counted)),
        chosen=winners(trainings.values(), space.search),
        predictors=_predictors(space, trainings.values(), counted.values()),
        num_outdated=num_replicates - len(counted),
        run=run,
        notes=notes,
        damaged=tuple(damaged),
    )


Joined = tuple[ScoreRecord, TrainingRecord]
"""A score and the training that it belongs to."""


def main_scores(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of the main metrics under the usual condition."""
    return table[table["main"] & (table["condition"] == CLEAN)]


def further_metrics(table: pd.DataFrame) -> list[str]:
    """The metrics beside the main ones, for example EM and F1 of question answering."""
    return list(dict.fromkeys(table.loc[~table["main"], "metric"]))


def _records_in(table: pd.DataFrame, scores: Iterable[ScoreRecord]) -> tuple[ScoreRecord, ...]:
    """The records of the targets and trainings of a table."""
    in_table = set(table[["target", "training"]].drop_duplicates().itertuples(index=False, name=None))
    return tuple(score for score in scores if (score.target, score.training) in in_table)


def _cell_scores(space: Space, joined: Iterable[Joined]) -> Iterator[ScoreRecord]:
    """The scores that belong to a cell of the space, on its split."""
    targets = {target.task: target for target in space.targets}
    recipes = {recipe.name for recipe in space.recipes}
    for score, training in joined:
        target = targets.get(score.target) if score.recipe in recipes else None
        if target and score.split == space.evaluate and _is_in(space, score) and is_shown(score, target):
            num_stages = len(training.spec.chain) - _num_stages(space, score.recipe)
            # A task can be both recipe and target. The score of the prepared encoder on its own task is not the cell:
            # its chain lacks the stage of the target.
            if num_stages == space.num_trained(target):
                yield _in_languages(target, score)


def _layer_scores(space: Space, joined: Sequence[Joined], started: Mapping[str, str]) -> pd.DataFrame:
    """The scores of each layer, selected as if the matrix showed that layer."""
    layered = [target for target in space.targets if target.also_layers]
    tables = []
    for layer in sorted({layer for target in layered for layer in target.layers}):
        targets = tuple(replace(target, layer=layer) for target in layered if layer in target.layers)
        table, _ = _one_training_per_seed(_table(_cell_scores(replace(space, targets=targets), joined)), started)
        tables.append(table.assign(layer=layer))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=[*COLUMNS, "layer"])


def _preparation_scores(space: Space, joined: Iterable[Joined]) -> Iterator[ScoreRecord]:
    """The dev scores of prepared encoders and of twins on the tasks of their recipes."""
    recipes = {recipe.name: recipe for recipe in (*space.recipes, *space.twins.values())}
    for score, training in joined:
        recipe = recipes.get(score.recipe)
        if recipe is None or score.split != "dev" or not _is_in(space, score):
            continue
        if score.target in tasks_of(recipe.stages, masked=False) and len(training.spec.chain) == len(recipe.stages):
            yield score


def _is_in(space: Space, score: ScoreRecord) -> bool:
    """Whether the space has the model and the seed of a score."""
    has_seed = score.seed is None or score.seed in space.seeds
    return has_seed and score.model in {model.name for model in space.models}


def _num_stages(space: Space, name: str) -> int:
    return len(next(recipe.stages for recipe in space.recipes if recipe.name == name))


def _predictors(
    space: Space, trainings: Iterable[TrainingRecord], replicates: Iterable[TrainingRecord]
) -> pd.DataFrame:
    """The newest predictors of each encoder that counts, for the models, recipes, targets and seeds of the space."""
    encoders = {record.spec.encoder for record in replicates if record.spec.kind == "prepare"}
    names = [{model.name for model in space.models}, {recipe.name for recipe in space.recipes}]
    rows = []
    for record in sorted(trainings, key=lambda record: (record.machine.get("started", ""), record.key)):
        spec, seed = record.spec, record.spec.seed if record.spec.chain else None
        is_in = spec.model.name in names[0] and spec.recipe in names[1] and (seed is None or seed in space.seeds)
        if spec.kind == "predict" and is_in and (seed is None or spec.encoder in encoders):
            for target, found in record.predictors.items():
                cell = (spec.model.name, spec.recipe, target, seed)
                rows += [(*cell, name, value, found.seconds[name]) for name, value in found.values.items()]
    table = pd.DataFrame.from_records(rows, columns=PREDICTOR_COLUMNS)
    table = table[table["target"].isin([target.task for target in space.targets])]
    table = table.astype({"seed": "Int64", "value": float, "seconds": float})
    return table.drop_duplicates(PREDICTOR_COLUMNS[:5], keep="last").reset_index(drop=True)


def _in_languages(target: Target, score: ScoreRecord) -> ScoreRecord:
    """The score without the languages that the target does not name."""
    if target.languages is None:
        return score
    kept = {language: score.metrics[language] for language in target.languages if language in score.metrics}
    return replace(score, metrics=kept)


def _table(scores: Iterable[ScoreRecord]) -> pd.DataFrame:
    """One row per language and metric. Scores of one training in different languages are merged."""
    table = _rows(sorted(scores, key=lambda score: score.key))
    # A language whose metric is not a number has no score.
    table = table.dropna(subset="value")
    # A language may have been scored twice, for example before and after a cap was raised: more examples win.
    table = table.sort_values([*KEYS, "training", "count"], ascending=[True] * (len(KEYS) + 1) + [False], kind="stable")
    return table.drop_duplicates([*KEYS, "training"]).reset_index(drop=True)


def _rows(scores: Sequence[ScoreRecord]) -> pd.DataFrame:
    """A row for each language and metric of the records, with the columns COLUMNS."""
    languages, metrics = [], []
    places, values, trivial, counts = array("q"), array("d"), array("d"), array("q")
    for place, score in enumerate(scores):
        for language, by_metric in score.metrics.items():
            trivial_scores = score.trivial.get(language, {})
            for metric, value in by_metric.items():
                places.append(place)
                languages.append(language)
                metrics.append(metric)
                values.append(value)
                trivial.append(trivial_scores.get(metric, math.nan))
                counts.append(score.counts.get(language, 0))
    # Names that all rows of a record share are converted once, which is much faster than once for each row.
    of_record = {name: pd.Series([getattr(score, name) for score in scores]) for name in OF_RECORD}
    of_record["seed"] = pd.Series([score.seed for score in scores], dtype="Int64")
    rows = np.array(places)
    table = pd.DataFrame({name: column.take(rows).reset_index(drop=True) for name, column in of_record.items()})
    table["language"], table["metric"] = pd.Series(languages), pd.Series(metrics)
    table["value"], table["trivial"], table["count"] = np.array(values), np.array(trivial), np.array(counts)
    return table.assign(main=(table["metric"] == table["main"]).astype(bool))[COLUMNS]


def _one_training_per_seed(table: pd.DataFrame, started: Mapping[str, str]) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Keep the newest training of each cell and seed, and return a note for each training that is left out.

    The newest is kept in all rows alike, so that scores before and after a change of data or model are not compared.
    """
    cell = ["model", "recipe", "target", "seed"]
    sizes = table.groupby([*cell, "training"], dropna=False).size().reset_index(name="num_scores")
    sizes["started"] = sizes["training"].map(dict(started)).astype(str)
    # Equal start times: the training with more scores, then the lower key, so that the choice is reproducible.
    order = ["started", "num_scores", "training"]
    sizes = sizes.sort_values(order, ascending=[False, False, True], kind="stable")
    is_older = sizes.duplicated(cell)
    notes = tuple(
        f"{row.model}/{row.recipe} -> {row.target}, seed {row.seed}: training {row.training} is left out because a "
        "newer training has the same name and seed (the data or the model changed between two runs)."
        for row in sizes[is_older].itertuples()
    )
    newest = sizes.loc[~is_older, [*cell, "training"]]
    return table.merge(newest, on=[*cell, "training"]), notes
