"""Which examples are translated, into what, and what becomes of them."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from sweeper.data.sample import hash_number, is_in_share
from sweeper.data.translate.interface import Piece, Translator
from sweeper.formats.interface import Example
from sweeper.formats.translated import TRANSLATED, Said
from sweeper.records.spec import TranslationSpec
from sweeper.tasks.spec import Task

CHUNK = 1000
"""Examples translated at a time."""


@dataclass(frozen=True, kw_only=True)
class ExampleTranslator:
    """A translation at work on one data set."""

    spec: TranslationSpec
    translator: Translator
    notify: Callable[[str], None]
    """Takes a sentence for the user."""
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(language, `translated` or `dropped`) -> examples so far."""

    def examples(self, examples: Iterable[Example], task: Task) -> Iterator[Example]:
        """The examples in their order: the chosen ones translated, the others as they are, those dropped left out."""
        source = iter(examples)
        while chunk := list(islice(source, CHUNK)):
            yield from self._chunk(chunk, task)

    def summary(self) -> dict[str, dict[str, int]]:
        """Language -> examples translated, and dropped because their answer was not found again."""
        kinds = ("translated", "dropped")
        return {language: {kind: self.counts[language, kind] for kind in kinds} for language in self.spec.languages}

    def report(self, task: str) -> None:
        """Tell what was translated and what was dropped."""
        told = [
            f"{language} {found['translated']:,}" + (f" ({found['dropped']:,} dropped)" if found["dropped"] else "")
            for language, found in self.summary().items()
        ]
        self.notify(f"{task}: examples translated by {self.spec.by}: {', '.join(told)}.")

    def _chunk(self, chunk: Sequence[Example], task: Task) -> Iterator[Example]:
        kind = TRANSLATED[task.format]
        languages = {example.id: language_of(example.id, self.spec) for example in chunk}
        said = {
            language: self._said(
                [text for one in chunk if languages[one.id] == language for text in kind.texts(one)], language
            )
            for language in self.spec.languages
        }
        for example in chunk:
            language = languages[example.id]
            if language is None:
                yield example
                continue
            texts = [said[language][text] for text in kind.texts(example)]
            found = kind.translated(example, texts, language) if all(map(_is_there, texts)) else None
            self.counts[language, "dropped" if found is None else "translated"] += 1
            if found is not None:
                yield found

    def _said(self, texts: Sequence[str], language: str) -> Mapping[str, Said]:
        """Text -> what it is in the language. A piece without a letter (a number, a date) stays as it is."""
        cut = {text: self.translator.pieces(text, language) for text in texts}
        worded = dict.fromkeys(piece.text for pieces in cut.values() for piece in pieces if _is_worded(piece.text))
        known = self.translator.translate(list(worded), language)
        return {text: _joined(pieces, known) for text, pieces in cut.items()}


def language_of(id_: str, spec: TranslationSpec) -> str | None:
    """The language that an example is translated into, None for one that stays English: by a hash of its id.

    A larger share translates the same examples and more of them, into the same languages.
    """
    name = f"translate:{id_}"
    return spec.languages[hash_number(name, turn=1) % len(spec.languages)] if is_in_share(name, spec.share) else None


def _is_worded(text: str) -> bool:
    return any(char.isalpha() for char in text)


def _is_there(said: Said) -> bool:
    """Whether anything came back for a text that said anything."""
    return bool(said.text.strip()) or not any(end for end, _ in said.ends)


def _joined(pieces: Sequence[Piece], known: Mapping[str, str]) -> Said:
    text, ends, read = "", [], 0
    for piece in pieces:
        text += known.get(piece.text, piece.text) + piece.gap
        read += len(piece.text) + len(piece.gap)
        ends.append((read, len(text)))
    return Said(text=text, ends=tuple(ends))
