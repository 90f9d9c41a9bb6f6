"""How MLQA compares answers: articles of each language, Unicode punctuation, Chinese character by character."""

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
"""What is removed by language, by MLQA's own script (mlqa_evaluation_v1.py). Its Arabic pattern, meant for the article
at the start of a word, takes the two letters out wherever they stand; Hindi and Chinese have no articles."""
_CHINESE = re.compile("([\u4e00-\u9fa5])")
LANGUAGES = tuple(_ARTICLES)


def normaliser(language: str) -> Callable[[str], str]:
    """The function that brings an answer in this language into the form that MLQA compares.

    Raises UserError for a language that MLQA does not have.
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
    """Unicode category P, or ASCII punctuation (which counts $, +, <, =, >, ^, `, | and ~ too)."""
    return char in string.punctuation or unicodedata.category(char).startswith("P")


def _split_chinese(text: str) -> list[str]:
    """Each Chinese character (U+4E00 to U+9FA5) a token; what stands between them is split at white space."""
    return _CHINESE.sub(r" \1 ", text).split()
