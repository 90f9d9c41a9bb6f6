"""Reads rows of the world: the facts about classes of concepts that a model could learn from them."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from sweeper.world.concepts import CLASSIFIED, CONCEPTS
from sweeper.world.languages import Language, make_languages
from sweeper.world.lessons import FAILS, HOLDS, OPEN, Knowledge
from sweeper.world.repositories import INTERMEDIATES, TARGETS
from sweeper.world.skills import NEEDS, NUM_CLASSES, SKILLS, TEACHES, Classes
from sweeper.world.tasks import NULL, PLACEBO

Row = dict[str, Any]
LANGUAGES = make_languages(0)
REPOSITORIES = {repository.name: repository for repository in (*INTERMEDIATES, *TARGETS)}
CLASSES = frozenset(range(NUM_CLASSES))
ALIKE = {"rewrites": frozenset({OPEN, FAILS}), "xrewrites": frozenset({OPEN, FAILS})}
"""Data set -> the classes that its labels do not distinguish. The labels of other data sets distinguish all."""
ROLE_OF = {concept: role for role, concepts in CONCEPTS.items() for concept in concepts}
SKILL_OF_PROBE = {skill.probe: name for name, skill in SKILLS.items()}
ROLE_OF_TAG = {"NOUN": "noun", "VERB": "verb", "ADJ": "adjective", "B-K": "noun"}


@dataclass(frozen=True, kw_only=True)
class Fact:
    """A statement of a row: that a concept belongs to a class or, if `holds` is False, that it does not."""

    skill: str
    concept: str
    label: int
    holds: bool = True

    def agrees(self, tables: Mapping[str, Classes]) -> bool:
        """Whether the fact is true according to these tables."""
        return (tables[self.skill][self.concept] == self.label) == self.holds


def read(path: Path) -> list[Row]:
    """The rows of a file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def original(name: str) -> str:
    """The data set that a placebo or null data set is derived from, or the data set itself."""
    return "parts" if name.startswith(NULL) else name.removeprefix(PLACEBO)


def skills_of(name: str) -> tuple[str, ...]:
    """The skills that a data set teaches or needs."""
    return tuple({**TEACHES, **NEEDS}[original(name)])


def hidden_concepts(knowledge: Knowledge, skill: str) -> set[str]:
    """The concepts of a skill that the training data of targets do not show."""
    role = SKILLS[skill].role
    return set(CLASSIFIED[role]) - knowledge.shown[role]


def possible_classes(name: str, label: int) -> frozenset[int]:
    """The classes that all rows of a data set together leave possible for a concept of class `label`."""
    alike = ALIKE.get(original(name), frozenset())
    return alike if label in alike else frozenset({label})


def near(share: float, num: int) -> Any:
    """Equal to the observed share of `num` events of probability `share`, within four standard errors."""
    return pytest.approx(share, abs=4 * (share * (1 - share) / num) ** 0.5)


def facts(name: str, rows: Iterable[Row], language: Language) -> list[Fact]:
    """All facts in the rows of a data set."""
    reader = READERS[original(name)]
    return [fact for row in rows for fact in reader(row, language, skills_of(name))]


def tables_from(facts_: Iterable[Fact]) -> dict[str, dict[str, frozenset[int]]]:
    """Skill -> concept -> the classes that no fact rules out."""
    possible: dict[str, dict[str, frozenset[int]]] = {}
    for fact in facts_:
        table = possible.setdefault(fact.skill, {})
        allowed = {fact.label} if fact.holds else CLASSES - {fact.label}
        table[fact.concept] = table.get(fact.concept, CLASSES) & allowed
    return possible


def lexicon(language: Language) -> dict[str, str]:
    """Word -> concept, with the inflected nouns, for a language of seed 0."""
    return _lexicon(language.code)


@cache
def _lexicon(code: str) -> dict[str, str]:
    language = LANGUAGES[code]
    plain = {word: concept for concept, word in language.words.items()}
    return plain | {language.inflected(noun): noun for noun in CONCEPTS["noun"]}


