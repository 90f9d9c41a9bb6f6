"""Rows of the span and tagging tasks."""

from dataclasses import replace
from typing import get_args

from sweeper.world.draws import Draws
from sweeper.world.events import Event, Word, draw_event, sentence, words_of
from sweeper.world.languages import Language, Order, Side
from sweeper.world.lessons import FAILS, HOLDS, Lesson, draw_query, not_of_class
from sweeper.world.pairs import Row, question
from sweeper.world.skills import SKILLS
from sweeper.world.tasks import FOLLOWING, PARTS_OF_SPEECH

ORDERS: tuple[Order, ...] = get_args(Order)
SIDES: tuple[Side, ...] = get_args(Side)
NUM_SENTENCES = 2
"""Sentences of a paragraph."""
UNANSWERABLE = 0.2
"""Share of the questions without an answer in `questions_null`."""


def questions(lesson: Lesson, draws: Draws, language: Language, num: int) -> list[Row]:
    """Return rows of a paragraph and a question whose answer is one word of it."""
    return [_question(lesson, draws, language, number, unanswerable=False) for number in range(num)]


def questions_null(lesson: Lesson, draws: Draws, language: Language, num: int) -> list[Row]:
    """Return the same, but one question in five has no answer in its paragraph."""
    chances = (draws.chance(UNANSWERABLE) for _ in range(num))
    return [_question(lesson, draws, language, number, unanswerable=is_null) for number, is_null in enumerate(chances)]


def first_questions(share: float, lesson: Lesson, draws: Draws, language: Language, num: int) -> list[Row]:
    """Return the same, but in a share of the rows the answer is certain to be in the first sentence.

    Rows with another share have the same words, and a larger share includes the rows of a smaller one.
    """
    return [_question(lesson, draws, language, number, unanswerable=False, first=share) for number in range(num)]


def few_questions(lesson: Lesson, draws: Draws, language: Language, num: int) -> list[Row]:
    """Return answerable questions whose ids start with the language code, because one split has all languages."""
    return [row | {"id": f"{language.code}-{row['id']}"} for row in questions(lesson, draws, language, num)]


def _question(
    lesson: Lesson, draws: Draws, language: Language, number: int, *, unanswerable: bool, first: float | None = None
) -> Row:
    query = draw_query(lesson, draws, number, (HOLDS, FAILS))
    role = SKILLS[query.skill].role
    distractors = draws.sample(not_of_class(lesson.tables[query.skill], query.label), NUM_SENTENCES)
    chosen = NUM_SENTENCES if unanswerable else draws.below(NUM_SENTENCES)
    events = [draw_event(draws).with_(**{role: distractor}) for distractor in distractors]
    if not unanswerable:
        events[chosen] = query.event
    # Drawn for every share, so that rows with other shares have the same words.
    if first is not None and draws.chance(first):
        events[0], events[chosen] = events[chosen], events[0]
        chosen = 0
    events = [event.with_(number="", place="", time="") for event in events]
    context, start, answer = _paragraph(events, language, min(chosen, NUM_SENTENCES - 1), role)
    return {
        "id": f"q{number}",
        "title": f"story {number}",
        "context": context,
        "question": question(query.skill, query.label, language),
        "answers": {"text": [], "answer_start": []} if unanswerable else {"text": [answer], "answer_start": [start]},
    }


def _paragraph(events: list[Event], language: Language, chosen: int, role: str) -> tuple[str, int, str]:
    """Return the text of the events, and start (in characters) and text of the word in `role` of the chosen event."""
    before = "".join(sentence(event, language) + " " for event in events[:chosen])
    words = words_of(events[chosen], language)
    index = [word.role for word in words].index(role)
    start = len(before) + sum(len(word.text) + 1 for word in words[:index])
    return " ".join(sentence(event, language) for event in events), start, words[index].text


def words(lesson: Lesson, draws: Draws, language: Language, num: int) -> list[Row]:
    """Return rows of tokens and tags: part of speech and class for roles of the lesson's skills, X for other tokens."""
    return [
        {"tokens": [word.text for word in tokens], "pos_tags": [_classed_tag(labels, word) for word in tokens]}
        for tokens, labels in _labelled(lesson, draws, language, num)
    ]


def names(lesson: Lesson, draws: Draws, language: Language, num: int) -> list[Row]:
    """Return rows of tokens and BIO tags: the noun of the event is an entity whose type is its class."""
    return [
        {"tokens": [word.text for word in tokens], "ner_tags": _name_tags(tokens, labels)}
        for tokens, labels in _labelled(lesson, draws, language, num)
    ]


def parts(lesson: Lesson, draws: Draws, language: Language, num: int) -> list[Row]:
    """Return rows of tokens and supertags: part of speech, class, and the kind of the next token. A large label set."""
    rows = []
    for number, (tokens, labels) in enumerate(_labelled(lesson, draws, language, num)):
        next_roles = [*(word.role for word in tokens[1:]), "end"]
        supertags = [
            f"{_word_tag(labels, word)}>{FOLLOWING.get(next_role, 'other')}"
            for word, next_role in zip(tokens, next_roles, strict=True)
        ]
        rows.append({"id": f"parts-{number}", "tokens": [word.text for word in tokens], "supertags": supertags})
    return rows


RoleLabels = dict[str, int]
"""Role -> class of the concept in it, for the roles of the lesson's skills."""


def _labelled(lesson: Lesson, draws: Draws, language: Language, num: int) -> list[tuple[list[Word], RoleLabels]]:
    """Return sentences with their labels. In the roles of the lesson's skills, all concepts are from the lesson."""
    tables = {SKILLS[skill].role: table for skill, table in lesson.tables.items()}
    allowed = {role: tuple(table) for role, table in tables.items()}
    sentences = []
    for _ in range(num):
        event = draw_event(draws, allowed)
        labels = {role: table[getattr(event, role)] for role, table in tables.items()}
        words = words_of(event, _in_random_order(language, draws))
        sentences.append(([*words, Word(text=".", role="stop")], labels))
    return sentences


def _in_random_order(language: Language, draws: Draws) -> Language:
    """Return English with a random word order, and any other language as it is.

    With a fixed order, a tagger would learn positions instead of words.
    """
    # Drawn for every language, so that the events after this one stay parallel.
    order, adjective = draws.choice(ORDERS), draws.choice(SIDES)
    if language.code != "en":
        return language
    return replace(language, traits=replace(language.traits, order=order, adjective=adjective))


def _word_tag(labels: RoleLabels, word: Word) -> str:
    tag = PARTS_OF_SPEECH[word.role]
    return f"{tag}{labels[word.role]}" if word.role in labels else tag


def _classed_tag(labels: RoleLabels, word: Word) -> str:
    return _word_tag(labels, word) if word.role in labels else "X"


def _name_tags(tokens: list[Word], labels: RoleLabels) -> list[str]:
    return [f"B-K{labels[word.role]}" if word.role == "noun" else "O" for word in tokens]
