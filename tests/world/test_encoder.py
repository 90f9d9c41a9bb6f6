"""The encoder of the world: ordinary Hugging Face folders, an exact tokenizer, and aligned languages."""

from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.numpy import load_file
from transformers import AutoModel, AutoTokenizer
from transformers.utils import logging

from search_spaces.demo_full import LAYER
from sweeper.data.encode import encode
from sweeper.data.source import Sources
from sweeper.records.spec import DataSpec
from sweeper.tasks.spec import Task
from sweeper.world.concepts import NOUNS
from sweeper.world.draws import Draws
from sweeper.world.encoder import (
    EMBEDDINGS,
    HIDDEN,
    NUM_LAYERS,
    SHIPPED,
    SPREAD,
    WEIGHTS,
    reordered,
    with_rows,
)
from sweeper.world.events import Event, draw_event, sentence
from sweeper.world.languages import CODES
from sweeper.world.tasks import EVAL_SIZE, NULLS, PLACEBOS, TASKS
from tests.world.facts import LANGUAGES, read

each_encoder = pytest.mark.parametrize("name", ["blank", "tiny"])


def load(world: Path, name: str) -> tuple[Any, dict[str, Any]]:
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    folder = str(world / "models" / "demo" / name)
    model, loading_info = AutoModel.from_pretrained(folder, output_loading_info=True, add_pooling_layer=False)
    return model.eval().requires_grad_(False), loading_info


@pytest.fixture(scope="module")
def tokenizer(demo_world: Path) -> Any:
    return AutoTokenizer.from_pretrained(str(demo_world / "models" / "demo" / "blank"))


@pytest.fixture(scope="module")
def tiny(demo_world: Path) -> Any:
    return load(demo_world, "tiny")[0]


@each_encoder
def test_auto_classes_load_the_encoder_and_its_tokenizer(name: str, demo_world: Path) -> None:
    model, loading_info = load(demo_world, name)
    assert not loading_info["missing_keys"]
    assert not loading_info["unexpected_keys"]
    assert 1e6 < sum(weights.numel() for weights in model.parameters()) < 3e6
    tokenizer = AutoTokenizer.from_pretrained(str(demo_world / "models" / "demo" / name))
    assert tokenizer.is_fast
    assert len(tokenizer) == model.config.vocab_size
    assert tokenizer.pad_token_id == model.config.pad_token_id
    assert tokenizer.model_max_length == model.config.max_position_embeddings - 2


def test_both_encoders_have_the_same_tokenizer_and_configuration(demo_world: Path) -> None:
    blank, tiny = (demo_world / "models" / "demo" / name for name in ("blank", "tiny"))
    names = {path.name for path in blank.iterdir()}
    assert names == {path.name for path in tiny.iterdir()}
    assert names > {"config.json", "tokenizer.json", "tokenizer_config.json"}
    for name in names - {"model.safetensors"}:
        assert (blank / name).read_bytes() == (tiny / name).read_bytes()


def test_random_weights_have_their_recorded_values(demo_world: Path) -> None:
    weights = load_file(demo_world / "models" / "demo" / "blank" / "model.safetensors")
    words = weights["embeddings.word_embeddings.weight"]
    assert words[0, :4] == pytest.approx([0.0025146, -0.0026421, 0.0128085, 0.0020980], abs=1e-7)
    assert words[2:].std() == pytest.approx(SPREAD, rel=0.02)
    assert not words[1].any()


def test_the_shipped_file_is_small_and_has_the_weights_of_tiny_as_float16(demo_world: Path) -> None:
    file = Path(str(resources.files("sweeper.world") / SHIPPED))
    assert file.stat().st_size < 4_000_000
    shipped, written = load_file(file), load_file(demo_world / "models" / "demo" / "tiny" / "model.safetensors")
    assert shipped.keys() == written.keys()
    for name, array in shipped.items():
        assert (array.dtype.name, written[name].dtype.name) == ("float16", "float32")
        assert np.array_equal(array.astype(np.float32), written[name])


