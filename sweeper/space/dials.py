"""How a stage or target is trained, and the dials that may choose some of it."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import Field

from sweeper.errors import UserError, unknown

Value = int | float | str


@dataclass(frozen=True, kw_only=True)
class LogUniform:
    """A dial between two positive bounds, uniform in its logarithm."""

    low: float
    high: float
    first: tuple[float, ...] = ()
    """Points that are tried before the sampler suggests any."""
    kind: Literal["log_uniform"] = "log_uniform"

    def __post_init__(self) -> None:
        if not 0 < self.low < self.high:
            raise UserError(f"LogUniform needs 0 < low < high, got low={self.low}, high={self.high}.")
        outside = [point for point in self.first if not self.low <= point <= self.high]
        if outside:
            raise UserError(f"LogUniform starts inside its bounds, got {outside} outside [{self.low}, {self.high}].")


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A dial that takes one of a few values."""

    values: tuple[Value, ...]
    first: tuple[Value, ...] = ()
    kind: Literal["choice"] = "choice"

    def __post_init__(self) -> None:
        if len(set(self.values)) < 2:
            raise UserError(f"Choice needs two different values or more, got {self.values}.")
        outside = [point for point in self.first if point not in self.values]
        if outside:
            raise UserError(f"Choice starts with one of its values, got {outside} outside {self.values}.")


Distribution = Annotated[LogUniform | Choice, Field(discriminator="kind")]


@dataclass(frozen=True, kw_only=True)
class Training:
    """How one stage is trained. Any of these can be a dial of the stage."""

    learning_rate: float = 2e-5
    epochs: float = 3.0
    batch_size: int = 32
    """Examples an optimiser step, all micro-batches together."""
    max_length: int = 128
    """Tokens a feature, special ones counted; longer texts are cut, or read in several features where the task is span
    answering or tagging."""
    stride: int = 128
    """Tokens that neighbouring windows of a paragraph share; those of a sentence of tagged words share none."""
    warmup: float = 0.1
    """Share of the steps over which the learning rate rises from 0; then it falls to 0, both linearly."""
    weight_decay: float = 0.01
    adam_epsilon: float = 1e-8
    clip: float = 1.0
    """Largest gradient norm."""
    precision: Literal["fp32", "bf16"] = "fp32"
    """Of training, selection and scoring alike; sentence vectors that are compared as they are stay in fp32."""
    threads: int = 1
    """CPU threads a worker computes with: part of the result, since sums depend on it."""
    micro_tokens: int = 8192
    """Tokens, padding counted, that one forward pass takes at most; out of memory halves it, the batch stays.
    A batch of pairs (format rank) is one pass whatever it holds."""
    frozen_layers: int | None = None
    """Keeps the embeddings and this many of the lowest layers as they are (0: the embeddings alone), which can help
    zero-shot transfer (Wu & Dredze 2019); None: everything is trained."""
    cap_examples: int | None = None
    """Most training examples a task, chosen by a hash of their ids."""
    cap_tokens: int | None = None
    """Most training tokens a task and language over all epochs: examples are cut to cap_tokens / epochs tokens."""
    min_steps: int = 0
    """Fewest optimiser steps: epochs are repeated until they are reached (tiny training sets)."""
    mask_share: float = 0.15
    """Share of the tokens that masked language modelling predicts: 0.15 in Devlin et al. 2019, where Wettig et al. 2023
    find 0.4 better for large models. What is measured is always measured on 0.15, so that losses compare."""

    def __post_init__(self) -> None:
        check_words(self)
        for name in ("learning_rate", "epochs", "batch_size", "max_length", "threads", "micro_tokens", "clip"):
            if getattr(self, name) <= 0:
                raise UserError(f"Training needs {name} > 0, got {getattr(self, name)}.")
        if not 0 <= self.warmup <= 1:
            raise UserError(f"Training needs 0 <= warmup <= 1, got {self.warmup}.")
        if not 0 < self.mask_share < 1:
            raise UserError(f"Training needs 0 < mask_share < 1, got {self.mask_share}.")
        if self.frozen_layers is not None and self.frozen_layers < 0:
            raise UserError(
                f"Training needs frozen_layers >= 0, or None to train everything, got {self.frozen_layers}."
            )
        check_counts(self, "cap_examples", "cap_tokens")


FRACTIONS = ("learning_rate", "epochs", "warmup", "weight_decay", "adam_epsilon", "clip", "mask_share")
"""The values of a training that need not be whole numbers."""
DIALS = tuple(f.name for f in fields(Training) if f.name not in ("precision", "threads"))
Dials = Mapping[str, Distribution]


def check_dials(dials: Dials) -> None:
    """Raise UserError on a dial that no training has, or one that could take a value that none may have."""
    for name, dial in dials.items():
        if name not in DIALS:
            raise unknown("dial", name, DIALS)
        points = (dial.low, dial.high) if isinstance(dial, LogUniform) else dial.values
        if name not in FRACTIONS and (isinstance(dial, LogUniform) or not all(isinstance(p, int) for p in points)):
            raise UserError(f"Dial {name!r} takes whole numbers: Choice(values=(...)), got {dial}.")
        for point in points:
            Training(**{name: point})  # type: ignore[arg-type]


def check_words(value: Any) -> None:
    """Raise UserError if a field that takes one of a few words holds another: a dataclass alone takes any."""
    for field in fields(value):
        found, known = getattr(value, field.name), get_args(field.type) if get_origin(field.type) is Literal else ()
        if known and found not in known:
            raise unknown(f"value of {type(value).__name__}.{field.name}", str(found), known)


def check_counts(value: object, *names: str) -> None:
    """Raise UserError if one of the value's limits of these names is below 1."""
    for name in names:
        found = getattr(value, name)
        if found is not None and found < 1:
            raise UserError(f"{type(value).__name__} needs {name} >= 1, or None for no limit, got {found}.")
