"""Chunk F1: recorded values of seqeval 0.0.12, its quirks on plain tags, and exact decoding of valid tag schemes."""

import json
import random
from pathlib import Path

import pytest

from sweeper.errors import DataError
from sweeper.scoring.chunks import GoldTags, chunk_metrics, chunks, count_chunks

RECORDED = json.loads((Path(__file__).parent / "seqeval_0_0_12.json").read_text(encoding="utf-8"))
"""Gold and predicted tags (sentences between |), `get_entities` of the gold ones as type:first:last, and `f1_score`."""

UPOS = ["ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "INTJ", "NOUN", "NUM", "PART", "PRON", "PROPN", "PUNCT", "SCONJ"]
UPOS += ["SYM", "VERB", "X"]
BIO = ["O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC"]


def counted(gold, predicted):
    [counts] = count_chunks([gold.split()], [predicted.split()])
    return counts.chunks_correct, counts.chunks_predicted, counts.chunks_gold


def sentences(text):
    return [sentence.split() for sentence in text.split("|")]


def test_chunks_match_by_type_and_both_ends():
    assert counted("B-PER I-PER O B-LOC", "B-PER I-PER O B-ORG") == (1, 2, 2)
    assert counted("B-PER I-PER O", "B-PER O O") == (0, 1, 1)


def test_an_inside_tag_without_a_beginning_starts_a_chunk():
    assert counted("B-PER I-PER O", "I-PER I-PER O") == (1, 1, 1)


def test_neighbouring_words_with_equal_plain_tags_form_one_chunk():
    assert counted("NOUN NOUN VERB", "NOUN NOUN VERB") == (2, 2, 2)
    assert counted("NOUN NOUN VERB", "NOUN ADJ VERB") == (1, 3, 2)


def test_one_wrong_word_of_four_costs_more_in_f1_than_in_accuracy():
    counts = count_chunks([["DET", "NOUN", "NOUN", "VERB"]], [["DET", "NOUN", "ADJ", "VERB"]])
    # DET and VERB are correct, of three gold and four predicted chunks: p = 1/2, r = 2/3.
    assert chunk_metrics(counts) == pytest.approx({"f1": 4 / 7, "accuracy": 0.75})


def test_a_tag_that_begins_with_s_is_a_chunk_of_one_word():
    assert counted("SYM SYM", "SYM SYM") == (2, 2, 2)
    assert counted("NUM NUM", "NUM NUM") == (1, 1, 1)


def test_the_type_of_a_plain_tag_is_the_whole_tag():
    assert list(chunks([["NOUN", "SCONJ", "CCONJ", "X"]])) == [
        ("NOUN", 0, 0),
        ("SCONJ", 1, 1),
        ("CCONJ", 2, 2),
        ("X", 3, 3),
    ]


def test_cconj_predicted_for_sconj_is_wrong():
    assert counted("NOUN SCONJ VERB", "NOUN CCONJ VERB") == (2, 3, 3)


def test_a_cconj_directly_before_an_sconj_is_a_chunk():
    assert counted("CCONJ SCONJ", "CCONJ SCONJ") == (2, 2, 2)
    assert counted("CCONJ SCONJ", "NOUN SCONJ") == (1, 2, 2)


def test_x_is_a_chunk_in_every_position():
    assert counted("X", "X") == (1, 1, 1)
    assert counted("NOUN X X", "NOUN X X") == (2, 2, 2)
    counts = count_chunks([["NOUN", "VERB"], ["X", "NOUN"]], [["NOUN", "NOUN"], ["X", "NOUN"]])
    assert [(row.chunks_correct, row.chunks_predicted, row.chunks_gold) for row in counts] == [(0, 1, 2), (2, 2, 2)]


def test_the_type_of_a_tag_with_dashes_is_its_last_part():
    assert list(chunks([["B-PER-x", "I-ORG-x", "O"]])) == [("x", 0, 1)]


def test_equal_tags_before_and_after_a_sentence_end_are_two_chunks():
    counts = count_chunks([["NOUN"], [], ["NOUN"]], [["NOUN"], [], ["NOUN"]])
    assert [row.chunks_gold for row in counts] == [1, 0, 1]


def test_a_chunk_ends_where_the_type_changes_or_a_beginning_tag_follows():
    assert counted("B-PER I-LOC", "B-PER I-PER") == (0, 1, 2)
    assert counted("B-PER B-PER", "B-PER I-PER") == (0, 1, 2)


def test_chunks_and_f1_equal_the_recorded_values_of_seqeval_to_the_last_digit():
    for gold, predicted, recorded_chunks, f1 in RECORDED:
        texts = [f"{type_}:{first}:{last}" for type_, first, last in chunks(sentences(gold))]
        assert " ".join(texts) == recorded_chunks, gold
        assert chunk_metrics(count_chunks(sentences(gold), sentences(predicted)))["f1"] == f1, (gold, predicted)


def planted(draw):
    """Random words with random chunks on them: (type, first, last) in order, and the number of words."""
    chunk_list, word = [], draw.randint(0, 2)
    for _ in range(draw.randint(0, 5)):
        length = draw.randint(1, 3)
        chunk_list.append((draw.choice(["PER", "ORG", "LOC"]), word, word + length - 1))
        word += length + draw.choice([0, 0, 1, 3])
    return chunk_list, word + draw.randint(0, 2)


def iob1(length, *, touches):
    return ["B" if touches else "I"] + ["I"] * (length - 1)


def iob2(length, *, touches):
    return ["B"] + ["I"] * (length - 1)


def iobes(length, *, touches):
    return ["S"] if length == 1 else ["B", *["I"] * (length - 2), "E"]


def ioe2(length, *, touches):
    return ["I"] * (length - 1) + ["E"]


@pytest.mark.parametrize("scheme", [iob1, iob2, iobes, ioe2])
def test_planted_chunks_are_read_back_from_every_tag_scheme(scheme):
    draw = random.Random(3)
    for _ in range(500):
        chunk_list, num_words = planted(draw)
        tags, last_end, last_type = ["O"] * num_words, -2, ""
        for type_, first, last in chunk_list:
            prefixes = scheme(last - first + 1, touches=first == last_end + 1 and type_ == last_type)
            tags[first : last + 1] = [f"{prefix}-{type_}" for prefix in prefixes]
            last_end, last_type = last, type_
        assert list(chunks([tags])) == chunk_list, tags


def test_plain_tags_without_s_or_o_are_read_as_runs_of_equal_tags():
    draw, tags = random.Random(5), ["NOUN", "VERB", "DET", "ADJ", "AUX", "NUM"]
    for _ in range(200):
        words = draw.choices(tags, k=draw.randint(1, 12))
        starts = [n for n, tag in enumerate(words) if n == 0 or words[n - 1] != tag]
        runs = zip(starts, [*starts[1:], len(words)], strict=True)
        assert list(chunks([words])) == [(words[first], first, end - 1) for first, end in runs]


def test_the_prefixes_e_and_s_end_a_chunk_on_every_word():
    assert counted("E-PER E-PER S-PER S-PER", "E-PER E-PER S-PER S-PER") == (4, 4, 4)


def test_a_tag_that_begins_with_o_or_a_full_stop_is_no_chunk():
    assert counted("OTHER OTHER", "OTHER OTHER") == (0, 0, 0)
    assert counted(". .", ". .") == (0, 0, 0)
    assert counted("NOUN . VERB", "NOUN . VERB") == (2, 2, 2)


@pytest.mark.parametrize("labels", [UPOS, BIO, ["X", "NOUN", "O"]])
def test_the_counts_of_sentences_add_up_to_the_f1_of_the_whole_split(labels):
    draw = random.Random(7)
    for _ in range(60):
        gold = [draw.choices(labels, k=draw.randint(1, 6)) for _ in range(draw.randint(1, 8))]
        predicted = [[tag if draw.random() < 0.6 else draw.choice(labels) for tag in tags] for tags in gold]
        golds, guesses = set(chunks(gold)), set(chunks(predicted))
        rows = count_chunks(gold, predicted)
        assert sum(row.chunks_correct for row in rows) == len(golds & guesses)
        assert sum(row.chunks_predicted for row in rows) == len(guesses)
        assert sum(row.chunks_gold for row in rows) == len(golds)


def test_each_sentence_counts_the_chunks_that_end_in_it():
    counts = count_chunks([["NOUN"], ["NOUN", "VERB"], ["SYM"] * 3], [["NOUN"], ["NOUN", "NOUN"], ["SYM"] * 3])
    assert [row.chunks_correct for row in counts] == [1, 0, 3]
    assert [row.chunks_predicted for row in counts] == [1, 1, 3]
    assert [row.chunks_gold for row in counts] == [1, 2, 3]
    assert [row.tokens_correct for row in counts] == [1, 1, 3]


def test_no_chunk_at_all_scores_zero():
    assert chunk_metrics(count_chunks([["B-PER"]], [["O"]])) == {"f1": 0.0, "accuracy": 0.0}


def test_a_sentence_with_a_missing_tag_raises_an_error():
    with pytest.raises(DataError, match=r"Sentence 1 .* 2 words, got 1"):
        count_chunks([["O"], ["O", "O"]], [["O"], ["O"]])


def test_gold_tags_give_the_same_counts_for_a_prediction_whatever_was_compared_before():
    generator = random.Random(0)
    gold = [[generator.choice(BIO) for _ in range(generator.randrange(6))] for _ in range(20)]
    tags = GoldTags(gold)
    for choices in (["S-PER", "O"], [*BIO, "E-PER"], ["NEW-ORG"], UPOS):
        predicted = [[generator.choice(choices) for _ in sentence] for sentence in gold]
        assert tags.counts(predicted) == count_chunks(gold, predicted)
