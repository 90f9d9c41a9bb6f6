"""Six kinds of encoder, tiny and with random weights, each with a tokenizer of the type that it is published with.

Byte-level BPE (ModernBERT, EuroBERT), BPE with byte fallback (Gemma, as in mmBERT), Unigram (mDeBERTa, RemBERT, XLM-R).
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import transformers
from tokenizers import Regex, Tokenizer, decoders, normalizers, pre_tokenizers, processors
from tokenizers.models import BPE, Unigram
from tokenizers.trainers import BpeTrainer, UnigramTrainer
from transformers import AutoModel, PreTrainedTokenizerFast

from tests.tokenizers_tiny import LINES

SIZES = {"hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 24}
POSITIONS = 130
VOCABULARY = 400
LLAMA_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
"""The pieces of a text in which the tokenizer of Llama 3 and EuroBERT looks for tokens."""


@dataclass(frozen=True, kw_only=True)
class Encoder:
    """A kind of encoder: its configuration and its tokenizer."""

    config: str
    """Name of the class of its configuration in `transformers`."""
    model: Callable[[list[str]], Tokenizer]
    """Trains the tokenizer with these special tokens."""
    special: dict[str, str]
    """Role -> special token, as in `special_tokens_map.json`."""
    first: str
    last: str
    """Tokens at the beginning and end of a sequence."""
    between: str = ""
    """Further tokens between two texts, after `last`, each after a space."""
    options: dict[str, Any] = field(default_factory=dict)
    """Options of the configuration."""
    segments: bool = False
    """Whether the tokenizer makes token type ids."""


def encoder_tokenizer(name: str) -> PreTrainedTokenizerFast:
    """The tokenizer of a kind of encoder, trained on a few lines of text in several scripts."""
    kind = ENCODERS[name]
    tokenizer = Tokenizer.from_str(_trained(name))
    second = int(kind.segments)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{kind.first} $A {kind.last}",
        pair=f"{kind.first} $A {kind.last}{kind.between} $B:{second} {kind.last}:{second}",
        special_tokens=[(token, tokenizer.token_to_id(token)) for token in {kind.first, kind.last}],
    )
    names = ["input_ids", "attention_mask", *(["token_type_ids"] if kind.segments else [])]
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_input_names=names, **kind.special)


def save_encoder(name: str, folder: Path) -> str:
    """Write an encoder of a kind and its tokenizer to a folder. Returns the path of the folder.

    Skips the test if this version of `transformers` does not have the architecture.
    """
    import torch

    kind, tokenizer = ENCODERS[name], encoder_tokenizer(name)
    config_class = getattr(transformers, kind.config, None)
    if config_class is None:
        pytest.skip(f"transformers {transformers.__version__} has no {kind.config}")
    tokens = {"bos_token": kind.first, "eos_token": kind.last, **kind.special}
    ids = {f"{role}_id": tokenizer.convert_tokens_to_ids(token) for role, token in tokens.items()}
    config = config_class(
        vocab_size=len(tokenizer), max_position_embeddings=POSITIONS, **{**SIZES, **ids, **kind.options}
    )
    torch.manual_seed(0)
    AutoModel.from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


@cache
def _trained(name: str) -> str:
    """The tokenizer as JSON. Cached, because the order of pieces with equal scores differs between trainings."""
    kind = ENCODERS[name]
    return str(kind.model(list(dict.fromkeys(kind.special.values()))).to_str())


def _byte_level(special: list[str], *, llama: bool = False) -> Tokenizer:
    """BPE over bytes: a space belongs to the word after it (`Ġ`), and the first word of a text has none."""
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    if llama:
        words = pre_tokenizers.Split(Regex(LLAMA_WORDS), behavior="isolated")
        byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([words, byte_level])
    else:
        tokenizer.normalizer = normalizers.NFC()
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(LINES, _bpe_trainer(special, initial_alphabet=alphabet))
    return tokenizer


def _llama(special: list[str]) -> Tokenizer:
    return _byte_level(special, llama=True)


def _gemma(special: list[str]) -> Tokenizer:
    """BPE with `▁` for a space, none before the first word, and byte tokens for unknown characters."""
    tokenizer = Tokenizer(BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    byte_tokens = [f"<0x{byte:02X}>" for byte in range(256)]
    # Tokens of the vocabulary do not cross words, so words are separated for the training only.
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never")
    trainer = _bpe_trainer(special + byte_tokens, vocab_size=VOCABULARY + 256)
    tokenizer.train_from_iterator(LINES, trainer)
    # Byte tokens are ordinary tokens of the model; only the roles of `special` are special.
    trained = Tokenizer(BPE(**_bpe_state(tokenizer), unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    trained.normalizer = normalizers.Replace(" ", "▁")
    trained.pre_tokenizer = pre_tokenizers.Split(" ", behavior="merged_with_previous")
    trained.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    trained.add_special_tokens(special)
    return trained


def _bpe_state(tokenizer: Tokenizer) -> dict[str, Any]:
    state = json.loads(tokenizer.to_str())["model"]
    return {"vocab": state["vocab"], "merges": [tuple(merge) for merge in state["merges"]]}


def _unigram(special: list[str]) -> Tokenizer:
    """SentencePiece Unigram: NFKC, single spaces, and `▁` before every word, the first one included."""
    tokenizer = Tokenizer(Unigram())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    unknown = next(token for token in special if "unk" in token.lower())
    trainer = UnigramTrainer(
        vocab_size=320, special_tokens=special, unk_token=unknown, show_progress=False, max_piece_length=6
    )
    tokenizer.train_from_iterator(LINES, trainer)
    return tokenizer


def _bpe_trainer(special: list[str], **changes: Any) -> BpeTrainer:
    return BpeTrainer(**{"vocab_size": VOCABULARY, "special_tokens": special, "show_progress": False, **changes})


def _roles(**tokens: str) -> dict[str, str]:
    return {f"{role}_token": token for role, token in tokens.items()}


BRACKETS = _roles(cls="[CLS]", pad="[PAD]", sep="[SEP]", unk="[UNK]", mask="[MASK]")
GEMMA = _roles(pad="<pad>", eos="<eos>", bos="<bos>", unk="<unk>", mask="<mask>", cls="<bos>", sep="<eos>")
# EuroBERT pads with its end-of-text token and has neither cls nor sep.
EUROBERT = _roles(bos="<|begin_of_text|>", eos="<|end_of_text|>", pad="<|end_of_text|>", mask="<|mask|>")
REMBERT = _roles(pad="<pad>", unk="<unk>", cls="[CLS]", sep="[SEP]", bos="[CLS]", eos="[SEP]", mask="[MASK]")
XLMR = _roles(bos="<s>", pad="<pad>", eos="</s>", unk="<unk>", mask="<mask>", cls="<s>", sep="</s>")

# Sizes of layers and attention follow the published encoders where these differ from BERT.
MODERNBERT = {"local_attention": 16, "global_attn_every_n_layers": 3, "attention_dropout": 0.0}
MDEBERTA = {
    "relative_attention": True,
    "position_biased_input": False,
    "pos_att_type": ["p2c", "c2p"],
    "position_buckets": 16,
    "norm_rel_ebd": "layer_norm",
    "share_att_key": True,
    "type_vocab_size": 0,
}
ENCODERS: dict[str, Encoder] = {
    "modernbert": Encoder(
        config="ModernBertConfig", model=_byte_level, special=BRACKETS, first="[CLS]", last="[SEP]", options=MODERNBERT
    ),
    "mmbert": Encoder(
        config="ModernBertConfig", model=_gemma, special=GEMMA, first="<bos>", last="<eos>", options=MODERNBERT
    ),
    "eurobert": Encoder(
        config="EuroBertConfig",
        model=_llama,
        special=EUROBERT,
        first="<|begin_of_text|>",
        last="<|end_of_text|>",
        options={"num_key_value_heads": 1},
    ),
    "mdeberta": Encoder(
        config="DebertaV2Config",
        model=_unigram,
        special=BRACKETS,
        first="[CLS]",
        last="[SEP]",
        options=MDEBERTA,
        segments=True,
    ),
    "rembert": Encoder(
        config="RemBertConfig",
        model=_unigram,
        special=REMBERT,
        first="[CLS]",
        last="[SEP]",
        options={"input_embedding_size": 8, "output_embedding_size": 32},
        segments=True,
    ),
    "xlmr": Encoder(config="XLMRobertaConfig", model=_unigram, special=XLMR, first="<s>", last="</s>", between=" </s>"),
}
"""Name -> kind of encoder."""
