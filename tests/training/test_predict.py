"""Evaluation: outputs in the order of the features, whatever the batches, and never a number that means nothing."""

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
from tests.training.conftest import CPU
from tests.worlds import data, stage

MakeBody = Callable[[], nn.Module]
TASKS = ("claims", "gaps", "words", "questions", "texts")


@pytest.fixture
def predictor(body: MakeBody, reader: DataReader, told: list[str]) -> Callable[..., Predictor]:
    def make(task: str = "words", precision: str = "fp32", micro_tokens: int = 8192) -> Predictor:
        net = new_net(body(), stage(task), reader, CPU)
        return Predictor(
            net=net,
            pad=reader.pad,
            precision=precision,
            micro_tokens=micro_tokens,
            masking=reader.masking,
            notify=told.append,
        )

    return make


def features(reader: DataReader, task: str = "words") -> Features:
    return reader.encoded(data(task)).get("en").features  # type: ignore[union-attr]


def one_at_a_time(found: Predictor, task: str, read: Features) -> Outputs:
    return replace(found, micro_tokens=1).heads(task, read)


@pytest.mark.parametrize("task", TASKS)
def test_outputs_come_in_the_order_of_the_features_whatever_the_batches(
    predictor: Callable[..., Predictor], reader: DataReader, task: str
) -> None:
    found, read = predictor(task), features(reader, task)
    together, alone = found.heads(task, read), one_at_a_time(found, task, read)
    assert together.keys() == alone.keys()
    for name in together:
        assert together[name] == pytest.approx(alone[name], abs=1e-4)
        assert np.ptp(together[name]) > 0


def test_an_output_for_every_token_lies_at_that_token(predictor: Callable[..., Predictor], reader: DataReader) -> None:
    read = features(reader, "questions")
    found = predictor("questions").heads("questions", read)
    assert found["start"].shape == found["end"].shape == (len(read.tokens),)
    assert np.abs(found["start"]).min() > 0


def test_a_vector_is_the_mean_over_a_sentence_s_own_tokens(
    predictor: Callable[..., Predictor], reader: DataReader
) -> None:
    found, read = predictor(), features(reader)
    vectors = next(found.vectors([1], "mean", read))["vectors"]
    for number in (0, 7, 23):
        tokens = torch.from_numpy(read.tokens[read.offsets[number] : read.offsets[number + 1]].astype(np.int64))[None]
        with torch.no_grad():
            states = found.net.body(input_ids=tokens, output_hidden_states=True).hidden_states[1]
        assert vectors[number] == pytest.approx(states[0].mean(dim=0).numpy(), abs=1e-5)


def test_the_first_token_can_stand_for_the_sentence(predictor: Callable[..., Predictor], reader: DataReader) -> None:
    found, read = predictor(), features(reader)
    first = torch.from_numpy(read.tokens[: read.offsets[1]].astype(np.int64))[None]
    with torch.no_grad():
        expected = found.net.body(input_ids=first).last_hidden_state[0, 0].numpy()
    assert next(found.vectors([3], "cls", read))["vectors"][0] == pytest.approx(expected, abs=1e-5)


def test_bfloat16_and_float32_agree_roughly(predictor: Callable[..., Predictor], reader: DataReader) -> None:
    read = features(reader)
    full, half = (next(predictor(precision=p).vectors([1], "mean", read))["vectors"] for p in ("fp32", "bf16"))
    assert half == pytest.approx(full, abs=0.1)
    assert not np.array_equal(half, full)


def test_the_masked_tokens_are_the_same_for_every_net(predictor: Callable[..., Predictor], reader: DataReader) -> None:
    read = features(reader, "texts")
    first = predictor("texts").heads("texts", read)["masked"]
    assert first.tolist() == predictor("texts", micro_tokens=64).heads("texts", read)["masked"].tolist()
    assert 0.1 < first.sum() / len(read.tokens) < 0.2


def test_an_output_that_is_not_finite_is_the_trial_s_failure(
    predictor: Callable[..., Predictor], reader: DataReader
) -> None:
    found = predictor("claims")
    with torch.no_grad():
        found.net.head("claims").out.bias.fill_(float("inf"))  # type: ignore[union-attr, operator]
    with pytest.raises(TrialError, match="computed logits that are not finite: the training diverged"):
        found.heads("claims", features(reader, "claims"))


def test_out_of_memory_in_an_evaluation_halves_its_passes(
    predictor: Callable[..., Predictor], reader: DataReader, told: list[str]
) -> None:
    def hook(_: nn.Module, args: Any, inputs: dict[str, torch.Tensor]) -> None:
        if inputs["input_ids"].numel() > 150:
            raise torch.OutOfMemoryError("out of memory")

    read, whole, tight = features(reader), predictor(), predictor(micro_tokens=512)
    tight.net.body.register_forward_pre_hook(hook, with_kwargs=True)
    assert np.array_equal(tight.heads("words", read)["best"], whole.heads("words", read)["best"])
    assert len(told) == 2


@pytest.mark.parametrize(("held", "passes"), [(2**30, 1), (1, 3)])
def test_layers_share_a_pass_as_far_as_memory_allows_and_none_changes_another(
    predictor: Callable[..., Predictor], reader: DataReader, monkeypatch: pytest.MonkeyPatch, held: int, passes: int
) -> None:
    found, read, calls = predictor(), features(reader), []
    alone = [next(found.vectors([layer], "mean", read))["vectors"] for layer in (3, 0, 1)]
    num_batches = len(list(by_length(read, found.micro_tokens)))
    found.net.body.register_forward_pre_hook(lambda *_: calls.append(1))
    monkeypatch.setattr(predict, "MAX_VECTOR_BYTES", held)
    together = [one["vectors"] for one in found.vectors([3, 0, 1], "mean", read)]
    assert len(calls) == passes * num_batches
    assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True))
