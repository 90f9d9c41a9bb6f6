"""Published gains beside measured ones, for runs that measure the same thing as the source."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sweeper.errors import UserError
from sweeper.scoring.sums import mean
from sweeper.space import Dials, Model, Recipe, Space, Stage, Target, Training
from sweeper.tasks.benchmarks import XTREME

from .benchmark import Means, departures
from .best import best_per_target
from .load import RunData
from .matrix import Matrix, entry

SOURCE = "Phang et al. 2020 (arXiv 2005.13013), abstract and introduction"
MODEL = "FacebookAI/xlm-roberta-large"
NINE = ("anli_plus", "mnli", "qqp", "squad2", "squad", "hellaswag", "ccg", "cosmos_qa", "csqa")
"""The intermediate tasks of the source, by their names in the catalog."""


@dataclass(frozen=True, kw_only=True)
class PublishedGain:
    """A published mean gain over the baseline on the nine targets of XTREME, in points."""

    label: str
    """The recipe, in words."""
    tasks: tuple[str, ...]
    """The tasks of its one stage."""
    gain: float
    split: str


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A published gain, and the gain that this run measured."""

    published: PublishedGain
    measured: float | None
    """A fraction of 1; None if no recipe of the run can be compared or a cell of it is missing or lacks languages."""


DEV_GAINS = (
    PublishedGain(label="MNLI", tasks=("mnli",), gain=7.5, split="dev"),
    PublishedGain(label="HellaSwag", tasks=("hellaswag",), gain=7.0, split="dev"),
    PublishedGain(label="all nine, jointly", tasks=NINE, gain=8.7, split="dev"),
)
BEST_PER_TARGET = PublishedGain(label="best recipe of each target", tasks=(), gain=5.4, split="test")
SQUAD = (
    "The published gain of SQuAD on dev, +8.2, is left out because the source does not state whether it is version 1.1 "
    "or 2.0."
)
LIMITS = ("cap_examples", "cap_tokens", "max_steps", "frozen_layers", "average", "embedding_noise", "adversarial")
"""Fields of a training that the source leaves at their defaults."""
STAGE = (
    *("languages", "translation", "mlm_share", "sampling_cap", "temperature", "shares"),
    *("label_noise", "perturbation"),
)
"""Fields of a stage that decide its data and that the source leaves at their defaults."""


def published_comparisons(data: RunData, matrix: Matrix, means: Sequence[Means]) -> tuple[Comparison, ...]:
    """The published gains, each with the measured one; empty unless model, targets and data are those of the source.

    The source trains on all examples, so a run without `Search.refit` is not compared: its preparations lack the
    examples that are set aside for selection.

    Gains are measured against the baseline and include cells with the same rows, as in the source. A recipe is compared
    only if it consists of one plain English stage on the same tasks and none of its cells is missing. `means` are those
    of `benchmark_means`.
    """
    space = data.space.for_model(_model(data.space, matrix.model))
    if not matrix.is_baseline or not matrix.reference or not _is_the_study(space, matrix.model) or not _is_whole(data):
        return ()
    if space.evaluate == BEST_PER_TARGET.split:
        xtreme = next(mean for mean in means if mean.benchmark is XTREME)
        return (Comparison(published=BEST_PER_TARGET, measured=_best_gain(data, matrix.model, xtreme)),)
    return tuple(Comparison(published=gain, measured=_measured(space, matrix, gain)) for gain in DEV_GAINS)


def _model(space: Space, name: str) -> Model:
    return next(model for model in space.models if model.name == name)


def _is_the_study(space: Space, name: str) -> bool:
    """Whether the run is of XLM-R Large on the nine targets, trained on all examples and scored like the benchmark."""
    return (
        _model(space, name).id == MODEL
        and space.search.refit
        and {target.task for target in space.targets} == {member.name for member in XTREME.entries}
        and all(_is_plain(space, target) for target in space.targets)
    )


def _is_plain(space: Space, target: Target) -> bool:
    """Whether a target is scored like the benchmark's and fine-tuned in full on the encoder of the recipe."""
    has_departures = any(departures(space, target))
    return not target.before and not has_departures and _is_full(target.training, target.dials)


def _is_full(training: Training, dials: Dials) -> bool:
    """Whether a training has all data and trains all layers, for any values of its dials."""
    default = Training()
    return all(getattr(training, name) == getattr(default, name) and name not in dials for name in LIMITS)


def _is_whole(data: RunData) -> bool:
    """Whether each target was scored in all published languages of the split."""
    space = data.space
    scored = {str(name): set(rows["language"]) for name, rows in data.table.groupby("target")}
    for member in XTREME.entries:
        published = set(member.languages) & set(space.task(member.name).rows(space.evaluate))
        if not published <= scored.get(member.name, set()):
            return False
    return True


def _measured(space: Space, matrix: Matrix, gain: PublishedGain) -> float | None:
    recipe = next((recipe.name for recipe in space.recipes if _is_recipe(recipe, gain)), None)
    if recipe is None or any(
        (name, target) in matrix.lacking for name in (recipe, matrix.reference) for target in matrix.gains
    ):
        return None
    return _mean([entry(matrix.gains, (recipe, str(target))) for target in matrix.gains])


def _mean(values: list[float]) -> float | None:
    """None if any value is missing."""
    return None if any(map(math.isnan, values)) else mean(values)


def _is_recipe(recipe: Recipe, gain: PublishedGain) -> bool:
    """Whether a recipe is the published one."""
    if len(recipe.stages) != 1:
        return False
    stage = recipe.stages[0]
    default = Stage(tasks=stage.tasks)
    has_defaults = all(getattr(stage, name) == getattr(default, name) for name in STAGE)
    return has_defaults and _is_full(stage.training, stage.dials) and sorted(stage.tasks) == sorted(gain.tasks)


def _best_gain(data: RunData, model: str, means: Means) -> float | None:
    """The mean of XTREME with the best recipe of each target, minus that of the baseline."""
    tasks = means.tasks
    try:
        best = best_per_target(data, model)
    except UserError:  # no recipe can be chosen yet
        return None
    base = data.space.baseline
    assert base is not None
    return _mean([entry(tasks, (best[name].recipe, name)) - entry(tasks, (base.name, name)) for name in tasks.columns])