def concepts(text: str, language: Language) -> list[str]:
    """The concepts of a text in the order of its words, without stops and particles."""
    concept_of = lexicon(language)
    words = text.replace(".", " ").replace("?", " ").split()
    return [concept_of[word] for word in words if word != language.marker]


def event_in(text: str, language: Language) -> Counter[str]:
    """The concepts of a sentence in no order. They are equal for two sentences only if these are translations."""
    return Counter(concepts(text, language))


def _parse_question(text: str, language: Language) -> tuple[str, int]:
    """Skill and class of a question."""
    what, *negation, probe = concepts(text, language)
    assert what == "what"
    assert negation in ([], ["not"])
    return SKILL_OF_PROBE[probe], FAILS if negation else HOLDS


def _claim(row: Row, language: Language, _: tuple[str, ...]) -> Iterator[Fact]:
    concept, probe = concepts(row["hypothesis"], language)
    assert concept in concepts(row["premise"], language)
    yield Fact(skill=SKILL_OF_PROBE[probe], concept=concept, label=row["label"])


def _rewrite(row: Row, language: Language, _: tuple[str, ...]) -> Iterator[Fact]:
    concept, probe = concepts(row["sentence2"], language)
    assert concept in concepts(row["sentence1"], language)
    yield Fact(skill=SKILL_OF_PROBE[probe], concept=concept, label=HOLDS, holds=row["label"] == 1)


def _question(row: Row, language: Language, _: tuple[str, ...]) -> Iterator[Fact]:
    skill, label = _parse_question(row["question"], language)
    answers = [answer for text in row["answers"]["text"] for answer in concepts(text, language)]
    for concept in concepts(row["context"], language):
        if ROLE_OF.get(concept) == SKILLS[skill].role:
            yield Fact(skill=skill, concept=concept, label=label, holds=concept in answers)


def _option_facts(question: str, options: Iterable[str], right: int, language: Language) -> Iterator[Fact]:
    skill, label = _parse_question(question, language)
    for index, option in enumerate(options):
        concept, *negation, probe = concepts(option, language)
        assert (SKILL_OF_PROBE[probe], FAILS if negation else HOLDS) == (skill, label)
        yield Fact(skill=skill, concept=concept, label=label, holds=index == right)


def _ending(row: Row, language: Language, _: tuple[str, ...]) -> Iterator[Fact]:
    return _option_facts(row["ctx_b"], row["endings"], int(row["label"]), language)


def _reason(row: Row, language: Language, _: tuple[str, ...]) -> Iterator[Fact]:
    return _option_facts(row["question"], [row[f"answer{index}"] for index in range(4)], row["label"], language)


def _gap(row: Row, language: Language, _: tuple[str, ...]) -> Iterator[Fact]:
    right = row["choices"]["label"].index(row["answerKey"])
    return _option_facts(row["question"], row["choices"]["text"], right, language)


def _tags(row: Row, language: Language, skills: tuple[str, ...]) -> Iterator[Fact]:
    column = next(name for name in row if name.endswith("tags"))
    for token, tag in zip(row["tokens"], row[column], strict=True):
        stem, number = tag.split(">")[0][:-1], tag.split(">")[0][-1]
        if number.isdigit():
            (skill,) = (skill for skill in skills if SKILLS[skill].role == ROLE_OF_TAG[stem])
            yield Fact(skill=skill, concept=lexicon(language)[token], label=int(number))


READERS: Mapping[str, Callable[[Row, Language, tuple[str, ...]], Iterator[Fact]]] = {
    **dict.fromkeys(("claims", "more_claims", "xclaims"), _claim),
    **dict.fromkeys(("rewrites", "xrewrites"), _rewrite),
    **dict.fromkeys(("questions", "questions_null", "xquestions", "mquestions", "few_questions"), _question),
    **dict.fromkeys(("parts", "words", "names"), _tags),
    "endings": _ending,
    "reasons": _reason,
    "gaps": _gap,
}
