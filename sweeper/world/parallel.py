"""Rows of the retrieval tasks, and the text that the encoder is pretrained on."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from sweeper.world.concepts import CONCEPTS, NOUNS
from sweeper.world.draws import Draws
from sweeper.world.events import Event, draw, sentence
from sweeper.world.languages import CODES, Language
from sweeper.world.lessons import FAILS, HOLDS
from sweeper.world.pairs import question
from sweeper.world.skills import SKILLS

Row = dict[str, Any]
PARALLEL = 0.9
"""Share of the lines of text that say one event in two languages, one of them English in most."""
WITH_ENGLISH = 0.8
MIXED = 0.5
"""Share of their sentences in which languages are mixed, so that representations carry little of the language."""
QUESTIONS = 0.2
"""Share of the lines that ask instead of tell, so that the words of questions are pretrained as well."""


def twins(home: Language, draws: Draws, language: Language, num: int) -> list[Row]:
    """Sentences and their English translations, no two alike."""
    return [
        {"sentence1": sentence(event, language), "sentence2": sentence(event, home)} for event in _distinct(draws, num)
    ]


def mining(home: Language, draws: Draws, language: Language, num: int) -> list[Row]:
    """One row: a pool of `num` sentences, an English pool, and which belong together, counted from 1; half do not."""
    events = _distinct(draws, num + num // 2)
    shared, only_here, only_there = events[: num // 2], events[num // 2 : num], events[num:]
    source, target = draws.shuffled(shared + only_here), draws.shuffled(shared + only_there)
    here, there = ({event: place for place, event in enumerate(pool, 1)} for pool in (source, target))
    pairs = [[here[event], there[event]] for event in shared]
    return [
        {
            "sentence1": [sentence(event, language) for event in source],
            "sentence2": [sentence(event, home) for event in target],
            "gold": sorted(pairs),
        }
    ]


def texts(languages: Mapping[str, Language], draws: Draws, num: int) -> list[Row]:
    """Lines of text: events or questions, the same one in two languages, or two in one. No question is answered."""
    rows = []
    for _ in range(num):
        first = languages["en"] if draws.chance(WITH_ENGLISH) else languages[draws.choice(CODES[1:])]
        other = languages[draws.choice([code for code in CODES if code != first.code])]
        speak = _asking(draws) if draws.chance(QUESTIONS) else partial(sentence, draw(draws))
        if draws.chance(PARALLEL):
            said = [speak(_mixed(one, languages, draws) if draws.chance(MIXED) else one) for one in (first, other)]
        else:
            said = [speak(other), sentence(draw(draws), other)]
        rows.append({"text": " ".join(draws.shuffled(said))})
    return rows


def _mixed(grammar: Language, languages: Mapping[str, Language], draws: Draws) -> Language:
    """A speaker who borrows half of the words from other languages; nouns with an ending stay their own."""
    own = NOUNS if grammar.traits.case == "suffix" else ()
    borrowed = [concept for concept in grammar.words if concept not in own and draws.chance(0.5)]
    return replace(grammar, words={**grammar.words, **{c: languages[draws.choice(CODES)].words[c] for c in borrowed}})


def _asking(draws: Draws) -> Callable[[Language], str]:
    """What a language makes of a question: whether something holds of two concepts, drawn blindly."""
    skill = draws.choice(tuple(SKILLS))
    concepts, label = draws.sample(CONCEPTS[SKILLS[skill].part], 2), FAILS if draws.chance(0.5) else HOLDS

    def said(language: Language) -> str:
        return f"{question(skill, label, language)} {' '.join(language.words[concept] for concept in concepts)}?"

    return said


def _distinct(draws: Draws, num: int) -> list[Event]:
    events: dict[Event, None] = {}
    while len(events) < num:
        events[draw(draws)] = None
    return list(events)
