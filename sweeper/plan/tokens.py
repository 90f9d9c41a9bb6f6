"""The number of tokens that the trials of a plan read, from caps and the published sizes of tasks. Needs no data."""

import math
from collections.abc import Iterator, Mapping
from typing import Literal

from sweeper.formats.table import properties_of
from sweeper.plan.data_specs import carve_floor, is_refitted
from sweeper.plan.units import PREDICTOR_EXAMPLES, Plan, Unit
from sweeper.records.spec import Role
from sweeper.scoring.scorers import SCORERS
from sweeper.space import Space, Stage, Target, Training
from sweeper.tasks.benchmarks import SIZES, TYDIQA_EXAMPLES
from sweeper.tasks.catalog import CATALOG
from sweeper.tasks.spec import Task
from sweeper.world.settings import scale_of
from sweeper.world.tasks import is_world_task, num_evaluated

FILLED_SHARE = 0.5
"""Assumed length of a feature as a share of max_length. A cap on tokens needs no assumption."""
UNLIMITED = 10**9
"""Number of examples if the size or the cap is missing; larger than any data set."""


def features_per_example(task: Task) -> int:
    """Number of features of an example, each at most max_length tokens. Further windows of a long text do not count."""
    return properties_of(task).num_features(task)


def training_tokens(space: Space, unit: Unit, role: Role) -> int:
    """Training tokens of one trial of a unit, without the examples that are set aside for selection."""
    if not unit.trains:
        return 0
    sets_aside = unit.sets_aside and not is_refitted(space, unit, role)
    return round(_share_of_steps(space, unit, role) * stage_tokens(space, unit.stage, sets_aside=sets_aside))


def _share_of_steps(space: Space, unit: Unit, role: Role) -> float:
    """Share of the steps that the trials of a unit with this role train for: less than 1 in `Search.rungs`."""
    search = space.search
    if not search.rungs or not unit.searches or role not in ("search", "rung"):
        return 1.0
    if role == "search":
        return search.rung_share(0)
    sizes = search.rung_sizes(search.num_trials(unit.stage.dials, has_prior=bool(unit.prior)))
    steps = (size * search.rung_share(level) for level, size in enumerate(sizes, start=1))
    return sum(steps) / sum(sizes)


def chain_tokens(space: Space, unit: Unit) -> int:
    """Training tokens of a replicate of a unit that trains its whole chain from the pretrained encoder."""
    own = training_tokens(space, unit, "replicate")
    earlier = unit.stages if not unit.trains else unit.stages[:-1]
    return own + sum(stage_tokens(space, stage, sets_aside=not space.search.refit) for stage in earlier)


def _num_aside(space: Space, task: Task) -> int:
    """Number of training examples of a task that are set aside. `cap` limits those of each data set (`Rows`)."""
    size, num_sets = task.train_size * scale_of(space.world, task), max(map(len, task.train.values()), default=1)
    share = min(space.search.share, space.search.cap * num_sets / size) if size else 0.0
    return round(max(share, carve_floor(space, task)) * size)


def stage_tokens(space: Space, stage: Stage, *, sets_aside: bool) -> int:
    """Training tokens of a stage, with or without the examples that are set aside.

    An adversarial step reads each token twice. Tasks of unknown size do not count, unless `max_steps` gives the number
    of steps. A batch of masked language modelling has as many texts as a batch of a task has examples.
    """
    known = _known_examples(space, stage, sets_aside=sets_aside)
    texts = _texts_per_item(stage)
    weights = {name: stage.shares.get(name, number / sum(known.values())) for name, number in known.items()}
    features = sum(weight * features_per_example(space.task(name)) for name, weight in weights.items())
    num_items = _num_items(stage, sum(known.values()))
    tokens = num_items * (features + texts) * stage.training.max_length * FILLED_SHARE
    return round(tokens * stage.training.num_passes)


def _num_evaluations(space: Space, stage: Stage, *, sets_aside: bool) -> int:
    """Number of evaluations during the training of a stage that does not stop early."""
    if stage.training.keep != "best":
        return 0
    num_items = _num_items(stage, sum(_known_examples(space, stage, sets_aside=sets_aside).values()))
    num_steps = num_items * (1 + _texts_per_item(stage)) / stage.training.batch_size
    return math.ceil(num_steps / stage.training.evaluate_every)


