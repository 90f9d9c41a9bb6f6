"""Where sentences end, in scripts that say so in different ways."""

import pytest

from sweeper.formats.sentences import sentences


def split(text: str) -> list[str]:
    return [text[first:last] for first, last in sentences(text)]


@pytest.mark.parametrize(
    "parts",
    [
        ["Who came?", "He did.", "She did not!"],
        ['He said "No."', "Then he left.[2]", "(It rained.)", "1990 was dry."],
        ["黑豹队排名第六。", "他的队友贡献了擒杀。", "“是的。”", "完了"],
        ["वह आया था।", "वह गया।", "अंत"],
        ["من أسس المدينة؟", "أسسها الملك.", "انتهى."],
        ["Город стар.", "Кто его основал?", "Пётр."],
    ],
)
def test_a_sentence_ends_at_its_mark_and_takes_along_what_closes_there(parts: list[str]) -> None:
    between = "" if parts[0].endswith("。") else " "
    assert split(between.join(parts)) == parts


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
def test_an_abbreviation_a_number_and_a_small_letter_end_none(text: str) -> None:
    assert split(text) == [text]


def test_white_space_belongs_to_no_sentence_and_blank_text_has_none() -> None:
    assert sentences("  One.  Two. \n") == [(2, 6), (8, 12)]
    assert sentences(" \n ") == []
