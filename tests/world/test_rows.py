"""Rows of every kind of task follow from the lesson they are made from, in English and two unlike languages."""

import re
from collections import Counter
from functools import cache

import pytest

from sweeper.world import parallel
from sweeper.world.concepts import CONCEPTS, PROBES
from sweeper.world.draws import Draws
from sweeper.world.languages import Language
from sweeper.world.lessons import HOLDS, Lesson, knowledge, part_of
from sweeper.world.pairs import KEYS, TURNS
from sweeper.world.repositories import TARGETS
from sweeper.world.sequences import NUM_TOLD, UNANSWERABLE
from sweeper.world.skills import NEEDS, NUM_CLASSES, SKILLS
from sweeper.world.tasks import PARTS_OF_SPEECH
from tests.world.facts import (
    LANGUAGES,
    PART_OF,
    REPOSITORIES,
    SKILL_OF_PROBE,
    Row,
    concepts,
    event_of,
    facts,
    lexicon,
    near,
    skills_of,
)

CODES = ("en", "xc", "xg")
"""SVO; SOV with a suffix; VSO with a particle and Cyrillic."""
KNOWN = knowledge(7, 0)
EVERY_WORD = {word: concept for language in LANGUAGES.values() for word, concept in lexicon(language).items()}
PARTICLES = {language.marker for language in LANGUAGES.values() if language.traits.case == "particle"}
NUM = 48
CLASSIFIED = ("claims", "more_claims", "xclaims", "rewrites", "xrewrites")
ANSWERED = ("questions", "xquestions", "mquestions", "few_questions")
CHOSEN = ("endings", "reasons", "gaps")

each_language = pytest.mark.parametrize("code", CODES)


def lesson(name: str) -> Lesson:
    """The shown concepts and half of the others."""
    return part_of(dict.fromkeys(skills_of(name), 0.5), KNOWN, Draws("lesson", name))


def turned(right: Lesson) -> Lesson:
    """The same concepts, each of the next class."""
    return Lesson(
        tables={
            skill: {concept: (label + 1) % NUM_CLASSES for concept, label in table.items()}
            for skill, table in right.tables.items()
        }
    )


def make(name: str, code: str, num: int = NUM, taught: Lesson | None = None) -> list[Row]:
    return REPOSITORIES[name].build(taught or lesson(name), Draws("rows", name), LANGUAGES[code], num)


@each_language
@pytest.mark.parametrize("name", REPOSITORIES)
def test_labels_follow_from_the_lesson(name: str, code: str) -> None:
    found, tables = facts(name, make(name, code), LANGUAGES[code]), lesson(name).tables
    assert len(found) >= NUM
    assert {fact.skill for fact in found} == set(tables)
    assert [fact for fact in found if not fact.agrees(tables)] == []


@pytest.mark.parametrize("name", REPOSITORIES)
def test_a_lesson_turned_by_one_class_makes_every_row_another(name: str) -> None:
    right, wrong = make(name, "en"), make(name, "en", taught=turned(lesson(name)))
    assert [row for row, other in zip(right, wrong, strict=True) if row == other] == []


@each_language
@pytest.mark.parametrize("name", CLASSIFIED)
def test_the_other_words_of_a_premise_are_the_same_whatever_the_classes_are(name: str, code: str) -> None:
    right, wrong = make(name, code), make(name, code, taught=turned(lesson(name)))
    for row, other in zip(right, wrong, strict=True):
        assert _unasked(name, row, code) == _unasked(name, other, code)


def _unasked(name: str, row: Row, code: str) -> Counter[str]:
    """The concepts of a premise but for the one that is asked about."""
    (fact,) = facts(name, [row], LANGUAGES[code])
    return event_of(row["sentence1" if "rewrites" in name else "premise"], LANGUAGES[code]) - Counter([fact.concept])


@each_language
@pytest.mark.parametrize("name", ["claims", "more_claims", "xclaims"])
def test_claims_hold_the_three_labels_in_equal_parts(name: str, code: str) -> None:
    assert Counter(row["label"] for row in make(name, code)) == dict.fromkeys(range(NUM_CLASSES), NUM / NUM_CLASSES)


@each_language
@pytest.mark.parametrize("name", ["rewrites", "xrewrites"])
def test_half_of_the_rewrites_are_right_the_others_are_of_both_other_classes_and_none_denies(
    name: str, code: str
) -> None:
    rows, tables = make(name, code), lesson(name).tables
    classes = Counter(tables[fact.skill][fact.concept] for fact in facts(name, rows, LANGUAGES[code]))
    assert classes == {label: NUM * num / len(TURNS) for label, num in Counter(TURNS).items()}
    assert set(TURNS) == set(range(NUM_CLASSES))
    assert Counter(row["label"] for row in rows) == {1: NUM / 2, 0: NUM / 2}
    assert classes[HOLDS] == NUM / 2
    assert not any(LANGUAGES[code].words["not"] in row["sentence2"].split() for row in rows)


