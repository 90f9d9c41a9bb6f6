"""Chooses the examples to translate, translates them, and counts translated and dropped examples."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from sweeper.data.sample import hash_number, is_in_share
from sweeper.data.translate.interface import Piece, Translator
from sweeper.formats.interface import Example, Translated
from sweeper.formats.table import properties_of
from sweeper.records.spec import TranslationSpec
from sweeper.tasks.spec import Task

CHUNK = 10_000
"""Number of examples that are translated at a time: enough for several groups in each of some languages, so that nodes
that translate the same examples divide them."""


@dataclass(frozen=True, kw_only=True)
class ExampleTranslator:
    """Translates examples of one data set by the settings of a TranslationSpec."""

    spec: TranslationSpec
    translator: Translator
    notify: Callable[[str], None]
    """Called with a message for the user."""
    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(language, `translated` or `dropped`) -> number of examples so far."""

    def examples(self, examples: Iterable[Example], task: Task, num_at_a_time: int = CHUNK) -> Iterator[Example]:
        """Yield the examples in order, the chosen ones translated. Examples whose answer is not found are dropped."""
        source = iter(examples)
        while chunk := list(islice(source, num_at_a_time)):
            yield from self._chunk(chunk, task)

    def summary(self) -> dict[str, dict[str, int]]:
        """Language -> numbers of examples `translated`, and `dropped` because no answer was found."""
        return {
            language: {name: self.counts[language, name] for name in ("translated", "dropped")}
            for language in self.spec.languages
        }

    def report(self, task: str) -> None:
        """Report the numbers of translated and dropped examples to the user."""
        numbers = [
            f"{language} {counts['translated']:,}" + (f" ({counts['dropped']:,} dropped)" if counts["dropped"] else "")
            for language, counts in self.summary().items()
        ]
        self.notify(f"{task}: examples translated by {self.spec.by}: {', '.join(numbers)}.")

    def _chunk(self, chunk: Sequence[Example], task: Task) -> Iterator[Example]:
        """Translate a chunk: all its texts in one call for each language, then example by example."""
        translatable = properties_of(task).translation
        assert translatable is not None, f"Format {task.format!r} cannot be translated."
        languages = {example.id: language_of(example.id, self.spec) for example in chunk}
        by_language = {
            language: translations(
                self.translator,
                [
                    text
                    for example in chunk
                    if languages[example.id] == language
                    for text in translatable.texts(example)
                ],
                language,
            )
            for language in self.spec.languages
        }
        for example in chunk:
            language = languages[example.id]
            if language is None:
                yield example
                continue
            texts = [by_language[language][text] for text in translatable.texts(example)]
            translated = translatable.translated(example, texts, language) if all(map(_has_text, texts)) else None
            self.counts[language, "dropped" if translated is None else "translated"] += 1
            if translated is not None:
                yield translated


def translations(translator: Translator, texts: Sequence[str], language: str) -> Mapping[str, Translated]:
    """Text -> its translation. A piece without a letter (a number, a date) is left as it is."""
    pieces_by_text = {text: translator.pieces(text, language) for text in texts}
    all_pieces = (piece.text for pieces in pieces_by_text.values() for piece in pieces)
    to_translate = dict.fromkeys(text for text in all_pieces if any(map(str.isalpha, text)))
    translated = translator.translate(list(to_translate), language)
    return {text: _joined(pieces, translated) for text, pieces in pieces_by_text.items()}


def language_of(id_: str, spec: TranslationSpec) -> str | None:
    """The language that an example is translated into, or None if it stays English; decided by a hash of its id.

    A larger share includes the examples of a smaller one, translated into the same languages.
    """
    name = f"translate:{id_}"
    # `turn=1` makes the language independent of `is_in_share`, which uses the first digits of the same hash.
    return spec.languages[hash_number(name, turn=1) % len(spec.languages)] if is_in_share(name, spec.share) else None


def _has_text(translation: Translated) -> bool:
    """Whether the translation is not empty, or its English text was empty too."""
    return bool(translation.text.strip()) or not any(end for end, _ in translation.ends)


def _joined(pieces: Sequence[Piece], translations: Mapping[str, str]) -> Translated:
    """Join the translated pieces of a text; `ends` pairs the end of each piece in English and in the translation."""
    text, ends, num_read = "", [], 0
    for piece in pieces:
        text += translations.get(piece.text, piece.text) + piece.gap
        num_read += len(piece.text) + len(piece.gap)
        ends.append((num_read, len(text)))
    return Translated(text=text, ends=tuple(ends))
