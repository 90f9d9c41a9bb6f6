"""The encoder of the world: an XLM-R of three layers, blank or pretrained, and a tokenizer for its languages."""

import json
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load, save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors

from sweeper.world.draws import Draws
from sweeper.world.languages import Language, jargon
from sweeper.world.question_tasks import JARGON, SHORTENED, TWINS
from sweeper.world.vocabulary import SHIPPED, SPECIAL_TOKENS, TOKENIZER, pieces_of, ships, with_words

Weights = dict[str, NDArray[np.float32]]
"""Name of a parameter -> its values."""
WEIGHTS = "model.safetensors"
TORCH = {"format": "pt"}
"""Metadata that transformers requires of a safetensors file."""
NUM_LAYERS, HIDDEN, NUM_HEADS, INTERMEDIATE, NUM_POSITIONS = 3, 160, 4, 640, 130
EMBEDDINGS = "embeddings.word_embeddings.weight"
SPREAD = 0.02
"""Standard deviation of the random weights."""
DROPOUT = 0.0
"""No dropout: the world is small enough to be learned, and its labels have no noise to overfit."""


def write_encoders(folder: Path, languages: Mapping[str, Language], language_seed: int, *, questions: bool) -> None:
    """Write `blank`, an untrained encoder, and `tiny`, the same one pretrained, as Hugging Face folders.

    `questions` adds encoders pretrained on less text, twins (`tiny` with its hidden units in other orders), and `tiny`
    with embeddings of synonyms. The package has pretrained weights for language seed 0 only; `demo_encoder` pretrains
    an encoder for another seed.
    The pooler is left out, as in encoders that were pretrained by masked language modelling alone.
    """
    pieces = pieces_of(languages)
    tokenizer = _tokenizer(pieces)
    _write_encoder(folder / "blank", tokenizer, _weights(tokenizer.get_vocab_size(), language_seed))
    if not ships(language_seed):
        return
    pretrained = _shipped(SHIPPED)
    _write_encoder(folder / "tiny", tokenizer, pretrained)
    if not questions:
        return
    for name in SHORTENED:
        _write_encoder(folder / name, tokenizer, _shipped(f"{name}.safetensors"))
    for name in TWINS:
        _write_encoder(folder / name, tokenizer, reordered(pretrained, Draws(name).shuffled(range(HIDDEN))))
    more = with_words(pieces, jargon(languages, language_seed))
    _write_encoder(folder / JARGON, _tokenizer(more), with_rows(pretrained, len(more) - len(pieces), language_seed))


def with_rows(weights: Weights, num: int, seed: int) -> Weights:
    """Return weights with `num` random embeddings before that of `<mask>`, as large as the pretrained ones."""
    rows = weights[EMBEDDINGS]
    added = np.random.default_rng(seed).normal(0, rows.std(), (num, HIDDEN)).astype(np.float32)
    return {**weights, EMBEDDINGS: np.concatenate([rows[:-1], added, rows[-1:]])}


def reordered(weights: Weights, order: list[int]) -> Weights:
    """Return the weights of an encoder with the same outputs, whose hidden units are in another order.

    A new head has other weights for each unit then, so that trainings of two such encoders are independent draws.
    """
    # The attention has units of its own between two projections, and so has the intermediate layer.
    within = (".query.", ".key.", ".value.", ".intermediate.")
    changed = {}
    for name, array in weights.items():
        is_within = any(key in name for key in within)
        # A projection has the shape (out, in); embeddings have the shape (rows, hidden).
        reads_hidden = array.ndim == 2 and (is_within or "embeddings" in name)
        changed[name] = np.ascontiguousarray(array[:, order] if reads_hidden else array if is_within else array[order])
    return changed


def _shipped(file: str) -> Weights:
    """Return the weights in a file of this package, in float32."""
    shipped = load(resources.files("sweeper.world").joinpath(file).read_bytes())
    return {name: array.astype(np.float32) for name, array in shipped.items()}


