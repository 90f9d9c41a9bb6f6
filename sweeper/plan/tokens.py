"""How many tokens a plan's trials read, from the caps of the space and the published sizes of its tasks: no data."""

from collections.abc import Mapping

from sweeper.formats.table import properties_of
from sweeper.plan.units import Unit
from sweeper.scoring.scorers import SCORERS
from sweeper.space import Space, Stage, Target, Training
from sweeper.tasks.benchmarks import SIZES, TYDIQA_EXAMPLES
from sweeper.tasks.catalog import CATALOG
from sweeper.tasks.spec import Task
from sweeper.world.build import scale_of
from sweeper.world.tasks import ENTRIES, num_evaluated

TOKENS_A_FEATURE = 0.5
"""Share of max_length that a feature is taken to fill where a cap does not say how many tokens are trained on."""


def features_per_example(task: Task) -> int:
    """Features of an example, each up to max_length tokens long; the windows of a long text are not counted."""
    return properties_of(task).num_features(task)


def stage_tokens(space: Space, stage: Stage) -> int:
    """Training tokens of a stage, from its caps and the published sizes of its tasks, unsized ones left out.

    A batch of masked language modelling has as many texts as one of a task has examples.
    """
    training = stage.training
    total = texts = 0.0
    for name in stage.tasks:
        task = space.task(name)
        features = features_per_example(task)
        if is_unsized(task, training):
            continue
        size = task.train_size * scale_of(space.world, task)
        examples = min(size or 10**9, training.cap_examples or 10**9)
        if len(stage.tasks) > 1:
            examples = min(examples, stage.sampling_cap)
        tokens = training.epochs * examples * features * training.max_length * TOKENS_A_FEATURE
        tokens = min(tokens, training.cap_tokens) if training.cap_tokens else tokens
        total += tokens
        texts += tokens / features
    return round(total + texts * stage.mlm_share / (1 - stage.mlm_share))


def is_unsized(task: Task, training: Training) -> bool:
    """Whether neither the task's entry nor a cap says how much of it is trained on."""
    return not (task.train_size or training.cap_examples or training.cap_tokens)


def selection_tokens(space: Space, unit: Unit) -> int:
    """Most tokens that a trial of a unit is selected on."""
    if unit.kind == "score":
        return 0
    features = sum(features_per_example(space.task(name)) for name in unit.stage.tasks)
    return round(space.search.cap * features * unit.stage.training.max_length * TOKENS_A_FEATURE)


def score_tokens(space: Space, unit: Unit) -> int:
    """Tokens that a replicate of a unit is scored on, targets of unknown size not counted."""
    sizes = ((target.training.max_length, evaluation_size(space, target)) for target in unit.targets)
    return round(sum(length * TOKENS_A_FEATURE * size for length, size in sizes if size is not None))


def evaluation_size(space: Space, target: Target) -> int | None:
    """Features that a target is scored on, in all its languages, and the whole pool that its queries search.

    None where no entry that ships knows their number. Pools that are mined count whole: a cap leaves the sentences
    without a partner.
    """
    task = space.task(target.task)
    cap = None if SCORERS[task.scorer].keeps_fillers else target.eval_cap or space.eval_cap
    own = _num_features(space, task, target.languages, cap)
    pool = _num_features(space, space.task(task.pool), None, None) if task.pool else 0
    return None if own is None or pool is None else own + pool


def _num_features(space: Space, task: Task, languages: tuple[str, ...] | None, cap: int | None) -> int | None:
    """Features of a task's evaluation rows in some languages, or all of them; None where their number is not known."""
    if CATALOG.get(task.name) == task and task.name == "tydiqa" and languages is None and cap is None:
        return TYDIQA_EXAMPLES
    known = _evaluation_sizes(space, task)
    wanted = languages or tuple(task.rows(space.evaluate))
    if not set(wanted) <= set(known):
        return None
    return features_per_example(task) * sum(min(known[language], cap or known[language]) for language in wanted)


def _evaluation_sizes(space: Space, task: Task) -> Mapping[str, int]:
    """Language -> evaluation items of an entry that ships; none of the user's own."""
    if CATALOG.get(task.name) == task:
        return SIZES[space.evaluate].get(task.name, {})
    if ENTRIES.get(task.name) == task:
        return dict.fromkeys(task.rows(space.evaluate), num_evaluated(task) * scale_of(space.world, task))
    return {}
