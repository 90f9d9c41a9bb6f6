"""Sentence boundaries of a paragraph by its punctuation, for all languages that mark the end of a sentence."""

import re

Stretch = tuple[int, int]
"""First character and end character (exclusive)."""
_CLOSING = "\"'”’»)\\]"
_END = re.compile(
    rf"[.!?…؟۔][{_CLOSING}]*(?:\[[^\]\s]{{1,12}}\])*(?=\s+[\"'“‘«(\[¿¡]*[^\W_])"  # followed by white space and a word
    rf"|[。！？।॥][{_CLOSING}」』]*"  # Chinese, Japanese, Hindi: before any character
)
_ABBREVIATION = re.compile(
    r"(?:^|[\s(\"“])"
    r"(?:(?:[^\W\d_]\.)*[^\W\d_]|Mrs?|Ms|Drs?|Prof|St|Sta|Lt|Gen|Col|Capt|Sgt|Gov|Sen|Rep|Rev|[JS]r"
    r"|Inc|Ltd|Co|Corp|al|No|Nr|vs?|cf|ca|approx|bzw|etc|Jan|Feb|Aug|Sept?|Oct|Nov|Dec|Mt|Ft|[Vv]ol|[Aa]rt|pp?)\.$"
)
_LONGEST_ABBREVIATION = 10
_FIRST_LETTER = re.compile(r"[^\W_]")


def sentences(text: str) -> list[Stretch]:
    """The positions of the sentences of a paragraph, in order, without the white space between them.

    A sentence ends at . ! ? and the equivalents in other scripts, including closing quotes and brackets, if white space
    and a word that does not start with a lower-case letter follow. An abbreviation (a title, a month, single letters as
    in U.S.) does not end a sentence. 。 and । always end a sentence. Thai does not mark the end of a sentence, so
    most of its paragraphs are one sentence.
    """
    ends = [match.end() for match in _END.finditer(text) if not _goes_on(text, match.end())]
    stretches = []
    for start, end in zip([0, *ends], [*ends, len(text)], strict=True):
        inside = text[start:end].strip()
        if inside:
            first = text.index(inside[0], start)
            stretches.append((first, first + len(inside)))
    return stretches


def _goes_on(text: str, end: int) -> bool:
    """Whether the sentence continues after punctuation that looks like its end."""
    following = _FIRST_LETTER.search(text, end)
    # After a CJK or Devanagari full stop there is no lower case to test.
    starts_small = text[end - 1] not in "。！？।॥" and following is not None and following.group().islower()
    return starts_small or bool(_ABBREVIATION.search(text[max(0, end - _LONGEST_ABBREVIATION) : end]))
