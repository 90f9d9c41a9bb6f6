"""Sentence boundaries in several scripts."""

import pytest

from sweeper.formats.sentences import sentences


def split(text: str) -> list[str]:
    return [text[first:last] for first, last in sentences(text)]


@pytest.mark.parametrize(
    "expected",
    [
        ["Who came?", "He did.", "She did not!"],
        ['He said "No."', "Then he left.[2]", "(It rained.)", "1990 was dry."],
        ["黑豹队排名第六。", "他的队友贡献了擒杀。", "“是的。”", "完了"],
        ["वह आया था।", "वह गया।", "अंत"],
        ["من أسس المدينة؟", "أسسها الملك.", "انتهى."],
        ["Город стар.", "Кто его основал?", "Пётр."],
    ],
)
def test_a_sentence_ends_at_its_mark_including_closing_quotes_and_brackets(expected: list[str]) -> None:
    between = "" if expected[0].endswith("。") else " "
    assert split(between.join(expected)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Dr. Smith met J. R. Jones on Jan. 5.",
        "Mr. J.R. Doe Sr. of the U.S. Army led Doe Inc. Ltd. Co. Corp. and Smith et al. Ltd.",
        "It rose by 3.5 percent, e.g. in May.",
        "It stopped... and went on.",
        "Он жил в США (см. список).",
        "ทีมรับของแพนเธอร์ส ได้อันดับที่หก",
        "no end",
    ],
)
def test_abbreviations_numbers_and_following_lower_case_do_not_end_a_sentence(text: str) -> None:
    assert split(text) == [text]


def test_white_space_is_part_of_no_sentence_and_blank_text_has_none() -> None:
    assert sentences("  One.  Two. \n") == [(2, 6), (8, 12)]
    assert sentences(" \n ") == []
