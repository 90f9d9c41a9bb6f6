"""Code-mixing: words are replaced by their translations, which a file of word pairs lists."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from sweeper.data.perturb.draws import Draws
from sweeper.data.perturb.noise import overlaps
from sweeper.data.perturb.words import words
from sweeper.errors import UserError
from sweeper.formats.edits import Span, Substitute, Substitution

WordPairs = Mapping[str, Sequence[str]]
"""Word in lower case -> its translations."""
LAYOUT = "de<TAB>Haus<TAB>en<TAB>house"
COLUMNS = 4


def read_word_pairs(path: Path, language: str, other: str) -> WordPairs:
    """The words of a language with their translations into another one, in the order of the file.

    A line is a language, a word, another language and the translation, separated by tabs; it counts in both directions.
    Raises UserError for a line of another form, or if the file has no pair of the two languages.
    """
    pairs: dict[str, dict[str, None]] = {}
    for number, line in enumerate(_lines(path), start=1):
        cells = [cell.strip() for cell in line.split("\t")]
        if not line.strip():
            continue
        if len(cells) != COLUMNS or not all(cells):
            raise UserError(f"{path}, line {number}: a pair of words is a line such as {LAYOUT}, got {line[:80]!r}.")
        first, word, second, translation = cells
        if (first, second) == (language, other):
            pairs.setdefault(word.lower(), {})[translation] = None
        elif (second, first) == (language, other):
            pairs.setdefault(translation.lower(), {})[word] = None
    if not pairs:
        raise UserError(
            f"{path} has no words of {language!r} with translations into {other!r}. Add lines such as {LAYOUT}, or "
            "leave the language out of the condition."
        )
    return {word: tuple(translations) for word, translations in pairs.items()}


def _lines(path: Path) -> list[str]:
    try:
        # Spreadsheets write a byte order mark, which is no part of the first line.
        return path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise UserError(f"The file of word pairs {path} is not UTF-8: {error}. Save it in UTF-8.") from error


def code_mix(pairs: WordPairs) -> Callable[[Draws, float], Substitute]:
    """Translations of a share of the words that have one. A hash chooses between several translations."""

    def make(draws: Draws, budget: float) -> Substitute:
        def substitute(name: str, text: str, protected: Sequence[Span]) -> list[Substitution]:
            changes = []
            for number, (start, word) in enumerate(words(text)):
                translations, purpose = pairs.get(word.lower(), ()), f"{name} {number} {word}"
                if translations and draws.share(purpose) < budget:
                    new = translations[draws.index(f"{purpose} translation", len(translations))]
                    cased = new[0].upper() + new[1:] if word[0].isupper() else new
                    changes.append(Substitution(start, start + len(word), cased))
            return [change for change in changes if not overlaps(change, protected)]

        return substitute

    return make