def _write_encoder(folder: Path, tokenizer: Tokenizer, weights: Weights) -> None:
    folder.mkdir(parents=True)
    save_file(weights, folder / WEIGHTS, metadata=TORCH)
    tokenizer.save(str(folder / TOKENIZER))
    _write_json(folder / "tokenizer_config.json", _tokenizer_config())
    _write_json(folder / "config.json", _config(tokenizer.get_vocab_size()))


def _write_json(path: Path, content: dict[str, object]) -> None:
    # Without `newline`, Windows would write other bytes.
    path.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8", newline="\n")


def _tokenizer(pieces: Sequence[str]) -> Tokenizer:
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.WordPiece(vocab=vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.add_special_tokens(
        [AddedToken(name, special=True, normalized=False) for name in (*SPECIAL_TOKENS, "<mask>")]
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", vocabulary["<s>"]), ("</s>", vocabulary["</s>"])],
    )
    return tokenizer


def _tokenizer_config() -> dict[str, object]:
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": "<s>",
        "cls_token": "<s>",
        "eos_token": "</s>",
        "sep_token": "</s>",
        "pad_token": "<pad>",
        "unk_token": "<unk>",
        "mask_token": "<mask>",
        # The first two positions belong to padding, so a text has two tokens fewer.
        "model_max_length": NUM_POSITIONS - 2,
        "clean_up_tokenization_spaces": False,
    }


def _config(num_tokens: int) -> dict[str, object]:
    return {
        "architectures": ["XLMRobertaModel"],
        "model_type": "xlm-roberta",
        "vocab_size": num_tokens,
        "hidden_size": HIDDEN,
        "num_hidden_layers": NUM_LAYERS,
        "num_attention_heads": NUM_HEADS,
        "intermediate_size": INTERMEDIATE,
        "max_position_embeddings": NUM_POSITIONS,
        "type_vocab_size": 1,
        "layer_norm_eps": 1e-5,
        "initializer_range": SPREAD,
        "hidden_dropout_prob": DROPOUT,
        "attention_probs_dropout_prob": DROPOUT,
        "bos_token_id": 0,
        "pad_token_id": 1,
        "eos_token_id": 2,
        "dtype": "float32",
    }


def _weights(num_tokens: int, seed: int) -> Weights:
    """Return random weights for all parameters of `XLMRobertaModel` except the pooler, by their names in it."""
    rng = np.random.default_rng(seed)
    weights = {}
    for name, shape in _shapes(num_tokens).items():
        if name.endswith("bias"):
            weights[name] = np.zeros(shape, np.float32)
        elif name.endswith("LayerNorm.weight"):
            weights[name] = np.ones(shape, np.float32)
        else:
            weights[name] = rng.normal(0, SPREAD, shape).astype(np.float32)
    # As in XLM-R: the embedding of padding is zero.
    weights[EMBEDDINGS][SPECIAL_TOKENS.index("<pad>")] = 0
    return weights


def _shapes(num_tokens: int) -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {
        EMBEDDINGS: (num_tokens, HIDDEN),
        "embeddings.position_embeddings.weight": (NUM_POSITIONS, HIDDEN),
        "embeddings.token_type_embeddings.weight": (1, HIDDEN),
        "embeddings.LayerNorm.weight": (HIDDEN,),
        "embeddings.LayerNorm.bias": (HIDDEN,),
    }
    for number in range(NUM_LAYERS):
        layer = f"encoder.layer.{number}"
        for projection in ("query", "key", "value"):
            shapes |= _linear(f"{layer}.attention.self.{projection}", HIDDEN, HIDDEN)
        shapes |= _linear(f"{layer}.attention.output.dense", HIDDEN, HIDDEN)
        shapes |= _linear(f"{layer}.intermediate.dense", INTERMEDIATE, HIDDEN)
        shapes |= _linear(f"{layer}.output.dense", HIDDEN, INTERMEDIATE)
        for norm in ("attention.output.LayerNorm", "output.LayerNorm"):
            shapes |= {f"{layer}.{norm}.weight": (HIDDEN,), f"{layer}.{norm}.bias": (HIDDEN,)}
    return shapes


def _linear(name: str, num_out: int, num_in: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (num_out, num_in), f"{name}.bias": (num_out,)}
