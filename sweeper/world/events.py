"""Small events (an agent, a verb, an object, a place, a time) and their sentences in any of the languages."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sweeper.world.concepts import CONCEPTS
from sweeper.world.draws import Draws
from sweeper.world.languages import Language

OPTIONAL_ROLES = ("number", "place", "time")


@dataclass(frozen=True, kw_only=True)
class Event:
    """The concept in each role of one event; "" if the event has none in that role."""

    agent: str = ""
    verb: str = ""
    number: str = ""
    adjective: str = ""
    noun: str = ""
    place: str = ""
    time: str = ""
    denied: bool = False
    """Whether its sentence is negated."""

    def with_(self, **concepts: Any) -> "Event":
        """Return the event with other concepts in these roles."""
        return replace(self, **concepts)


@dataclass(frozen=True, kw_only=True)
class Word:
    """One token of a sentence and its role."""

    text: str
    role: str
    """A role of `CONCEPTS`, or "in", "not", "marker" (of the object) or "stop"."""


def draw_event(draws: Draws, allowed: Mapping[str, tuple[str, ...]] = CONCEPTS) -> Event:
    """Return a random event; `allowed` limits the concepts of the roles that it contains.

    Number, place and time are each left out of two events in five. One event in eight is denied.
    """
    event = Event().with_(**{role: draws.choice(allowed.get(role, CONCEPTS[role])) for role in CONCEPTS})
    omitted = {role: "" for role in OPTIONAL_ROLES if draws.chance(0.4)}
    return event.with_(**omitted, denied=draws.chance(0.125))


def words_of(event: Event, language: Language) -> list[Word]:
    """Return the words of an event's sentence, in the word order of the language, without the stop."""
    traits, lexicon = language.traits, language.words
    words = {role: _words(lexicon, getattr(event, role), role) for role in CONCEPTS}
    noun = [Word(text=language.inflected(event.noun), role="noun")]
    described = [*words["adjective"], *noun] if traits.adjective == "before" else [*noun, *words["adjective"]]
    object_ = [*words["number"], *described]
    if traits.case == "particle":
        object_.append(Word(text=language.marker, role="marker"))
    verb = [*_words(lexicon, "not" if event.denied else "", "not"), *words["verb"]]
    in_ = _words(lexicon, "in" if event.place else "", "in")
    # Verb-final languages have postpositions, as most natural ones do.
    place = [*words["place"], *in_] if traits.order == "SOV" else [*in_, *words["place"]]
    clause = {"S": words["agent"], "V": verb, "O": object_}
    return [*(word for letter in traits.order for word in clause[letter]), *place, *words["time"]]


def _words(lexicon: Mapping[str, str], concept: str, role: str) -> list[Word]:
    return [Word(text=lexicon[concept], role=role)] if concept else []


def sentence(event: Event, language: Language) -> str:
    """Return an event as text: its words with spaces between them and a full stop."""
    return " ".join(word.text for word in words_of(event, language)) + "."
