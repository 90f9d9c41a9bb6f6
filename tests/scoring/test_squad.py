"""SQuAD's exact match and token F1, in English and in languages that are treated as if they were English."""

import pytest

from sweeper.scoring.squad import (
    exact_match,
    exact_match_or_none,
    normalise,
    token_f1,
    token_f1_or_none,
    with_best_threshold,
)


def test_case_punctuation_articles_and_spaces_do_not_count():
    assert normalise("  The  Cat's, a\tHAT! ") == "cats hat"
    assert exact_match("the Cat", ["dog", "a cat."]) == 1


def test_an_article_inside_a_word_stays():
    assert normalise("theatre an-other a.k.a") == "theatre another aka"


def test_other_languages_lose_english_articles_and_ascii_punctuation_alone():
    assert normalise("ما هي المدينة؟") == "ما هي المدينة؟"
    assert normalise("the कौन है।") == "कौन है।"
    assert normalise("「北京」，a 中国") == "「北京」， 中国"
    assert normalise("die Stadt") == "die stadt"


def test_a_thai_or_chinese_answer_is_one_token_so_that_f1_is_all_or_nothing():
    assert token_f1("กรุงเทพมหานคร", ["กรุงเทพ"]) == 0
    assert token_f1("北京市", ["北京"]) == 0
    assert token_f1("北京市", ["北京", "北京市"]) == 1


def test_f1_counts_tokens_with_their_multiplicity_and_takes_the_best_gold():
    # two of three said, two of four wanted: p = 2/3, r = 1/2
    assert token_f1("red red fox", ["red red big cat", "green"]) == pytest.approx(4 / 7)


def test_hindi_tokens_split_at_white_space():
    assert token_f1("नई दिल्ली", ["नई दिल्ली शहर"]) == pytest.approx(0.8)


def test_marks_of_other_scripts_stay_on_their_word_and_cost_the_match():
    assert exact_match("المدينة", ["المدينة؟"]) == 0
    # two of three said are right, of three wanted
    assert token_f1("ما هي المدينة", ["ما هي المدينة؟"]) == pytest.approx(2 / 3)
    assert exact_match("नई दिल्ली", ["नई दिल्ली।"]) == 0
    assert token_f1("नई दिल्ली", ["नई दिल्ली।"]) == pytest.approx(1 / 2)
    assert exact_match("北京", ["北京。"]) == token_f1("北京", ["北京。"]) == 0


def test_an_empty_answer_is_wrong_where_there_is_one():
    for gold in ("Verden", "กรุงเทพ", "北京", "دلهي", "दिल्ली"):
        assert exact_match("", [gold]) == token_f1("", [gold]) == 0


def test_texts_that_normalise_to_nothing_match_exactly_but_have_f1_zero():
    assert exact_match("", ["the"]) == 1
    assert token_f1("", ["the"]) == 0


def test_without_gold_answers_the_empty_text_is_right():
    assert exact_match_or_none("", []) == 1
    assert token_f1_or_none("", []) == 1
    assert token_f1_or_none("Verden", []) == 0
    assert exact_match_or_none("", ["Verden"]) == 0
    assert token_f1_or_none("", ["Verden"]) == 0
    assert token_f1_or_none("the", []) == 1


def test_the_best_threshold_declines_what_lies_above_it():
    # kept as answered up to the second: 1 + 0.5; declined above it: the unanswerable third is right, the fourth lost
    scores = with_best_threshold([1, 0.5, 0, 0.2], ["a", "b", "c", "d"], [-2, 0, 1, 3], [True, True, False, True])
    assert scores == [1, 0.5, 1, 0]


def test_without_any_gain_everything_is_declined():
    assert with_best_threshold([0, 0], ["a", "b"], [-1, -2], [False, True]) == [1, 0]


def test_a_threshold_above_all_keeps_every_answer():
    assert with_best_threshold([1, 1], ["a", "b"], [5, 9], [True, True]) == [1, 1]


def test_an_unanswerable_question_with_a_text_that_normalises_to_nothing_is_wrong_once_it_is_kept():
    assert with_best_threshold([1, 1, 1], ["the", "x", "y"], [0, 1, 2], [False, True, True]) == [0, 1, 1]


def test_the_threshold_may_fall_between_equal_no_answer_scores_as_the_official_script_lets_it():
    assert with_best_threshold([1, 0], ["a", "b"], [0, 0], [True, False]) == [1, 1]


def test_of_thresholds_that_score_the_same_the_lowest_is_taken():
    # declining both and answering both give 1; the lowest declines both
    assert with_best_threshold([0, 1], ["a", "b"], [0, 1], [False, True]) == [1, 0]


def test_exact_match_and_f1_have_a_threshold_each():
    texts, nulls, answerable = ["a", "b", "c"], [0, 1, 2], [False, True, True]
    # exact match: declining all and answering all give 1, and the lowest wins; F1 gains from answering all, 1.5
    assert with_best_threshold([0, 0, 1], texts, nulls, answerable) == [1, 0, 0]
    assert with_best_threshold([0, 0.5, 1], texts, nulls, answerable) == [0, 0.5, 1]
