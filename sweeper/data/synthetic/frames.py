"""Little events, and how English and two made-up languages say them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from sweeper.data.synthetic.inventory import INVENTORY

ASKS: Mapping[str, str] = {"agent": "who", "number": "how many", "patient": "what", "place": "where"}
"""Role -> the word that asks for it, in its place of the sentence."""
FUNCTION_WORDS = ("at", "never", "then", "again", *ASKS.values())
SHARED = ("agent", "place")
"""Roles whose words, names, are spelled alike in all languages."""


@dataclass(frozen=True, kw_only=True)
class Frame:
    """One event, as the concepts that fill its roles. "" = not said."""

    agent: str = ""
    action: str = ""
    number: str = ""
    patient: str = ""
    place: str = ""
    negated: bool = False


SILENT = Frame()


@dataclass(frozen=True, kw_only=True)
class Language:
    """A lexicon and a word order."""

    code: str
    order: tuple[str, ...]
    """Roles, with `at` (marks the place) and `never` among them."""
    words: Mapping[str, str]
    """Concept -> its words, separated by blanks."""


@dataclass(frozen=True, kw_only=True)
class Word:
    """One token of a sentence and the part it plays."""

    text: str
    role: str


ORDERS: Mapping[str, tuple[str, ...]] = {
    "en": ("agent", "never", "action", "number", "patient", "at", "place"),
    "xa": ("action", "never", "agent", "patient", "number", "at", "place"),
    "xb": ("agent", "place", "at", "patient", "number", "never", "action"),
}
CODES = tuple(ORDERS)
SYLLABLES: Mapping[str, tuple[str, str]] = {"xa": ("bdgkmnprtvz", "aeiou"), "xb": ("βγδζθκλμνπρστφχ", "αεηιου")}
"""Consonants and vowels that the words of a made-up language consist of."""


def english() -> Language:
    """The language that everything is trained in; the same for every seed."""
    return make_languages(0)["en"]


def make_languages(seed: int) -> dict[str, Language]:
    """English and the two made-up languages, whose words depend on the seed."""
    return {code: Language(code=code, order=ORDERS[code], words=_lexicon(code, seed)) for code in CODES}


def _lexicon(code: str, seed: int) -> dict[str, str]:
    concepts = [concept for role in INVENTORY for concept in INVENTORY[role]] + list(FUNCTION_WORDS)
    if code == "en":
        return {concept: "in" if concept == "at" else concept for concept in concepts}
    names = {name for role in SHARED for name in INVENTORY[role]}
    rng = Random(f"{seed}/lexicon/{code}")
    made: dict[str, None] = {}
    while len(made) < len(concepts):
        made[_made_up(rng, *SYLLABLES[code])] = None
    return {concept: concept if concept in names else word for concept, word in zip(concepts, made, strict=True)}


def _made_up(rng: Random, consonants: str, vowels: str) -> str:
    return "".join(rng.choice(consonants) + rng.choice(vowels) for _ in range(rng.choice((2, 2, 3))))


def draw(rng: Random, num: int = 1) -> list[Frame]:
    """Frames of which no two share a concept: at most 8, one for each number."""
    columns = {role: rng.sample(INVENTORY[role], num) for role in INVENTORY}
    return [filled(SILENT, {role: columns[role][i] for role in INVENTORY}) for i in range(num)]


def filled(frame: Frame, fillers: Mapping[str, str]) -> Frame:
    """The same event with these roles filled so."""
    changes: dict[str, Any] = dict(fillers)
    return replace(frame, **changes)


def other(rng: Random, frame: Frame, role: str) -> Frame:
    """The same event with another concept in one role."""
    return filled(frame, {role: rng.choice([c for c in INVENTORY[role] if c != getattr(frame, role)])})


def say(frame: Frame, language: Language, *, fronted: bool = False, asked: str = "") -> list[Word]:
    """The event as words; with the place first if `fronted`, or as a question about the role `asked`."""
    order = language.order
    if fronted:
        order = tuple(sorted(order, key=lambda part: part not in ("at", "place")))
    fillers = {role: getattr(frame, role) for role in INVENTORY}
    fillers["at"] = "at" if frame.place and asked != "place" else ""
    fillers["never"] = "never" if frame.negated else ""
    if asked:
        fillers[asked] = ASKS[asked]
    spoken = [(part, language.words[fillers[part]]) for part in order if fillers[part]]
    return [Word(text=text, role=part) for part, words in spoken for text in words.split()]


def write(words: list[Word], stop: str = ".") -> str:
    """A sentence as running text, its stop attached."""
    return " ".join(word.text for word in words) + stop


def sentence(frame: Frame, language: Language, *, fronted: bool = False) -> str:
    """The event as running text."""
    return write(say(frame, language, fronted=fronted))
