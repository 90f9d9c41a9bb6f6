"""A text cut into sentences, by rules that are few, plain and the same everywhere."""

import re
from collections.abc import Iterator

from sweeper.data.translate.interface import Piece

LONGEST = 400
"""Characters of a sentence; what is longer is cut at white space, so that no model has to cut it silently."""
_ABBREVIATIONS = "Mr|Mrs|Ms|Dr|Prof|St|Jr|Sr|Inc|Ltd|Co|Corp|vs|No|Vol|pp|cf|ca|al|Gen|Col|Capt|Lt|Rev|Sen|Rep"
_NO_END = re.compile(rf"\b(?:{_ABBREVIATIONS}|[A-Za-z])\.$")
"""A full stop that ends no sentence: behind an abbreviation, or a single letter (J. Smith, U.S.)."""
_BREAK = re.compile(r"\s*\n\s*|(?<=[.!?…])\s+|(?<=[.!?…][\"'”’)\]])\s+")


def sentences(text: str) -> list[Piece]:
    """The sentences of an English text, each with the white space behind it: joined again they are the text.

    A sentence ends at a line break, or at white space behind . ! ? or … (a closing quote or bracket may follow it)
    unless the next letter is a small one, or the full stop is an abbreviation's.
    """
    found: list[Piece] = []
    start = 0
    for gap in _BREAK.finditer(text):
        if _ends(text[start : gap.start()], gap.group(), text[gap.end() : gap.end() + 1]):
            found += _cut(text[start : gap.start()], gap.group())
            start = gap.end()
    return [*found, *_cut(text[start:], "")]


def _ends(sentence: str, gap: str, following: str) -> bool:
    return "\n" in gap or not (following.islower() or _NO_END.search(sentence))


def _cut(sentence: str, gap: str) -> Iterator[Piece]:
    """A sentence whole, or where it is too long in parts that end at white space."""
    while len(sentence) > LONGEST:
        place = sentence.rfind(" ", 1, LONGEST + 1)
        end = place if place > 0 else LONGEST
        yield Piece(sentence[:end], sentence[end : end + 1] if place > 0 else "")
        sentence = sentence[end + (place > 0) :]
    if sentence or gap:
        yield Piece(sentence, gap)
