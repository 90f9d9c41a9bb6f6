"""All supported encoder types load, train and can be saved; other models give an error message."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from transformers import (
    AutoModel,
    AutoTokenizer,
    BertConfig,
    DebertaV2Config,
    GPT2Config,
    ModernBertConfig,
    PreTrainedTokenizerBase,
    T5Config,
    XLMRobertaConfig,
)

from sweeper.data.source import Sources
from sweeper.data.tokenizer import load_tokenizer
from sweeper.errors import TrialError, UserError
from sweeper.training.loop import StageContext
from sweeper.training.model import (
    Net,
    check_encoder,
    load_body,
    load_heads,
    save_net,
    usable_positions,
)
from sweeper.training.stage import DataReader, run_stage
from tests.tokenizers_tiny import tiny_tokenizer
from tests.worlds import TRAINING, stage

SIZES = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
SPECIAL = {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2, "cls_token_id": 0, "sep_token_id": 2}
CONFIGS: dict[str, Callable[[int], Any]] = {
    "xlm-roberta": lambda n: XLMRobertaConfig(vocab_size=n, max_position_embeddings=130, **SIZES, pad_token_id=1),
    "bert": lambda n: BertConfig(vocab_size=n, max_position_embeddings=128, **SIZES, pad_token_id=1),
    "modernbert": lambda n: ModernBertConfig(vocab_size=n, max_position_embeddings=128, **SIZES, **SPECIAL),
    "deberta-v2": lambda n: DebertaV2Config(
        vocab_size=n,
        max_position_embeddings=128,
        relative_attention=True,
        pos_att_type=["p2c", "c2p"],
        type_vocab_size=0,
        pad_token_id=1,
        **SIZES,
    ),
}
ONE_STEP = replace(TRAINING, cap_examples=4, learning_rate=1e-2)


def save(config: Any, tokenizer: PreTrainedTokenizerBase, folder: Path) -> str:
    torch.manual_seed(0)
    AutoModel.from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


@pytest.fixture
def model_folder(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    tokenizer = tiny_tokenizer(segments=request.param == "bert")
    return save(CONFIGS[request.param](len(tokenizer)), tokenizer, tmp_path / "model")


@pytest.mark.parametrize("model_folder", CONFIGS, indirect=True)
def test_every_supported_encoder_trains_with_each_head_and_is_saved(
    model_folder: str, reader: DataReader, context: StageContext, tmp_path: Path
) -> None:
    check_encoder(model_folder)
    model_reader = replace(reader, tokenizer=load_tokenizer(model_folder), opened={})
    for task in ("claims", "gaps", "words", "questions", "texts"):
        spec = stage(task, training=ONE_STEP)
        before = {name: tensor.clone() for name, tensor in load_body(model_folder).state_dict().items()}
        trained = run_stage(lambda: load_body(model_folder), spec, model_reader, context)
        context.checkpoints.clear()
        after = trained.net.body.state_dict()
        assert any(not torch.equal(before[name], after[name]) for name in before)
        save_net(trained.net, model_reader.tokenizer, tmp_path / task)
        again = load_body(str(tmp_path / task)).state_dict()
        assert all(torch.equal(after[name], again[name]) for name in after)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("model_folder", CONFIGS, indirect=True)
def test_noise_and_adversarial_steps_reach_the_embeddings_of_every_supported_encoder(
    model_folder: str, precision: str, reader: DataReader, context: StageContext
) -> None:
    model_reader = replace(reader, tokenizer=load_tokenizer(model_folder), opened={})
    trainings = []
    for options in ({}, {"embedding_noise": 50.0}, {"adversarial": 5.0}):
        training = replace(ONE_STEP, precision=precision, **options)  # type: ignore[arg-type]
        trainings.append(
            run_stage(lambda: load_body(model_folder), stage("words", training=training), model_reader, context)
        )
        context.checkpoints.clear()
    plain, noisy, adversarial = (trained.progress.losses[0] for trained in trainings)
    assert noisy != plain
    assert adversarial > plain


def parameters(body: nn.Module) -> dict[str, torch.Tensor]:
    """Copies of all parameters."""
    return {name: tensor.detach().clone() for name, tensor in body.named_parameters()}


EMBEDDINGS, *LAYERS = ("embeddings.", "encoder.layer.0.", "encoder.layer.1.", "encoder.layer.2.")


@pytest.mark.parametrize("task", ["words", "texts"])
@pytest.mark.parametrize("num", [None, 0, 1, len(LAYERS)])
def test_frozen_layers_do_not_change_and_all_other_layers_are_trained(
    num: int | None, task: str, encoder: str, reader: DataReader, context: StageContext
) -> None:
    before = parameters(load_body(encoder))
    spec = stage(task, training=replace(ONE_STEP, frozen_layers=num))
    after = parameters(run_stage(lambda: load_body(encoder), spec, reader, context).net.body)
    frozen = () if num is None else (EMBEDDINGS, *LAYERS[:num])
    assert all(name.startswith((EMBEDDINGS, *LAYERS)) for name in before)
    assert {name for name in before if torch.equal(before[name], after[name])} == {
        name for name in before if name.startswith(frozen)
    }


def test_the_error_for_too_many_frozen_layers_gives_both_numbers(
    encoder: str, reader: DataReader, context: StageContext
) -> None:
    spec = stage("words", training=replace(ONE_STEP, frozen_layers=len(LAYERS) + 1))
    with pytest.raises(TrialError, match=r"frozen_layers = 4 needs .* this one has 3 layers"):
        run_stage(lambda: load_body(encoder), spec, reader, context)


@pytest.mark.parametrize("model_folder", ["bert"], indirect=True)
def test_features_have_token_types_if_the_tokenizer_makes_them(model_folder: str, reader: DataReader) -> None:
    model_reader = replace(reader, tokenizer=load_tokenizer(model_folder), opened={})
    encoded = model_reader.encoded(stage("claims").data[0])["en"]
    assert encoded.features.segments is not None
    assert set(encoded.features.segments.tolist()) == {0, 1}


@pytest.mark.parametrize("config", [GPT2Config(vocab_size=9, n_embd=8, n_head=2, n_layer=1), T5Config(vocab_size=9)])
def test_a_model_that_is_not_an_encoder_is_an_error(config: Any, tmp_path: Path) -> None:
    config.save_pretrained(tmp_path)
    with pytest.raises(UserError, match=rf"\({config.model_type}\) is not an encoder: use a masked language model"):
        check_encoder(str(tmp_path))


def test_a_folder_without_a_model_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        check_encoder(str(tmp_path))
    with pytest.raises(UserError, match=r"tokenizer of .* cannot be read"):
        load_tokenizer(str(tmp_path))


@pytest.mark.parametrize("content", ["3", "[]", "{}", "{", ""])
def test_a_malformed_configuration_or_tokenizer_is_an_error(content: str, tmp_path: Path) -> None:
    location = re.escape(repr(str(tmp_path)))
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(UserError, match=f"^Model {location} cannot be read: "):
        check_encoder(str(tmp_path))
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    (tmp_path / "tokenizer.json").write_text(content)
    with pytest.raises(UserError, match=f"^The tokenizer of {location} cannot be read: "):
        load_tokenizer(str(tmp_path))


def test_the_message_about_a_malformed_file_names_config_json_and_the_log_has_the_traceback(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "config.json").write_text("3")
    with caplog.at_level("DEBUG", "sweeper"), pytest.raises(UserError, match=r"config\.json or .* is malformed"):
        check_encoder(str(tmp_path))
    assert "Traceback (most recent call last)" in caplog.text


@pytest.mark.parametrize("model_folder", CONFIGS, indirect=True)
def test_a_model_cut_to_its_lowest_layers_has_their_weights(model_folder: str, tmp_path: Path) -> None:
    whole, cut = load_body(model_folder), load_body(model_folder, layers=1)
    depth = Net(whole, {}).depth
    assert depth > Net(cut, {}).depth == 1
    kept = cut.state_dict()
    weights = whole.state_dict()
    assert set(kept) < set(weights)
    assert all(torch.equal(tensor, weights[name]) for name, tensor in kept.items())
    # A stage saves the encoder that it trained, and the next one loads it whole.
    save_net(Net(cut, {}), load_tokenizer(model_folder), tmp_path)
    assert Net(load_body(str(tmp_path)), {}).depth == 1


def test_weights_that_are_not_safetensors_are_an_error(tmp_path: Path, encoder: str) -> None:
    body = load_body(encoder)
    body.config.save_pretrained(tmp_path)  # type: ignore[union-attr, operator]
    torch.save(body.state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(UserError, match="safetensors only"):
        Sources(mirror=None, cache=tmp_path).model_identity(str(tmp_path), None)
    with pytest.raises(OSError, match=r"model\.safetensors"):
        load_body(str(tmp_path))


@pytest.mark.parametrize(
    ("model_type", "limit", "positions"),
    [("xlm-roberta", 10**30, 128), ("bert", 10**30, 128), ("xlm-roberta", 64, 64), ("modernbert", 10**30, 128)],
)
def test_usable_positions_exclude_those_up_to_the_padding_id(model_type: str, limit: int, positions: int) -> None:
    tokenizer = tiny_tokenizer()
    tokenizer.model_max_length = limit
    assert usable_positions(CONFIGS[model_type](len(tokenizer)), tokenizer) == positions


def test_a_text_can_have_as_many_tokens_as_there_are_usable_positions_but_no_more(encoder: str) -> None:
    longest = usable_positions(check_encoder(encoder), load_tokenizer(encoder))
    net = Net(load_body(encoder), {}).eval()
    # The embedding of one position more does not exist.
    for length in (longest, longest + 1):
        ones = torch.ones(1, length, dtype=torch.long)
        batch = {"input_ids": 5 * ones, "attention_mask": ones}
        if length == longest:
            assert net.hidden(batch).shape[1] == longest
        else:
            with pytest.raises((IndexError, RuntimeError)):
                net.hidden(batch)


def test_a_saved_encoder_gives_the_same_hidden_states_in_transformers(encoder: str, tmp_path: Path) -> None:
    net = Net(load_body(encoder), {"words": ("token", 3)}).eval()
    save_net(net, load_tokenizer(encoder), tmp_path)
    model = AutoModel.from_pretrained(tmp_path).eval()
    batch = AutoTokenizer.from_pretrained(tmp_path)(["A B.", "B"], return_tensors="pt", padding=True)
    with torch.no_grad():
        assert torch.equal(model(**batch).last_hidden_state, net.hidden(batch))


def test_loaded_heads_equal_the_saved_ones(encoder: str, tmp_path: Path) -> None:
    first, second = (Net(load_body(encoder), {"words": ("token", 3), "gaps": ("choice", 0)}) for _ in range(2))
    save_net(first, load_tokenizer(encoder), tmp_path)
    load_heads(second, tmp_path)
    assert all(torch.equal(a, b) for a, b in zip(first.heads.parameters(), second.heads.parameters(), strict=True))


def test_a_saved_tokenizer_has_no_truncation_from_its_last_call(encoder: str, tmp_path: Path) -> None:
    tokenizer = load_tokenizer(encoder)
    tokenizer(["a b c d e f"], truncation=True, max_length=4, padding="max_length")
    save_net(Net(load_body(encoder), {}), tokenizer, tmp_path)
    again = load_tokenizer(str(tmp_path))
    assert len(again.backend_tokenizer.encode("a b c d e f").ids) == 8
    assert again.backend_tokenizer.truncation is None
    assert again.backend_tokenizer.padding is None