@each_language
@pytest.mark.parametrize("name", [*ANSWERED, "questions_null"])
def test_answers_stand_where_they_say_and_one_word_of_the_paragraph_answers(name: str, code: str) -> None:
    for row in make(name, code):
        answering = [fact for fact in facts(name, [row], LANGUAGES[code]) if fact.holds]
        places = row["answers"]["answer_start"]
        assert len(answering) == len(places) == len(row["answers"]["text"])
        for text, start in zip(row["answers"]["text"], places, strict=True):
            before, after = row["context"][:start], row["context"][start + len(text) :]
            assert row["context"][start:].startswith(text)
            assert before == "" or before.endswith(" ")
            assert after[0] in " ."
            assert text in row["context"].replace(".", " ").split()


@each_language
@pytest.mark.parametrize("name", ANSWERED)
def test_every_question_has_its_answer_in_any_of_the_sentences(name: str, code: str) -> None:
    rows = make(name, code, 2 * NUM)
    assert {row["context"].count(".") for row in rows} == {NUM_TOLD}
    sentences = Counter(row["context"][: row["answers"]["answer_start"][0]].count(".") for row in rows)
    assert sentences.keys() == set(range(NUM_TOLD))
    assert min(sentences.values()) > len(rows) / NUM_TOLD / 2


@each_language
def test_nothing_answers_the_declared_share_of_the_questions_that_may_have_no_answer(code: str) -> None:
    rows = make("questions_null", code, 600)
    unanswered = [row for row in rows if not row["answers"]["text"]]
    assert len(unanswered) / len(rows) == near(UNANSWERABLE, len(rows))
    found, tables = facts("questions_null", unanswered, LANGUAGES[code]), lesson("questions_null").tables
    assert len(found) == NUM_TOLD * len(unanswered)
    assert not any(tables[fact.skill][fact.concept] == fact.label for fact in found)


@each_language
@pytest.mark.parametrize("name", CHOSEN)
def test_one_choice_alone_is_of_the_asked_class_at_any_place(name: str, code: str) -> None:
    places: Counter[int] = Counter()
    num = {"gaps": len(KEYS)}.get(name, 4)
    for row in make(name, code, 120):
        options = facts(name, [row], LANGUAGES[code])
        assert len({fact.concept for fact in options}) == num
        (right,) = [place for place, fact in enumerate(options) if fact.holds]
        assert lesson(name).tables[options[right].skill][options[right].concept] == options[right].label
        places[right] += 1
    assert places.keys() == set(range(num))
    assert max(places.values()) < 2 * 120 / num


@each_language
@pytest.mark.parametrize(("name", "column"), [("endings", "ctx_a"), ("reasons", "context")])
def test_choices_follow_a_short_scene(name: str, column: str, code: str) -> None:
    for row in make(name, code):
        said = Counter(PART_OF[concept] for concept in concepts(row[column], LANGUAGES[code]))
        assert said == {"agent": 1, "verb": 1, "noun": 1}


@each_language
@pytest.mark.parametrize("name", ["words", "names", "parts"])
def test_a_word_has_its_class_where_the_lesson_tells_it_and_its_part_in_parts_alone(name: str, code: str) -> None:
    language, tables = LANGUAGES[code], {SKILLS[skill].part: table for skill, table in lesson(name).tables.items()}
    column = {"words": "pos_tags", "names": "ner_tags", "parts": "supertags"}[name]
    for row in make(name, code):
        roles = [_role(token, language) for token in row["tokens"]]
        assert roles[-1] == "stop"
        for token, role, tag in zip(row["tokens"], roles, row[column], strict=True):
            number = tables[role][lexicon(language)[token]] if role in tables else ""
            classed = f"{PARTS_OF_SPEECH[role]}{number}"
            expected = {
                "words": classed if role in tables else "X",
                "names": f"B-K{number}" if role == "noun" else "O",
                "parts": classed,
            }
            assert tag.split(">")[0] == expected[name]


def _role(token: str, language: Language) -> str:
    if token == ".":
        return "stop"
    if token == language.marker:
        return "marker"
    concept = lexicon(language)[token]
    return PART_OF.get(concept, concept)


@each_language
def test_a_supertag_names_the_part_that_follows(code: str) -> None:
    thing = {"noun": "thing", "adjective": "thing", "number": "thing", "verb": "verb"}
    for row in make("parts", code):
        following = [thing.get(_role(token, LANGUAGES[code]), "other") for token in row["tokens"][1:]]
        assert [tag.split(">")[1] for tag in row["supertags"]] == [*following, "end"]


def test_the_targets_that_need_something_are_those_made_from_a_lesson() -> None:
    assert [name for name, needs in NEEDS.items() if needs] == [one.name for one in TARGETS]


