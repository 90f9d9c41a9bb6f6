"""A target, a column: how it is trained and scored, and what it needs of its task."""

from dataclasses import dataclass, field
from typing import Literal

from sweeper.errors import UserError, unknown
from sweeper.formats.table import properties_of
from sweeper.scoring.scorers import SCORERS, fits_on_dev
from sweeper.space.dials import Dials, Training, check_counts, check_dials, check_words
from sweeper.space.stage import Stage, TaskNamed, check_stage
from sweeper.tasks.spec import Split, Task, has_draws


@dataclass(frozen=True, kw_only=True)
class Target:
    """A matrix column: a task with evaluation data, how it is trained on in English, how it is scored."""

    task: str
    before: tuple[Stage, ...] = ()
    """Stages between the row's encoder and the target's own training, where it is a chain (XCOPA: SIQA, then COPA)."""
    training: Training = field(default_factory=Training)
    dials: Dials = field(default_factory=dict)
    languages: tuple[str, ...] | None = None
    """Evaluation languages; None: every language that the data source holds."""
    pooling: Literal["mean", "cls"] = "mean"
    layer: float = 14 / 24
    """Retrieval: the hidden layer as a share of the depth, rounded to the nearest one (14 of 24 in XLM-R Large)."""
    also_layers: tuple[float, ...] = ()
    """Retrieval: more layers, `tuple(n / 12 for n in range(13))` for all of twelve and the embeddings. They are scored
    in the same trial and stand in the report's table of layers; the matrix goes on to show `layer`."""
    similarity: Literal["cosine", "csls"] = "cosine"
    """Parallel sentences: plain cosine, as published, or CSLS (Conneau et al. 2018, k = 10), which holds back sentences
    that are near to many. Mining has its own margin."""
    distractors: int | None = None
    """Mining: sentences without a partner kept in each language's pool; None: all."""
    eval_cap: int | None = None
    """Most evaluation items a language, instead of the space's own."""

    def __post_init__(self) -> None:
        check_words(self)
        check_dials(self.dials)
        check_counts(self, "eval_cap")
        for layer in self.layers:
            if not 0 <= layer <= 1:
                raise UserError(f"A target needs 0 <= layer <= 1 (a share of the depth), got {layer}.")

    @property
    def layers(self) -> tuple[float, ...]:
        """Every layer that is scored, each once, the matrix's own first."""
        return tuple(dict.fromkeys((self.layer, *self.also_layers)))


def check_target(target: Target, task_named: TaskNamed, evaluate: Split) -> None:
    """Raise UserError unless the target can be trained for, and scored on the split."""
    task = task_named(target.task)
    rows_by_language = task.rows(evaluate)
    if not rows_by_language:
        raise UserError(f"Target {target.task!r} has no {evaluate} split; evaluate = {evaluate!r} needs one.")
    for stage in target.before:
        check_stage(stage, task_named)
    for language in target.languages or ():
        if language not in rows_by_language:
            raise unknown(f"{evaluate} language of {target.task!r}", language, rows_by_language)
    trained = task_named(task.training_task) if task.training_task else None
    if trained is None and not properties_of(task).scores_encoder:
        raise UserError(
            f"Target {target.task!r} has no training data and trains on no other task: name one in trains_on."
        )
    if trained is None and not target.before and has_draws(rows_by_language):
        raise UserError(
            f"Target {target.task!r} trains nothing, so the baseline has one score of it for all seeds, and its "
            f"{evaluate} rows cannot hold {{seed}}: name one draw in id, config and split."
        )
    if task.pool:
        _check_pool(task, task_named, evaluate)
    if trained is not None and "en" not in trained.train:
        raise UserError(f"Target {target.task!r} trains in English, and {trained.name!r} has no English training data.")
    if trained is not None and trained.format != task.format:
        raise UserError(f"Target {target.task!r} ({task.format}) cannot train on {trained.name!r} ({trained.format}).")
    if trained is not None and target.also_layers:
        raise UserError(
            f"Target {target.task!r} is answered by a head on the last layer: also_layers is for targets that train "
            f"nothing, got {len(target.also_layers)} layers."
        )
    if not SCORERS[task.scorer].compares_sentences and target.similarity != "cosine":
        raise UserError(
            f"Target {target.task!r} ({task.scorer}) does not compare parallel sentences: similarity = "
            f"{target.similarity!r} is for targets with the scorer neighbours."
        )
    if fits_on_dev(task) and evaluate == "test":
        _check_pools(target, task)


def _check_pools(target: Target, task: Task) -> None:
    """A threshold that is fitted on dev needs a dev pool of other rows in each language that is scored."""
    lacking = [code for code in target.languages or task.test if task.dev.get(code) in (None, task.test[code])]
    if lacking:
        raise UserError(
            f"Target {target.task!r} is scored on test and fits its threshold on dev, which has no pool of its own in "
            f"{', '.join(lacking)}: add dev rows there, or name the target's languages without."
        )
    if has_draws(task.dev):
        raise UserError(f"Target {target.task!r} trains nothing: its dev rows cannot hold {{seed}}, name one draw.")


def _check_pool(task: Task, task_named: TaskNamed, evaluate: Split) -> None:
    pool = task_named(task.pool)
    query_field = properties_of(task).query_field
    if not query_field or pool.format != task.format or query_field in pool.columns:
        raise UserError(
            f"A pool is a task of format rank without queries, for one of format rank: {task.name!r} ({task.format}) "
            f"names {pool.name!r} ({pool.format})."
        )
    if not pool.rows(evaluate):
        raise UserError(f"The pool {pool.name!r} of target {task.name!r} has no {evaluate} split.")
