"""Training options of a stage or target, and dials: the options that a search chooses."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Annotated, Literal

from pydantic import Field

from sweeper.errors import UserError, unknown
from sweeper.typed import check_fields

Value = int | float | str


@dataclass(frozen=True, kw_only=True)
class LogUniform:
    """A dial with a log-uniform distribution between two positive bounds."""

    low: float
    high: float
    first: tuple[float, ...] = ()
    """Values that are tried before the sampler suggests any."""
    kind: Literal["log_uniform"] = "log_uniform"

    def __post_init__(self) -> None:
        check_fields(self)
        if not 0 < self.low < self.high:
            raise UserError(f"LogUniform needs 0 < low < high, got low={self.low}, high={self.high}.")
        outside = [point for point in self.first if not self.low <= point <= self.high]
        if outside:
            raise UserError(f"LogUniform needs `first` within [{self.low}, {self.high}], got {outside}.")


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A dial with a few possible values."""

    values: tuple[Value, ...]
    first: tuple[Value, ...] = ()
    kind: Literal["choice"] = "choice"

    def __post_init__(self) -> None:
        check_fields(self)
        # With a single value there is nothing to search.
        if len(set(self.values)) < 2:
            raise UserError(
                f"Choice needs at least two different values, got {self.values}. A single value belongs in Training."
            )
        outside = [point for point in self.first if point not in self.values]
        if outside:
            raise UserError(f"Choice needs `first` among its values {self.values}, got {outside}.")


Distribution = Annotated[LogUniform | Choice, Field(discriminator="kind")]


