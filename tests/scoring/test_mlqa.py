"""The normalisation of MLQA in each language."""

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


def test_the_arabic_article_is_also_removed_inside_a_word():
    assert normaliser("ar")("سؤال") == "سؤ"
    assert normaliser("ar")("البالون") == "ب ون"


def test_ascii_symbols_are_removed_and_other_symbols_are_kept():
    assert normaliser("en")("$5 + €6 = ~^`|<>") == "5 €6"


def test_chinese_f1_counts_characters():
    # Three of three predicted characters are correct, and three of four gold ones.
    assert token_f1("北京市", ["北京市区"], normaliser("zh")) == pytest.approx(6 / 7)
    assert exact_match("《北京》", ["北京"], normaliser("zh")) == 1


def test_only_the_main_block_of_chinese_characters_is_split():
    assert normaliser("zh")("二〇〇八年DVD版") == "二 〇〇 八 年 dvd 版"


@pytest.mark.parametrize(
    ("language", "prediction", "gold", "f1"),
    [
        # مدينة is correct: one of one predicted, one of two gold tokens.
        ("ar", "المدينة", "مدينة القاهرة؟", 2 / 3),
        # The danda is removed, so two of two predicted and two of three gold tokens are correct.
        ("hi", "नई दिल्ली।", "नई दिल्ली शहर", 4 / 5),
        # Articles are removed on both sides: one of one predicted, one of two gold tokens.
        ("de", "die Stadt", "eine alte Stadt", 2 / 3),
        ("vi", "Hà Nội", "những Hà Nội", 1),
    ],
)
def test_tokens_are_compared_after_the_normalisation_of_the_language(language, prediction, gold, f1):
    assert token_f1(prediction, [gold], normaliser(language)) == pytest.approx(f1)


def test_an_empty_answer_matches_only_an_empty_normalised_answer_with_f1_zero():
    for language in LANGUAGES:
        assert exact_match("", ["2008"], normaliser(language)) == 0
    assert exact_match("", ["La"], normaliser("es")) == 1
    assert token_f1("", ["La"], normaliser("es")) == 0


def test_the_error_for_a_language_outside_mlqa_names_the_nearest_one():
    assert len(LANGUAGES) == 7
    with pytest.raises(UserError, match="Did you mean 'zh'"):
        normaliser("zho")
