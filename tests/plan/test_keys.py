"""The keys of the shipped spaces: results of earlier versions stay valid only while these digests are the same."""

from dataclasses import MISSING, dataclass, fields, replace
from typing import Any

import pytest

from search_spaces.load import load_space
from sweeper.files.digests import digest
from sweeper.files.serialize import FORMAT, key_values
from sweeper.plan.resolve import Resolver
from sweeper.plan.specs import Specs
from sweeper.plan.units import make_plan
from sweeper.records.spec import (
    SEMANTICS,
    DataSpec,
    ModelSpec,
    ScoreSpec,
    StageSpec,
    TranslationSpec,
    score_key,
    training_key,
)
from sweeper.space import Choice, LogUniform, Training

DIGESTS = {
    "demo_full": "7fdc7ef065879cd02ac2",
    "demo_recovery": "b087a05fe0a0a98b0eb1",
    "text_rows": "de2e41ecb8a4e796a4a8",
    "text_small": "eb6c119eca6a7136cb37",
    "tiny": "076087c49c6f9ff2b66a",
    "xtreme": "b3b2c1290e8d60b77630",
    "xtreme_r": "7c54ee4d3feac9c65a77",
}
"""Space -> digest of the keys of one replicate of each unit.

A change of a space changes its own digest. If a change of code changes all digests, every existing ledger becomes
worthless: that needs a reason, and a line in the change log.
"""


def keys(name: str) -> dict[str, list[str]]:
    """Trial -> its training key, its study key and its score keys, without the identities of data and models."""
    space = load_space(name)
    plan = make_plan(space)
    specs = Specs(plan=plan, resolver=Resolver(space=space, sources=None))
    keys = {}
    for unit in plan.units:
        seed = plan.seeds(unit)[0]
        chain = tuple(specs.stage(unit, stage, stage.training, seed) for stage in unit.stages)
        spec = specs.replicate(unit, seed, None, chain if unit.kind == "score" else chain[:-1])
        keys[spec.name] = [spec.key, spec.study, *(score_key(spec.key, score) for score in spec.scores)]
    return keys


@pytest.mark.parametrize("name", DIGESTS)
def test_the_keys_of_a_shipped_space_are_those_of_earlier_versions(name: str) -> None:
    assert digest(keys(name)) == DIGESTS[name]


STUDIES = {"demo_full": "cbf2196ad1166a04a2a3", "text_small": "fd76e5c684224b128938", "xtreme": "21902b96337e5c3582c3"}
"""Space -> digest of the keys of its studies on the pretrained encoder, with the sampler of earlier versions."""


@pytest.mark.parametrize("name", STUDIES)
def test_the_keys_of_studies_are_those_of_earlier_versions(name: str) -> None:
    space = load_space(name)
    space = replace(space, search=replace(space.search, sampler="tpe"))
    plan = make_plan(space)
    specs = Specs(plan=plan, resolver=Resolver(space=space, sources=None))
    assert digest([specs.study_key(unit, ()) for unit in plan.units if unit.searches]) == STUDIES[name]


KEYED = (
    Training(epochs=2.0),
    LogUniform(low=1e-5, high=1e-4),
    Choice(values=(8, 16)),
    TranslationSpec(languages=("sw",), share=0.5, num_beams=1, by="apertium"),
    DataSpec(task="mnli", part="train", languages=("en",), max_length=128, stride=64),
    StageSpec(
        data=(DataSpec(task="mnli", part="train", languages=("en",), max_length=128, stride=64),),
        training=Training(epochs=2.0),
        seed=1,
    ),
    ScoreSpec(
        target="pos",
        split="dev",
        data=DataSpec(task="pos", part="dev", languages=("en",), max_length=128, stride=64),
    ),
)
"""A value of each dataclass whose fields enter keys."""

