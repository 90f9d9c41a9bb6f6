"""Where the sentences of a paragraph end, by its punctuation: a rule for any language that marks them."""

import re

Stretch = tuple[int, int]
"""First character, and the one behind the last."""
_CLOSING = "\"'”’»)\\]"
_END = re.compile(
    rf"[.!?…؟۔][{_CLOSING}]*(?:\[[^\]\s]{{1,12}}\])*(?=\s+[\"'“‘«(\[¿¡]*[^\W_])"  # white space and a word follow
    rf"|[。！？।॥][{_CLOSING}」』]*"  # Chinese, Japanese, Hindi: whatever follows
)
_ABBREVIATION = re.compile(
    r"(?:^|[\s(\"“])"
    r"(?:(?:[^\W\d_]\.)*[^\W\d_]|Mrs?|Ms|Drs?|Prof|St|Sta|Lt|Gen|Col|Capt|Sgt|Gov|Sen|Rep|Rev|[JS]r"
    r"|Inc|Ltd|Co|Corp|al|No|Nr|vs?|cf|ca|approx|bzw|etc|Jan|Feb|Aug|Sept?|Oct|Nov|Dec|Mt|Ft|[Vv]ol|[Aa]rt|pp?)\.$"
)
_LONGEST_ABBREVIATION = 10
_FIRST_LETTER = re.compile(r"[^\W_]")


def sentences(text: str) -> list[Stretch]:
    """Stretches of a paragraph's sentences, in order, without the white space between them.

    A sentence ends at . ! ? and their kin in other scripts, with what closes behind them, before white space and a word
    that does not begin with a small letter, unless an abbreviation ends there (a title, a month, single letters as in
    U.S.); and at 。 and । whatever follows. Thai marks no ends: most of its paragraphs stay whole.
    """
    ends = [match.end() for match in _END.finditer(text) if not _goes_on(text, match.end())]
    found = []
    for start, end in zip([0, *ends], [*ends, len(text)], strict=True):
        inside = text[start:end].strip()
        if inside:
            first = text.index(inside[0], start)
            found.append((first, first + len(inside)))
    return found


def _goes_on(text: str, end: int) -> bool:
    """Whether the sentence goes on behind what looks like its end."""
    following = _FIRST_LETTER.search(text, end)
    starts_small = text[end - 1] not in "。！？।॥" and following is not None and following.group().islower()
    return starts_small or bool(_ABBREVIATION.search(text[max(0, end - _LONGEST_ABBREVIATION) : end]))
