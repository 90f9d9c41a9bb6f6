"""The vocabulary of the world's tokenizer, and whether an encoder has it. Loads no library."""

import json
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path

from sweeper.world.concepts import NOUNS
from sweeper.world.languages import Language

TOKENIZER = "tokenizer.json"
SHIPPED = "encoder.safetensors"
"""File of this package with the pretrained weights as float16, written by `make encoder`."""
SPECIAL_TOKENS = ("<s>", "<pad>", "</s>", "<unk>")
"""Tokens 0 to 3, in the order of XLM-R. `<mask>` is the last token, as it is there."""
PUNCTUATION = (".", "?")


def pieces_of(languages: Mapping[str, Language]) -> list[str]:
    """Return the pieces of the vocabulary in order: each word is one piece, and letters spell all other words."""
    words = {word for language in languages.values() for word in language.words.values()}
    words |= {language.inflected(noun) for language in languages.values() for noun in NOUNS}
    words |= {language.marker for language in languages.values() if language.traits.case == "particle"}
    letters = {letter for word in words for letter in word}
    spelling = letters | {f"##{letter}" for letter in letters}
    return [*SPECIAL_TOKENS, *sorted(words | spelling | set(PUNCTUATION)), "<mask>"]


def with_words(pieces: Sequence[str], language: Language) -> list[str]:
    """Return the pieces, and before `<mask>` the words of a language that they do not contain."""
    return [*pieces[:-1], *sorted(set(language.words.values()) - set(pieces)), pieces[-1]]


def ships(language_seed: int) -> bool:
    """Return whether the package has a pretrained encoder for the languages of this seed."""
    return language_seed == 0 and resources.files("sweeper.world").joinpath(SHIPPED).is_file()


def has_other_languages(folder: Path, languages: Mapping[str, Language]) -> bool:
    """Return whether a folder has an encoder of a world with other languages.

    Its vocabulary then contains all English words of the world, but not all words of `languages`. The result is False
    if the tokenizer cannot be read: the code that loads the encoder reports that.
    """
    try:
        pieces = set(json.loads((folder / TOKENIZER).read_text(encoding="utf-8"))["model"]["vocab"])
    except (OSError, ValueError, LookupError, TypeError):
        return False
    return pieces >= set(languages["en"].words) and not pieces >= set(pieces_of(languages))