def _texts_per_item(stage: Stage) -> float:
    # With a share m of MLM steps there are m / (1 - m) such steps for each step on a task.
    return stage.mlm_share / (1 - stage.mlm_share)


def _num_items(stage: Stage, num_examples: float) -> float:
    """Examples that a stage trains on in all of its epochs, if one epoch has `num_examples`."""
    training = stage.training
    if not num_examples:
        return 0
    lowest, highest = (steps * training.batch_size for steps in (training.min_steps, training.max_steps or UNLIMITED))
    return min(max(training.epochs * num_examples, lowest), highest / (1 + _texts_per_item(stage)))


def _known_examples(space: Space, stage: Stage, *, sets_aside: bool) -> dict[str, float]:
    """Task -> training examples of one epoch, for the tasks of known size."""
    examples = {name: _num_examples(space, stage, name, sets_aside=sets_aside) for name in stage.tasks}
    return {name: number for name, number in examples.items() if number}


def _num_examples(space: Space, stage: Stage, name: str, *, sets_aside: bool) -> float:
    """Training examples of a task in one epoch of a stage; 0 if unknown."""
    aside = _num_aside(space, space.task(name)) if sets_aside else 0
    examples = _num_available(space, name, stage.training, len(stage.languages), aside)
    # In a mixture, larger tasks count only up to this cap.
    return min(examples, stage.sampling_cap) if len(stage.tasks) > 1 else examples


def _num_available(space: Space, name: str, training: Training, num_languages: int, aside: int = 0) -> float:
    """Training examples of a task within the caps; 0 if unknown. Every language has as many as is published."""
    task = space.task(name)
    if is_unsized(task, training):
        return 0
    size = task.train_size * scale_of(space.world, task) - aside
    examples: float = min(num_languages * size or UNLIMITED, training.cap_examples or UNLIMITED)
    if training.cap_tokens:
        tokens = features_per_example(task) * training.max_length * FILLED_SHARE
        examples = min(examples, num_languages * training.cap_tokens / (training.epochs * tokens))
    return examples


def is_unsized(task: Task, training: Training) -> bool:
    """Whether the number of training steps is unknown: the entry has no size, and there is no cap."""
    return not (task.train_size or training.cap_examples or training.cap_tokens or training.max_steps)


def unsized_tasks(plan: Plan) -> list[str]:
    """The tasks whose training sets have an unknown size."""
    stages = [unit.stage for unit in plan.units if unit.trains]
    names = (name for stage in stages for name in stage.tasks if is_unsized(plan.space.task(name), stage.training))
    return list(dict.fromkeys(names))


def selection_tokens(space: Space, unit: Unit, role: Role) -> int:
    """Largest number of tokens that a trial of a unit reads for its selection value and for evaluations in training."""
    if not unit.trains or is_refitted(space, unit, role):
        return 0
    tasks = [space.task(name) for name in unit.stage.tasks]
    num_features = sum(_num_selected(space, unit, task) * features_per_example(task) for task in tasks)
    num_passes = 1 + _num_evaluations(space, unit.stage, sets_aside=unit.sets_aside)
    return round(num_passes * num_features * unit.stage.training.max_length * FILLED_SHARE)


def _num_selected(space: Space, unit: Unit, task: Task) -> int:
    """Largest number of selection examples of a task: those that are set aside, else its English dev examples."""
    number = _num_aside(space, task) if unit.sets_aside else _evaluation_sizes(space, task, "dev").get("en", 0)
    return min(space.search.cap, number or space.search.cap)  # 0: unknown


def score_tokens(space: Space, unit: Unit) -> int:
    """Tokens that a replicate of a unit reads for scores or predictors. Targets of unknown size do not count."""
    return round(sum(_target_tokens(space, unit, target) for target in unit.targets))


def _target_tokens(space: Space, unit: Unit, target: Target) -> float:
    size = _predictor_size(space, target) if unit.kind == "predict" else evaluation_size(space, target)
    return target.training.max_length * FILLED_SHARE * (size or 0) * _num_passes(space, unit, target)


