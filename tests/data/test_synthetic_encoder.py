"""The demo world's encoder: an ordinary Hugging Face folder, its tokenizer exact."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from transformers import AutoModel, AutoTokenizer
from transformers.utils import logging

from sweeper.data.synthetic import write_world
from sweeper.tasks.demo import LANGUAGES


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo") / "world"
    write_world(folder)
    return folder


def test_auto_classes_load_the_encoder_and_its_tokenizer(world: Path) -> None:
    folder = str(world / "models" / "demo" / "tiny")
    logging.disable_progress_bar()
    model, loaded = AutoModel.from_pretrained(folder, output_loading_info=True, add_pooling_layer=False)
    assert not loaded["missing_keys"]
    assert not loaded["unexpected_keys"]
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert tokenizer.is_fast
    assert len(tokenizer) == model.config.vocab_size
    assert tokenizer.pad_token_id == model.config.pad_token_id
    assert tokenizer.model_max_length == model.config.max_position_embeddings - 2


def test_the_tokenizer_marks_pairs_and_keeps_characters(world: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(str(world / "models" / "demo" / "tiny"))
    text, pair = "Anna Brisk never sold three lamps in Port Asha.", "who sold them?"
    encoded = tokenizer(text, pair, return_offsets_mapping=True)
    tokens = tokenizer.convert_ids_to_tokens(encoded["input_ids"])
    sequences = encoded.sequence_ids()
    assert tokens[0] == "<s>"
    assert tokens[-1] == "</s>"
    middle = sequences.index(1)
    assert tokens[middle - 2 : middle] == ["</s>", "</s>"]
    for token, sequence, (start, end) in zip(tokens, sequences, encoded["offset_mapping"], strict=True):
        if sequence is not None:
            assert (text, pair)[sequence][start:end] == token.removeprefix("##")


def test_no_sentence_of_the_world_has_an_unknown_token_and_some_words_are_pieces(world: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(str(world / "models" / "demo" / "tiny"))
    files = [world / "datasets" / "demo" / "texts" / language / "train.parquet" for language in LANGUAGES]
    texts = [text for file in files for text in pq.read_table(file)["text"].to_pylist()]
    encoded = tokenizer(texts)["input_ids"]
    assert not any(tokenizer.unk_token_id in tokens for tokens in encoded)
    pieces = tokenizer.convert_ids_to_tokens([token for tokens in encoded for token in tokens])
    assert 0.05 < sum(piece.startswith("##") for piece in pieces) / len(pieces) < 0.4


def test_the_vocabulary_ends_with_the_mask(world: Path) -> None:
    saved = json.loads((world / "models" / "demo" / "tiny" / "tokenizer.json").read_text())
    vocabulary = saved["model"]["vocab"]
    assert max(vocabulary, key=vocabulary.__getitem__) == "<mask>"
    assert [vocabulary[name] for name in ("<s>", "<pad>", "</s>", "<unk>")] == [0, 1, 2, 3]
