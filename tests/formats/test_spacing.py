"""Tagged sentences are read as running text by six kinds of tokenizer."""

import numpy as np
import pytest

from sweeper.formats.interface import IGNORED, Example, Features, Lengths
from sweeper.formats.tag import Tag
from tests.encoders import ENCODERS, encoder_tokenizer

FORMAT = Tag()
LABELS = ("NOUN", "VERB", "DET")
SENTENCEPIECE = ("mdeberta", "rembert", "xlmr")
SPACED = ("modernbert", "eurobert", "mmbert")
SPACE = {"modernbert": "Ġ", "eurobert": "Ġ", "mmbert": "▁"}
SENTENCES = (
    ["The", "old", "town", "of", "Verden", ",", "founded", "in", "782", "."],
    ["Der", "Fluss", "fließt", "durch", "die", "alte", "Stadt", "."],
    ["Река", "течёт", "через", "старый", "город", "."],
    ["النهر", "يجري", "عبر", "المدينة", "القديمة", "."],
)
UNSPACED = (
    ["这", "条", "河流", "经", "古城", "。", "2008", "年"],
    ["この", "川", "は", "町", "を", "流れる", "。"],
    ["แม่น้ำ", "ไหล", "ผ่าน", "เมือง", "เก่า"],
)
ADVERSARIAL = (
    "",
    " ",
    "\u3000",
    "\t",
    "\u200d",
    "\ufeff",
    "\u0301",
    "a\u0301",
    "\u200dक",
    "1 000",
    " x",
    "\u0007",
    "\ufe0f",
    "▁",
    "ﬁ",
    "…",
)


@pytest.fixture(params=ENCODERS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def examples(*sentences: list[str]) -> list[Example]:
    tags = [[LABELS[number % 3] for number in range(len(words))] for words in sentences]
    return [
        Example(id=str(number), group="", fields={"tokens": words, "tags": tags[number]})
        for number, words in enumerate(sentences)
    ]


def encoded(kind: str, *sentences: list[str], max_length: int = 128) -> Features:
    return FORMAT.encode(examples(*sentences), encoder_tokenizer(kind), Lengths(max_length=max_length), LABELS)


def first_pieces(kind: str, words: list[str]) -> list[str]:
    """The piece that has the label of each word."""
    features = encoded(kind, words)
    pieces = encoder_tokenizer(kind).convert_ids_to_tokens(features.tokens.tolist())
    return [piece for piece, word in zip(pieces, features.extra["word"], strict=True) if word >= 0]


@pytest.mark.parametrize("words", SENTENCES, ids=" ".join)
def test_an_encoder_reads_the_pieces_of_the_joined_text(kind: str, words: list[str]) -> None:
    assert encoded(kind, words).tokens.tolist() == encoder_tokenizer(kind)(" ".join(words))["input_ids"]


@pytest.mark.parametrize("kind", SPACED)
def test_the_space_belongs_to_the_word_after_it(kind: str) -> None:
    first, *others = first_pieces(kind, ["town", "town", "town"])
    assert not first.startswith(SPACE[kind])
    assert others == [f"{SPACE[kind]}town"] * 2


@pytest.mark.parametrize("kind", SPACED)
@pytest.mark.parametrize("words", UNSPACED, ids="".join)
def test_chinese_japanese_and_thai_words_have_no_spaces(kind: str, words: list[str]) -> None:
    tokenizer = encoder_tokenizer(kind)
    pieces = [tokenizer(word, add_special_tokens=False)["input_ids"] for word in words]
    assert encoded(kind, words).tokens.tolist()[1:-1] == [piece for of_word in pieces for piece in of_word]


@pytest.mark.parametrize("kind", SENTENCEPIECE)
@pytest.mark.parametrize(
    "words", [*SENTENCES, *UNSPACED, list(ADVERSARIAL)], ids=lambda words: words[0] or "adversarial"
)
def test_the_pieces_of_sentencepiece_are_those_of_the_words_alone(kind: str, words: list[str]) -> None:
    tokenizer = encoder_tokenizer(kind)
    alone = [tokenizer([word], is_split_into_words=True, add_special_tokens=False)["input_ids"] for word in words]
    assert encoded(kind, words).tokens.tolist()[1:-1] == [piece for pieces in alone for piece in pieces]
    assert first_pieces(kind, words) == [tokenizer.convert_ids_to_tokens(pieces[0]) for pieces in alone if pieces]


@pytest.mark.parametrize("kind", SPACED)
def test_a_label_belongs_to_a_piece_of_the_word_and_not_to_the_space_before_it(kind: str) -> None:
    assert SPACE[kind] not in first_pieces(kind, ["town", "782", "%", ".", "ж"])


def perfect(features: Features) -> dict[str, np.ndarray]:
    tags = features.labels["tags"]
    return {"best": np.where(tags == IGNORED, 1, tags).astype(np.int32)}


@pytest.mark.parametrize("max_length", [6, 9, 128])
def test_each_word_has_at_most_one_label_and_keeps_its_place_however_odd_its_neighbours_are(
    kind: str, max_length: int
) -> None:
    words = [part for word in ADVERSARIAL for part in ("town", word, "河", word, word, "Stadt")]
    features = encoded(kind, ["town"], words, list(ADVERSARIAL), max_length=max_length)
    assert np.diff(features.offsets).max() <= max_length
    seen = [features.extra["word"][a:b] for a, b in zip(features.offsets, features.offsets[1:], strict=False)]
    for number, sentence in enumerate((["town"], words, list(ADVERSARIAL))):
        of_sentence = np.concatenate(
            [word for word, owner in zip(seen, features.example, strict=True) if owner == number]
        )
        labelled = of_sentence[of_sentence >= 0].tolist()
        assert labelled == sorted(set(labelled)), "in order, and no word twice"
        assert set(labelled) >= {n for n, word in enumerate(sentence) if word.isalpha()}
    all_examples = examples(["town"], words, list(ADVERSARIAL))
    decoded = FORMAT.decode(all_examples, features, perfect(features), LABELS)
    for example, tags in zip(all_examples, decoded, strict=True):
        gold = example.fields["tags"]
        assert len(tags) == len(gold)
        assert all(a == b for a, b, word in zip(tags, gold, example.fields["tokens"], strict=True) if word.isalpha())


@pytest.mark.parametrize("max_length", [8, 12, 20])
def test_the_windows_of_a_long_sentence_have_the_pieces_of_the_whole_sentence(kind: str, max_length: int) -> None:
    words = [word for words in (*SENTENCES, *UNSPACED) for word in words] * 3
    whole, windows = encoded(kind, words, max_length=2000), encoded(kind, words, max_length=max_length)
    inside = [
        windows.tokens[first + 1 : last - 1] for first, last in zip(windows.offsets, windows.offsets[1:], strict=False)
    ]
    assert len(inside) > 10
    assert len(whole.offsets) == 2
    longest = max(len(encoder_tokenizer(kind).tokenize(f" {word}")) for word in words)
    if longest <= max_length - 2:  # otherwise a word is cut
        assert np.concatenate(inside).tolist() == whole.tokens[1:-1].tolist()
    numbers = windows.extra["word"][windows.extra["word"] >= 0]
    assert numbers.tolist() == list(range(len(words)))
    assert FORMAT.decode(examples(words), windows, perfect(windows), LABELS) == [examples(words)[0].fields["tags"]]