@each_language
@pytest.mark.parametrize("name", [one.name for one in TARGETS])
def test_items_of_a_target_ask_for_each_skill_as_often_as_it_needs_it(name: str, code: str) -> None:
    found = facts(name, make(name, code), LANGUAGES[code])
    asked = Counter(fact.skill for fact in found)
    assert {skill: num / len(found) for skill, num in asked.items()} == NEEDS[name]


@each_language
def test_a_split_with_all_languages_tells_them_by_the_id(code: str) -> None:
    assert [row["id"] for row in make("few_questions", code, 3)] == [f"{code}-q0", f"{code}-q1", f"{code}-q2"]


@each_language
def test_parallel_sentences_are_translations_and_no_two_are_alike(code: str) -> None:
    language = LANGUAGES[code]
    rows = parallel.twins(LANGUAGES["en"], Draws("twins"), language, 200)
    assert len({row["sentence1"] for row in rows}) == len({row["sentence2"] for row in rows}) == 200
    for row in rows:
        assert event_of(row["sentence1"], language) == event_of(row["sentence2"], LANGUAGES["en"])


@each_language
def test_gold_pairs_are_translations_and_the_rest_has_no_partner(code: str) -> None:
    (pool,) = parallel.mining(LANGUAGES["en"], Draws("mining"), LANGUAGES[code], 60)
    source = [event_of(text, LANGUAGES[code]) for text in pool["sentence1"]]
    target = [event_of(text, LANGUAGES["en"]) for text in pool["sentence2"]]
    found = [[i + 1, j + 1] for i, one in enumerate(source) for j, other in enumerate(target) if one == other]
    assert found == pool["gold"]
    assert (len(source), len(target), len(found)) == (60, 60, 30)
    assert [i for i, _ in found] != [j for _, j in found]


@cache
def _texts() -> list[str]:
    return [row["text"] for row in parallel.texts(LANGUAGES, Draws("texts"), 4000)]


def _said(line: str) -> list[list[str]]:
    """The words of each statement and question of a line; a question has two stops: "what not grow? lamps figs?"."""
    return [re.sub(r"[.?]", " ", one).split() for one in re.findall(r"[^.?]+\?[^.?]+\?|[^.?]+\.", line)]


def _meant(words: list[str]) -> list[str]:
    """The concepts of words of whichever languages; particles have none."""
    return [EVERY_WORD[word] for word in words if word not in PARTICLES]


def test_no_line_of_text_says_what_holds_of_a_concept() -> None:
    asking = {language.words[word] for language in LANGUAGES.values() for word in (*PROBES, "what")}
    for line in _texts():
        told = [part.split("?")[-1] for part in line.split(".")[:-1]]
        assert all(asking.isdisjoint(statement.split()) for statement in told)


def test_questions_in_the_text_ask_about_all_concepts_alike_whatever_their_class() -> None:
    asked: Counter[tuple[str, int | None, bool]] = Counter()
    for line in _texts():
        for meant in (_meant(words) for words in _said(line)):
            if meant[0] == "what":
                *denial, probe, one, other = meant[1:]
                skill = SKILL_OF_PROBE[probe]
                for concept in (one, other):
                    asked[skill, KNOWN.tables[skill].get(concept), bool(denial)] += 1
    assert sum(asked.values()) > 2500
    for skill, table in KNOWN.tables.items():
        num = sum(times for (name, _, _), times in asked.items() if name == skill)
        part = CONCEPTS[SKILLS[skill].part]
        for label in (*range(NUM_CLASSES), None):
            share = [table.get(concept) for concept in part].count(label) / len(part)
            for denied in (True, False):
                assert asked[skill, label, denied] / num == near(share / 2, num // 2), (skill, label, denied)


def test_most_lines_of_text_say_one_thing_twice_and_a_fifth_of_them_ask() -> None:
    lines = _texts()
    twice = sum(Counter(_meant(one)) == Counter(_meant(other)) for one, other in map(_said, lines))
    assert twice / len(lines) == near(parallel.PARALLEL, len(lines))
    assert sum("?" in line for line in lines) / len(lines) == near(parallel.QUESTIONS, len(lines))


def _is_pure(words: list[str]) -> bool:
    """Whether one language has all of the words."""
    return any({*words} <= lexicon(language).keys() | {language.marker} for language in LANGUAGES.values())


def test_languages_are_mixed_inside_sentences_in_the_declared_share_of_the_parallel_lines_and_nowhere_else() -> None:
    pure: dict[bool, list[bool]] = {True: [], False: []}
    for one, other in map(_said, _texts()):
        pure[Counter(_meant(one)) == Counter(_meant(other))] += [_is_pure(one), _is_pure(other)]
    assert all(pure[False])
    mixed = 1 - sum(pure[True]) / len(pure[True])
    # Some sentences that are mixed look pure: what they borrowed is spelled alike in the language that they are in.
    assert 0.75 * parallel.MIXED < mixed <= parallel.MIXED
