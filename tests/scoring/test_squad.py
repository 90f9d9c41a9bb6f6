"""Exact match and token F1 of SQuAD, in English and in languages that are normalised like English."""

import pytest

from sweeper.scoring.squad import (
    exact_match,
    exact_match_or_none,
    normalise,
    token_f1,
    token_f1_or_none,
    with_best_threshold,
)


def test_case_punctuation_articles_and_spaces_are_ignored():
    assert normalise("  The  Cat's, a\tHAT! ") == "cats hat"
    assert exact_match("the Cat", ["dog", "a cat."]) == 1


def test_an_article_inside_a_word_is_kept():
    assert normalise("theatre an-other a.k.a") == "theatre another aka"


def test_in_other_languages_only_english_articles_and_ascii_punctuation_are_removed():
    assert normalise("ما هي المدينة؟") == "ما هي المدينة؟"
    assert normalise("the कौन है।") == "कौन है।"
    assert normalise("「北京」，a 中国") == "「北京」， 中国"
    assert normalise("die Stadt") == "die stadt"


def test_a_thai_or_chinese_answer_is_one_token_and_f1_is_zero_or_one():
    assert token_f1("กรุงเทพมหานคร", ["กรุงเทพ"]) == 0
    assert token_f1("北京市", ["北京"]) == 0
    assert token_f1("北京市", ["北京", "北京市"]) == 1


def test_f1_counts_repeated_tokens_and_uses_the_best_gold_answer():
    # Two of three predicted and two of four gold tokens are correct: p = 2/3, r = 1/2.
    assert token_f1("red red fox", ["red red big cat", "green"]) == pytest.approx(4 / 7)


def test_hindi_tokens_split_at_white_space():
    assert token_f1("नई दिल्ली", ["नई दिल्ली शहर"]) == pytest.approx(0.8)


def test_punctuation_of_other_scripts_is_kept_and_prevents_a_match():
    assert exact_match("المدينة", ["المدينة؟"]) == 0
    # Two of three predicted and two of three gold tokens are correct.
    assert token_f1("ما هي المدينة", ["ما هي المدينة؟"]) == pytest.approx(2 / 3)
    assert exact_match("नई दिल्ली", ["नई दिल्ली।"]) == 0
    assert token_f1("नई दिल्ली", ["नई दिल्ली।"]) == pytest.approx(1 / 2)
    assert exact_match("北京", ["北京。"]) == token_f1("北京", ["北京。"]) == 0


def test_an_empty_answer_is_wrong_if_there_is_a_gold_answer():
    for gold in ("Verden", "กรุงเทพ", "北京", "دلهي", "दिल्ली"):
        assert exact_match("", [gold]) == token_f1("", [gold]) == 0


def test_empty_normalised_texts_have_exact_match_one_and_f1_zero():
    assert exact_match("", ["the"]) == 1
    assert token_f1("", ["the"]) == 0


def test_without_gold_answers_the_empty_text_is_correct():
    assert exact_match_or_none("", []) == 1
    assert token_f1_or_none("", []) == 1
    assert token_f1_or_none("Verden", []) == 0
    assert exact_match_or_none("", ["Verden"]) == 0
    assert token_f1_or_none("", ["Verden"]) == 0
    assert token_f1_or_none("the", []) == 1


def test_questions_above_the_best_threshold_are_declined():
    # The first two keep their answers (1 + 0.5). Above the threshold the third, unanswerable, is correct.
    scores = with_best_threshold([1, 0.5, 0, 0.2], ["a", "b", "c", "d"], [-2, 0, 1, 3], [True, True, False, True])
    assert scores == [1, 0.5, 1, 0]


def test_if_no_answer_helps_all_questions_are_declined():
    assert with_best_threshold([0, 0], ["a", "b"], [-1, -2], [False, True]) == [1, 0]


def test_a_threshold_above_all_scores_keeps_all_answers():
    assert with_best_threshold([1, 1], ["a", "b"], [5, 9], [True, True]) == [1, 1]


def test_an_unanswerable_question_with_a_kept_text_is_wrong_even_if_its_normalised_form_is_empty():
    assert with_best_threshold([1, 1, 1], ["the", "x", "y"], [0, 1, 2], [False, True, True]) == [0, 1, 1]


def test_the_threshold_may_separate_equal_no_answer_scores_as_in_the_official_script():
    assert with_best_threshold([1, 0], ["a", "b"], [0, 0], [True, False]) == [1, 1]


def test_among_thresholds_with_equal_scores_the_lowest_is_chosen():
    # Declining both and answering both give 1; the lowest threshold declines both.
    assert with_best_threshold([0, 1], ["a", "b"], [0, 1], [False, True]) == [1, 0]


def test_exact_match_and_f1_have_separate_thresholds():
    texts, nulls, answerable = ["a", "b", "c"], [0, 1, 2], [False, True, True]
    # Exact match: declining all and answering all give 1, and the lowest threshold wins. F1: answering all gives 1.5.
    assert with_best_threshold([0, 0, 1], texts, nulls, answerable) == [1, 0, 0]
    assert with_best_threshold([0, 0.5, 1], texts, nulls, answerable) == [0, 0.5, 1]
