"""Tiny translators: M2M100 and MarianMT models with random weights, and a replacement of the program Apertium."""

import io
import json
from pathlib import Path

import sentencepiece
import torch
from transformers import (
    M2M100Config,
    M2M100ForConditionalGeneration,
    M2M100Tokenizer,
    MarianConfig,
    MarianMTModel,
)

from sweeper.records.spec import TranslationSpec
from tests.tokenizers_tiny import LINES

PIECES = ("<s>", "<pad>", "</s>", "<unk>")
SIZES = {
    "d_model": 16,
    "encoder_layers": 1,
    "decoder_layers": 1,
    "encoder_ffn_dim": 16,
    "decoder_ffn_dim": 16,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "init_std": 0.5,
}
"""Sizes of both models. With small weights the output of a random model would not depend on its input."""
PROGRAM = """#!/bin/sh
# Replaces Apertium: lists the modes of its folder, and writes the target language in front of each word of its input.
modes="$(dirname "$0")/../share/apertium/modes"
if [ "$1" = "-l" ]; then for mode in "$modes"/*.mode; do basename "$mode" .mode; done; exit 0; fi
echo "$2" >> "$(dirname "$0")/calls"
sed -E "s/([[:alpha:]]+)/$(echo "$2" | cut -d- -f2)\\1/g"
"""


def m2m100(folder: Path, *, seed: int = 0, positions: int = 512) -> Path:
    """Write an M2M100 model and its tokenizer to a folder. Its translations are meaningless but deterministic."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(LINES * 20), model_writer=model, vocab_size=110, minloglevel=2
    )
    folder.mkdir(parents=True)
    (folder / "pieces.model").write_bytes(model.getvalue())
    processor = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    pieces = [processor.id_to_piece(number) for number in range(len(processor))]
    vocabulary = list(dict.fromkeys([*PIECES, *pieces]))
    (folder / "pieces.json").write_text(json.dumps({piece: number for number, piece in enumerate(vocabulary)}))
    tokenizer = M2M100Tokenizer(str(folder / "pieces.json"), str(folder / "pieces.model"))
    tokenizer.save_pretrained(folder)
    torch.manual_seed(seed)
    config = M2M100Config(
        vocab_size=len(vocabulary) + len(tokenizer.lang_code_to_id) + tokenizer.num_madeup_words,
        max_position_embeddings=positions,
        **SIZES,
    )
    M2M100ForConditionalGeneration(config).save_pretrained(folder)
    return folder


def apertium(folder: Path, *modes: str) -> Path:
    """Write the replacement of Apertium with its modes, one dictionary each. Returns its `bin` folder."""
    program = folder / "bin" / "apertium"
    program.parent.mkdir(parents=True)
    program.write_text(PROGRAM)
    program.chmod(0o755)
    for mode in modes:
        dictionary = folder / "share" / "apertium" / f"{mode}.bin"
        mode_file = folder / "share" / "apertium" / "modes" / f"{mode}.mode"
        mode_file.parent.mkdir(parents=True, exist_ok=True)
        dictionary.write_text(mode)
        mode_file.write_text(f"lt-proc $1 '{dictionary}' | lt-proc -p\n")
    return program.parent


def recorded(folder: Path, translations: dict[str, str], language: str = "es", name: str = "some.jsonl") -> Path:
    """Write a folder of existing translations, for `by="folder:..."`."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [
        json.dumps({"text": text, "language": language, "translation": translation}, ensure_ascii=False) + "\n"
        for text, translation in translations.items()
    ]
    (folder / name).write_text("".join(lines), encoding="utf-8")
    return folder


def spec(by: str, *languages: str, share: float = 1.0, num_beams: int = 2, **more: tuple[str, ...]) -> TranslationSpec:
    """A translation as a trial spec contains it."""
    return TranslationSpec(languages=languages, share=share, num_beams=num_beams, by=by, **more)


def marian(folder: Path) -> Path:
    """Write a MarianMT model for English to German to a folder."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(LINES * 20), model_writer=model, vocab_size=110, minloglevel=2
    )
    folder.mkdir(parents=True)
    processor = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    pieces = dict.fromkeys(["</s>", "<unk>", *(processor.id_to_piece(number) for number in range(len(processor)))])
    vocabulary = [*pieces, "<pad>"]
    for name in ("source.spm", "target.spm"):
        (folder / name).write_bytes(model.getvalue())
    (folder / "vocab.json").write_text(json.dumps({piece: number for number, piece in enumerate(vocabulary)}))
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "MarianTokenizer", "source_lang": "en", "target_lang": "de"})
    )
    torch.manual_seed(0)
    pad = len(vocabulary) - 1
    config = MarianConfig(
        vocab_size=len(vocabulary),
        max_position_embeddings=512,
        **SIZES,
        pad_token_id=pad,
        decoder_start_token_id=pad,
        eos_token_id=0,
        forced_eos_token_id=0,
    )
    MarianMTModel(config).save_pretrained(folder)
    return folder
