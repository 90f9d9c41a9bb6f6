"""Paraphrases by two translations: into another language and back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sweeper.data.translate.examples import ExampleTranslator, translations
from sweeper.data.translate.interface import Translator


@dataclass(frozen=True, kw_only=True)
class RoundTrip:
    """Translators from the language of a text into another one, the pivot, and back."""

    language: str
    pivot: str
    there: Translator
    back: Translator

    def paraphrases(self, texts: Sequence[str]) -> Mapping[str, str]:
        """Text -> its paraphrase; the text itself if a translation is empty."""
        there = translations(self.there, list(dict.fromkeys(texts)), self.pivot)
        back = translations(self.back, [translated.text for translated in there.values()], self.language)
        return {text: back[translated.text].text.strip() or text for text, translated in there.items()}


@dataclass(frozen=True, kw_only=True)
class Translators:
    """The translators that the data of a spec need."""

    examples: ExampleTranslator | None = None
    """For the translation of training examples."""
    round_trip: RoundTrip | None = None
    """For paraphrases in the language of the data."""


NO_TRANSLATORS = Translators()
