"""Tagging: labels on first pieces, and one tag for each word however it is tokenised."""

from collections import Counter

import numpy as np
import pytest
from pyarrow import parquet
from transformers import AutoTokenizer

from sweeper.errors import DataError
from sweeper.formats.interface import IGNORED, Lengths
from sweeper.formats.tag import Tag
from sweeper.scoring.counts import precision_recall_f1
from sweeper.tasks.catalog import CATALOG
from sweeper.tasks.spec import Task
from tests.tokenizers_tiny import tiny_tokenizer

FORMAT = Tag()
LABELS = ("NOUN", "VERB", "DET")
POS = Task(
    name="pos",
    title="",
    format="tag",
    scorer="chunks",
    columns={"tokens": "tokens", "tags": "pos_tags"},
    labels=LABELS,
)
SENTENCE = {"tokens": ["The", "riverbank", "flows"], "pos_tags": ["DET", "NOUN", "VERB"]}


def read(*rows):
    return [example for number, row in enumerate(rows) for example in FORMAT.read(row, POS, number)]


def perfect(features):
    """Outputs of a head that predicts every label correctly, and an arbitrary label for tokens without one."""
    tags = features.labels["tags"]
    return {"best": np.where(tags == IGNORED, 1, tags).astype(np.int32)}


def test_numbers_index_the_declared_labels():
    [example] = read({"tokens": ["a", "b"], "pos_tags": [2, 0]})
    assert example.fields["tags"] == ["DET", "NOUN"]


def test_sentences_without_words_or_with_missing_tags_are_dropped():
    assert read({"tokens": [], "pos_tags": []}, {"tokens": ["a", "b"], "pos_tags": ["DET", -1]}) == []


def test_a_missing_tag_raises_an_error():
    with pytest.raises(DataError, match="each word needs one tag"):
        read({"tokens": ["a", "b"], "pos_tags": ["DET"]})


def test_only_first_pieces_have_labels():
    tokenizer = tiny_tokenizer()
    features = FORMAT.encode(read(SENTENCE), tokenizer, Lengths(max_length=64), LABELS)
    words = features.extra["word"]
    assert words[words >= 0].tolist() == [0, 1, 2]
    assert (words == -1).sum() > 2, "the special tokens and the later pieces"
    assert features.labels["tags"][words >= 0].tolist() == [2, 0, 1]
    assert (features.labels["tags"][words < 0] == IGNORED).all()
    assert tokenizer.convert_ids_to_tokens(features.tokens.tolist())[0] == "<s>"


def test_a_repeated_word_is_labelled_each_time():
    features = FORMAT.encode(
        read({"tokens": ["the", "the"], "pos_tags": ["DET", "NOUN"]}), tiny_tokenizer(), Lengths(max_length=32), LABELS
    )
    assert features.extra["word"][features.extra["word"] >= 0].tolist() == [0, 1]


def test_labels_are_mapped_by_name_and_not_by_number():
    other = ("VERB", "DET", "NOUN")
    features = FORMAT.encode(read(SENTENCE), tiny_tokenizer(), Lengths(max_length=64), other)
    assert FORMAT.decode(read(SENTENCE), features, perfect(features), other) == [["DET", "NOUN", "VERB"]]


def test_encoding_and_decoding_preserves_the_tags():
    rows = [SENTENCE, {"tokens": ["河", "流", "old"], "pos_tags": ["NOUN", "VERB", "DET"]}]
    features = FORMAT.encode(read(*rows), tiny_tokenizer(), Lengths(max_length=64), LABELS)
    assert FORMAT.decode(read(*rows), features, perfect(features), LABELS) == [row["pos_tags"] for row in rows]


def test_a_word_without_pieces_gets_o_or_the_first_label_and_does_not_shift_the_following_words():
    rows = [{"tokens": ["The", "", "river"], "pos_tags": ["DET", "VERB", "VERB"]}]
    features = FORMAT.encode(read(*rows), tiny_tokenizer(), Lengths(max_length=64), LABELS)
    assert features.extra["word"].max() == 2
    assert 1 not in features.extra["word"]
    assert FORMAT.decode(read(*rows), features, perfect(features), LABELS) == [["DET", "NOUN", "VERB"]]
    [tags] = FORMAT.decode(read(*rows), features, perfect(features), ("B-X", "VERB", "O"))
    assert tags[1] == "O"


