"""MLQA's normalisation, language by language."""

import pytest

from sweeper.errors import UserError
from sweeper.scoring.mlqa import LANGUAGES, normaliser
from sweeper.scoring.squad import exact_match, token_f1


@pytest.mark.parametrize(
    ("language", "text", "normal"),
    [
        ("en", "The “Old” Town, an inn", "old town inn"),
        ("es", "La Ciudad de los Reyes; ¿unas?", "ciudad de reyes"),
        ("de", "Der Fluss und eine Brücke", "fluss und brücke"),
        ("de", "keiner", "keiner"),
        ("vi", "Những cái của Hà Nội", "hà nội"),
        ("hi", "वह the घर।", "वह the घर"),
        ("ar", "المدينة القديمة؟", "مدينة قديمة"),
        ("zh", "北京，the 2008年 奥运", "北 京 the 2008 年 奥 运"),
    ],
)
def test_each_language_has_its_own_articles_and_tokens(language, text, normal):
    assert normaliser(language)(text) == normal


def test_arabic_loses_the_letters_of_the_article_inside_a_word_too():
    assert normaliser("ar")("سؤال") == "سؤ"
    assert normaliser("ar")("البالون") == "ب ون"


def test_ascii_symbols_go_and_other_symbols_stay():
    assert normaliser("en")("$5 + €6 = ~^`|<>") == "5 €6"


def test_chinese_f1_counts_characters():
    # three of three said, three of four wanted
    assert token_f1("北京市", ["北京市区"], normaliser("zh")) == pytest.approx(6 / 7)
    assert exact_match("《北京》", ["北京"], normaliser("zh")) == 1


def test_a_language_that_mlqa_does_not_have_is_answered_with_the_nearest_one():
    assert len(LANGUAGES) == 7
    with pytest.raises(UserError, match="Did you mean 'zh'"):
        normaliser("zho")
