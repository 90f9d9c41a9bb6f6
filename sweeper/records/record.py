"""The records that a trial leaves in the ledger: one for its training, one for each score."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from sweeper.files.serialize import FORMAT
from sweeper.records.spec import TrialSpec

State = Literal["done", "failed"]


@dataclass(frozen=True, kw_only=True)
class TrainingRecord:
    """A finished training (or, for `kind` score, an encoder that was only scored)."""

    key: str
    spec: TrialSpec
    state: State
    reason: str = ""
    """Why it failed, and what to do."""
    value: float | None = None
    """Mean main metric on the selection data, 0 to 1, higher is better."""
    selection: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Task -> metric -> value on its selection data."""
    tokens: int = 0
    steps: int = 0
    examples: Mapping[str, int] = field(default_factory=dict)
    """Task -> training examples seen, repeats counted."""
    translated: Mapping[str, Mapping[str, Mapping[str, int]]] = field(default_factory=dict)
    """Task -> language -> training examples `translated`, and `dropped` because their answer was not found again."""
    loss: tuple[float, ...] = ()
    """Training loss, averaged over twenty equal parts of the steps."""
    micro_tokens: int = 0
    """The micro-batch it ended with: smaller than the spec's after an out-of-memory."""
    timing: Mapping[str, float] = field(default_factory=dict)
    """Seconds: total, train, evaluate, wait (for data), load, save."""
    machine: Mapping[str, str] = field(default_factory=dict)
    """Where and when it was made. `resumed_at`, only where a training went on from a checkpoint: its step; `tokens`
    then span all attempts and `timing` the last one."""
    format: int = FORMAT


@dataclass(frozen=True, kw_only=True)
class ScoreRecord:
    """What one training scored on one target."""

    key: str
    training: str
    """Key of the training record."""
    model: str
    recipe: str
    target: str
    seed: int | None
    """Replicate seed; None where nothing depends on one (the raw encoder's retrieval)."""
    split: Literal["dev", "test"]
    condition: str = "clean"
    pooling: str = ""
    layer: float = 0.0
    similarity: Literal["cosine", "csls"] = "cosine"
    metrics: Mapping[str, Mapping[str, float]]
    """Language -> metric -> value, as fractions of 1."""
    trivial: Mapping[str, Mapping[str, float]]
    """Language -> metric -> what the majority class or a random choice would score."""
    counts: Mapping[str, int]
    """Language -> examples."""
    main: str
    """The metric that stands in the matrix."""
    outcomes: str
    """Path of the Parquet file with a row per example, relative to the ledger."""
    format: int = FORMAT

    @property
    def scores_encoder(self) -> bool:
        """Whether the sentence vectors of the encoder are scored directly, without a trained head."""
        return bool(self.pooling)


@dataclass(frozen=True, kw_only=True)
class TrialResult:
    """What a trial gives back: its training record and its score records, all in the ledger already."""

    training: TrainingRecord
    scores: tuple[ScoreRecord, ...] = ()