def vectors(model: Any, tokenizer: Any, texts: list[str]) -> NDArray[np.float32]:
    """Unit vectors of texts: states of the retrieval layer, averaged over tokens and centred over the texts."""
    batch = tokenizer(texts, padding=True, return_tensors="pt")
    states = model(**batch, output_hidden_states=True).hidden_states[round(LAYER * NUM_LAYERS)].numpy()
    mask = batch["attention_mask"].numpy()[:, :, None]
    means = (states * mask).sum(axis=1) / mask.sum(axis=1)
    centred: NDArray[np.float32] = means - means.mean(axis=0)
    centred /= np.linalg.norm(centred, axis=1, keepdims=True)
    return centred


def events_without_shared_words() -> list[Event]:
    """Events that differ in translated words only: all have the same name, place, number and time."""
    draws, events = Draws("alignment"), dict[Event, None]()
    while len(events) < 120:
        event = draw_event(draws, {"agent": ("Mara",), "time": ("today",)})
        events[event.with_(number="3", place="Vell", time="today", denied=False)] = None
    return list(events)


def retrieval_accuracy(model: Any, tokenizer: Any, events: list[Event], code: str) -> float:
    """Share of the sentences whose nearest English sentence is their translation."""
    texts = [[sentence(event, LANGUAGES[language]) for event in events] for language in (code, "en")]
    source, english = (vectors(model, tokenizer, sentences) for sentences in texts)
    return float(((source @ english.T).argmax(axis=1) == np.arange(len(events))).mean())


@pytest.mark.parametrize("code", CODES[1:])
def test_the_pretrained_encoder_finds_translations_in_each_language(
    code: str, demo_world: Path, tiny: Any, tokenizer: Any
) -> None:
    rows = read(demo_world / "datasets" / "demo" / "twins" / "default" / f"test_{code}.jsonl")
    source, english = (vectors(tiny, tokenizer, [row[f"sentence{side}"] for row in rows]) for side in (1, 2))
    assert len(rows) == 2 * EVAL_SIZE
    assert ((source @ english.T).argmax(axis=1) == np.arange(len(rows))).mean() >= 0.9


@pytest.mark.parametrize("code", CODES[1:])
def test_it_finds_translations_without_shared_names_and_digits_as_a_hint(code: str, tiny: Any, tokenizer: Any) -> None:
    assert retrieval_accuracy(tiny, tokenizer, events_without_shared_words(), code) >= 0.9


@pytest.mark.parametrize("code", ["xf", "xg", "xh"])
def test_the_blank_encoder_finds_no_translations_without_that_hint(code: str, demo_world: Path, tokenizer: Any) -> None:
    blank, _ = load(demo_world, "blank")
    assert retrieval_accuracy(blank, tokenizer, events_without_shared_words(), code) < 0.05


@pytest.mark.parametrize("code", CODES)
def test_each_word_of_a_language_is_one_piece(code: str, tokenizer: Any) -> None:
    language = LANGUAGES[code]
    words = [*language.words.values(), *(language.inflected(noun) for noun in NOUNS)]
    words += [language.marker] if language.traits.case == "particle" else []
    assert [tokenizer.tokenize(word) for word in words] == [[word] for word in words]


def test_a_word_outside_the_vocabulary_is_split_into_letters(tokenizer: Any) -> None:
    assert tokenizer.tokenize("lampoon") == ["l", "##a", "##m", "##p", "##o", "##o", "##n"]


def test_the_tokenizer_separates_pairs_and_reports_character_offsets(tokenizer: Any) -> None:
    text, pair = "Mara sold 3 wet lamps in Vell.", "what not grow?"
    encoded = tokenizer(text, pair, return_offsets_mapping=True)
    tokens = tokenizer.convert_ids_to_tokens(encoded["input_ids"])
    sides = encoded.sequence_ids()
    assert [token for token, side in zip(tokens, sides, strict=True) if side is None] == ["<s>", "</s>", "</s>", "</s>"]
    assert tokens[: sides.index(1)] == ["<s>", *text.replace(".", " .").split(), "</s>", "</s>"]
    for token, side, (start, end) in zip(tokens, sides, encoded["offset_mapping"], strict=True):
        assert side is None or (text, pair)[side][start:end] == token


