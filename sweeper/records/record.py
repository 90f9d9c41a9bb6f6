"""The records that a trial writes to the ledger: one for its training, one for each score."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field, GetPydanticSchema
from pydantic_core import core_schema

from sweeper.files.serialize import FORMAT
from sweeper.records.spec import TrialSpec
from sweeper.space.condition import CLEAN

State = Literal["done", "failed"]
OUT_OF_MEMORY = "Out of memory"
"""Beginning of the reason of a training that failed because memory was short."""
DEAD_WORKER = "Its worker died"
"""Beginning of the reason of a training whose worker died too often."""
_NULL = core_schema.no_info_after_validator_function(lambda _: float("nan"), core_schema.none_schema())
# A number is tried first: a ledger has hundreds of thousands, and a Python function for each would take long.
_NUMBER_OR_NULL = core_schema.union_schema(
    [core_schema.float_schema(), _NULL], mode="left_to_right", serialization=core_schema.simple_ser_schema("float")
)
Measured = Annotated[float, GetPydanticSchema(lambda _type, _handler: _NUMBER_OR_NULL)]
"""A measured number. JSON has null for NaN, as of the loss of a training that diverged."""


@dataclass(frozen=True, kw_only=True)
class TransferPredictors:
    """Predictors of transfer of one encoder for one target."""

    values: Mapping[str, float]
    """`logme`, `h_score`, `knn`, `embedding`, `subword_overlap` -> value; higher is better. The first three are missing
    for a format without classes and if all labels are equal, the last two for an encoder without an intermediate
    training. Records of earlier versions have no `subword_overlap`."""
    seconds: Mapping[str, float]
    """Predictor -> seconds of the forward passes, which all share, and of its own computation."""
    num_rows: int
    """Number of labelled vectors: texts, choices, or words of different sentences; 0 for a format without classes."""


@dataclass(frozen=True, kw_only=True)
class FileFacts:
    """Facts about a file by which damage to it is noticed."""

    sha256: str
    bytes: int
    rows: int


@dataclass(frozen=True, kw_only=True)
class DynamicsRecord:
    """The training dynamics of the examples of a training (`Space.cartography`)."""

    file: str
    """Path of the Parquet file with one row for each example, relative to the ledger."""
    facts: FileFacts
    means: Mapping[str, Mapping[str, float]]
    """Task -> number of `examples`, and means over them: `views` (times that an example was seen), `confidence`,
    `variability` (missing if none was seen twice) and `correctness`."""


@dataclass(frozen=True, kw_only=True)
class TrainingRecord:
    """A finished training, or an encoder that was only scored (`spec.kind` is `score`) or examined (`predict`)."""

    key: str
    spec: TrialSpec
    state: State
    reason: str = ""
    """The cause of a failure, and what to do."""
    value: float | None = None
    """Mean over tasks of the main metric on the selection data; higher is better, so a loss has its sign changed. None
    without selection data."""
    selection: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Task -> metric -> value on the selection data."""
    tokens: int = 0
    """Tokens that the encoder read in the training; those of an adversarial step count twice."""
    steps: int = 0
    """Optimiser steps of the training."""
    planned_steps: int = 0
    """Steps that the learning rate was planned for: more than `steps` if the training ended early, by `patience` or at
    a rung (`Search.rungs`)."""
    kept_step: int = 0
    """Step after which the kept weights were taken: `steps`, or with `keep = "best"` that of the best evaluation."""
    averaged_steps: int = 0
    """Number of steps, up to `kept_step`, whose weights were averaged; 0 if the weights are those of one step."""
    evaluations: tuple[float, ...] = ()
    """With `keep = "best"`: the selection value after each `evaluate_every` steps and after the last planned step."""
    examples: Mapping[str, int] = field(default_factory=dict)
    """Task -> training examples seen, including repetitions."""
    translated: Mapping[str, Mapping[str, Mapping[str, int]]] = field(default_factory=dict)
    """Task -> language -> numbers of training examples `translated`, and `dropped` because no answer was found."""
    loss: tuple[float, ...] = ()
    """Mean training loss in each of twenty equal ranges of steps."""
    gradient_norm: tuple[float | None, ...] = ()
    """Mean gradient norm, before clipping, in the same ranges; None if not finite. Empty in records of versions that
    did not measure it."""
    parameters: Mapping[str, int] = field(default_factory=dict)
    """Numbers of parameters of the encoder: `total`, and `without_embeddings`. Empty in records of failed trials and of
    versions that did not count them."""
    micro_tokens: int = 0
    """Tokens of the micro-batch at the end: fewer than in the spec after an out-of-memory error."""
    predictors: Mapping[str, TransferPredictors] = field(default_factory=dict)
    """Target -> predictors of transfer of the encoder. Only trials of kind `predict` have any."""
    dynamics: Annotated[DynamicsRecord | None, Field(exclude_if=lambda value: value is None)] = None
    """The training dynamics; None without `Space.cartography`, or if the encoder came from the store."""
    timing: Mapping[str, float] = field(default_factory=dict)
    """Seconds by activity: total, train, evaluate, wait (for data), load, save."""
    machine: Mapping[str, str] = field(default_factory=dict)
    """Host, hardware and start time. `resumed_at` is the step of the checkpoint from which a training was resumed; then
    `tokens` covers all attempts and `timing` only the last one."""
    memory: Annotated[Mapping[str, int], Field(exclude_if=lambda value: not value)] = field(default_factory=dict)
    """Bytes at the peak of the trial, scores included. `process` is the resident memory of its process. On a GPU there
    are also `allocated` (by tensors), `reserved` (by torch) and `device` (the memory of the GPU). If the training has
    several processes, the values are those of the first one. Empty in records of earlier versions and of trials whose
    worker died."""
    format: int = FORMAT