@dataclass(frozen=True, kw_only=True)
class Training:
    """Training options of one stage or target. All but those of FIXED can be dials."""

    learning_rate: float = 2e-5
    epochs: float = 3.0
    batch_size: int = 32
    """Examples per optimiser step, over all micro-batches."""
    max_length: int = 128
    """Tokens per feature, including special tokens. Longer texts are truncated; for span answering and tagging they are
    split into several features instead."""
    stride: int = 128
    """Maximum tokens that neighbouring windows of a paragraph share. Windows of a tagged sentence do not overlap."""
    warmup: float = 0.1
    """Share of the steps in which the learning rate rises linearly from 0. Afterwards it falls linearly to 0."""
    weight_decay: float = 0.01
    adam_epsilon: float = 1e-8
    clip: float = 1.0
    """Maximum norm of the gradient."""
    precision: Literal["fp32", "bf16"] = "fp32"
    """Precision of training, selection and scoring. Sentence vectors that are compared directly are always fp32."""
    threads: int = 1
    """CPU threads of a worker. Part of every key, because the rounding of sums depends on it."""
    micro_tokens: int = 8192
    """Maximum tokens of one forward pass, including padding. After an out-of-memory error it is halved; the batch size
    stays the same. A batch of pairs (format rank) is always one pass."""
    frozen_layers: int | None = None
    """Number of lowest layers that are frozen, together with the embeddings (0: only the embeddings) and every other
    weight that the output of these layers depends on. This can help zero-shot transfer (Wu & Dredze 2019). None:
    everything is trained."""
    cap_examples: int | None = None
    """Maximum training examples per task, chosen by a hash of their ids. Several languages divide them equally, or by
    the `shares` of the stage."""
    cap_tokens: int | None = None
    """Maximum training tokens per task and language over all epochs. One epoch has cap_tokens / epochs tokens."""
    min_steps: int = 0
    """Minimum number of optimiser steps, for very small training sets: the epochs are repeated until it is reached."""
    max_steps: int | None = None
    """Maximum number of optimiser steps, those of masked language modelling included. The learning rate falls to 0 at
    the last of them."""
    mask_share: float = 0.15
    """Share of the tokens that masked language modelling predicts. Devlin et al. 2019 use 0.15; Wettig et al. 2023 find
    0.4 better for large models. The loss is always evaluated at 0.15, so that losses are comparable."""
    keep: Literal["last", "best"] = "last"
    """The weights that the training keeps: those after its last step, or those with the highest selection value. Only
    English selection data choose them."""
    evaluate_every: int = 1000
    """With `keep = "best"`: steps between two evaluations on the selection data. The last step is evaluated too."""
    patience: int | None = None
    """With `keep = "best"`: the training stops after this number of evaluations in a row without a gain. None: it never
    stops early. The learning rate falls as if it did not stop."""
    average: float = 0.0
    """Share of the steps, at the end of the training, whose weights are averaged, which can help zero-shot transfer
    (Schmidt et al. 2023); 0: no average. With `keep = "best"`, evaluations in this part evaluate the average so far."""
    embedding_noise: float = 0.0
    """Scale alpha of uniform noise that is added to the token embeddings in training, within +-alpha / sqrt(tokens *
    embedding size) of each feature (NEFTune, Jain et al. 2024, who use 5 to 15); 0: no noise."""
    adversarial: float = 0.0
    """L2 norm of a step that training adds to the token embeddings of each feature, in the direction that raises its
    loss most (Miyato et al. 2017). The loss is the mean of that without and with the step, so that each training step
    has two passes; 0: no step."""

    gradient_checkpointing: bool = False
    """Whether the activations of the layers are computed again in the backward pass instead of kept (Chen et al. 2016).
    The training needs less memory and more time."""

    @property
    def num_passes(self) -> int:
        """Number of forward and backward passes of a step."""
        return 2 if self.adversarial else 1

    def __post_init__(self) -> None:
        check_fields(self)
        for name in POSITIVE:
            if getattr(self, name) <= 0:
                raise UserError(f"Training needs {name} > 0, got {getattr(self, name)}.")
        for name in NOT_NEGATIVE:
            if getattr(self, name) < 0:
                raise UserError(f"Training needs {name} >= 0, got {getattr(self, name)}.")
        for name, limit in LIMITS.items():
            if getattr(self, name) > limit:
                raise UserError(f"Training needs {name} <= {limit:,}, got {getattr(self, name):,}.")
        if not 0 <= self.warmup <= 1:
            raise UserError(f"Training needs 0 <= warmup <= 1, got {self.warmup}.")
        if not 0 < self.mask_share < 1:
            raise UserError(f"Training needs 0 < mask_share < 1, got {self.mask_share}.")
        if self.frozen_layers is not None and self.frozen_layers < 0:
            raise UserError(
                f"Training needs frozen_layers >= 0, or None to train everything, got {self.frozen_layers}."
            )
        check_counts(self, "cap_examples", "cap_tokens", "max_steps", "patience")
        if self.max_steps is not None and self.max_steps < self.min_steps:
            raise UserError(
                f"Training needs min_steps <= max_steps, got min_steps={self.min_steps}, max_steps={self.max_steps}."
            )
        if not 0 <= self.average < 1:
            raise UserError(f"Training needs 0 <= average < 1 (a share of the steps), got {self.average}.")
        if self.patience is not None and self.keep != "best":
            raise UserError(
                "Training needs keep = 'best' for a patience, which counts evaluations during a training, got "
                f"patience = {self.patience} with keep = {self.keep!r}. Set keep = 'best', or remove the patience."
            )


POSITIVE = (
    *("learning_rate", "epochs", "batch_size", "max_length", "threads", "micro_tokens", "clip", "evaluate_every"),
    "adam_epsilon",
)
NOT_NEGATIVE = ("stride", "weight_decay", "min_steps", "embedding_noise", "adversarial")
LIMITS = {"epochs": 100_000, "batch_size": 1_000_000, "max_length": 1_000_000, "threads": 1024, "min_steps": 10**9}
"""Option of a training -> largest value. No study needs more; a larger one is a mistyped number."""
FRACTIONS = (
    *("learning_rate", "epochs", "warmup", "weight_decay", "adam_epsilon", "clip", "mask_share", "average"),
    *("embedding_noise", "adversarial"),
)
"""Options of a training that can be fractions; all other numeric options are whole numbers."""
FIXED = ("precision", "threads", "keep", "evaluate_every", "patience", "gradient_checkpointing")
"""Options of a training that cannot be dials: all trials of a study use the same values."""
DIALS = tuple(f.name for f in fields(Training) if f.name not in FIXED)
Dials = Mapping[str, Distribution]
MAX_TRIALS = 10_000
"""Maximum number of trials of a study."""


