"""TrialSpec and its components: all inputs of a trial, and the keys that are derived from them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import Field

from sweeper.files.digests import digest
from sweeper.files.serialize import key_values
from sweeper.space import Resources, Training, Value
from sweeper.space.condition import CLEAN, PerturbationName, Side
from sweeper.tasks.spec import Split, Task

SEMANTICS = 2
"""Included in every key. Raised by hand, together with `FORMAT` (files/serialize.py), when a change of our code changes
the result of a training or a score."""
Role = Literal["search", "rung", "race", "replicate"]
Phase = Literal["", "fixed", "suggested", "rung", "race", "replicate"]
"""The part of the protocol that a trial belongs to. `fixed`: a search trial whose dials no sampler chose (a declared or
spread point, a point of a grid, the best dials of a prior). `suggested`: a search trial with dials from a sampler.
Records of earlier versions have none (`""`)."""
UnitKind = Literal["prepare", "target", "score", "predict"]
FORWARD_ONLY: frozenset[UnitKind] = frozenset(("score", "predict"))
"""Kinds whose trials train nothing: they read an encoder that another trial has trained, or the pretrained one."""


@dataclass(frozen=True, kw_only=True)
class TranslationSpec:
    """Machine translation of training examples: share, languages and translator."""

    languages: tuple[str, ...]
    share: float
    num_beams: int
    by: str
    """The translator (see `Translation.by`). Training keys contain `identities` instead."""
    identities: tuple[str, ...] = ()
    """For each language, the Hub commit or a sha256 of everything that determines the translations."""
    source: str = "en"
    """Language of the texts that are translated."""


@dataclass(frozen=True, kw_only=True)
class PerturbationSpec:
    """The perturbation of examples under a condition; most fields are those of `space.Condition`."""

    name: PerturbationName
    budget: float
    source: str = ""
    source_identity: str = ""
    """Identity of the rows that distractors come from, if `source` names their language, or of `by`."""
    by: str = ""
    """`Condition.by` as an absolute path. Keys contain `source_identity` instead."""
    seed: int = 0
    """In training, the sum of the seeds of the condition and of the stage."""
    share: float = 1.0
    """Share of the examples that are perturbed; below 1 only in training."""
    side: Side = "either"
    leaves_out_translations: bool = False
    """Whether no distractor comes from a translation of the own context. True if `source` names a language; the key
    then differs from those of earlier versions, which chose such sentences."""


@dataclass(frozen=True, kw_only=True)
class LabelNoiseSpec:
    """Wrong labels in training examples (`Stage.label_noise`)."""

    probability: float
    seed: int
    """The seed of the stage."""


@dataclass(frozen=True, kw_only=True)
class DataSpec:
    """The examples of one task that a trial reads."""

    task: str
    part: Split
    languages: tuple[str, ...]
    max_length: int
    stride: int
    cap_examples: int | None = None
    """Maximum examples of each language."""
    caps: tuple[int, ...] = ()
    """Maximum examples of each language, in the order of `languages`, if they differ; instead of `cap_examples`."""
    cap_tokens: int | None = None
    carve_share: float = 0.0
    """Share of `train` that is set aside as `select`; 0: nothing is set aside."""
    carve_cap: int | None = None
    """Maximum number of examples that are set aside in each data set (`Rows`)."""
    carve_floor: float = 0.0
    """Share of `train` that is not trained on in any case, because it has the selection data of a contained task."""
    distractors: int | None = None
    sample_seed: int = 0
    translation: TranslationSpec | None = None
    perturbation: PerturbationSpec | None = None
    label_noise: LabelNoiseSpec | None = None
    identity: str = ""
    """Digest of the rows, columns, labels, format and scorer (`data.source.data_identity`); empty without a source."""

    def of(self, language: str) -> "DataSpec":
        """The same data with the cap of one language."""
        if not self.caps:
            return self
        return replace(self, cap_examples=self.caps[self.languages.index(language)], caps=())


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """The pretrained encoder at the start of a chain."""

    name: str
    id: str
    revision: str | None = None
    identity: str = ""
    """Hub commit, or sha256 over weights, config and tokenizer files; with `layers`, followed by their number."""
    parameters: int = 0
    """`Model.parameters`, which a check compares with the configuration of the model. It enters no key."""
    layers: int = 0
    """`Model.layers`. `identity` contains it, and therefore every key."""


@dataclass(frozen=True, kw_only=True)
class StageSpec:
    """One concrete training: a stage with fixed dials and one seed."""

    data: tuple[DataSpec, ...]
    mlm: DataSpec | None = None
    mlm_share: float = 0.0
    mlm_exponent: float = 0.3
    sampling_cap: int = 2**17
    temperature: float = 1.0
    shares: tuple[tuple[str, float], ...] = ()
    """Task or language, and its share of the steps, sorted by name."""
    training: Training
    seed: int
    stop: float = 1.0
    """Share of the planned steps after which the training ends (`Search.rungs`)."""
    validation: tuple[DataSpec, ...] = ()
    """With `keep = "best"`: the English selection data that choose the weights."""
    processes: int = 1
    """Data-parallel processes of the training (`Resources.processes`)."""

    @property
    def sets_aside(self) -> bool:
        """Whether some rows of a task are not trained on, because they are set aside for selection."""
        return any(data.carve_share > 0 for data in self.data)

    @property
    def all_data(self) -> tuple[DataSpec, ...]:
        """The data of every task, and the text of masked language modelling if there is any."""
        return (*self.data, *([self.mlm] if self.mlm else []))


@dataclass(frozen=True, kw_only=True)
class ScoreSpec:
    """Evaluation of one training on one target."""

    target: str
    split: Literal["dev", "test"]
    data: DataSpec
    condition: str = CLEAN
    pooling: str = ""
    """Retrieval: `mean` or `cls`. Empty for targets that are scored through a head."""
    layer: float = 0.0
    """Retrieval: the hidden layer as a share of the depth."""
    similarity: Literal["cosine", "csls"] = "cosine"
    """Retrieval: the similarity of parallel sentences."""
    fit: DataSpec | None = None
    """Mining: the data that the threshold is fitted on. None: one half of the scored data, or no threshold."""
    pool: DataSpec | None = None
    """If the task has a pool: the candidates, which are compared with the queries of every language."""
    precision: Literal["fp32", "bf16"] = "fp32"
    threads: int = 1
    micro_tokens: int = 8192

    @property
    def scores_encoder(self) -> bool:
        """Whether the sentence vectors of the encoder are scored directly, without a trained head."""
        return bool(self.pooling)


@dataclass(frozen=True, kw_only=True)
class PredictorSpec:
    """Predictors of transfer (LogME and others) of an encoder for one target, from its labelled training data."""

    target: str
    data: DataSpec
    sources: tuple[DataSpec, ...] = ()
    """Training data of the last stage of the recipe, whose text is compared with that of `data`."""
    text_encoder: str = ""
    """Identity of the pretrained encoder that reads both texts; empty without sources. (It was the prepared encoder in
    older records, which have sources and no identity.)"""
    precision: Literal["fp32", "bf16"] = "fp32"
    threads: int = 1
    micro_tokens: int = 8192


@dataclass(frozen=True, kw_only=True)
class TrialSpec:
    """One trial: the last stage of a chain, or a pass through an encoder, with concrete dials and one seed."""

    name: str
    """Readable name, for example `mini-xlmr/mnli -> pos/seed 1`."""
    kind: UnitKind
    model: ModelSpec
    recipe: str
    task: str
    """Name of the recipe or task that is trained; empty if nothing is trained."""
    chain: tuple[StageSpec, ...]
    """All stages after the pretrained encoder, in order. The last one is trained unless its encoder exists."""
    role: Role
    phase: Phase = ""
    study: str = ""
    """Key of the study that chose the dials; empty if nothing is searched."""
    number: int = 0
    """Number of a search trial in its study, or of a trial in the rungs or in the race of its study."""
    seed: int
    refitted: bool = False
    """Whether a replicate trains on the rows that the search trials set aside for selection (`Search.refit`). Then
    `select` is empty, `carve_share` is 0 in the last stage, and the record has no `value`: the selection value of its
    dials is that of the best search trial of `study`. False if the selection data are a separate dev split: there a
    replicate trains on all rows and has a value with or without `Search.refit`."""
    dials: Mapping[str, Value] = field(default_factory=dict)
    keep: bool = False
    """Whether the trained weights are stored: the encoder of a preparation, or the body and head of a target."""
    select: tuple[DataSpec, ...] = ()
    """English selection data of each trained task that has English training data."""
    scores: tuple[ScoreSpec, ...] = ()
    predictors: tuple[PredictorSpec, ...] = ()
    tasks: tuple[Task, ...] = ()
    """The definition of every task that the spec names, so that the spec is complete without the catalog."""
    log_probabilities: bool = True
    """Whether outcomes have log-probabilities (`Space.log_probabilities`)."""
    cartography: Annotated[bool, Field(exclude_if=lambda value: not value)] = False
    """Whether the training dynamics of the examples are recorded (`Space.cartography`)."""
    resources: Resources = field(default_factory=Resources)

    @cached_property
    def encoder(self) -> str:
        """Key of the encoder that is trained or scored. It covers exactly the values that determine its bytes."""
        return training_key(self.model, self.chain)

    @property
    def uses_bf16(self) -> bool:
        """Whether the training or a score is computed in bf16."""
        trained = [self.chain[-1].training.precision] if self.trains else []
        read = (*(score.precision for score in self.scores), *(each.precision for each in self.predictors))
        return "bf16" in (*trained, *read)

    @property
    def trains(self) -> bool:
        """Whether the trial trains the last stage of its chain."""
        return self.kind not in FORWARD_ONLY

    @cached_property
    def key(self) -> str:
        """Key of the training record. A preparation and a target training with the same encoder have two records."""
        if self.kind == "predict":
            return record_key(self.encoder, f"predict {digest([key_values(each) for each in self.predictors])}")
        return record_key(self.encoder, "target" if self.kind == "target" else "prepare")


def deciding(value: Any) -> Any:
    """The fields of a stage, of data or of a score that determine results, as JSON values.

    Fields at their default value and the names of translators and files of word pairs are left out.
    """
    return _without_paths(key_values(value))


def _without_paths(value: Any) -> Any:
    # The same translator can have different paths on two machines; a separate field contains its identity.
    if isinstance(value, dict):
        return {name: _without_paths(inner) for name, inner in value.items() if name != "by"}
    return [_without_paths(inner) for inner in value] if isinstance(value, list) else value


def training_key(model: ModelSpec, chain: tuple[StageSpec, ...]) -> str:
    """Key of an encoder or a training. Names, paths, roles and numbers of trials are not part of it."""
    # The identity instead of the name: two names of one model share their trainings.
    return digest({"semantics": SEMANTICS, "model": model.identity, "chain": [deciding(stage) for stage in chain]})


def record_key(encoder: str, purpose: str) -> str:
    """Key of the training record of an encoder. `purpose` is `prepare`, `target` or begins with `predict`."""
    # One encoder can be a preparation of one recipe and a trained target of another; both need a record.
    return digest([encoder, purpose])


def score_key(training: str, score: ScoreSpec) -> str:
    """Key of a score record: the training, and everything that determines the score."""
    return digest({"semantics": SEMANTICS, "training": training, "score": deciding(score)})
