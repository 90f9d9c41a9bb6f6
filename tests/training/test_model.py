"""Encoders of every kin that the package promises load, train and travel; everything else is refused in words."""

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
from sweeper.errors import TrialError, UserError
from sweeper.training.loop import StageContext
from sweeper.training.model import (
    Net,
    check_encoder,
    freeze,
    load_body,
    load_heads,
    load_tokenizer,
    save_net,
    usable_positions,
)
from sweeper.training.stage import DataReader, run_stage
from tests.tokenizers_tiny import tiny_tokenizer
from tests.worlds import TRAINING, stage

SIZES = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
SPECIAL = {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2, "cls_token_id": 0, "sep_token_id": 2}
KIN: dict[str, Callable[[int], Any]] = {
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
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    tokenizer = tiny_tokenizer(segments=request.param == "bert")
    return save(KIN[request.param](len(tokenizer)), tokenizer, tmp_path / "model")


@pytest.mark.parametrize("place", KIN, indirect=True)
def test_kin_of_every_sort_train_a_step_of_each_head_and_are_saved(
    place: str, reader: DataReader, context: StageContext, tmp_path: Path
) -> None:
    check_encoder(place)
    read = replace(reader, tokenizer=load_tokenizer(place), opened={})
    for task in ("claims", "gaps", "words", "questions", "texts"):
        one = stage(task, training=ONE_STEP)
        before = {name: tensor.clone() for name, tensor in load_body(place).state_dict().items()}
        trained = run_stage(lambda: load_body(place), one, read, context)
        context.checkpoints.clear()
        after = trained.net.body.state_dict()
        assert any(not torch.equal(before[name], after[name]) for name in before)
        save_net(trained.net, read.tokenizer, tmp_path / task)
        again = load_body(str(tmp_path / task)).state_dict()
        assert all(torch.equal(after[name], again[name]) for name in after)


def parameters(body: nn.Module) -> dict[str, torch.Tensor]:
    """Copies of all parameters."""
    return {name: tensor.detach().clone() for name, tensor in body.named_parameters()}


EMBEDDINGS, *LAYERS = ("embeddings.", "encoder.layer.0.", "encoder.layer.1.", "encoder.layer.2.")


@pytest.mark.parametrize("task", ["words", "texts"])
@pytest.mark.parametrize("num", [None, 0, 1, len(LAYERS)])
def test_frozen_layers_stay_bit_for_bit_and_all_others_are_trained(
    num: int | None, task: str, encoder: str, reader: DataReader, context: StageContext
) -> None:
    before = parameters(load_body(encoder))
    one = stage(task, training=replace(ONE_STEP, frozen_layers=num))
    after = parameters(run_stage(lambda: load_body(encoder), one, reader, context).net.body)
    frozen = () if num is None else (EMBEDDINGS, *LAYERS[:num])
    assert all(name.startswith((EMBEDDINGS, *LAYERS)) for name in before)
    assert {name for name in before if torch.equal(before[name], after[name])} == {
        name for name in before if name.startswith(frozen)
    }


def test_more_frozen_layers_than_there_are_end_the_trial_with_both_numbers(
    encoder: str, reader: DataReader, context: StageContext
) -> None:
    one = stage("words", training=replace(ONE_STEP, frozen_layers=len(LAYERS) + 1))
    with pytest.raises(TrialError, match=r"frozen_layers = 4 needs .* this one has 3 layers"):
        run_stage(lambda: load_body(encoder), one, reader, context)


@pytest.mark.parametrize("place", ["modernbert"], indirect=True)
def test_an_encoder_that_is_laid_out_otherwise_cannot_be_frozen(place: str) -> None:
    with pytest.raises(TrialError, match=r"frozen_layers = 1 needs .* has no `embeddings` and `encoder\.layer`"):
        freeze(load_body(place), 1)


@pytest.mark.parametrize("place", ["bert"], indirect=True)
def test_an_encoder_that_knows_segments_is_told_them(place: str, reader: DataReader) -> None:
    read = replace(reader, tokenizer=load_tokenizer(place), opened={})
    encoded = read.encoded(stage("claims").data[0])["en"]
    assert encoded.features.segments is not None
    assert set(encoded.features.segments.tolist()) == {0, 1}


@pytest.mark.parametrize("config", [GPT2Config(vocab_size=9, n_embd=8, n_head=2, n_layer=1), T5Config(vocab_size=9)])
def test_a_model_that_is_no_encoder_is_refused(config: Any, tmp_path: Path) -> None:
    config.save_pretrained(tmp_path)
    with pytest.raises(UserError, match=rf"\({config.model_type}\) is not an encoder: use a masked language model"):
        check_encoder(str(tmp_path))


def test_a_folder_that_holds_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        check_encoder(str(tmp_path))
    with pytest.raises(UserError, match=r"tokenizer of .* cannot be read"):
        load_tokenizer(str(tmp_path))


def test_weights_that_can_carry_code_are_refused(tmp_path: Path, encoder: str) -> None:
    body = load_body(encoder)
    body.config.save_pretrained(tmp_path)  # type: ignore[union-attr, operator]
    torch.save(body.state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(UserError, match="safetensors only"):
        Sources(mirror=None, cache=tmp_path).model_identity(str(tmp_path), None)
    with pytest.raises(OSError, match=r"model\.safetensors"):
        load_body(str(tmp_path))


@pytest.mark.parametrize(
    ("kin", "limit", "positions"),
    [("xlm-roberta", 10**30, 128), ("bert", 10**30, 128), ("xlm-roberta", 64, 64), ("modernbert", 10**30, 128)],
)
def test_positions_behind_the_padding_id_are_not_usable(kin: str, limit: int, positions: int) -> None:
    tokenizer = tiny_tokenizer()
    tokenizer.model_max_length = limit
    assert usable_positions(KIN[kin](len(tokenizer)), tokenizer) == positions


def test_a_text_as_long_as_the_usable_positions_passes_and_one_token_more_does_not(encoder: str) -> None:
    longest = usable_positions(check_encoder(encoder), load_tokenizer(encoder))
    net = Net(load_body(encoder), {}).eval()
    for length in (longest, longest + 1):
        ones = torch.ones(1, length, dtype=torch.long)
        batch = {"input_ids": 5 * ones, "attention_mask": ones}
        if length == longest:
            assert net.hidden(batch).shape[1] == longest
        else:
            with pytest.raises((IndexError, RuntimeError)):
                net.hidden(batch)


def test_a_saved_encoder_is_an_ordinary_folder_with_the_same_hidden_states(encoder: str, tmp_path: Path) -> None:
    net = Net(load_body(encoder), {"words": ("token", 3)}).eval()
    save_net(net, load_tokenizer(encoder), tmp_path)
    model = AutoModel.from_pretrained(tmp_path).eval()
    batch = AutoTokenizer.from_pretrained(tmp_path)(["A B.", "B"], return_tensors="pt", padding=True)
    with torch.no_grad():
        assert torch.equal(model(**batch).last_hidden_state, net.hidden(batch))


def test_heads_come_back_as_they_were_saved(encoder: str, tmp_path: Path) -> None:
    first, second = (Net(load_body(encoder), {"words": ("token", 3), "gaps": ("choice", 0)}) for _ in range(2))
    save_net(first, load_tokenizer(encoder), tmp_path)
    load_heads(second, tmp_path)
    assert all(torch.equal(a, b) for a, b in zip(first.heads.parameters(), second.heads.parameters(), strict=True))


def test_a_saved_tokenizer_does_not_cut_as_the_last_call_did(encoder: str, tmp_path: Path) -> None:
    tokenizer = load_tokenizer(encoder)
    tokenizer(["a b c d e f"], truncation=True, max_length=4, padding="max_length")
    save_net(Net(load_body(encoder), {}), tokenizer, tmp_path)
    again = load_tokenizer(str(tmp_path))
    assert len(again.backend_tokenizer.encode("a b c d e f").ids) == 8
    assert again.backend_tokenizer.truncation is None
    assert again.backend_tokenizer.padding is None
