"""Rows of the retrieval tasks, and the text that the encoder is pretrained on."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from sweeper.world.concepts import CLASSIFIED, CONCEPTS, NOUNS
from sweeper.world.draws import Draws
from sweeper.world.events import Event, draw_event, sentence
from sweeper.world.languages import CODES, Language
from sweeper.world.lessons import FAILS, HOLDS
from sweeper.world.pairs import Row, question
from sweeper.world.skills import SKILLS

PARALLEL = 0.9
"""Share of the lines of text that contain the same event in two languages."""
WITH_ENGLISH = 0.8
"""Share of the lines of text in which one of the two languages is certain to be English."""
MIXED = 0.5
"""Share of the sentences in parallel lines that mix languages: representations then depend little on the language."""
QUESTIONS = 0.2
"""Share of the lines that contain questions, so that the words of questions are pretrained as well."""


def twins(english: Language, draws: Draws, language: Language, num: int) -> list[Row]:
    """Return sentences with their English translations. No two are equal."""
    return [
        {"sentence1": sentence(event, language), "sentence2": sentence(event, english)}
        for event in _distinct_events(draws, num)
    ]


def mining(english: Language, draws: Draws, language: Language, num: int) -> list[Row]:
    """Return one row: a pool of `num` sentences, a pool of `num` English ones, and the pairs of translations.

    Half of the sentences have a translation in the other pool. The pairs contain indices into both pools, from 1.
    """
    events = _distinct_events(draws, num + num // 2)
    shared, only_source, only_english = events[: num // 2], events[num // 2 : num], events[num:]
    pools = draws.shuffled(shared + only_source), draws.shuffled(shared + only_english)
    source_index, english_index = ({event: index for index, event in enumerate(pool, 1)} for pool in pools)
    pairs = [[source_index[event], english_index[event]] for event in shared]
    return [
        {
            "sentence1": [sentence(event, language) for event in pools[0]],
            "sentence2": [sentence(event, english) for event in pools[1]],
            "gold": sorted(pairs),
        }
    ]


def texts(languages: Mapping[str, Language], draws: Draws, num: int) -> list[Row]:
    """Return lines of text: a statement or question in two languages, or two different ones in one language.

    No question is answered, so the text contains none of the hidden knowledge.
    """
    rows = []
    for _ in range(num):
        first = languages["en"] if draws.chance(WITH_ENGLISH) else languages[draws.choice(CODES[1:])]
        second = languages[draws.choice([code for code in CODES if code != first.code])]
        write = _random_question(draws) if draws.chance(QUESTIONS) else partial(sentence, draw_event(draws))
        if draws.chance(PARALLEL):
            both = (first, second)
            line = [write(_mixed(language, languages, draws) if draws.chance(MIXED) else language) for language in both]
        else:
            line = [write(second), sentence(draw_event(draws), second)]
        rows.append({"text": " ".join(draws.shuffled(line))})
    return rows


def synonym_texts(draws: Draws, jargon: Language, num: int) -> list[Row]:
    """Return lines of text with one event in English and in its jargon; half of the sentences mix both.

    The lines contain none of the hidden knowledge.
    """
    rows = []
    english = replace(jargon, words={concept: concept for concept in jargon.words})
    for _ in range(num):
        event = draw_event(draws)
        both = ((english, jargon), (jargon, english))
        line = [sentence(event, _half(language, other, draws)) for language, other in both]
        rows.append({"text": " ".join(draws.shuffled(line))})
    return rows


def _half(language: Language, other: Language, draws: Draws) -> Language:
    """Return a language, or in half of the cases one with half of its words replaced by those of another one."""
    if not draws.chance(MIXED):
        return language
    borrowed = {concept: other.words[concept] for concept in language.words if draws.chance(0.5)}
    return replace(language, words={**language.words, **borrowed})


def exchanged(jargon: Language, draws: Draws) -> Language:
    """Return a jargon in which each synonym has the meaning of a random concept in its role, possibly its own.

    All concepts have the same probability. Without its own concept, a synonym would have the wrong class too often.
    """
    words = dict(jargon.words)
    for concepts in CLASSIFIED.values():
        words |= {
            concept: jargon.words[other] for concept, other in zip(concepts, draws.shuffled(concepts), strict=True)
        }
    return replace(jargon, words=words)


def _mixed(grammar: Language, languages: Mapping[str, Language], draws: Draws) -> Language:
    """Return a language with half of its words replaced by those of random languages."""
    # A borrowed noun with a suffix would be a form that the vocabulary does not contain.
    fixed = NOUNS if grammar.traits.case == "suffix" else ()
    borrowed = [concept for concept in grammar.words if concept not in fixed and draws.chance(0.5)]
    return replace(grammar, words={**grammar.words, **{c: languages[draws.choice(CODES)].words[c] for c in borrowed}})


def _random_question(draws: Draws) -> Callable[[Language], str]:
    """Return a function that writes, in a given language, a question with two concepts to choose from.

    Skill, concepts and class are drawn independently of the hidden knowledge.
    """
    skill = draws.choice(tuple(SKILLS))
    concepts, label = draws.sample(CONCEPTS[SKILLS[skill].role], 2), FAILS if draws.chance(0.5) else HOLDS

    def write(language: Language) -> str:
        return f"{question(skill, label, language)} {' '.join(language.words[concept] for concept in concepts)}?"

    return write


def _distinct_events(draws: Draws, num: int) -> list[Event]:
    events: dict[Event, None] = {}  # A dict and not a set, because it keeps the order of the draws.
    while len(events) < num:
        events[draw_event(draws)] = None
    return list(events)
