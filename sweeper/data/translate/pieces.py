"""Splits a text into pieces to translate: sentences, and segments of long sentences."""

import re
from collections.abc import Iterator

from sweeper.data.translate.interface import Piece
from sweeper.formats.sentences import Stretch, sentences

LONGEST = 400
"""Maximum characters of a piece. A model would truncate a longer sentence silently, so it is split at a space."""
_LINE = re.compile(r"[^\n]+")


def pieces_of(text: str) -> list[Piece]:
    """The sentences of a text, each with the white space that follows it. Their concatenation is the text.

    A line break also ends a sentence. White space at the start of the text follows an empty piece.
    """
    stretches = [(0, 0), *(stretch for sentence in _sentences(text) for stretch in _split_long(text, sentence))]
    # The gap of a piece reaches to the start of the next piece, or to the end of the text.
    following = [*(first for first, _ in stretches[1:]), len(text)]
    pieces = [
        Piece(text[first:last], text[last:start]) for (first, last), start in zip(stretches, following, strict=True)
    ]
    return [piece for piece in pieces if piece.text or piece.gap]


def _sentences(text: str) -> Iterator[Stretch]:
    for line in _LINE.finditer(text):
        for first, last in sentences(line.group()):
            yield line.start() + first, line.start() + last


def _split_long(text: str, sentence: Stretch) -> Iterator[Stretch]:
    """Yield the sentence, in segments of at most LONGEST characters that end at white space if there is any."""
    first, last = sentence
    while last - first > LONGEST:
        space = text.rfind(" ", first + 1, first + LONGEST + 1)
        end = space if space > 0 else first + LONGEST
        yield first, end
        first = end + (space > 0)  # the space itself belongs to no segment
    yield first, last