def long_rows():
    """A long sentence between two short ones. Neighbouring words of the long one have different tags."""
    words = [f"town{'river' * (number % 4)}" for number in range(40)]
    return [SENTENCE, {"tokens": words, "pos_tags": [LABELS[number % 3] for number in range(40)]}, SENTENCE]


def first_words(features):
    """For each feature the indices of the words whose first piece it contains."""
    by_feature = np.split(features.extra["word"], features.offsets[1:-1])
    return [words[words >= 0].tolist() for words in by_feature]


def test_each_word_of_a_long_sentence_has_one_label_and_one_prediction():
    examples = read(*long_rows())
    features = FORMAT.encode(examples, tiny_tokenizer(), Lengths(max_length=24), LABELS)
    assert np.diff(features.offsets).max() <= 24
    windows = [words for words, owner in zip(first_words(features), features.example, strict=True) if owner == 1]
    assert len(windows) > 2
    assert [word for words in windows for word in words] == list(range(40))
    labels = features.labels["tags"]
    assert (labels != IGNORED).sum() == 3 + 40 + 3
    assert FORMAT.decode(examples, features, perfect(features), LABELS) == [row["pos_tags"] for row in long_rows()]


def test_a_window_is_an_item_and_the_windows_of_a_sentence_are_one_example():
    features = FORMAT.encode(read(*long_rows()), tiny_tokenizer(), Lengths(max_length=24), LABELS)
    number = len(features.offsets) - 1
    assert features.items.tolist() == list(range(number + 1))
    assert features.example.tolist() == [0, *[1] * (number - 2), 2]
    assert features.example.dtype == features.extra["word"].dtype == features.labels["tags"].dtype == np.int32


def test_windows_contain_as_many_whole_words_as_fit_and_share_none():
    rows = [{"tokens": ["town"] * 9, "pos_tags": ["NOUN"] * 9}]
    tokenizer = tiny_tokenizer()
    pieces = len(tokenizer(["town"], is_split_into_words=True, add_special_tokens=False)["input_ids"])
    features = FORMAT.encode(read(*rows), tokenizer, Lengths(max_length=4 * pieces + 2), LABELS)
    assert first_words(features) == [[0, 1, 2, 3], [4, 5, 6, 7], [8]]
    features = FORMAT.encode(read(*rows), tokenizer, Lengths(max_length=4 * pieces + 1), LABELS)
    assert first_words(features) == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
    first, last = tokenizer.cls_token_id, tokenizer.sep_token_id
    assert {ids[0] for ids in np.split(features.tokens, features.offsets[1:-1])} == {first}
    assert {ids[-1] for ids in np.split(features.tokens, features.offsets[1:-1])} == {last}


def test_a_short_sentence_is_encoded_independently_of_long_ones_and_of_max_length():
    alone = FORMAT.encode(read(SENTENCE), tiny_tokenizer(segments=True), Lengths(max_length=64), LABELS)
    among = FORMAT.encode(read(*long_rows()), tiny_tokenizer(segments=True), Lengths(max_length=24), LABELS)
    size = len(alone.tokens)
    assert among.tokens[:size].tolist() == among.tokens[-size:].tolist() == alone.tokens.tolist()
    assert among.extra["word"][-size:].tolist() == alone.extra["word"].tolist()
    assert among.labels["tags"][-size:].tolist() == alone.labels["tags"].tolist()
    assert len(among.segments) == len(among.tokens)


