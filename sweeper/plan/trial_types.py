"""Types of trials: trials of one type need about the same time for a token and the same memory."""

from dataclasses import fields, replace
from typing import Any

from sweeper.plan.units import Unit
from sweeper.space import Space, Stage, Training
from sweeper.space.dials import bounds

SHOWN = ("batch_size", "max_length")
"""Options of a training that every type names."""
OTHERS = (
    *("precision", "threads", "micro_tokens", "frozen_layers", "gradient_checkpointing", "average"),
    *("embedding_noise", "adversarial"),
)
"""Options that a type names if they differ from their default."""
KINDS = {"prepare": "preparation", "target": "target", "score": "encoder scores", "predict": "predictors"}


def type_of(space: Space, unit: Unit) -> str:
    """The type of the trials of a unit, as text: kind, formats, and the training options that decide time and memory.

    A searched batch size or length counts with its largest value.
    """
    kind = KINDS[unit.kind]
    if not unit.trains:
        length = max((target.training.max_length for target in unit.targets), default=0)
        return f"{kind}, {_formats(space, (target.task for target in unit.targets))}: max_length={length}"
    formats = _formats(space, unit.stage.tasks) + (" + mlm" if unit.stage.mlm_share else "")
    processes = unit.model.resources.processes
    options = [f"{name}={value}" for name, value in _options(largest(unit.stage)).items()]
    return f"{kind}, {formats}: {', '.join([*options, *([f'processes={processes}'] if processes > 1 else [])])}"


def largest(stage: Stage) -> Training:
    """The training of a stage with the largest batch size and length of its dials."""
    values: Any = {name: max(bounds(stage.dials[name])) for name in SHOWN if name in stage.dials}
    return replace(stage.training, **values)


def _formats(space: Space, tasks: Any) -> str:
    return " + ".join(sorted({space.task(name).format for name in tasks}))


def _options(training: Training) -> dict[str, Any]:
    defaults = {field.name: field.default for field in fields(Training)}
    names = [*SHOWN, *(name for name in OTHERS if getattr(training, name) != defaults[name])]
    return {name: getattr(training, name) for name in names}