@dataclass(frozen=True, kw_only=True)
class ScoreRecord:
    """The score of one training on one target."""

    key: str
    training: str
    """Key of the training record."""
    model: str
    recipe: str
    target: str
    seed: int | None
    """Replicate seed; None if nothing depends on a seed (retrieval with the pretrained encoder)."""
    split: Literal["dev", "test"]
    condition: str = CLEAN
    pooling: str = ""
    layer: float = 0.0
    similarity: Literal["cosine", "csls"] = "cosine"
    metrics: Mapping[str, Mapping[str, Measured]]
    """Language -> metric -> value: a fraction of 1, or nats for a loss."""
    trivial: Mapping[str, Mapping[str, float]]
    """Language -> metric -> value of the trivial baseline: the majority class or a random choice."""
    counts: Mapping[str, int]
    """Language -> number of examples."""
    main: str
    """The metric that the matrix shows."""
    outcomes: str
    """Path of the Parquet file with one row per example, relative to the ledger."""
    outcome_facts: FileFacts | None = None
    """Facts about the file with the outcomes; None in records of versions that did not write them."""
    subwords: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Language -> `tokens_per_word` and `overlap` (with English) of the evaluation data. They depend on no training, so
    that only the records of targets that start from the pretrained encoder have them."""
    timing: Mapping[str, float] = field(default_factory=dict)
    """Seconds by activity since the start of the trial or its previous score: total, evaluate, load. Empty if the
    training record of the trial includes them, and in records of earlier versions."""
    started: str = ""
    """Time at which `timing` begins; "" without it."""
    format: int = FORMAT

    @property
    def scores_encoder(self) -> bool:
        """Whether the sentence vectors of the encoder are scored directly, without a trained head."""
        return bool(self.pooling)


@dataclass(frozen=True, kw_only=True)
class TrialResult:
    """The records of a finished trial, which are already in the ledger."""

    training: TrainingRecord
    scores: tuple[ScoreRecord, ...] = ()
