"""TrialSpec and its parts: everything that a trial needs to know, and the keys derived from it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sweeper.files.digests import digest
from sweeper.files.serialize import plain
from sweeper.space import Resources, Training, Value
from sweeper.tasks.spec import Split, Task

SEMANTICS = 1
"""Raised by hand when a change in our code changes what a training or a score comes to; part of every key."""
Role = Literal["search", "replicate"]


@dataclass(frozen=True, kw_only=True)
class TranslationSpec:
    """Which examples are machine-translated, into what, and by whom."""

    languages: tuple[str, ...]
    share: float
    num_beams: int
    by: str
    """Where the translator is; `identities` stand for it in every key."""
    identities: tuple[str, ...] = ()
    """For each language the Hub commit, or a sha256 over all that decides the translations."""


@dataclass(frozen=True, kw_only=True)
class DataSpec:
    """The examples of one task that a trial reads."""

    task: str
    part: Split
    languages: tuple[str, ...]
    max_length: int
    stride: int
    cap_examples: int | None = None
    cap_tokens: int | None = None
    carve_share: float = 0.0
    """Share of `train` that `select` takes out of it."""
    distractors: int | None = None
    sample_seed: int = 0
    translation: TranslationSpec | None = None
    identity: str = ""
    """Hash of the rows behind it (Hub commit, or the mirror's files)."""


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """The pretrained encoder at the start of a chain."""

    name: str
    id: str
    revision: str | None = None
    identity: str = ""
    """Hub commit, or sha256 over weights, config and tokenizer files."""


@dataclass(frozen=True, kw_only=True)
class StageSpec:
    """One concrete training: a stage with its dials set and one seed."""

    data: tuple[DataSpec, ...]
    mlm: DataSpec | None = None
    mlm_share: float = 0.0
    mlm_exponent: float = 0.3
    sampling_cap: int = 2**17
    temperature: float = 1.0
    training: Training
    seed: int


@dataclass(frozen=True, kw_only=True)
class ScoreSpec:
    """Evaluation of one training on one target."""

    target: str
    split: Literal["dev", "test"]
    data: DataSpec
    condition: str = "clean"
    pooling: str = ""
    """Retrieval: `mean` or `cls`; "" where a head answers."""
    layer: float = 0.0
    """Retrieval: the hidden layer as a share of the depth."""
    similarity: Literal["cosine", "csls"] = "cosine"
    """Retrieval: how parallel sentences are compared."""
    fit: DataSpec | None = None
    """Mining: the pools that the threshold is fitted on, all of them; None: half of the scored ones."""
    pool: DataSpec | None = None
    """The candidates that the queries of every language search, where the task has a pool."""
    precision: Literal["fp32", "bf16"] = "fp32"
    threads: int = 1
    micro_tokens: int = 8192

    @property
    def scores_encoder(self) -> bool:
        """Whether the sentence vectors of the encoder are scored directly, without a trained head."""
        return bool(self.pooling)


@dataclass(frozen=True, kw_only=True)
class TrialSpec:
    """What one actor runs: the last stage of a chain, or an encoder's scores, with concrete dials and one seed."""

    name: str
    """For people: `mini-xlmr/mnli -> pos/seed 1`."""
    kind: Literal["prepare", "target", "score"]
    model: ModelSpec
    recipe: str
    task: str
    """Recipe stage or training task that is trained; "" where nothing is."""
    chain: tuple[StageSpec, ...]
    """Every stage from the pretrained encoder on; the last one is trained unless its encoder exists."""
    role: Role
    study: str = ""
    """Key of the study whose dials these are; "" where there is nothing to search."""
    number: int = 0
    """Number in the study, of a search trial."""
    seed: int
    dials: Mapping[str, Value] = field(default_factory=dict)
    keep: bool = False
    """Whether what is trained is stored: a preparation's encoder, or a target's body and head."""
    select: tuple[DataSpec, ...] = ()
    """Selection data, English: one a task that has any."""
    scores: tuple[ScoreSpec, ...] = ()
    tasks: tuple[Task, ...] = ()
    """The entries behind every task named here, so that a spec explains itself."""
    resources: Resources = field(default_factory=Resources)

    @property
    def encoder(self) -> str:
        """Key of the encoder that it leaves or scores: all that decides its bytes, and nothing else."""
        return training_key(self.model, self.chain)

    @property
    def key(self) -> str:
        """Key of its training record. A preparation and a target training may come to the same encoder and are two."""
        return record_key(self.encoder, "target" if self.kind == "target" else "prepare")


def deciding(value: Any) -> Any:
    """What of a stage or its data decides bytes, as JSON-able values: all but the place where a translator lies."""
    return _placeless(plain(value))


def _placeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _placeless(inner) for name, inner in value.items() if name != "by"}
    return [_placeless(inner) for inner in value] if isinstance(value, list) else value


def training_key(model: ModelSpec, chain: tuple[StageSpec, ...]) -> str:
    """Key of an encoder or a training. Names, paths, roles and trial counts stay out of it."""
    return digest({"semantics": SEMANTICS, "model": model.identity, "chain": [deciding(stage) for stage in chain]})


def record_key(encoder: str, kind: str) -> str:
    """Key of the training record of an encoder, as a preparation or as a target training."""
    return digest([encoder, kind])


def score_key(training: str, score: ScoreSpec) -> str:
    """Key of a score record: the training, and all that decides the score."""
    return digest({"semantics": SEMANTICS, "training": training, "score": plain(score)})
