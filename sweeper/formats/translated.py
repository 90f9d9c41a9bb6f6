"""The texts of an example that a translator is given, and the example with their translations in it."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from sweeper.formats.interface import Example
from sweeper.formats.span import NOWHERE
from sweeper.scoring import mlqa
from sweeper.tasks.spec import FormatName

UNSPACED = ("ja", "km", "lo", "my", "th", "zh")
"""Languages that part no words by spaces, so that an answer may begin and end anywhere."""


@dataclass(frozen=True, kw_only=True)
class Said:
    """A text in another language, translated piece by piece."""

    text: str
    ends: tuple[tuple[int, int], ...]
    """Where each piece ends: in the English text, and in this one."""

    def place_of(self, place: int) -> float:
        """About where a character of the English text has come to lie."""
        here, there = zip((0, 0), *self.ends, strict=True)
        return float(np.interp(place, here, there))


class Translatable(Protocol):
    """How the examples of one format are translated."""

    def texts(self, example: Example) -> list[str]:
        """What is to be translated."""
        ...

    def translated(self, example: Example, said: Sequence[Said], language: str) -> Example | None:
        """The example with the translations of its texts, its label unchanged; None if its answer is lost in them."""
        ...


class TranslatedPair:
    """Classification: one text, or two."""

    def texts(self, example: Example) -> list[str]:
        """The text, and the second one of a pair."""
        return [example.fields[name] for name in ("text", "pair") if example.fields[name] is not None]

    def translated(self, example: Example, said: Sequence[Said], language: str) -> Example:
        """Its texts exchanged."""
        pair = said[1].text if len(said) > 1 else None
        return replace(example, fields={**example.fields, "text": said[0].text, "pair": pair})


class TranslatedChoices:
    """Multiple choice: a prompt and its options."""

    def texts(self, example: Example) -> list[str]:
        """The prompt, then the options."""
        return [example.fields["prompt"], *example.fields["choices"]]

    def translated(self, example: Example, said: Sequence[Said], language: str) -> Example:
        """Its texts exchanged; the options keep their order, and so the label its meaning."""
        prompt, *choices = (one.text for one in said)
        return replace(example, fields={**example.fields, "prompt": prompt, "choices": choices})


class TranslatedSpan:
    """Span answering: the answer is translated beside its context, and looked for in the context's translation."""

    def texts(self, example: Example) -> list[str]:
        """Context, question, and the first answer, which is the one that is learned."""
        return [example.fields["context"], example.fields["question"], *example.fields["answers"][:1]]

    def translated(self, example: Example, said: Sequence[Said], language: str) -> Example | None:
        """With the answer as the context's translation has it; None if it is not there. Without one it stays so."""
        context, question, *answers = said
        fields = {**example.fields, "context": context.text, "question": question.text}
        if not answers:
            return replace(example, fields=fields)
        if example.fields["start"] == NOWHERE:
            return None
        place = find(context.text, answers[0].text, language, near=context.place_of(example.fields["start"]))
        if place is None:
            return None
        start, end = place
        return replace(example, fields={**fields, "answers": [context.text[start:end]], "start": start})


TRANSLATED: Mapping[FormatName, Translatable] = {
    "classify": TranslatedPair(),
    "choose": TranslatedChoices(),
    "span": TranslatedSpan(),
}


def find(context: str, answer: str, language: str, *, near: float) -> tuple[int, int] | None:
    """Where an answer begins and ends in a context, of several places the one nearest to `near`; None if nowhere.

    Looked for as it is, then in lower case without punctuation, then without an article in front: the steps of the
    scorers' normalisation. It begins and ends with whole words, but for languages that do not part them.
    """
    anywhere = language in UNSPACED
    folded, places = _folded(context)
    wanted = _folded(answer)[0].strip()
    found = [(start, start + len(answer.strip())) for start in _starts(context, answer.strip(), anywhere=anywhere)]
    for text in (wanted, _without_article(wanted, language)):
        starts = [] if found else _starts(folded, text, anywhere=anywhere)
        found += [(places[start], places[start + len(text) - 1] + 1) for start in starts]
    return min(found, key=lambda place: abs(place[0] - near), default=None)


def _starts(text: str, wanted: str, *, anywhere: bool) -> list[int]:
    """Every place of the wanted text, or those alone where it cuts no word."""
    if not wanted:
        return []
    starts = (start for start in range(len(text)) if text.startswith(wanted, start))
    return [start for start in starts if anywhere or not (_inside(text, start) or _inside(text, start + len(wanted)))]


def _inside(text: str, place: int) -> bool:
    """Whether a place is inside a word."""
    return 0 < place < len(text) and _is_letter(text[place - 1]) and _is_letter(text[place])


def _is_letter(char: str) -> bool:
    """Letters, digits, and the marks that belong to them."""
    return unicodedata.category(char)[0] in "LMN"


def _folded(text: str) -> tuple[str, list[int]]:
    """A text in lower case, a space for whatever stands between its words; and each character's place in the text."""
    chars: list[str] = []
    places: list[int] = []
    for place, char in enumerate(text):
        kept = char.casefold() if _is_letter(char) else " "
        if kept != " " or (chars and chars[-1] != " "):
            chars += kept
            places += [place] * len(kept)
    return "".join(chars), places


def _without_article(text: str, language: str) -> str:
    """A folded text without its first word, if that is one which MLQA's scorer counts for nothing."""
    first, _, rest = text.partition(" ")
    if not rest or language not in mlqa.LANGUAGES:
        return text
    return text if mlqa.normaliser(language)(first) else rest
