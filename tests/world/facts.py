"""What a reader of the synthetic world's rows can learn from them: which concept is of which class."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from sweeper.world.concepts import ASKED, CONCEPTS
from sweeper.world.languages import Language, make_languages
from sweeper.world.lessons import FAILS, HOLDS, OPEN, Knowledge
from sweeper.world.repositories import INTERMEDIATES, TARGETS
from sweeper.world.skills import NEEDS, NUM_CLASSES, SKILLS, TEACHES, Classes
from sweeper.world.tasks import NULL, PLACEBO

Row = dict[str, Any]
LANGUAGES = make_languages(0)
REPOSITORIES = {one.name: one for one in (*INTERMEDIATES, *TARGETS)}
CLASSES = frozenset(range(NUM_CLASSES))
ALIKE = {"rewrites": frozenset({OPEN, FAILS}), "xrewrites": frozenset({OPEN, FAILS})}
"""Data set -> classes that its labels do not tell apart; of the others, labels tell each class."""
PART_OF = {concept: part for part, concepts in CONCEPTS.items() for concept in concepts}
SKILL_OF_PROBE = {skill.probe: name for name, skill in SKILLS.items()}
PART_OF_TAG = {"NOUN": "noun", "VERB": "verb", "ADJ": "adjective", "B-K": "noun"}


@dataclass(frozen=True, kw_only=True)
class Fact:
    """What a row says of one concept: that it is of a class or, where it does not hold, that it is not."""

    skill: str
    concept: str
    label: int
    holds: bool = True

    def agrees(self, tables: Mapping[str, Classes]) -> bool:
        """Whether a truth says the same."""
        return (tables[self.skill][self.concept] == self.label) == self.holds


def read(path: Path) -> list[Row]:
    """The rows of a file."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def original(name: str) -> str:
    """The data set that another is a placebo of, or itself."""
    return "parts" if name.startswith(NULL) else name.removeprefix(PLACEBO)


def skills_of(name: str) -> tuple[str, ...]:
    """The skills that a data set is about."""
    return tuple({**TEACHES, **NEEDS}[original(name)])


def hidden(known: Knowledge, skill: str) -> set[str]:
    """The concepts of a skill that the training data of targets do not show."""
    part = SKILLS[skill].part
    return set(ASKED[part]) - known.shown[part]


def told(name: str, label: int) -> frozenset[int]:
    """What the rows of a data set say together of a concept whose class is `label`: the classes that it may have."""
    alike = ALIKE.get(original(name), frozenset())
    return alike if label in alike else frozenset({label})


def near(share: float, num: int) -> Any:
    """Equal to what comes out if a chance of `share` is taken `num` times, up to four standard errors."""
    return pytest.approx(share, abs=4 * (share * (1 - share) / num) ** 0.5)


def facts(name: str, rows: Iterable[Row], language: Language) -> list[Fact]:
    """All that the rows of a data set say."""
    reader = READERS[original(name)]
    return [fact for row in rows for fact in reader(row, language, skills_of(name))]


def tables_from(found: Iterable[Fact]) -> dict[str, dict[str, frozenset[int]]]:
    """Skill -> concept -> the classes that no fact rules out."""
    possible: dict[str, dict[str, frozenset[int]]] = {}
    for fact in found:
        table = possible.setdefault(fact.skill, {})
        left = {fact.label} if fact.holds else CLASSES - {fact.label}
        table[fact.concept] = table.get(fact.concept, CLASSES) & left
    return possible


def lexicon(language: Language) -> dict[str, str]:
    """Word -> concept, inflected nouns included; of a language of seed 0."""
    return _lexicon(language.code)


@cache
def _lexicon(code: str) -> dict[str, str]:
    language = LANGUAGES[code]
    plain = {word: concept for concept, word in language.words.items()}
    return plain | {language.inflected(noun): noun for noun in CONCEPTS["noun"]}


def concepts(text: str, language: Language) -> list[str]:
    """The concepts of a text in the order of its words; stops and particles have none."""
    known = lexicon(language)
    words = text.replace(".", " ").replace("?", " ").split()
    return [known[word] for word in words if word != language.marker]


def event_of(text: str, language: Language) -> Counter[str]:
    """The concepts of a sentence whatever their order: equal for translations, and for nothing else."""
    return Counter(concepts(text, language))


def _asked(text: str, language: Language) -> tuple[str, int]:
    """Skill and class that a question asks for."""
    what, *denial, probe = concepts(text, language)
    assert what == "what"
    assert denial in ([], ["not"])
    return SKILL_OF_PROBE[probe], FAILS if denial else HOLDS


def _claim(row: Row, language: Language, _: tuple[str, ...]) -> Iterator[Fact]:
    concept, probe = concepts(row["hypothesis"], language)
    assert concept in concepts(row["premise"], language)
    yield Fact(skill=SKILL_OF_PROBE[probe], concept=concept, label=row["label"])


def _rewrite(row: Row, language: Language, _: tuple[str, ...]) -> Iterator[Fact]:
    concept, probe = concepts(row["sentence2"], language)
    assert concept in concepts(row["sentence1"], language)
    yield Fact(skill=SKILL_OF_PROBE[probe], concept=concept, label=HOLDS, holds=row["label"] == 1)


def _question(row: Row, language: Language, _: tuple[str, ...]) -> Iterator[Fact]:
    skill, label = _asked(row["question"], language)
    answers = [answer for text in row["answers"]["text"] for answer in concepts(text, language)]
    for concept in concepts(row["context"], language):
        if PART_OF.get(concept) == SKILLS[skill].part:
            yield Fact(skill=skill, concept=concept, label=label, holds=concept in answers)


def _option_facts(question: str, options: Iterable[str], right: int, language: Language) -> Iterator[Fact]:
    skill, label = _asked(question, language)
    for place, option in enumerate(options):
        concept, *denial, probe = concepts(option, language)
        assert (SKILL_OF_PROBE[probe], FAILS if denial else HOLDS) == (skill, label)
        yield Fact(skill=skill, concept=concept, label=label, holds=place == right)


def _ending(row: Row, language: Language, _: tuple[str, ...]) -> Iterator[Fact]:
    return _option_facts(row["ctx_b"], row["endings"], int(row["label"]), language)


def _reason(row: Row, language: Language, _: tuple[str, ...]) -> Iterator[Fact]:
    return _option_facts(row["question"], [row[f"answer{place}"] for place in range(4)], row["label"], language)


def _gap(row: Row, language: Language, _: tuple[str, ...]) -> Iterator[Fact]:
    right = row["choices"]["label"].index(row["answerKey"])
    return _option_facts(row["question"], row["choices"]["text"], right, language)


def _tags(row: Row, language: Language, skills: tuple[str, ...]) -> Iterator[Fact]:
    column = next(name for name in row if name.endswith("tags"))
    for token, tag in zip(row["tokens"], row[column], strict=True):
        stem, number = tag.split(">")[0][:-1], tag.split(">")[0][-1]
        if number.isdigit():
            (skill,) = (skill for skill in skills if SKILLS[skill].part == PART_OF_TAG[stem])
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
