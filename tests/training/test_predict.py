"""Evaluation: outputs are in the order of the features, do not depend on the batches, and are finite."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from sweeper.errors import TrialError
from sweeper.formats.interface import Features, Outputs
from sweeper.training import predict
from sweeper.training.batches import by_length
from sweeper.training.predict import Predictor
from sweeper.training.stage import DataReader, new_net
from tests.training.conftest import CPU, no_device_memory, no_main_memory
from tests.worlds import data, stage

MakeBody = Callable[[], nn.Module]
MakePredictor = Callable[..., Predictor]
TASKS = ("claims", "gaps", "words", "questions", "texts")


@pytest.fixture
def make_predictor(body: MakeBody, reader: DataReader, messages: list[str]) -> Callable[..., Predictor]:
    def make(task: str = "words", precision: str = "fp32", micro_tokens: int = 8192) -> Predictor:
        net = new_net(body(), stage(task), reader, CPU)
        return Predictor(
            net=net,
            pad=reader.pad,
            precision=precision,
            micro_tokens=micro_tokens,
            masking=reader.masking,
            notify=messages.append,
        )

    return make


def load_features(reader: DataReader, task: str = "words") -> Features:
    return reader.encoded(data(task)).get("en").features  # type: ignore[union-attr]


def one_at_a_time(predictor: Predictor, task: str, features: Features) -> Outputs:
    return replace(predictor, micro_tokens=1).heads(task, features)


@pytest.mark.parametrize("task", TASKS)
def test_outputs_are_in_the_order_of_the_features_for_any_batches(
    make_predictor: MakePredictor, reader: DataReader, task: str
) -> None:
    predictor, features = make_predictor(task), load_features(reader, task)
    together, alone = predictor.heads(task, features), one_at_a_time(predictor, task, features)
    assert together.keys() == alone.keys()
    for name in together:
        assert together[name] == pytest.approx(alone[name], abs=1e-4)
        assert np.ptp(together[name]) > 0  # equal outputs would prove nothing


def test_token_outputs_have_one_value_for_each_token(make_predictor: MakePredictor, reader: DataReader) -> None:
    features = load_features(reader, "questions")
    outputs = make_predictor("questions").heads("questions", features)
    assert outputs["start"].shape == outputs["end"].shape == (len(features.tokens),)
    assert np.abs(outputs["start"]).min() > 0  # a value of 0 would be a token that was not filled in


def test_a_mean_vector_does_not_include_padding(make_predictor: MakePredictor, reader: DataReader) -> None:
    predictor, features = make_predictor(), load_features(reader)
    vectors = next(predictor.vectors([1], "mean", features))["vectors"]
    for number in (0, 7, 23):
        tokens = torch.from_numpy(
            features.tokens[features.offsets[number] : features.offsets[number + 1]].astype(np.int64)
        )[None]
        with torch.no_grad():
            states = predictor.net.body(input_ids=tokens, output_hidden_states=True).hidden_states[1]
        assert vectors[number] == pytest.approx(states[0].mean(dim=0).numpy(), abs=1e-5)


def test_cls_pooling_returns_the_vector_of_the_first_token(make_predictor: MakePredictor, reader: DataReader) -> None:
    predictor, features = make_predictor(), load_features(reader)
    first = torch.from_numpy(features.tokens[: features.offsets[1]].astype(np.int64))[None]
    with torch.no_grad():
        expected = predictor.net.body(input_ids=first).last_hidden_state[0, 0].numpy()
    assert next(predictor.vectors([3], "cls", features))["vectors"][0] == pytest.approx(expected, abs=1e-5)


def test_bfloat16_and_float32_agree_roughly(make_predictor: MakePredictor, reader: DataReader) -> None:
    features = load_features(reader)
    full, half = (next(make_predictor(precision=p).vectors([1], "mean", features))["vectors"] for p in ("fp32", "bf16"))
    assert half == pytest.approx(full, abs=0.1)
    assert not np.array_equal(half, full)


def test_every_net_is_evaluated_on_the_same_masked_tokens(make_predictor: MakePredictor, reader: DataReader) -> None:
    features = load_features(reader, "texts")
    first = make_predictor("texts").heads("texts", features)["masked"]
    assert first.tolist() == make_predictor("texts", micro_tokens=64).heads("texts", features)["masked"].tolist()
    assert 0.1 < first.sum() / len(features.tokens) < 0.2


def test_an_output_that_is_not_finite_fails_the_trial(make_predictor: MakePredictor, reader: DataReader) -> None:
    predictor = make_predictor("claims")
    with torch.no_grad():
        predictor.net.head("claims").out.bias.fill_(float("inf"))  # type: ignore[union-attr, operator]
    with pytest.raises(TrialError, match="computed logits that are not finite: the training diverged"):
        predictor.heads("claims", load_features(reader, "claims"))


@pytest.mark.parametrize("shortage", [no_device_memory, no_main_memory])
def test_an_out_of_memory_in_an_evaluation_halves_the_passes(
    make_predictor: MakePredictor, reader: DataReader, messages: list[str], shortage: Callable[[], None]
) -> None:
    def hook(_: nn.Module, args: Any, inputs: dict[str, torch.Tensor]) -> None:
        if inputs["input_ids"].numel() > 150:
            shortage()

    features, whole, tight = load_features(reader), make_predictor(), make_predictor(micro_tokens=512)
    tight.net.body.register_forward_pre_hook(hook, with_kwargs=True)
    assert np.array_equal(tight.heads("words", features)["best"], whole.heads("words", features)["best"])
    assert len(messages) == 2


@pytest.mark.parametrize(("max_bytes", "passes"), [(2**30, 1), (1, 3)])
def test_layers_share_a_pass_within_the_memory_limit_with_equal_vectors(
    make_predictor: MakePredictor,
    reader: DataReader,
    monkeypatch: pytest.MonkeyPatch,
    max_bytes: int,
    passes: int,
) -> None:
    predictor, features, calls = make_predictor(), load_features(reader), []
    alone = [next(predictor.vectors([layer], "mean", features))["vectors"] for layer in (3, 0, 1)]
    num_batches = len(list(by_length(features, predictor.micro_tokens)))
    predictor.net.body.register_forward_pre_hook(lambda *_: calls.append(1))
    monkeypatch.setattr(predict, "MAX_VECTOR_BYTES", max_bytes)
    together = [outputs["vectors"] for outputs in predictor.vectors([3, 0, 1], "mean", features)]
    assert len(calls) == passes * num_batches
    assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True))
