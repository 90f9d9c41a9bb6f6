"""Code-mixing: files of word pairs, their use in a text, and their alignment from parallel sentences."""

import re

import pytest

from sweeper.data.perturb.align import translation_table, word_pairs
from sweeper.data.perturb.code_mix import code_mix, read_word_pairs
from sweeper.data.perturb.draws import Draws
from sweeper.data.perturb.words import words
from sweeper.errors import UserError
from sweeper.formats.edits import substituted

DRAWS = Draws(name="test")
TEXT = "Das Haus, das große Haus (ein Haus) ist rot."
PAIRS = {"haus": ("house", "home"), "rot": ("red",)}


def mixed(text, pairs, budget=1.0, protected=()):
    return substituted(text, code_mix(pairs)(DRAWS, budget)("text", text, protected))


def test_words_keep_marks_and_inner_punctuation_and_lose_that_around_them():
    assert [word for _, word in words("«Don't!» (हिन्दी) — 3,5 %")] == ["Don't", "हिन्दी", "3,5"]
    assert all(TEXT[start:].startswith(word) for start, word in words(TEXT))


def test_words_are_replaced_by_their_translations_with_the_same_first_case_and_punctuation_stays():
    assert re.fullmatch(r"Das (House|Home), das große (House|Home) \(ein (House|Home)\) ist red\.", mixed(TEXT, PAIRS))


def test_a_protected_word_and_words_without_a_translation_stay():
    start = TEXT.index("rot")
    assert mixed(TEXT, {"rot": ("red",)}, protected=[(start, start + 3)]) == TEXT
    assert mixed(TEXT, {"rot": ("red",)}) == TEXT.replace("rot", "red")


def test_a_larger_budget_mixes_more_words_and_includes_those_of_a_smaller_one():
    text = " ".join(f"w{number}" for number in range(100))
    pairs = {f"w{number}": ("x",) for number in range(100)}
    some, most = (mixed(text, pairs, budget).split() for budget in (0.3, 0.7))
    assert 15 < some.count("x") < 45 < most.count("x") < 85
    assert all(large == "x" for small, large in zip(some, most, strict=True) if small == "x")


def test_a_line_counts_in_both_directions_and_other_languages_are_left_out(tmp_path):
    file = tmp_path / "pairs.tsv"
    file.write_text("de\tHaus\ten\thouse\n\nde\tHeim\ten\thouse\nfr\tmaison\ten\thouse\n", encoding="utf-8")
    assert read_word_pairs(file, "de", "en") == {"haus": ("house",), "heim": ("house",)}
    assert read_word_pairs(file, "en", "de") == {"house": ("Haus", "Heim")}
    with pytest.raises(UserError, match="has no words of 'sw' with translations into 'en'"):
        read_word_pairs(file, "sw", "en")


def test_a_line_of_another_form_is_an_error_with_its_number(tmp_path):
    file = tmp_path / "pairs.tsv"
    file.write_text("de\tHaus\ten\thouse\nHaus\thouse\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"line 2: a pair of words is a line such as de<TAB>Haus<TAB>en<TAB>house"):
        read_word_pairs(file, "de", "en")


PARALLEL = [
    ("das Haus ist rot", "the house is red"),
    ("das Buch ist rot", "the book is red"),
    ("das Haus ist alt", "the house is old"),
    ("ein Buch", "a book"),
    ("ein Haus", "a house"),
    ("das Buch ist alt", "the book is old"),
    ("Berlin ist alt", "Berlin is old"),
]


def test_a_file_of_word_pairs_may_have_a_byte_order_mark_and_must_be_utf_8(tmp_path):
    file = tmp_path / "pairs.tsv"
    file.write_text("de\tHäuser\ten\thouses\n", encoding="utf-8-sig")
    assert read_word_pairs(file, "de", "en") == {"häuser": ("houses",)}
    file.write_text("de\tHäuser\ten\thouses\n", encoding="latin-1")
    with pytest.raises(UserError, match=r"pairs\.tsv is not UTF-8: .* Save it in UTF-8\."):
        read_word_pairs(file, "de", "en")


def test_words_that_occur_in_the_same_parallel_sentences_are_aligned():
    pairs = dict(word_pairs(PARALLEL))
    assert {"haus": "house", "buch": "book", "rot": "red", "alt": "old", "ein": "a"}.items() <= pairs.items()
    # Equal words change nothing, and a pair needs two sentences.
    assert "berlin" not in pairs


def test_the_probabilities_of_a_word_add_up_to_one_and_do_not_depend_on_the_order_of_sentences():
    sides = [(tuple(first.split()), tuple(second.split())) for first, second in PARALLEL]
    table = translation_table(sides)
    assert all(sum(translations.values()) == pytest.approx(1) for translations in table.values())
    assert table["Haus"]["house"] > 0.8
    reversed_table = translation_table(sides[::-1])
    assert reversed_table["Haus"] == pytest.approx(table["Haus"])
