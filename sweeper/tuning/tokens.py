"""How many tokens a plan's trials read, from the caps of the space and the published sizes of its tasks: no data."""

from sweeper.space import Space, Stage, Target
from sweeper.tasks.benchmarks import SIZES, TYDIQA_EXAMPLES
from sweeper.tasks.catalog import CATALOG
from sweeper.tuning.plan import Unit

TOKENS_AN_EXAMPLE = 0.5
"""Share of max_length that an example is taken to fill where a cap does not say how many tokens are trained on."""


def stage_tokens(space: Space, stage: Stage) -> int:
    """Training tokens of a stage, from its caps and the published sizes of its tasks."""
    training = stage.training
    total = 0.0
    for name in stage.tasks:
        examples = min(space.task(name).train_size or 10**9, training.cap_examples or 10**9)
        if len(stage.tasks) > 1:
            examples = min(examples, stage.sampling_cap)
        tokens = training.epochs * examples * training.max_length * TOKENS_AN_EXAMPLE
        total += min(tokens, training.cap_tokens) if training.cap_tokens else tokens
    return round(total / (1 - stage.mlm_share))


def selection_tokens(space: Space, unit: Unit) -> int:
    """Most tokens that a trial of a unit is selected on."""
    if unit.kind == "score":
        return 0
    return round(space.search.cap * len(unit.stage.tasks) * unit.stage.training.max_length * TOKENS_AN_EXAMPLE)


def score_tokens(space: Space, unit: Unit) -> int:
    """Tokens that a replicate of a unit is scored on, targets of unknown size not counted."""
    sizes = ((target.training.max_length, evaluation_size(space, target)) for target in unit.targets)
    return round(sum(length * TOKENS_AN_EXAMPLE * size for length, size in sizes if size is not None))


def evaluation_size(space: Space, target: Target) -> int | None:
    """Texts that a target is scored on, in all its languages; None where the catalog does not know their number."""
    task = space.task(target.task)
    if CATALOG.get(task.name) != task:
        return None
    cap = target.eval_cap or space.eval_cap or 10**9
    sides = 2 if task.format == "retrieve" else 1
    if task.name == "tydiqa" and target.languages is None and cap == 10**9:
        return TYDIQA_EXAMPLES
    known = SIZES[space.evaluate].get(task.name, {})
    languages = target.languages or tuple(task.places(space.evaluate))
    if not set(languages) <= set(known):
        return None
    return sides * sum(min(known[language], cap) for language in languages)
