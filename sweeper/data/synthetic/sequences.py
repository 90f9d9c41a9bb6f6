"""Rows of the span and tagging tasks."""

from collections.abc import Mapping
from dataclasses import replace
from random import Random
from typing import Any

from sweeper.data.synthetic.frames import ASKS, Frame, Language, Word, draw, say, sentence, write

Row = dict[str, Any]
TAGS: Mapping[str, str] = {
    "agent": "PROPN",
    "action": "VERB",
    "number": "NUM",
    "patient": "NOUN",
    "place": "PROPN",
    "at": "ADP",
    "never": "ADV",
    "stop": "PUNCT",
}
"""Part a word plays -> its part of speech."""
NAME_TAGS: Mapping[str, str] = {"agent": "PER", "place": "LOC"}


def questions(rng: Random, language: Language, num: int) -> list[Row]:
    """A paragraph of three to five events and a question about one of them; the answer is a stretch of the text."""
    return [_question(rng, language, number=i, unanswerable=False) for i in range(num)]


def questions_null(rng: Random, language: Language, num: int) -> list[Row]:
    """The same, but every third question is about an event that the paragraph does not tell."""
    return [_question(rng, language, number=i, unanswerable=i % 3 == 2) for i in range(num)]


def few_questions(rng: Random, language: Language, num: int) -> list[Row]:
    """Answerable questions whose ids start with the language, as where one split holds all of them."""
    return [row | {"id": f"{language.code}-{row['id']}"} for row in questions(rng, language, num)]


def _question(rng: Random, language: Language, number: int, unanswerable: bool) -> Row:
    frames = draw(rng, rng.randint(3, 5) + 1)
    *told, stranger = frames
    chosen, role = rng.randrange(len(told)), rng.choice(tuple(ASKS))
    context, start, answer = _paragraph(told, language, chosen, role)
    asked = stranger if unanswerable else told[chosen]
    return {
        "id": f"q{number}",
        "title": f"story {number}",
        "context": context,
        "question": write(say(asked, language, asked=role), "?"),
        "answers": {"text": [], "answer_start": []} if unanswerable else {"text": [answer], "answer_start": [start]},
    }


def _paragraph(frames: list[Frame], language: Language, chosen: int, role: str) -> tuple[str, int, str]:
    """The text, the character at which the chosen event's role starts, and its words."""
    before = "".join(sentence(frame, language) + " " for frame in frames[:chosen])
    words = say(frames[chosen], language)
    first = [word.role for word in words].index(role)
    answer = language.words[getattr(frames[chosen], role)]
    start = len(before) + sum(len(word.text) + 1 for word in words[:first])
    return " ".join(sentence(frame, language) for frame in frames), start, answer


def words(rng: Random, language: Language, num: int) -> list[Row]:
    """Tokens with their parts of speech."""
    return [
        {"tokens": _tokens(said), "pos_tags": [TAGS[word.role] for word in said]} for said in _said(rng, language, num)
    ]


def names(rng: Random, language: Language, num: int) -> list[Row]:
    """Tokens with BIO tags of the people and places."""
    return [{"tokens": _tokens(said), "ner_tags": _name_tags(said)} for said in _said(rng, language, num)]


def parts(rng: Random, language: Language, num: int) -> list[Row]:
    """Tokens with the part each plays and the part that follows: a large label set, as supertags have."""
    rows = []
    for i, said in enumerate(_said(rng, language, num)):
        following = [word.role for word in said[1:]] + ["end"]
        tags = [f"{word.role}>{after}" for word, after in zip(said, following, strict=True)]
        rows.append({"id": f"parts-{i}", "tokens": _tokens(said), "supertags": tags})
    return rows


def part_labels() -> list[str]:
    """Every tag that `parts` can give, whatever the word order."""
    return [f"{role}>{after}" for role in TAGS for after in (*TAGS, "end")]


def name_labels() -> list[str]:
    """The BIO tags of `names`."""
    return ["O", *(f"{start}-{kind}" for kind in NAME_TAGS.values() for start in "BI")]


def _said(rng: Random, language: Language, num: int) -> list[list[Word]]:
    stop = Word(text=".", role="stop")
    return [[*say(frame, language, fronted=fronted), stop] for frame, fronted in _varied(rng, num)]


def _varied(rng: Random, num: int) -> list[tuple[Frame, bool]]:
    """Events of which some leave roles out, are denied, or are told with the place first."""
    varied = []
    for _ in range(num):
        frame, denied, numbered, fronted = draw(rng)[0], rng.random() < 0.2, rng.random() < 0.7, rng.random() < 0.3
        number = frame.number if numbered else ""
        varied.append((replace(frame, number=number, negated=denied), fronted))
    return varied


def _tokens(said: list[Word]) -> list[str]:
    return [word.text for word in said]


def _name_tags(said: list[Word]) -> list[str]:
    tags = []
    for before, word in zip([None, *said], said, strict=False):
        kind = NAME_TAGS.get(word.role)
        inside = before is not None and before.role == word.role
        tags.append(f"{'I' if inside else 'B'}-{kind}" if kind else "O")
    return tags
