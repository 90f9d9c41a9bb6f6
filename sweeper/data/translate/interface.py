"""Interfaces: an Engine computes translations; a Translator returns computed or stored ones."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol


class Piece(NamedTuple):
    """A span of a text that is translated on its own, and the white space that follows it."""

    text: str
    gap: str


class Engine(Protocol):
    """Translates sentences. The translation of a sentence must not depend on the others in its batch."""

    def batches(self, sentences: Sequence[str]) -> list[list[str]]:
        """The sentences in batches, one for each call of `translate`."""
        ...

    def translate(self, batch: Sequence[str], language: str) -> list[str]:
        """Translate English sentences, in order. Raises OSError if the program or a disk fails."""
        ...


class Translator(Protocol):
    """Returns translations, computed now or earlier."""

    def pieces(self, text: str, language: str) -> list[Piece]:
        """The pieces of a text that this translator translates: the whole text, or its sentences."""
        ...

    def translate(self, pieces: Sequence[str], language: str) -> Mapping[str, str]:
        """Piece -> translation. Raises UserError if one is not available."""
        ...
