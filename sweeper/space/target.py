"""Targets (the columns of the matrix): their training, their scoring, and the checks of their tasks."""

from dataclasses import dataclass, field
from typing import Literal

from sweeper.errors import UserError, unknown
from sweeper.formats.table import properties_of
from sweeper.scoring.scorers import SCORERS, fits_on_dev
from sweeper.space.condition import Condition, check_perturbation
from sweeper.space.dials import Dials, Training, check_counts, check_dials
from sweeper.space.stage import Stage, TaskNamed, check_stage
from sweeper.tasks.labels import types_of
from sweeper.tasks.spec import RowsByLanguage, Split, Task, has_draws
from sweeper.typed import check_fields


@dataclass(frozen=True, kw_only=True)
class Target:
    """A column of the matrix: a task with evaluation data, its training in English, and its scoring."""

    task: str
    before: tuple[Stage, ...] = ()
    """Stages between the encoder of the recipe and the training of the target (XCOPA: SIQA before COPA)."""
    training: Training = field(default_factory=Training)
    dials: Dials = field(default_factory=dict)
    languages: tuple[str, ...] | None = None
    """Evaluation languages. None: every language that the data source provides."""
    pooling: Literal["mean", "cls"] = "mean"
    layer: float = 14 / 24
    """Retrieval: the hidden layer as a share of the depth, rounded to the nearest layer (14 of 24 in XLM-R Large)."""
    also_layers: tuple[float, ...] = ()
    """Retrieval: further layers, such as `tuple(n / 12 for n in range(13))` for the embeddings and all twelve layers.
    They are scored in the same trial. The report shows them in a separate table; the matrix shows only `layer`."""
    similarity: Literal["cosine", "csls"] = "cosine"
    """Parallel sentences: cosine, as published, or CSLS (Conneau et al. 2018, k = 10), which lowers the similarity of
    sentences with many near neighbours. Mining uses its own margin."""
    distractors: int | None = None
    """Mining: sentences without a translation that are kept in the pool of each language. None: all."""
    eval_cap: int | None = None
    """Maximum evaluation examples per language, instead of the value of the space."""

    conditions: tuple[Condition, ...] = ()
    """Further conditions under which the trained target is scored. They train nothing and change no other score."""

    def __post_init__(self) -> None:
        check_fields(self)
        names = [condition.name for condition in self.conditions]
        if len(set(names)) < len(names):
            raise UserError(f"A target needs each condition once, got {', '.join(names)}.")
        check_dials(self.dials, self.training)
        check_counts(self, "eval_cap")
        for layer in self.layers:
            if not 0 <= layer <= 1:
                raise UserError(f"A target needs 0 <= layer <= 1 (a share of the depth), got {layer}.")

    @property
    def layers(self) -> tuple[float, ...]:
        """Every layer that is scored, each once. The layer that the matrix shows comes first."""
        return tuple(dict.fromkeys((self.layer, *self.also_layers)))


def check_target(target: Target, task_named: TaskNamed, evaluate: Split) -> None:
    """Raise UserError if the target cannot be trained, or cannot be scored on the split."""
    task = task_named(target.task)
    rows_by_language = task.rows(evaluate)
    if not rows_by_language:
        raise UserError(f"Target {target.task!r} has no {evaluate} split, which evaluate = {evaluate!r} needs.")
    for stage in target.before:
        check_stage(stage, task_named)
    for language in target.languages or ():
        if language not in rows_by_language:
            raise unknown(f"{evaluate} language of {target.task!r}", language, rows_by_language)
    trained = task_named(task.training_task) if task.training_task else None
    if trained is None and not properties_of(task).scores_encoder:
        raise UserError(f"Target {target.task!r} has no training data. Name another task in `trains_on`.")
    # Draws depend on the replicate seed. The baseline of such a target has no seed.
    if trained is None and not target.before and has_draws(rows_by_language):
        raise UserError(
            f"Target {target.task!r} trains nothing, so its baseline has one score for all seeds, and its {evaluate} "
            "rows must not contain {seed}. Name one draw in id, config and split."
        )
    _check_conditions(target, task, rows_by_language)
    if task.pool:
        _check_pool(task, task_named, evaluate)
    if trained is not None and "en" not in trained.train:
        raise UserError(f"Target {target.task!r} trains in English, but {trained.name!r} has no English training data.")
    # A head that was trained on one format cannot predict answers of another format.
    if trained is not None and trained.format != task.format:
        raise UserError(f"Target {target.task!r} ({task.format}) cannot train on {trained.name!r} ({trained.format}).")
    _check_label_map(task, trained)
    if trained is not None and target.also_layers:
        raise UserError(
            f"Target {target.task!r} is scored through a head on the last layer. `also_layers` is only for targets "
            f"that train nothing, got {len(target.also_layers)} layers."
        )
    if not SCORERS[task.scorer].compares_sentences and target.similarity != "cosine":
        raise UserError(
            f"Target {target.task!r} ({task.scorer}) does not compare parallel sentences. similarity = "
            f"{target.similarity!r} is only for targets with the scorer neighbours."
        )
    if fits_on_dev(task) and evaluate == "test":
        _check_pools(target, task)


def _check_label_map(task: Task, trained: Task | None) -> None:
    """Raise UserError if the task maps a label to one that its training task does not have."""
    if trained is None:
        return
    labels = types_of(task.labels if task.name == trained.name else trained.read_labels)
    for label in task.label_map.values():
        # Labels that the data set declares are not known here.
        if labels and label not in labels:
            raise unknown(f"label of {trained.name!r} (label_map of task {task.name!r})", label, labels)


def _check_conditions(target: Target, task: Task, rows_by_language: RowsByLanguage) -> None:
    """Raise UserError if the examples of a target cannot be perturbed as its conditions ask."""
    if target.conditions and task.pool:
        raise UserError(f"Target {target.task!r} has a pool of candidates, so that it can have no conditions.")
    for condition in target.conditions:
        check_perturbation(condition, task, rows_by_language, "evaluation")
        scored = target.languages or tuple(rows_by_language)
        for language in condition.languages:
            if language not in scored:
                raise unknown(f"evaluation language of target {target.task!r}", language, scored)


def _check_pools(target: Target, task: Task) -> None:
    """Raise UserError if the threshold is fitted on dev, but a scored language has no separate dev pool."""
    # A threshold that is fitted on the scored rows would leak test labels into the score.
    missing = [code for code in target.languages or task.test if task.dev.get(code) in (None, task.test[code])]
    if missing:
        raise UserError(
            f"Target {target.task!r} is scored on test and fits its threshold on dev, but has no separate dev pool in "
            f"{', '.join(missing)}. Add dev rows, or exclude these languages in `languages` of the target."
        )
    if has_draws(task.dev):
        raise UserError(
            f"Target {target.task!r} trains nothing, so its dev rows must not contain {{seed}}: name one draw."
        )


def _check_pool(task: Task, task_named: TaskNamed, evaluate: Split) -> None:
    pool = task_named(task.pool)
    query_field = properties_of(task).query_field
    # A pool contains only candidates. If it contained queries, they would be scored as examples.
    if not query_field or pool.format != task.format or query_field in pool.columns:
        raise UserError(
            "A pool must be a task of format rank without queries, and only a task of format rank can have one. "
            f"{task.name!r} ({task.format}) names {pool.name!r} ({pool.format})."
        )
    if not pool.rows(evaluate):
        raise UserError(f"The pool {pool.name!r} of target {task.name!r} has no {evaluate} split.")
