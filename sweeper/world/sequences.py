"""Rows of the span and tagging tasks."""

from dataclasses import replace
from typing import Any, get_args

from sweeper.world.draws import Draws
from sweeper.world.events import Event, Word, draw, say, sentence
from sweeper.world.languages import Language, Order, Side
from sweeper.world.lessons import FAILS, HOLDS, Lesson, ask, not_of_class
from sweeper.world.pairs import question
from sweeper.world.skills import SKILLS
from sweeper.world.tasks import FOLLOWING, PARTS_OF_SPEECH

Row = dict[str, Any]
ORDERS: tuple[Order, ...] = get_args(Order)
SIDES: tuple[Side, ...] = get_args(Side)
NUM_TOLD, UNANSWERABLE = 2, 0.2
"""Events in a paragraph, briefly told, and the share of questions without an answer where there are any."""


def questions(lesson: Lesson, draws: Draws, language: Language, num: int) -> list[Row]:
    """A paragraph of two events and a question that one word of it answers."""
    return [_question(lesson, draws, language, number, unanswerable=False) for number in range(num)]


def questions_null(lesson: Lesson, draws: Draws, language: Language, num: int) -> list[Row]:
    """The same, but one question in five has no answer in the paragraph."""
    chances = (draws.chance(UNANSWERABLE) for _ in range(num))
    return [_question(lesson, draws, language, number, unanswerable=none) for number, none in enumerate(chances)]


def few_questions(lesson: Lesson, draws: Draws, language: Language, num: int) -> list[Row]:
    """Answerable questions whose ids start with the language, as where one split holds all of them."""
    return [row | {"id": f"{language.code}-{row['id']}"} for row in questions(lesson, draws, language, num)]


def _question(lesson: Lesson, draws: Draws, language: Language, number: int, *, unanswerable: bool) -> Row:
    asked = ask(lesson, draws, number, (HOLDS, FAILS))
    part = SKILLS[asked.skill].part
    others = draws.sample(not_of_class(lesson.tables[asked.skill], asked.label), NUM_TOLD)
    chosen = NUM_TOLD if unanswerable else draws.below(NUM_TOLD)
    told = [draw(draws).with_(**{part: other}) for other in others]
    if not unanswerable:
        told[chosen] = asked.event
    told = [event.with_(number="", place="", time="") for event in told]
    context, start, answer = _paragraph(told, language, min(chosen, NUM_TOLD - 1), part)
    return {
        "id": f"q{number}",
        "title": f"story {number}",
        "context": context,
        "question": question(asked.skill, asked.label, language),
        "answers": {"text": [], "answer_start": []} if unanswerable else {"text": [answer], "answer_start": [start]},
    }


def _paragraph(told: list[Event], language: Language, chosen: int, part: str) -> tuple[str, int, str]:
    """The text, the character at which the chosen event's part starts, and its word."""
    before = "".join(sentence(event, language) + " " for event in told[:chosen])
    words = say(told[chosen], language)
    place = [word.role for word in words].index(part)
    start = len(before) + sum(len(word.text) + 1 for word in words[:place])
    return " ".join(sentence(event, language) for event in told), start, words[place].text


def words(lesson: Lesson, draws: Draws, language: Language, num: int) -> list[Row]:
    """Tokens; those whose class the lesson tells with part of speech and class, the others X."""
    return [
        {"tokens": [word.text for word in said], "pos_tags": [_classed_tag(tags, word) for word in said]}
        for said, tags in _tagged(lesson, draws, language, num)
    ]


def names(lesson: Lesson, draws: Draws, language: Language, num: int) -> list[Row]:
    """Tokens with BIO tags of the things that events are about, by class."""
    return [
        {"tokens": [word.text for word in said], "ner_tags": _name_tags(said, tags)}
        for said, tags in _tagged(lesson, draws, language, num)
    ]


def parts(lesson: Lesson, draws: Draws, language: Language, num: int) -> list[Row]:
    """Tokens with their part, class and the part that follows: a large label set, as supertags have."""
    rows = []
    for number, (said, tags) in enumerate(_tagged(lesson, draws, language, num)):
        following = [*(word.role for word in said[1:]), "end"]
        labels = [
            f"{_word_tag(tags, word)}>{FOLLOWING.get(after, 'other')}"
            for word, after in zip(said, following, strict=True)
        ]
        rows.append({"id": f"parts-{number}", "tokens": [word.text for word in said], "supertags": labels})
    return rows


Tags = dict[str, int]
"""Part -> class of the concept that fills it."""


def _tagged(lesson: Lesson, draws: Draws, language: Language, num: int) -> list[tuple[list[Word], Tags]]:
    """Sentences whose concepts, where a skill of the lesson tells their class, are all from the lesson."""
    allowed = {SKILLS[skill].part: tuple(table) for skill, table in lesson.tables.items()}
    found = []
    for _ in range(num):
        event = draw(draws, allowed)
        tags = {SKILLS[skill].part: table[getattr(event, SKILLS[skill].part)] for skill, table in lesson.tables.items()}
        found.append(([*say(event, _headline(language, draws)), Word(text=".", role="stop")], tags))
    return found


def _headline(language: Language, draws: Draws) -> Language:
    """English as in headlines, in any order: or a tagger would learn places instead of words. Others keep theirs."""
    order, adjective = draws.choice(ORDERS), draws.choice(SIDES)
    if language.code != "en":
        return language
    return replace(language, traits=replace(language.traits, order=order, adjective=adjective))


def _word_tag(tags: Tags, word: Word) -> str:
    tag = PARTS_OF_SPEECH[word.role]
    return f"{tag}{tags[word.role]}" if word.role in tags else tag


def _classed_tag(tags: Tags, word: Word) -> str:
    return _word_tag(tags, word) if word.role in tags else "X"


def _name_tags(said: list[Word], tags: Tags) -> list[str]:
    return [f"B-K{tags[word.role]}" if word.role == "noun" else "O" for word in said]
