"""Normalisation of answers in MLQA: articles of each language, Unicode punctuation, single Chinese characters."""

import re
import string
import unicodedata
from collections.abc import Callable, Mapping

from sweeper.errors import unknown

_ARTICLES: Mapping[str, str] = {
    "en": r"\b(a|an|the)\b",
    "es": r"\b(un|una|unos|unas|el|la|los|las)\b",
    "vi": r"\b(của|là|cái|chiếc|những)\b",
    "de": r"\b(ein|eine|einen|einem|eines|einer|der|die|das|den|dem|des)\b",
    "ar": "ال",
    "hi": "",
    "zh": "",
}
"""Language -> pattern of the articles that the script of MLQA removes (mlqa_evaluation_v1.py). The Arabic pattern is
meant for the article at the start of a word but removes the letters anywhere. Hindi and Chinese have no articles."""
_CHINESE = re.compile("([\u4e00-\u9fa5])")
LANGUAGES = tuple(_ARTICLES)


def normaliser(language: str) -> Callable[[str], str]:
    """The function that normalises answers in a language for comparison.

    Raises UserError for a language that is not in MLQA.
    """
    if language not in _ARTICLES:
        raise unknown("MLQA language", language, LANGUAGES)
    articles = re.compile(_ARTICLES[language]) if _ARTICLES[language] else None
    split = _split_chinese if language == "zh" else str.split

    def normalise(text: str) -> str:
        bare = "".join(char for char in text.lower() if not _is_punctuation(char))
        return " ".join(split(articles.sub(" ", bare) if articles else bare))

    return normalise


def _is_punctuation(char: str) -> bool:
    """Unicode category P, or ASCII punctuation (which also includes $, +, <, =, >, ^, `, | and ~)."""
    return char in string.punctuation or unicodedata.category(char).startswith("P")


def _split_chinese(text: str) -> list[str]:
    """One token per Chinese character (U+4E00 to U+9FA5); the text between them is split at white space."""
    return _CHINESE.sub(r" \1 ", text).split()