def test_a_word_that_is_longer_than_a_window_keeps_its_first_pieces_and_its_tag():
    rows = [{"tokens": ["the", "riverbank" * 9, "", "flows"], "pos_tags": ["DET", "VERB", "NOUN", "VERB"]}]
    examples = read(*rows)
    features = FORMAT.encode(examples, tiny_tokenizer(), Lengths(max_length=9), LABELS)
    assert first_words(features) == [[0], [1], [3]]
    assert np.diff(features.offsets)[1] == 9
    assert FORMAT.decode(examples, features, perfect(features), LABELS) == [["DET", "VERB", "NOUN", "VERB"]]


def test_a_sentence_in_windows_is_scored_as_one():
    rows = long_rows()
    features = FORMAT.encode(read(*rows), tiny_tokenizer(), Lengths(max_length=24), LABELS)
    scored = FORMAT.score(read(*rows), FORMAT.decode(read(*rows), features, perfect(features), LABELS), POS, "en")
    assert [row["tokens"] for row in scored.outcomes] == [3, 40, 3]
    assert [row["tokens_correct"] for row in scored.outcomes] == [3, 40, 3]
    assert scored.metrics == {"f1": 1.0, "accuracy": 1.0}


@pytest.mark.mirror
def test_all_words_of_real_arabic_sentences_are_kept(mirror):
    rows = parquet.read_table(mirror / "datasets" / "google" / "xtreme" / "udpos.Arabic" / "validation.parquet")
    task = CATALOG["pos_hub"]
    examples = [example for number, row in enumerate(rows.to_pylist()) for example in FORMAT.read(row, task, number)]
    tokenizer = AutoTokenizer.from_pretrained(mirror / "models" / "mini-xlmr")
    features = FORMAT.encode(examples, tokenizer, Lengths(max_length=128), task.labels)
    num_words = sum(len(example.fields["tokens"]) for example in examples)
    assert (features.extra["word"] >= 0).sum() == num_words
    assert len(features.offsets) - 1 > len(examples)
    answers = FORMAT.decode(examples, features, perfect(features), task.labels)
    assert answers == [example.fields["tags"] for example in examples]


def test_the_error_for_an_unknown_tag_names_the_tag():
    with pytest.raises(DataError, match=r"Task 'pos', row 0: .*'FISH'"):
        read({"tokens": ["a"], "pos_tags": ["FISH"]})


def test_both_metrics_are_recomputable_from_the_outcomes():
    rows = [SENTENCE, {"tokens": list("abcd"), "pos_tags": ["DET", "NOUN", "NOUN", "VERB"]}]
    predictions = [["DET", "NOUN", "NOUN"], ["DET", "NOUN", "VERB", "VERB"]]
    scored = FORMAT.score(read(*rows), predictions, POS, "en")
    total = Counter()
    for row in scored.outcomes:
        total.update({name: row[name] for name in row if name.startswith(("chunks", "tokens"))})
    f1 = precision_recall_f1(total["chunks_correct"], total["chunks_predicted"], total["chunks_gold"])[2]
    assert scored.metrics == {"f1": f1, "accuracy": total["tokens_correct"] / total["tokens"]}
    assert (total["tokens_correct"], total["tokens"]) == (5, 7)
    # Correct chunks: DET; DET. Predicted: DET, NOUN NOUN; DET, NOUN, VERB VERB. Gold: three and three.
    assert f1 == pytest.approx(2 * (2 / 5) * (2 / 6) / (2 / 5 + 2 / 6))


def test_the_trivial_answer_is_the_most_frequent_tag():
    rows = [{"tokens": list("abc"), "pos_tags": ["NOUN", "VERB", "NOUN"]}]
    scored = FORMAT.score(read(*rows), [["VERB"] * 3], POS, "en")
    assert scored.trivial == {"f1": 0.0, "accuracy": pytest.approx(2 / 3)}


def test_supertags_are_scored_by_the_accuracy_of_words():
    task = Task(name="s", title="", format="tag", scorer="accuracy", columns=POS.columns, labels=LABELS)
    scored = FORMAT.score(read(SENTENCE), [["DET", "VERB", "VERB"]], task, "en")
    assert scored.metrics == {"accuracy": pytest.approx(2 / 3)}
    assert set(scored.trivial) == {"accuracy"}