DEFAULTS = {
    "Training": {
        "learning_rate": 2e-5,
        "epochs": 3.0,
        "batch_size": 32,
        "max_length": 128,
        "stride": 128,
        "warmup": 0.1,
        "weight_decay": 0.01,
        "adam_epsilon": 1e-8,
        "clip": 1.0,
        "precision": "fp32",
        "threads": 1,
        "micro_tokens": 8192,
        "frozen_layers": None,
        "cap_examples": None,
        "cap_tokens": None,
        "min_steps": 0,
        "max_steps": None,
        "mask_share": 0.15,
        "keep": "last",
        "evaluate_every": 1000,
        "patience": None,
        "average": 0.0,
        "embedding_noise": 0.0,
        "adversarial": 0.0,
        "gradient_checkpointing": False,
    },
    "LogUniform": {"first": [], "kind": "log_uniform"},
    "Choice": {"first": [], "kind": "choice"},
    "TranslationSpec": {"identities": [], "source": "en"},
    "DataSpec": {
        "cap_examples": None,
        "caps": [],
        "cap_tokens": None,
        "carve_share": 0.0,
        "carve_cap": None,
        "carve_floor": 0.0,
        "distractors": None,
        "sample_seed": 0,
        "translation": None,
        "perturbation": None,
        "label_noise": None,
        "identity": "",
    },
    "StageSpec": {
        "mlm": None,
        "mlm_share": 0.0,
        "mlm_exponent": 0.3,
        "sampling_cap": 131072,
        "temperature": 1.0,
        "shares": [],
        "stop": 1.0,
        "validation": [],
        "processes": 1,
    },
    "ScoreSpec": {
        "condition": "clean",
        "pooling": "",
        "layer": 0.0,
        "similarity": "cosine",
        "fit": None,
        "pool": None,
        "precision": "fp32",
        "threads": 1,
        "micro_tokens": 8192,
    },
}
"""The defaults that keys leave out. A new field adds a line; an existing line changes only with `SEMANTICS`."""


def named(value: Any) -> str:
    return type(value).__name__


@pytest.mark.parametrize("value", KEYED, ids=named)
def test_a_new_field_with_a_default_changes_no_key(value: Any) -> None:
    @dataclass(frozen=True, kw_only=True)
    class Extended(type(value)):  # type: ignore[misc]
        added: int = 7

    values = {field.name: getattr(value, field.name) for field in fields(value)}
    assert key_values(Extended(**values)) == key_values(value)
    assert key_values(Extended(**values, added=8)) == {**key_values(value), "added": 8}


def test_a_new_field_of_a_training_changes_no_key_of_a_chain() -> None:
    @dataclass(frozen=True, kw_only=True)
    class LongTraining(Training):
        added: int = 7

    @dataclass(frozen=True, kw_only=True)
    class LongStage(StageSpec):
        training: LongTraining

    def key(stage: StageSpec) -> str:
        return training_key(ModelSpec(name="mini", id="mini", identity="abc"), (stage,))

    data = DataSpec(task="mnli", part="train", languages=("en",), max_length=128, stride=64)
    stage = StageSpec(data=(data,), training=Training(epochs=2.0), seed=1)
    assert key(LongStage(data=(data,), training=LongTraining(epochs=2.0), seed=1)) == key(stage)
    assert key(LongStage(data=(data,), training=LongTraining(epochs=2.0, added=8), seed=1)) != key(stage)


@pytest.mark.parametrize("value", KEYED, ids=named)
def test_no_default_of_a_keyed_field_changes(value: Any) -> None:
    """Keys leave out defaults, so a changed default would give two different trainings one key."""
    optional = {field.name: field.default for field in fields(value) if field.default is not MISSING}
    assert {name: list(default) if default == () else default for name, default in optional.items()} == DEFAULTS[
        named(value)
    ]
    assert all(field.default_factory is MISSING for field in fields(value)), "extend this test"


def test_dials_of_two_types_have_different_keys() -> None:
    assert key_values(LogUniform(low=8, high=16)) != key_values(Choice(values=(8, 16)))


def test_the_format_is_raised_with_the_semantics() -> None:
    """A run folder of one format therefore never contains scores that were computed differently."""
    assert (SEMANTICS, FORMAT) == (2, 2)
