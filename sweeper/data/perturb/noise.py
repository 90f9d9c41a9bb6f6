"""Noise in texts: wrong keys, missing diacritics, wrong spaces, missing input. Substitutions only, without files."""

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence

from sweeper.data.perturb.draws import Draws
from sweeper.formats.edits import Span, Substitute, Substitution

WORD = re.compile(r"\S+")
ROWS = (
    # Latin (QWERTY), Cyrillic (Russian), Greek, Hebrew, Arabic: the rows of letters of common layouts.
    *("qwertyuiop", "asdfghjkl", "zxcvbnm"),
    *("йцукенгшщзхъ", "фывапролджэ", "ячсмитьбю"),
    *("ςερτυθιοπ", "ασδφγηξκλ", "ζχψωβνμ"),
    *("קראטוןםפ", "שדגכעיחלךף", "זסבהנמצתץ"),
    *("ضصثقفغعهخحجد", "شسيبلاتنمكط", "ئءؤرلاىةوزظ"),
)
NEIGHBOURS = {
    letter: tuple(row[near] for near in (index - 1, index + 1) if 0 <= near < len(row))
    for row in ROWS
    for index, letter in enumerate(row)
}
"""Letter -> the letters beside it on its keyboard."""
NOTHING = "_"
"""Replaces every word of a tagged sentence under `null_input`."""


def keyboard(draws: Draws, budget: float) -> Substitute:
    """A wrong key in a share of the words: a neighbour on the keyboard, or two neighbouring letters exchanged."""

    def typo(word: str, start: int, purpose: str) -> Substitution | None:
        letters = [index for index, letter in enumerate(word) if letter.isalpha()]
        if len(letters) < 2:
            return None
        index = letters[draws.index(f"{purpose} letter", len(letters))]
        letter = word[index]
        near = NEIGHBOURS.get(letter.lower())
        if near:
            wrong = near[draws.index(f"{purpose} key", len(near))]
            return Substitution(start + index, start + index + 1, wrong.upper() if letter.isupper() else wrong)
        index = min(index, len(word) - 2)
        return Substitution(start + index, start + index + 2, word[index + 1] + word[index])

    return _of_words(draws, budget, typo)


def diacritics(draws: Draws, budget: float) -> Substitute:
    """A share of the words without combining marks: `é` becomes `e`, vowel signs of Arabic and Hebrew disappear."""

    def plain(word: str, start: int, purpose: str) -> Substitution | None:
        decomposed = unicodedata.normalize("NFD", word)
        bare = unicodedata.normalize("NFC", "".join(c for c in decomposed if unicodedata.category(c) != "Mn"))
        return Substitution(start, start + len(word), bare) if bare and bare != word else None

    return _of_words(draws, budget, plain)


def spacing(draws: Draws, budget: float) -> Substitute:
    """At a share of the words, the space after it is removed, or a space is inserted into it."""

    def spaced(word: str, start: int, purpose: str) -> Substitution | None:
        end = start + len(word)
        if draws.index(f"{purpose} kind", 2) == 0 or len(word) < 2:
            return Substitution(end, end + 1, "")
        index = start + 1 + draws.index(f"{purpose} letter", len(word) - 1)
        return Substitution(index, index, " ")

    def substitute(name: str, text: str, protected: Sequence[Span]) -> list[Substitution]:
        changes = _of_words(draws, budget, spaced)(name, text, protected)
        # A space that is removed must exist and must not touch a protected span.
        return [
            change
            for change in changes
            if change.text or (text[change.start : change.end] == " " and not _touches(change, protected))
        ]

    return substitute


def null_input(draws: Draws, budget: float) -> Substitute:
    """No text: an empty one, or a fixed word for each word of a tagged sentence. A context keeps its text."""

    def substitute(name: str, text: str, protected: Sequence[Span]) -> list[Substitution]:
        if name == "context":
            return []
        return [Substitution(0, len(text), NOTHING if name.startswith("tokens") else "")]

    return substitute


def _of_words(draws: Draws, budget: float, change: Callable[[str, int, str], Substitution | None]) -> Substitute:
    """Applies `change` to a share of the words of a text. Changes of protected characters are left out."""

    def substitute(name: str, text: str, protected: Sequence[Span]) -> list[Substitution]:
        changes = (
            change(word, start, f"{name} {number} {word}")
            for number, (start, word) in enumerate(_words(text))
            if draws.share(f"{name} {number} {word}") < budget
        )
        return [
            substitution
            for substitution in changes
            if substitution is not None and not overlaps(substitution, protected)
        ]

    return substitute


def _words(text: str) -> Iterator[tuple[int, str]]:
    """The words of a text, separated by white space, with their position.

    A run of more than 20 letters, as in Chinese, Japanese or Thai, is divided into words of four letters.
    """
    for match in WORD.finditer(text):
        word = match.group()
        if len(word) <= 20:
            yield match.start(), word
            continue
        for index in range(0, len(word), 4):
            yield match.start() + index, word[index : index + 4]


def overlaps(change: Substitution, protected: Sequence[Span]) -> bool:
    """Whether a substitution changes a protected character, or inserts text between two of them."""
    return any(change.start < end and start < max(change.end, change.start + 1) for start, end in protected)


def _touches(change: Substitution, protected: Sequence[Span]) -> bool:
    return any(change.start <= end and start <= change.end for start, end in protected)
