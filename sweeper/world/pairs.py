"""Rows of the sentence-pair and multiple-choice tasks."""

from typing import Any

from sweeper.world.draws import Draws
from sweeper.world.events import Event, draw, sentence
from sweeper.world.languages import Language
from sweeper.world.lessons import FAILS, HOLDS, OPEN, Asked, Lesson, ask, not_of_class
from sweeper.world.skills import SKILLS

Row = dict[str, Any]
TURNS = (HOLDS, OPEN, HOLDS, FAILS)
"""Classes that rewrites ask about in turn: half of them hold."""
KEYS = ("A", "B", "C", "D", "E")


def claims(lesson: Lesson, draws: Draws, language: Language, num: int) -> list[Row]:
    """A premise, and a claim about one of its words: 0 it holds, 1 nobody can say, 2 it does not."""
    return [_claim(ask(lesson, draws, number), language) for number in range(num)]


def _claim(asked: Asked, language: Language) -> Row:
    return {"premise": sentence(asked.event, language), "hypothesis": _statement(asked, language), "label": asked.label}


def rewrites(lesson: Lesson, draws: Draws, language: Language, num: int) -> list[Row]:
    """A sentence, and what somebody says of one of its words: 1 if that holds, else 0."""
    return [_rewrite(ask(lesson, draws, number, TURNS), language, number) for number in range(num)]


def _rewrite(asked: Asked, language: Language, number: int) -> Row:
    said = {"sentence1": sentence(asked.event, language), "sentence2": _statement(asked, language)}
    return {"id": number, **said, "label": int(asked.label == HOLDS)}


def _statement(asked: Asked, language: Language) -> str:
    words = language.words
    return f"{words[asked.concept]} {words[SKILLS[asked.skill].probe]}."


def endings(lesson: Lesson, draws: Draws, language: Language, num: int) -> list[Row]:
    """A scene, a question that has nothing to do with it, and four answers of which one is right."""
    rows = []
    for number in range(num):
        asked, options, right = _options(lesson, draws, number, 4)
        rows.append(
            {
                "ind": number,
                "ctx_a": sentence(_scene(draws), language),
                "ctx_b": _asking(asked, language),
                "endings": [_answer(asked, option, language) for option in options],
                "label": str(right),
            }
        )
    return rows


def reasons(lesson: Lesson, draws: Draws, language: Language, num: int) -> list[Row]:
    """The same, the question behind the scene."""
    rows = []
    for number in range(num):
        asked, options, right = _options(lesson, draws, number, 4)
        answers = {f"answer{place}": _answer(asked, option, language) for place, option in enumerate(options)}
        row = {"id": f"r{number}", "context": sentence(_scene(draws), language), "question": _asking(asked, language)}
        rows.append(row | answers | {"label": right})
    return rows


def gaps(lesson: Lesson, draws: Draws, language: Language, num: int) -> list[Row]:
    """A question alone, and five answers."""
    rows = []
    for number in range(num):
        asked, options, right = _options(lesson, draws, number, len(KEYS))
        answers = [_answer(asked, option, language) for option in options]
        rows.append(
            {
                "id": f"g{number}",
                "question": _asking(asked, language),
                "choices": {"label": list(KEYS), "text": answers},
                "answerKey": KEYS[right],
            }
        )
    return rows


def _scene(draws: Draws) -> Event:
    """A short event that has nothing to do with what is asked."""
    return draw(draws).with_(number="", adjective="", place="", time="", denied=False)


def _options(lesson: Lesson, draws: Draws, number: int, num: int) -> tuple[Asked, list[str], int]:
    """What is asked, concepts of which exactly one is of the asked class, and its place."""
    asked = ask(lesson, draws, number, (HOLDS, FAILS))
    wrong = draws.sample(not_of_class(lesson.tables[asked.skill], asked.label), num - 1)
    right = draws.below(num)
    return asked, [*wrong[:right], asked.concept, *wrong[right:]], right


def _answer(asked: Asked, concept: str, language: Language) -> str:
    """The question answered in a whole sentence: that it holds of a concept, or that it does not."""
    words = language.words
    return " ".join([words[concept], *_denial(asked.label, language), words[SKILLS[asked.skill].probe]]) + "."


def _asking(asked: Asked, language: Language) -> str:
    return question(asked.skill, asked.label, language)


def question(skill: str, label: int, language: Language) -> str:
    """The question that concepts of a class answer, HOLDS or FAILS: what it holds of, or what it does not."""
    words = language.words
    return " ".join([words["what"], *_denial(label, language), words[SKILLS[skill].probe]]) + "?"


def _denial(label: int, language: Language) -> list[str]:
    return [language.words["not"]] if label == FAILS else []
