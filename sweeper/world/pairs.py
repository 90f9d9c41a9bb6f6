"""Rows of the sentence-pair and multiple-choice tasks."""

from typing import Any

from sweeper.world.draws import Draws
from sweeper.world.events import Event, draw_event, sentence
from sweeper.world.languages import Language
from sweeper.world.lessons import FAILS, HOLDS, OPEN, Lesson, Query, draw_query, not_of_class
from sweeper.world.skills import SKILLS

Row = dict[str, Any]
TURNS = (HOLDS, OPEN, HOLDS, FAILS)
"""Classes that the queries of `rewrites` take in turn: half of its statements hold."""
KEYS = ("A", "B", "C", "D", "E")


def claims(lesson: Lesson, draws: Draws, language: Language, num: int) -> list[Row]:
    """Return rows of a premise and a claim about one of its words; the label is the class of the word."""
    return [_claim(draw_query(lesson, draws, number), language) for number in range(num)]


def _claim(query: Query, language: Language) -> Row:
    premise, hypothesis = sentence(query.event, language), _statement(query, language)
    return {"premise": premise, "hypothesis": hypothesis, "label": query.label}


def rewrites(lesson: Lesson, draws: Draws, language: Language, num: int) -> list[Row]:
    """Return rows of a sentence and a statement about one of its words; the label is 1 if the statement holds."""
    return [_rewrite(draw_query(lesson, draws, number, TURNS), language, number) for number in range(num)]


def _rewrite(query: Query, language: Language, number: int) -> Row:
    texts = {"sentence1": sentence(query.event, language), "sentence2": _statement(query, language)}
    return {"id": number, **texts, "label": int(query.label == HOLDS)}


def _statement(query: Query, language: Language) -> str:
    words = language.words
    return f"{words[query.concept]} {words[SKILLS[query.skill].probe]}."


def endings(lesson: Lesson, draws: Draws, language: Language, num: int) -> list[Row]:
    """Return rows of a scene, a question that is unrelated to it, and four answers, one of them right."""
    rows = []
    for number in range(num):
        query, options, right = _options(lesson, draws, number, 4)
        rows.append(
            {
                "ind": number,
                "ctx_a": sentence(_scene(draws), language),
                "ctx_b": question(query.skill, query.label, language),
                "endings": [_answer(query, option, language) for option in options],
                "label": str(right),
            }
        )
    return rows


def reasons(lesson: Lesson, draws: Draws, language: Language, num: int) -> list[Row]:
    """Return the same kind of rows as `endings`, with the columns of another task."""
    rows = []
    for number in range(num):
        query, options, right = _options(lesson, draws, number, 4)
        answers = {f"answer{index}": _answer(query, option, language) for index, option in enumerate(options)}
        context, asking = sentence(_scene(draws), language), question(query.skill, query.label, language)
        rows.append({"id": f"r{number}", "context": context, "question": asking} | answers | {"label": right})
    return rows


def gaps(lesson: Lesson, draws: Draws, language: Language, num: int) -> list[Row]:
    """Return rows of a question without a scene, and five answers, one of them right."""
    rows = []
    for number in range(num):
        query, options, right = _options(lesson, draws, number, len(KEYS))
        answers = [_answer(query, option, language) for option in options]
        rows.append(
            {
                "id": f"g{number}",
                "question": question(query.skill, query.label, language),
                "choices": {"label": list(KEYS), "text": answers},
                "answerKey": KEYS[right],
            }
        )
    return rows


def _scene(draws: Draws) -> Event:
    """Return a short event that is unrelated to the question."""
    return draw_event(draws).with_(number="", adjective="", place="", time="", denied=False)


def _options(lesson: Lesson, draws: Draws, number: int, num: int) -> tuple[Query, list[str], int]:
    """Return a query, `num` concepts, and the index of the only one in the class of the query."""
    # OPEN is left out: questions have no form for undecided concepts.
    query = draw_query(lesson, draws, number, (HOLDS, FAILS))
    wrong = draws.sample(not_of_class(lesson.tables[query.skill], query.label), num - 1)
    right = draws.below(num)
    return query, [*wrong[:right], query.concept, *wrong[right:]], right


def _answer(query: Query, concept: str, language: Language) -> str:
    """Return the question answered with a concept, as a sentence: "lamps grow." or "lamps not grow."."""
    words = language.words
    return " ".join([words[concept], *_negation(query.label, language), words[SKILLS[query.skill].probe]]) + "."


def question(skill: str, label: int, language: Language) -> str:
    """Return the question that the concepts of a class answer: "what grow?" for HOLDS, "what not grow?" for FAILS."""
    words = language.words
    return " ".join([words["what"], *_negation(label, language), words[SKILLS[skill].probe]]) + "?"


def _negation(label: int, language: Language) -> list[str]:
    return [language.words["not"]] if label == FAILS else []
