"""Published figures to stand beside ours: the few that a source states, shown where ours measure the same thing."""

import math
from dataclasses import dataclass

from sweeper.errors import UserError
from sweeper.space import Dials, Recipe, Space, Stage, Target, Training
from sweeper.tasks.benchmarks import XTREME

from .benchmark import benchmark_means, departures
from .best import best_per_target
from .load import Study
from .matrix import Matrix, entry

SOURCE = "Phang et al. 2020 (arXiv 2005.13013), abstract and introduction"
MODEL = "FacebookAI/xlm-roberta-large"
NINE = ("anli_plus", "mnli", "qqp", "squad2", "squad", "hellaswag", "ccg", "cosmos_qa", "csqa")
"""The study's intermediate tasks by their names in the catalog."""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A mean gain over the baseline on the nine targets, in points."""

    row: str
    """What was trained, in words."""
    tasks: tuple[str, ...]
    """The tasks of the row's one stage."""
    gain: float
    split: str


DEV_GAINS = (
    Figure(row="MNLI", tasks=("mnli",), gain=7.5, split="dev"),
    Figure(row="HellaSwag", tasks=("hellaswag",), gain=7.0, split="dev"),
    Figure(row="all nine, jointly", tasks=NINE, gain=8.7, split="dev"),
)
SQUAD = "SQuAD, +8.2 on dev, stands in no row: the source does not say whether it is version 1.1 or 2.0."
LIMITS = ("cap_examples", "cap_tokens", "frozen_layers")
"""What a training of the study does not set."""
STAGE = ("languages", "translation", "mlm_share", "sampling_cap", "temperature")
"""What decides a stage's data and is the default in the study."""
BEST_PER_TARGET = Figure(row="best row of each target", tasks=(), gain=5.4, split="test")


def published_rows(study: Study, found: Matrix) -> list[list[object]]:
    """Row, our mean gain, the published one and its split; empty unless model, columns and data are the study's.

    Gains are against the baseline, flagged cells counted as the source counts them. A row of ours stands beside a
    figure only if it is one plain English stage on the same tasks and no cell of it is missing.
    """
    space = study.space
    if not found.is_baseline or not found.reference or not _is_the_study(space, found.model) or not _is_whole(study):
        return []
    if space.evaluate == BEST_PER_TARGET.split:
        return [[BEST_PER_TARGET.row, *_beside(_best_gain(study, found.model), BEST_PER_TARGET)]]
    ours = {figure: _gain(space, found, figure) for figure in DEV_GAINS}
    return [[figure.row, *_beside(gain, figure)] for figure, gain in ours.items()]


def _beside(ours: float | None, figure: Figure) -> list[object]:
    return ["–" if ours is None else f"{100 * ours:+.1f}", f"{figure.gain:+.1f}", figure.split]


def _is_the_study(space: Space, model: str) -> bool:
    """XLM-R Large and the nine targets, trained whole and scored as the benchmark scores them."""
    own = next(one for one in space.models if one.name == model)
    wanted = {entry.name for entry in XTREME.entries}
    return (
        own.id == MODEL
        and {target.task for target in space.targets} == wanted
        and all(_is_plain(space, target) for target in space.targets)
    )


def _is_plain(space: Space, target: Target) -> bool:
    """Whether a target is the benchmark's, tuned whole on the row's own encoder."""
    scored_otherwise = any(departures(space, target))
    return not target.before and not scored_otherwise and _is_full(target.training, target.dials)


def _is_full(training: Training, dials: Dials) -> bool:
    """Whether a training takes all of the data to all of the layers, whatever its dials come to."""
    usual = Training()
    return all(getattr(training, name) == getattr(usual, name) and name not in dials for name in LIMITS)


def _is_whole(study: Study) -> bool:
    """Whether every target was scored in every published language of the split."""
    space, table = study.space, study.table
    held = {str(name): set(rows["language"]) for name, rows in table.groupby("target")}
    for part in XTREME.entries:
        name = part.name
        if not (set(part.languages) & set(space.task(name).rows(space.evaluate))) <= held.get(name, set()):
            return False
    return True


def _gain(space: Space, found: Matrix, figure: Figure) -> float | None:
    row = next((recipe for recipe in space.recipes if _is_row(recipe, figure)), None)
    if row is None or any(
        (name, target) in found.lacking for name in (row.name, found.reference) for target in found.gains
    ):
        return None
    return _mean([entry(found.gains, (row.name, str(target))) for target in found.gains])


def _mean(values: list[float]) -> float | None:
    """None if any value is missing."""
    return None if any(map(math.isnan, values)) else sum(values) / len(values)


def _is_row(recipe: Recipe, figure: Figure) -> bool:
    if len(recipe.stages) != 1:
        return False
    stage = recipe.stages[0]
    usual = Stage(tasks=stage.tasks)
    same = all(getattr(stage, name) == getattr(usual, name) for name in STAGE)
    return same and _is_full(stage.training, stage.dials) and sorted(stage.tasks) == sorted(figure.tasks)


def _best_gain(study: Study, model: str) -> float | None:
    """XTREME's mean with the best row of each target, minus that of the baseline."""
    tasks = benchmark_means(study, model)[0].tasks
    try:
        best = best_per_target(study, model)
    except UserError:
        return None
    base = study.space.baseline
    assert base is not None
    return _mean([entry(tasks, (best[name].recipe, name)) - entry(tasks, (base.name, name)) for name in tasks.columns])