def learning_rate_at(training: Training, step: int, num_steps: int) -> float:
    """The learning rate of a step, from 0 on: a linear increase from 0 in the warm-up, then a linear decrease to 0."""
    warmup = round(training.warmup * num_steps)
    rise = (step + 1) / (warmup + 1)
    fall = (num_steps - step) / max(1, num_steps - warmup)
    return training.learning_rate * min(1.0, rise, fall)


def check_dials(dials: Dials, training: Training | None = None) -> None:
    """Raise UserError if a dial is not an option of Training, or has a value that Training rejects.

    `training` has the options without a dial; None: their defaults.
    """
    for name, dial in dials.items():
        if name in FIXED:
            raise UserError(f"{name!r} cannot be a dial, got {dial}. Set one value in the training.")
        if name not in DIALS:
            raise unknown("dial", name, DIALS)
        is_whole = isinstance(dial, Choice) and all(isinstance(value, int) for value in dial.values)
        if name not in FRACTIONS and not is_whole:
            raise UserError(f"Dial {name!r} needs whole numbers, as in Choice(values=(8, 16)); got {dial}.")
    # A plan makes the same stage many times. The text tells 1 from 1.0 and True, which are equal.
    checked = (training or Training(), repr(dials))
    if checked in _CHECKED:
        return
    # A trial can combine any value of one dial with any value of another.
    limits: dict[str, Callable[[Iterable[Value]], Value]] = {"min_steps": max, "max_steps": min}
    steps = {name: pick(bounds(dials[name])) for name, pick in limits.items() if name in dials}
    for name, dial in dials.items():
        for point in bounds(dial):
            # Training checks its values when it is created.
            replace(training or Training(), **{**steps, name: point})  # type: ignore[arg-type]
    _CHECKED.add(checked)


_CHECKED: set[tuple[Training, str]] = set()
"""A training and dials whose values it accepts."""


def bounds(dial: Distribution) -> tuple[Value, ...]:
    """The bounds of a LogUniform, or the values of a Choice.

    The checks of Training are ranges, so that it rejects one of these if it rejects any value of the dial.
    """
    return (dial.low, dial.high) if isinstance(dial, LogUniform) else dial.values


def listed_points(dial: Distribution) -> tuple[Value, ...]:
    """The values that a dial lists, each once: `first`, then the other values of a Choice. A grid consists of them."""
    return tuple(dict.fromkeys((*dial.first, *(dial.values if isinstance(dial, Choice) else ()))))


def grid_size(dials: Dials) -> int:
    """The number of points of a grid: the product of the numbers of listed values."""
    return math.prod(len(listed_points(dial)) for dial in dials.values())


def grid_point(dials: Dials, number: int) -> dict[str, Value]:
    """Point `number` of the grid. The last dial, in alphabetical order, varies fastest."""
    point = {}
    # Sorted, because the key of a study does not depend on the order of its dials.
    for name in sorted(dials, reverse=True):
        points = listed_points(dials[name])
        number, index = divmod(number, len(points))
        point[name] = points[index]
    return {name: point[name] for name in dials}


def check_grid(dials: Dials, owner: str) -> None:
    """Raise UserError if a dial lists no values, or if the grid is too large to be meant. `owner` has the dials."""
    for name, dial in dials.items():
        if not listed_points(dial):
            raise UserError(
                f"The sampler 'grid' tries listed values only, but {name!r} of {owner} lists none: {dial}. Use a "
                "Choice, add `first` to the LogUniform, or use another sampler."
            )
    if grid_size(dials) > MAX_TRIALS:
        raise UserError(f"The grid of {owner} has {grid_size(dials):,} points; at most {MAX_TRIALS:,} are allowed.")


def check_counts(value: object, *names: str) -> None:
    """Raise UserError if one of the named fields is below 1. None means no limit."""
    for name in names:
        limit = getattr(value, name)
        if limit is not None and limit < 1:
            raise UserError(f"{type(value).__name__} needs {name} >= 1, or None for no limit, got {limit}.")
