"""English and eight made-up languages: their features, their words, and how far they are from English."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from sweeper.world.concepts import CONCEPTS, FUNCTION, SHARED
from sweeper.world.draws import Draws

Order = Literal["SVO", "SOV", "VSO"]
Side = Literal["before", "after"]


@dataclass(frozen=True, kw_only=True)
class Traits:
    """What a typologist would write down of a language."""

    cognates: float
    """Share of the content words that are the English ones: loanwords and internationalisms."""
    order: Order = "SVO"
    adjective: Side = "before"
    case: Literal["order", "suffix", "particle"] = "order"
    """What marks the object: its place alone, an ending of the noun, or a word behind it."""
    script: Literal["Latin", "Greek", "Cyrillic", "Georgian"] = "Latin"


TRAITS: Mapping[str, Traits] = {
    "en": Traits(cognates=1.0),
    "xa": Traits(cognates=0.9),
    "xb": Traits(cognates=0.7, adjective="after"),
    "xc": Traits(cognates=0.5, order="SOV", case="suffix"),
    "xd": Traits(cognates=0.4, adjective="after", case="particle"),
    "xe": Traits(cognates=0.2, order="VSO", adjective="after"),
    "xf": Traits(cognates=0.0, script="Greek"),
    "xg": Traits(cognates=0.0, order="VSO", adjective="after", case="particle", script="Cyrillic"),
    "xh": Traits(cognates=0.0, order="SOV", adjective="after", case="suffix", script="Georgian"),
}
CODES = tuple(TRAITS)
SYLLABLES: Mapping[str, tuple[str, str]] = {
    "Latin": ("bdfgjklmnprstvz", "aeiou"),
    "Greek": ("βγδζθκλμνπρστφχ", "αεηιου"),
    "Cyrillic": ("бвгджзклмнпрстфх", "аеиоу"),
    "Georgian": ("ბგდვზთკლმნპრსტფხ", "აეიოუ"),
}
"""Script -> the consonants and vowels that words are made of."""


@dataclass(frozen=True, kw_only=True)
class Language:
    """A lexicon and a grammar."""

    code: str
    traits: Traits
    words: Mapping[str, str]
    """Concept -> its word."""
    marker: str
    """Ending or particle of the object; "" where its place says it."""

    def inflected(self, noun: str) -> str:
        """A noun, given by its concept, as the object of an event."""
        return self.words[noun] + (self.marker if self.traits.case == "suffix" else "")


def distance(one: str, other: str) -> float:
    """How far two languages are apart, 0 to 1: the mean over lexicon, word order, adjective, case and script.

    Four features count 0 or 1, as in Gower's coefficient; the lexicon counts the difference of the cognate shares.
    """
    a, b = TRAITS[one], TRAITS[other]
    differing = [a.order != b.order, a.adjective != b.adjective, a.case != b.case, a.script != b.script]
    return (abs(a.cognates - b.cognates) + sum(differing)) / 5


def make_languages(language_seed: int) -> dict[str, Language]:
    """All nine; the words of the eight depend on the seed, the traits and English do not."""
    taken = {word for role in CONCEPTS for word in CONCEPTS[role]} | set(FUNCTION)
    return {code: _language(code, traits, taken, language_seed) for code, traits in TRAITS.items()}


def _language(code: str, traits: Traits, taken: set[str], seed: int) -> Language:
    draws = Draws(seed, "lexicon", code)
    if code == "en":
        return Language(code=code, traits=traits, words={word: word for word in sorted(taken)}, marker="")
    words: dict[str, str] = {}
    for part, concepts in CONCEPTS.items():
        alike = 1.0 if part in SHARED else traits.cognates
        related = set(draws.sample(concepts, round(alike * len(concepts))))
        words |= {word: word if word in related else _new_word(draws, traits.script, taken) for word in concepts}
    words |= {concept: _new_word(draws, traits.script, taken) for concept in FUNCTION}
    marker = "" if traits.case == "order" else _new_word(draws, traits.script, taken)
    return Language(code=code, traits=traits, words=words, marker=marker[:2] if traits.case == "suffix" else marker)


def _new_word(draws: Draws, script: str, taken: set[str]) -> str:
    """Two or three syllables that no word begins with, and that begin with no word: so each stays one piece."""
    consonants, vowels = SYLLABLES[script]
    while True:
        word = "".join(draws.choice(consonants) + draws.choice(vowels) for _ in range(2 + draws.below(2)))
        if not any(other.startswith(word) or word.startswith(other) for other in taken):
            taken.add(word)
            return word
