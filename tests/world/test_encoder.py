"""The synthetic world's encoder: ordinary Hugging Face folders, an exact tokenizer, and languages that are aligned."""

from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from transformers import AutoModel, AutoTokenizer
from transformers.utils import logging

from search_spaces.demo_full import LAYER
from sweeper.data.encode import encode
from sweeper.data.source import Sources
from sweeper.errors import UserError
from sweeper.records.spec import DataSpec
from sweeper.tasks.spec import Task
from sweeper.world.build import check_space
from sweeper.world.concepts import NOUNS
from sweeper.world.draws import Draws
from sweeper.world.encoder import NUM_LAYERS, SHIPPED, SPREAD
from sweeper.world.events import Event, draw, sentence
from sweeper.world.ship import ship
from sweeper.world.tasks import EVAL_SIZE, NULLS, PLACEBOS, TASKS
from sweeper.world.tasks import LANGUAGES as CODES
from tests.world.facts import LANGUAGES, read

each_encoder = pytest.mark.parametrize("name", ["blank", "tiny"])


def load(world: Path, name: str) -> tuple[Any, dict[str, Any]]:
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    folder = str(world / "models" / "demo" / name)
    model, told = AutoModel.from_pretrained(folder, output_loading_info=True, add_pooling_layer=False)
    return model.eval().requires_grad_(False), told


@pytest.fixture(scope="module")
def tokenizer(demo_world: Path) -> Any:
    return AutoTokenizer.from_pretrained(str(demo_world / "models" / "demo" / "blank"))


@pytest.fixture(scope="module")
def tiny(demo_world: Path) -> Any:
    return load(demo_world, "tiny")[0]


@each_encoder
def test_auto_classes_load_the_encoder_and_its_tokenizer(name: str, demo_world: Path) -> None:
    model, told = load(demo_world, name)
    assert not told["missing_keys"]
    assert not told["unexpected_keys"]
    assert 1e6 < sum(weights.numel() for weights in model.parameters()) < 3e6
    tokenizer = AutoTokenizer.from_pretrained(str(demo_world / "models" / "demo" / name))
    assert tokenizer.is_fast
    assert len(tokenizer) == model.config.vocab_size
    assert tokenizer.pad_token_id == model.config.pad_token_id
    assert tokenizer.model_max_length == model.config.max_position_embeddings - 2


def test_both_encoders_have_one_tokenizer_and_one_configuration(demo_world: Path) -> None:
    blank, tiny = (demo_world / "models" / "demo" / name for name in ("blank", "tiny"))
    names = {path.name for path in blank.iterdir()}
    assert names == {path.name for path in tiny.iterdir()}
    assert names > {"config.json", "tokenizer.json", "tokenizer_config.json"}
    for name in names - {"model.safetensors"}:
        assert (blank / name).read_bytes() == (tiny / name).read_bytes()


def test_random_weights_are_those_written_down_when_this_test_was_made(demo_world: Path) -> None:
    weights = load_file(demo_world / "models" / "demo" / "blank" / "model.safetensors")
    words = weights["embeddings.word_embeddings.weight"]
    assert words[0, :4] == pytest.approx([0.0025146, -0.0026421, 0.0128085, 0.0020980], abs=1e-7)
    assert words[2:].std() == pytest.approx(SPREAD, rel=0.02)
    assert not words[1].any()


def test_the_shipped_file_is_small_and_holds_the_weights_of_tiny_as_half_floats(demo_world: Path) -> None:
    file = Path(str(resources.files("sweeper.world") / SHIPPED))
    assert file.stat().st_size < 4_000_000
    shipped, written = load_file(file), load_file(demo_world / "models" / "demo" / "tiny" / "model.safetensors")
    assert shipped.keys() == written.keys()
    for name, array in shipped.items():
        assert (array.dtype.name, written[name].dtype.name) == ("float16", "float32")
        assert np.array_equal(array.astype(np.float32), written[name])


def test_a_run_of_one_encoder_is_shipped_as_half_floats(demo_world: Path, tmp_path: Path) -> None:
    made = tmp_path / "run" / "encoders" / "key" / "model.safetensors"
    made.parent.mkdir(parents=True)
    weights = load_file(demo_world / "models" / "demo" / "blank" / "model.safetensors")
    save_file(weights, made)
    ship(tmp_path / "run", tmp_path / "shipped.safetensors")
    for name, array in load_file(tmp_path / "shipped.safetensors").items():
        assert array.dtype == np.float16
        assert np.allclose(array, weights[name], atol=1e-4)


@pytest.mark.parametrize("num", [0, 2])
def test_a_run_that_does_not_hold_one_encoder_is_not_shipped(num: int, tmp_path: Path) -> None:
    for number in range(num):
        folder = tmp_path / "run" / "encoders" / str(number)
        folder.mkdir(parents=True)
        (folder / "model.safetensors").touch()
    with pytest.raises(SystemExit, match=f"holds {num}"):
        ship(tmp_path / "run", tmp_path / "shipped.safetensors")
    assert not (tmp_path / "shipped.safetensors").exists()


def test_an_encoder_of_ones_own_is_refused_in_a_world_of_other_languages(tokenizer: Any, tmp_path: Path) -> None:
    tokenizer.save_pretrained(tmp_path)
    check_space("demo:truth_seed=3,draws=1", [str(tmp_path)], [])
    with pytest.raises(UserError, match="in generated languages, but not in those of world 'demo:lang"):
        check_space("demo:language_seed=1", ["demo/blank", str(tmp_path)], [])


