"""Tagging: labels on first pieces, one tag a word whatever became of the word."""

from collections import Counter

import numpy as np
import pytest

from sweeper.errors import DataError
from sweeper.formats.interface import IGNORED, Lengths
from sweeper.formats.tag import Tag
from sweeper.scoring.counts import precision_recall_f1
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
    """What a head says that has learned every label, and raves wherever it was taught nothing."""
    tags = features.labels["tags"]
    return {"best": np.where(tags == IGNORED, 1, tags).astype(np.int32)}


def test_numbers_index_the_declared_labels():
    [example] = read({"tokens": ["a", "b"], "pos_tags": [2, 0]})
    assert example.fields["tags"] == ["DET", "NOUN"]


def test_sentences_without_words_or_without_all_their_tags_are_dropped():
    assert read({"tokens": [], "pos_tags": []}, {"tokens": ["a", "b"], "pos_tags": ["DET", -1]}) == []


def test_a_tag_too_few_is_refused():
    with pytest.raises(DataError, match="one tag a word"):
        read({"tokens": ["a", "b"], "pos_tags": ["DET"]})


def test_labels_lie_on_first_pieces_alone():
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


def test_words_survive_the_way_there_and_back():
    rows = [SENTENCE, {"tokens": ["河", "流", "old"], "pos_tags": ["NOUN", "VERB", "DET"]}]
    features = FORMAT.encode(read(*rows), tiny_tokenizer(), Lengths(max_length=64), LABELS)
    assert FORMAT.decode(read(*rows), features, perfect(features), LABELS) == [row["pos_tags"] for row in rows]


def test_a_word_without_pieces_gets_a_tag_and_does_not_shift_the_others():
    rows = [{"tokens": ["The", "", "river"], "pos_tags": ["DET", "VERB", "VERB"]}]
    features = FORMAT.encode(read(*rows), tiny_tokenizer(), Lengths(max_length=64), LABELS)
    assert features.extra["word"].max() == 2
    assert 1 not in features.extra["word"]
    assert FORMAT.decode(read(*rows), features, perfect(features), LABELS) == [["DET", "NOUN", "VERB"]]


def test_words_that_were_cut_off_are_outside_where_the_set_has_an_outside():
    rows = [{"tokens": ["town"] * 40, "pos_tags": ["VERB"] * 40}]
    examples = read(*rows)
    features = FORMAT.encode(examples, tiny_tokenizer(), Lengths(max_length=10), LABELS)
    assert len(features.tokens) == 10
    [tags] = FORMAT.decode(examples, features, perfect(features), LABELS)
    assert len(tags) == 40
    assert tags[-1] == "NOUN"
    [tags] = FORMAT.decode(examples, features, perfect(features), ("B-X", "VERB", "O"))
    assert tags[-1] == "O"


def test_an_unknown_tag_is_refused_by_name():
    with pytest.raises(DataError, match=r"Task 'pos', row 0: .*'FISH'"):
        read({"tokens": ["a"], "pos_tags": ["FISH"]})


def test_both_metrics_are_recomputable_from_the_outcomes():
    rows = [SENTENCE, {"tokens": list("abcd"), "pos_tags": ["DET", "NOUN", "NOUN", "VERB"]}]
    said = [["DET", "NOUN", "NOUN"], ["DET", "NOUN", "VERB", "VERB"]]
    scored = FORMAT.score(read(*rows), said, POS, "en")
    total = Counter()
    for one in scored.outcomes:
        total.update({name: one[name] for name in one if name.startswith(("chunks", "tokens"))})
    f1 = precision_recall_f1(total["chunks_correct"], total["chunks_predicted"], total["chunks_gold"])[2]
    assert scored.metrics == {"f1": f1, "accuracy": total["tokens_correct"] / total["tokens"]}
    assert (total["tokens_correct"], total["tokens"]) == (5, 7)
    # right chunks: DET; DET. said: DET, NOUN NOUN; DET, NOUN, VERB VERB. wanted: three and three
    assert f1 == pytest.approx(2 * (2 / 5) * (2 / 6) / (2 / 5 + 2 / 6))


def test_the_commonest_tag_on_every_word_is_trivial():
    rows = [{"tokens": list("abc"), "pos_tags": ["NOUN", "VERB", "NOUN"]}]
    scored = FORMAT.score(read(*rows), [["VERB"] * 3], POS, "en")
    assert scored.trivial == {"f1": 0.0, "accuracy": pytest.approx(2 / 3)}


def test_supertags_are_scored_by_the_accuracy_of_words():
    task = Task(name="s", title="", format="tag", scorer="accuracy", columns=POS.columns, labels=LABELS)
    scored = FORMAT.score(read(SENTENCE), [["DET", "VERB", "VERB"]], task, "en")
    assert scored.metrics == {"accuracy": pytest.approx(2 / 3)}
    assert set(scored.trivial) == {"accuracy"}
