"""What every translator answers: one that has to work (Engine), and one that is asked for texts (Translator)."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol


class Piece(NamedTuple):
    """A stretch of a text that is translated by itself, and the white space behind it."""

    text: str
    gap: str


class Engine(Protocol):
    """Translates sentences; the same sentence always comes out the same, whatever stands beside it."""

    def batches(self, sentences: Sequence[str]) -> list[list[str]]:
        """The sentences in groups of what one call of `translate` takes."""
        ...

    def translate(self, batch: Sequence[str], language: str) -> list[str]:
        """English sentences in another language, in their order. OSError if the program or a disk fails."""
        ...


class Translator(Protocol):
    """Gives translations, old or new."""

    def pieces(self, text: str, language: str) -> list[Piece]:
        """A text as this translator takes it: whole, or cut into sentences."""
        ...

    def translate(self, pieces: Sequence[str], language: str) -> Mapping[str, str]:
        """Piece -> translation. Raises UserError if one cannot be had."""
        ...