def data_tokens(plan: Plan) -> int:
    """Tokens of the data sets of a plan, each once for each model and its caps and lengths of replicates.

    Data of unknown size do not count, nor do those of predictors, which trainings and scores read as well.
    """
    tokens: dict[object, float] = {}
    for unit in plan.units:
        if unit.trains:
            tokens.update(_stage_data(plan, unit))
        if unit.kind != "predict":
            for target in unit.targets:
                tokens[unit.model.id, target.task] = _target_tokens(plan.space, unit, target)
    return round(sum(tokens.values()))


def _stage_data(plan: Plan, unit: Unit) -> Iterator[tuple[object, float]]:
    """The tokens of each data set of the stage that a unit trains, with a key that is equal for equal data."""
    space, stage, training = plan.space, unit.stage, unit.stage.training
    corpora = {stage.mlm_task: len(stage.mlm_languages or ("en",))} if stage.mlm_share else {}
    for name, num_languages in ({name: len(stage.languages) for name in stage.tasks} | corpora).items():
        width = features_per_example(space.task(name)) * training.max_length * FILLED_SHARE
        caps = (training.cap_examples, training.cap_tokens)
        changes = repr((stage.languages, stage.label_noise, stage.perturbation, stage.translation))
        # Every replicate draws its own wrong labels and perturbations.
        num_draws = len(plan.seeds(unit)) if stage.label_noise or stage.perturbation else 1
        key = (unit.model.id, name, training.max_length, caps, changes)
        yield key, num_draws * width * _num_available(space, name, training, num_languages)
        if name in stage.tasks:
            yield ("select", *key), width * _num_selected(space, unit, space.task(name))


def _num_passes(space: Space, unit: Unit, target: Target) -> float:
    """How often the examples of a target are read: once, and once for each condition, as far as it has languages."""
    if unit.kind == "predict":
        # The prepared and the pretrained encoder read the target, and the latter the recipe's last stage.
        return 3.0 if unit.stages else 1.0
    scored = target.languages or tuple(space.task(target.task).rows(space.evaluate))
    numbers = [len(condition.languages_of(scored)) for condition in target.conditions]
    return 1.0 + sum(numbers) / max(len(scored), 1)


def _predictor_size(space: Space, target: Target) -> int:
    """Largest number of features from which the predictors of a target are computed."""
    examples = min(PREDICTOR_EXAMPLES, target.training.cap_examples or PREDICTOR_EXAMPLES)
    return examples * features_per_example(space.task(space.task(target.task).training_task))


def evaluation_size(space: Space, target: Target) -> int | None:
    """Number of features that a target is scored on, in all of its languages, with its pool of candidates.

    Returns None if it is unknown, as for tasks that the user defines.
    """
    task = space.task(target.task)
    # A cap limits the pairs to mine, not the sentences without a partner: the pools count as a whole.
    cap = None if SCORERS[task.scorer].keeps_fillers else target.eval_cap or space.eval_cap
    items = _num_features(space, task, target.languages, cap)
    candidates = _num_features(space, space.task(task.pool), None, None) if task.pool else 0
    return None if items is None or candidates is None else items + candidates


def _num_features(space: Space, task: Task, languages: tuple[str, ...] | None, cap: int | None) -> int | None:
    """Number of features of a task's evaluation data; None if unknown. `languages=None` means all languages."""
    if CATALOG.get(task.name) == task and task.name == "tydiqa" and languages is None and cap is None:
        # Only the total is published, not the size of each language.
        return TYDIQA_EXAMPLES
    sizes = _evaluation_sizes(space, task, space.evaluate)
    codes = languages or tuple(task.rows(space.evaluate))
    if not set(codes) <= set(sizes):
        return None
    return features_per_example(task) * sum(min(sizes[code], cap or sizes[code]) for code in codes)


def _evaluation_sizes(space: Space, task: Task, split: Literal["dev", "test"]) -> Mapping[str, int]:
    """Language -> number of evaluation items; empty for a task that differs from the entry of the package."""
    if CATALOG.get(task.name) == task:
        return SIZES[split].get(task.name, {})
    if is_world_task(task):
        return dict.fromkeys(task.rows(split), num_evaluated(task) * scale_of(space.world, task))
    return {}