def test_an_encoder_that_knows_none_of_the_worlds_is_left_to_its_user(tmp_path: Path) -> None:
    check_space("demo:language_seed=1", [str(tmp_path), "xlm-roberta-base"], [])
    Tokenizer(WordLevel({"<unk>": 0, "Mara": 1}, unk_token="<unk>")).save(str(tmp_path / "tokenizer.json"))
    check_space("demo:language_seed=1", [str(tmp_path)], [])


@pytest.mark.parametrize("text", ["", "{", "[]", '{"model": {}}', '{"model": {"vocab": [["one", 0.5]]}}'])
def test_a_tokenizer_that_cannot_be_read_is_left_to_whoever_loads_it(text: str, tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text(text)
    check_space("demo:language_seed=1", [str(tmp_path)], [])


def vectors(model: Any, tokenizer: Any, texts: list[str]) -> NDArray[np.float32]:
    """Mean of the states of the demo's layer over the tokens of each text, centred over the texts, of length 1."""
    batch = tokenizer(texts, padding=True, return_tensors="pt")
    states = model(**batch, output_hidden_states=True).hidden_states[round(LAYER * NUM_LAYERS)].numpy()
    mask = batch["attention_mask"].numpy()[:, :, None]
    means = (states * mask).sum(axis=1) / mask.sum(axis=1)
    centred: NDArray[np.float32] = means - means.mean(axis=0)
    centred /= np.linalg.norm(centred, axis=1, keepdims=True)
    return centred


def things() -> list[Event]:
    """Events that differ in what is translated alone: one name, place, number and time for all."""
    draws, found = Draws("alignment"), dict[Event, None]()
    while len(found) < 120:
        event = draw(draws, {"agent": ("Mara",), "time": ("today",)})
        found[event.with_(number="3", place="Vell", time="today", denied=False)] = None
    return list(found)


def retrieved(model: Any, tokenizer: Any, events: list[Event], code: str) -> float:
    """Share of the sentences whose nearest English one is their translation."""
    said = [[sentence(event, LANGUAGES[spoken]) for event in events] for spoken in (code, "en")]
    here, there = (vectors(model, tokenizer, texts) for texts in said)
    return float(((here @ there.T).argmax(axis=1) == np.arange(len(events))).mean())


@pytest.mark.parametrize("code", CODES[1:])
def test_the_pretrained_encoder_finds_translations_in_every_language(
    code: str, demo_world: Path, tiny: Any, tokenizer: Any
) -> None:
    rows = read(demo_world / "datasets" / "demo" / "twins" / "default" / f"test_{code}.jsonl")
    here, there = (vectors(tiny, tokenizer, [row[f"sentence{side}"] for row in rows]) for side in (1, 2))
    assert len(rows) == 2 * EVAL_SIZE
    assert ((here @ there.T).argmax(axis=1) == np.arange(len(rows))).mean() >= 0.9


@pytest.mark.parametrize("code", CODES[1:])
def test_it_finds_them_where_shared_names_and_digits_are_no_hint(code: str, tiny: Any, tokenizer: Any) -> None:
    assert retrieved(tiny, tokenizer, things(), code) >= 0.9


@pytest.mark.parametrize("code", ["xf", "xg", "xh"])
def test_without_pretraining_no_hint_is_no_better_than_chance(code: str, demo_world: Path, tokenizer: Any) -> None:
    blank, _ = load(demo_world, "blank")
    assert retrieved(blank, tokenizer, things(), code) < 0.05


@pytest.mark.parametrize("code", CODES)
def test_every_word_of_a_language_is_one_piece(code: str, tokenizer: Any) -> None:
    language = LANGUAGES[code]
    words = [*language.words.values(), *(language.inflected(noun) for noun in NOUNS)]
    words += [language.marker] if language.traits.case == "particle" else []
    assert [tokenizer.tokenize(word) for word in words] == [[word] for word in words]


def test_a_word_that_the_world_does_not_know_is_spelled(tokenizer: Any) -> None:
    assert tokenizer.tokenize("lampoon") == ["l", "##a", "##m", "##p", "##o", "##o", "##n"]


def test_the_tokenizer_marks_pairs_and_keeps_characters(tokenizer: Any) -> None:
    text, pair = "Mara sold 3 wet lamps in Vell.", "what not grow?"
    encoded = tokenizer(text, pair, return_offsets_mapping=True)
    tokens = tokenizer.convert_ids_to_tokens(encoded["input_ids"])
    sides = encoded.sequence_ids()
    assert [token for token, side in zip(tokens, sides, strict=True) if side is None] == ["<s>", "</s>", "</s>", "</s>"]
    assert tokens[: sides.index(1)] == ["<s>", *text.replace(".", " .").split(), "</s>", "</s>"]
    for token, side, (start, end) in zip(tokens, sides, encoded["offset_mapping"], strict=True):
        assert side is None or (text, pair)[side][start:end] == token


def test_special_tokens_are_in_the_order_of_xlmr_and_the_mask_is_last(tokenizer: Any) -> None:
    assert tokenizer.convert_tokens_to_ids(["<s>", "<pad>", "</s>", "<unk>"]) == [0, 1, 2, 3]
    assert tokenizer.mask_token_id == len(tokenizer) - 1


def test_no_line_of_text_has_an_unknown_token_or_a_word_in_pieces(demo_world: Path, tokenizer: Any) -> None:
    lines = [row["text"] for row in read(demo_world / "datasets" / "demo" / "texts" / "default" / "train.jsonl")]
    seen = {token for tokens in tokenizer(lines[:20_000])["input_ids"] for token in tokens}
    assert tokenizer.unk_token_id not in seen
    assert not [piece for piece in tokenizer.convert_ids_to_tokens(sorted(seen)) if piece.startswith("##")]


@pytest.mark.parametrize("task", [*TASKS, PLACEBOS[0], NULLS[-1]], ids=lambda task: task.name)
def test_every_task_encodes_in_every_part_and_language(
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
