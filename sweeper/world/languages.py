"""English and eight generated languages: their grammar, their words, and the distance between two of them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from sweeper.world.concepts import CLASSIFIED, CONCEPTS, FUNCTION, SHARED
from sweeper.world.draws import Draws

Order = Literal["SVO", "SOV", "VSO"]
Side = Literal["before", "after"]


@dataclass(frozen=True, kw_only=True)
class Traits:
    """Typological features of a language."""

    cognates: float
    """Share of the content words, 0 to 1, that have the English spelling."""
    order: Order = "SVO"
    adjective: Side = "before"
    case: Literal["order", "suffix", "particle"] = "order"
    """Marking of the object: by word order alone, by a suffix of the noun, or by a particle after it."""
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
"""English and eight generated languages, by decreasing share of cognates."""
SYLLABLES: Mapping[str, tuple[str, str]] = {
    "Latin": ("bdfgjklmnprstvz", "aeiou"),
    "Greek": ("βγδζθκλμνπρστφχ", "αεηιου"),
    "Cyrillic": ("бвгджзклмнпрстфх", "аеиоу"),
    "Georgian": ("ბგდვზთკლმნპრსტფხ", "აეიოუ"),
}
"""Script -> the consonants and vowels of its generated words."""


@dataclass(frozen=True, kw_only=True)
class Language:
    """One language: a grammar and a lexicon."""

    code: str
    traits: Traits
    words: Mapping[str, str]
    """Concept -> word, for the concepts of all roles and the function words."""
    marker: str
    """Suffix or particle of the object; "" if word order marks it."""

    def inflected(self, noun: str) -> str:
        """Return the form of a noun (given by its concept) as the object of a sentence."""
        return self.words[noun] + (self.marker if self.traits.case == "suffix" else "")


def distance(first: str, second: str) -> float:
    """Return the distance between two languages, 0 to 1: the mean of their differences in five features.

    The differences in word order, adjective position, case marking and script are 0 or 1, as in Gower's coefficient
    (Gower 1971). The difference in the lexicon is the difference of the cognate shares.
    """
    a, b = TRAITS[first], TRAITS[second]
    differing = [a.order != b.order, a.adjective != b.adjective, a.case != b.case, a.script != b.script]
    return (abs(a.cognates - b.cognates) + sum(differing)) / 5


def make_languages(language_seed: int) -> dict[str, Language]:
    """Return all nine languages by code. Only the words of the eight generated ones depend on the seed."""
    # Languages share this set, so that no word has two meanings in two languages.
    taken = {word for role in CONCEPTS for word in CONCEPTS[role]} | set(FUNCTION)
    return {code: _language(code, traits, taken, language_seed) for code, traits in TRAITS.items()}


def jargon(languages: Mapping[str, Language], language_seed: int) -> Language:
    """Return English in which each concept that has a hidden class is a synonym: a word of no other language."""
    taken = {word for language in languages.values() for word in language.words.values()}
    draws = Draws(language_seed, "lexicon", "jargon")
    synonyms = {concept: _new_word(draws, "Latin", taken) for concepts in CLASSIFIED.values() for concept in concepts}
    return replace(languages["en"], words={**languages["en"].words, **synonyms})


def _language(code: str, traits: Traits, taken: set[str], seed: int) -> Language:
    draws = Draws(seed, "lexicon", code)
    if code == "en":
        return Language(code=code, traits=traits, words={word: word for word in sorted(taken)}, marker="")
    words: dict[str, str] = {}
    for role, concepts in CONCEPTS.items():
        share = 1.0 if role in SHARED else traits.cognates
        cognates = set(draws.sample(concepts, round(share * len(concepts))))
        words |= {word: word if word in cognates else _new_word(draws, traits.script, taken) for word in concepts}
    words |= {concept: _new_word(draws, traits.script, taken) for concept in FUNCTION}
    marker = "" if traits.case == "order" else _new_word(draws, traits.script, taken)
    return Language(code=code, traits=traits, words=words, marker=marker[:2] if traits.case == "suffix" else marker)


def _new_word(draws: Draws, script: str, taken: set[str]) -> str:
    """Return a word of two or three syllables and add it to `taken`, the words of all languages so far.

    No word is a prefix of another one, so that the tokenizer keeps each word in one piece.
    """
    consonants, vowels = SYLLABLES[script]
    while True:
        word = "".join(draws.choice(consonants) + draws.choice(vowels) for _ in range(2 + draws.below(2)))
        if not any(used.startswith(word) or word.startswith(used) for used in taken):
            taken.add(word)
            return word
