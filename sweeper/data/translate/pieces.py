"""A text cut into the pieces that are translated: its sentences, and parts of those that are too long."""

import re
from collections.abc import Iterator

from sweeper.data.translate.interface import Piece
from sweeper.formats.sentences import Stretch, sentences

LONGEST = 400
"""Characters of a sentence; what is longer is cut at white space, so that no model has to cut it silently."""
_LINE = re.compile(r"[^\n]+")


def pieces_of(text: str) -> list[Piece]:
    """The sentences of a text, each with the white space behind it: joined again they are the text.

    A line break ends a sentence too. White space that the text begins with stands behind an empty piece.
    """
    found = [(0, 0), *(part for sentence in _sentences(text) for part in _parts(text, sentence))]
    following = [*(first for first, _ in found[1:]), len(text)]
    pieces = [Piece(text[first:last], text[last:start]) for (first, last), start in zip(found, following, strict=True)]
    return [piece for piece in pieces if piece.text or piece.gap]


def _sentences(text: str) -> Iterator[Stretch]:
    for line in _LINE.finditer(text):
        for first, last in sentences(line.group()):
            yield line.start() + first, line.start() + last


def _parts(text: str, sentence: Stretch) -> Iterator[Stretch]:
    """A sentence whole, or where it is too long its parts, which end at white space."""
    first, last = sentence
    while last - first > LONGEST:
        place = text.rfind(" ", first + 1, first + LONGEST + 1)
        end = place if place > 0 else first + LONGEST
        yield first, end
        first = end + (place > 0)
    yield first, last