def test_special_tokens_have_the_order_of_xlmr_and_the_mask_is_last(tokenizer: Any) -> None:
    assert tokenizer.convert_tokens_to_ids(["<s>", "<pad>", "</s>", "<unk>"]) == [0, 1, 2, 3]
    assert tokenizer.mask_token_id == len(tokenizer) - 1


def test_no_line_of_text_has_an_unknown_token_or_a_word_in_pieces(demo_world: Path, tokenizer: Any) -> None:
    lines = [row["text"] for row in read(demo_world / "datasets" / "demo" / "texts" / "default" / "train.jsonl")]
    token_ids = {token for tokens in tokenizer(lines[:20_000])["input_ids"] for token in tokens}
    assert tokenizer.unk_token_id not in token_ids
    assert not [piece for piece in tokenizer.convert_ids_to_tokens(sorted(token_ids)) if piece.startswith("##")]


@pytest.mark.parametrize("task", [*TASKS, PLACEBOS[0], NULLS[-1]], ids=lambda task: task.name)
def test_each_task_encodes_in_each_split_and_language(
    task: Task, demo_world: Path, shared_cache: Path, tokenizer: Any
) -> None:
    drawn, sources = task.drawn(1), Sources(mirror=demo_world, cache=shared_cache)
    encoded_splits = 0
    for split in ("train", "select", "dev", "test"):
        for language in drawn.rows(split):
            share = 0.2 if split in ("train", "select") else 0.0
            data = DataSpec(
                task=task.name,
                part=split,
                languages=(language,),
                max_length=64,
                stride=16,
                carve_share=share,
                cap_examples=2_000,
            )
            encoded = encode(data, drawn, language, sources, tokenizer)
            assert encoded.counts["dropped"] == encoded.counts["truncated"] == 0
            assert task.format != "tag" or encoded.counts["features"] == encoded.counts["examples"]
            assert len(encoded.examples) == encoded.counts["examples"] > 0
            assert tokenizer.unk_token_id not in encoded.features.tokens
            encoded_splits += 1
    assert encoded_splits >= 2


def test_a_twin_has_the_same_outputs_with_its_hidden_units_in_another_order(demo_world: Path, tiny: Any) -> None:
    order = Draws("twin").shuffled(range(HIDDEN))
    weights = load_file(demo_world / "models" / "demo" / "tiny" / WEIGHTS)
    twin = AutoModel.from_config(tiny.config, add_pooling_layer=False).eval()
    changed = {name: torch.from_numpy(array) for name, array in reordered(weights, order).items()}
    assert not twin.load_state_dict(changed, strict=False).missing_keys
    ids = torch.tensor([[0, 50, 60, 70, 2]])
    with torch.inference_mode():
        outputs, expected = (model(input_ids=ids).last_hidden_state.numpy() for model in (twin, tiny))
    np.testing.assert_allclose(outputs, expected[..., order], atol=1e-5)
    assert np.abs(outputs - expected).max() > 0.1


def test_an_encoder_for_synonyms_has_the_pretrained_embeddings_and_new_ones_before_the_mask(demo_world: Path) -> None:
    weights = load_file(demo_world / "models" / "demo" / "tiny" / WEIGHTS)
    larger = with_rows(weights, 3, seed=0)
    rows, more = weights[EMBEDDINGS], larger[EMBEDDINGS]
    assert more.shape == (len(rows) + 3, HIDDEN)
    np.testing.assert_array_equal(more[: len(rows) - 1], rows[:-1])
    np.testing.assert_array_equal(more[-1], rows[-1])
    assert 0.8 < more[-4:-1].std() / rows.std() < 1.2
