"""Chunk F1: seqeval's own numbers, its quirks on plain tags, and counts that add up to it."""

import random
import warnings

import pytest
from seqeval.metrics import f1_score

from sweeper.errors import DataError
from sweeper.scoring.chunks import chunk_metrics, count_chunks

UPOS = ["ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "INTJ", "NOUN", "NUM", "PART", "PRON", "PROPN", "PUNCT", "SCONJ"]
UPOS += ["SYM", "VERB", "X"]
BIO = ["O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC"]


def counted(gold, predicted):
    [counts] = count_chunks([gold.split()], [predicted.split()])
    return counts.chunks_correct, counts.chunks_predicted, counts.chunks_gold


def by_seqeval(gold, predicted):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return f1_score(gold, predicted)


def test_entities_match_by_type_and_both_ends():
    assert counted("B-PER I-PER O B-LOC", "B-PER I-PER O B-ORG") == (1, 2, 2)
    assert counted("B-PER I-PER O", "B-PER O O") == (0, 1, 1)


def test_an_inside_tag_after_nothing_opens_an_entity():
    assert counted("B-PER I-PER O", "I-PER I-PER O") == (1, 1, 1)


def test_equal_plain_tags_side_by_side_are_one_chunk():
    assert counted("NOUN NOUN VERB", "NOUN NOUN VERB") == (2, 2, 2)
    assert counted("NOUN NOUN VERB", "NOUN ADJ VERB") == (1, 3, 2)


def test_one_wrong_word_of_four_costs_more_in_f1_than_in_accuracy():
    counts = count_chunks([["DET", "NOUN", "NOUN", "VERB"]], [["DET", "NOUN", "ADJ", "VERB"]])
    # DET and VERB of three gold and four predicted chunks: p = 1/2, r = 2/3
    assert chunk_metrics(counts) == pytest.approx({"f1": 4 / 7, "accuracy": 0.75})


def test_tags_that_begin_with_s_are_chunks_of_one_word():
    assert counted("SYM SYM", "SYM SYM") == (2, 2, 2)
    assert counted("NUM NUM", "NUM NUM") == (1, 1, 1)


def test_x_at_the_end_of_a_sentence_is_ignored():
    assert counted("NOUN X", "NOUN X") == (1, 1, 1)
    assert counted("X", "X") == (0, 0, 0)
    assert counted("NOUN X X", "NOUN X X") == (1, 1, 1)


def test_x_before_another_tag_is_a_chunk():
    assert counted("NOUN X VERB", "NOUN X VERB") == (3, 3, 3)


def test_a_lone_sconj_taken_for_cconj_is_right_and_two_of_them_are_not():
    assert counted("NOUN SCONJ VERB", "NOUN CCONJ VERB") == (3, 3, 3)
    assert counted("SCONJ SCONJ", "CCONJ CCONJ") == (0, 1, 2)


def test_a_cconj_straight_before_an_sconj_is_lost():
    assert counted("CCONJ SCONJ", "CCONJ SCONJ") == (1, 1, 1)
    # the chunk of SCONJ ends at word 1 in both; what stood before it does not count
    assert counted("CCONJ SCONJ", "NOUN SCONJ") == (1, 2, 1)
    assert counted("SCONJ CCONJ", "SCONJ CCONJ") == (2, 2, 2)


def test_an_x_that_opens_a_later_sentence_begins_where_the_last_chunk_before_it_began():
    # gold: NOUN 0-0, VERB 1-1, then X from 1 to the place of X; said: NOUN 0-1, then X from 0: other ends, no match
    first, second = count_chunks([["NOUN", "VERB"], ["X", "NOUN"]], [["NOUN", "NOUN"], ["X", "NOUN"]])
    assert (first.chunks_correct, first.chunks_predicted, first.chunks_gold) == (0, 1, 2)
    assert (second.chunks_correct, second.chunks_predicted, second.chunks_gold) == (1, 2, 2)
    assert second.tokens_correct == second.tokens == 2, "both words of the second sentence are right"


def test_equal_tags_on_both_sides_of_a_sentence_end_stay_apart():
    counts = count_chunks([["NOUN"], [], ["NOUN"]], [["NOUN"], [], ["NOUN"]])
    assert [row.chunks_gold for row in counts] == [1, 0, 1]


def test_an_entity_ends_where_the_type_changes_or_another_begins():
    assert counted("B-PER I-LOC", "B-PER I-PER") == (0, 1, 2)
    assert counted("B-PER B-PER", "B-PER I-PER") == (0, 1, 2)


@pytest.mark.parametrize("labels", [UPOS, BIO, ["X", "NOUN", "O"]])
def test_the_counts_of_sentences_add_up_to_seqevals_f1_to_the_last_digit(labels):
    draw = random.Random(7)
    for _ in range(60):
        gold = [draw.choices(labels, k=draw.randint(1, 6)) for _ in range(draw.randint(1, 8))]
        predicted = [[tag if draw.random() < 0.6 else draw.choice(labels) for tag in tags] for tags in gold]
        assert chunk_metrics(count_chunks(gold, predicted))["f1"] == by_seqeval(gold, predicted)


def test_each_sentence_counts_the_chunks_that_end_in_it():
    counts = count_chunks([["NOUN"], ["NOUN", "VERB"], ["SYM"] * 3], [["NOUN"], ["NOUN", "NOUN"], ["SYM"] * 3])
    assert [row.chunks_correct for row in counts] == [1, 0, 3]
    assert [row.chunks_predicted for row in counts] == [1, 1, 3]
    assert [row.chunks_gold for row in counts] == [1, 2, 3]
    assert [row.tokens_correct for row in counts] == [1, 1, 3]


def test_no_chunk_at_all_scores_zero():
    assert chunk_metrics(count_chunks([["B-PER"]], [["O"]])) == {"f1": 0.0, "accuracy": 0.0}


def test_a_missing_tag_is_refused():
    with pytest.raises(DataError, match=r"Sentence 1 .* 2 words, got 1"):
        count_chunks([["O"], ["O", "O"]], [["O"], ["O"]])
