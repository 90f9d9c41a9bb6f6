"""Little events: who did what to which things, where and when; and how a language says them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sweeper.world.concepts import CONCEPTS
from sweeper.world.draws import Draws
from sweeper.world.languages import Language


@dataclass(frozen=True, kw_only=True)
class Event:
    """One event, as the concepts that fill its parts. "" = not said."""

    agent: str = ""
    verb: str = ""
    number: str = ""
    adjective: str = ""
    noun: str = ""
    place: str = ""
    time: str = ""
    denied: bool = False

    def with_(self, **fillers: Any) -> "Event":
        """The same event with these parts filled so."""
        return replace(self, **fillers)


@dataclass(frozen=True, kw_only=True)
class Word:
    """One token of a sentence and the part it plays."""

    text: str
    role: str


def draw(draws: Draws, allowed: Mapping[str, tuple[str, ...]] = CONCEPTS) -> Event:
    """An event, its concepts from `allowed` where that names a part; number, place and time in three of five."""
    event = Event().with_(**{part: draws.choice(allowed.get(part, CONCEPTS[part])) for part in CONCEPTS})
    silent = {part: "" for part in ("number", "place", "time") if draws.chance(0.4)}
    return event.with_(**silent, denied=draws.chance(0.125))


def say(event: Event, language: Language) -> list[Word]:
    """The event as words, in the order of the language."""
    traits, words = language.traits, language.words
    parts = {role: _said(words, getattr(event, role), role) for role in CONCEPTS}
    noun = [Word(text=language.inflected(event.noun), role="noun")]
    described = [*parts["adjective"], *noun] if traits.adjective == "before" else [*noun, *parts["adjective"]]
    thing = [*parts["number"], *described]
    if traits.case == "particle":
        thing.append(Word(text=language.marker, role="marker"))
    verb = [*_said(words, "not" if event.denied else "", "not"), *parts["verb"]]
    at = _said(words, "in" if event.place else "", "in")
    place = [*parts["place"], *at] if traits.order == "SOV" else [*at, *parts["place"]]
    clause = {"S": parts["agent"], "V": verb, "O": thing}
    return [*(word for part in traits.order for word in clause[part]), *place, *parts["time"]]


def _said(words: Mapping[str, str], concept: str, role: str) -> list[Word]:
    return [Word(text=words[concept], role=role)] if concept else []


def write(words: list[Word], stop: str = ".") -> str:
    """A sentence as running text, its stop attached."""
    return " ".join(word.text for word in words) + stop


def sentence(event: Event, language: Language) -> str:
    """The event as running text."""
    return write(say(event, language))
