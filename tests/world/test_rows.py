"""The rows of each data set follow from the lesson that they are made from, in three very different languages."""

import re
from collections import Counter
from functools import cache

import pytest

from sweeper.world import parallel
from sweeper.world.concepts import CONCEPTS, PROBES
from sweeper.world.draws import Draws
from sweeper.world.languages import Language
from sweeper.world.lessons import HOLDS, Lesson, draw_knowledge, taught_lesson
from sweeper.world.pairs import KEYS, TURNS
from sweeper.world.repositories import TARGETS
from sweeper.world.sequences import NUM_SENTENCES, UNANSWERABLE
from sweeper.world.skills import NEEDS, NUM_CLASSES, SKILLS
from sweeper.world.tasks import PARTS_OF_SPEECH
from tests.world.facts import (
    LANGUAGES,
    REPOSITORIES,
    ROLE_OF,
    SKILL_OF_PROBE,
    Row,
    concepts,
    event_in,
    facts,
    lexicon,
    near,
    skills_of,
)

CODES = ("en", "xc", "xg")
"""SVO; SOV with a suffix; VSO with a particle, in Cyrillic."""
KNOWLEDGE = draw_knowledge(7, 0)
CONCEPT_OF = {word: concept for language in LANGUAGES.values() for word, concept in lexicon(language).items()}
PARTICLES = {language.marker for language in LANGUAGES.values() if language.traits.case == "particle"}
NUM = 48
CLASSIFIED = ("claims", "more_claims", "xclaims", "rewrites", "xrewrites")
ANSWERED = ("questions", "xquestions", "mquestions", "few_questions")
CHOSEN = ("endings", "reasons", "gaps")

each_language = pytest.mark.parametrize("code", CODES)


def lesson(name: str) -> Lesson:
    """A lesson of the shown concepts and half of the hidden ones, for the skills of a data set."""
    return taught_lesson(dict.fromkeys(skills_of(name), 0.5), KNOWLEDGE, Draws("lesson", name))


def shifted(original: Lesson) -> Lesson:
    """The same concepts, each in the next class."""
    return Lesson(
        tables={
            skill: {concept: (label + 1) % NUM_CLASSES for concept, label in table.items()}
            for skill, table in original.tables.items()
        }
    )


def make(name: str, code: str, num: int = NUM, source: Lesson | None = None) -> list[Row]:
    return REPOSITORIES[name].make_rows(source or lesson(name), Draws("rows", name), LANGUAGES[code], num)


@each_language
@pytest.mark.parametrize("name", REPOSITORIES)
def test_labels_follow_from_the_lesson(name: str, code: str) -> None:
    row_facts, tables = facts(name, make(name, code), LANGUAGES[code]), lesson(name).tables
    assert len(row_facts) >= NUM
    assert {fact.skill for fact in row_facts} == set(tables)
    assert [fact for fact in row_facts if not fact.agrees(tables)] == []


@pytest.mark.parametrize("name", REPOSITORIES)
def test_other_classes_change_each_row(name: str) -> None:
    right, wrong = make(name, "en"), make(name, "en", source=shifted(lesson(name)))
    assert [row for row, changed in zip(right, wrong, strict=True) if row == changed] == []


@each_language
@pytest.mark.parametrize("name", CLASSIFIED)
def test_the_rest_of_a_premise_does_not_depend_on_the_classes(name: str, code: str) -> None:
    right, wrong = make(name, code), make(name, code, source=shifted(lesson(name)))
    for row, changed in zip(right, wrong, strict=True):
        assert _context(name, row, code) == _context(name, changed, code)


def _context(name: str, row: Row, code: str) -> Counter[str]:
    """The concepts of a premise without the queried one."""
    (fact,) = facts(name, [row], LANGUAGES[code])
    return event_in(row["sentence1" if "rewrites" in name else "premise"], LANGUAGES[code]) - Counter([fact.concept])


@each_language
@pytest.mark.parametrize("name", ["claims", "more_claims", "xclaims"])
def test_claims_have_equal_numbers_of_the_three_labels(name: str, code: str) -> None:
    assert Counter(row["label"] for row in make(name, code)) == dict.fromkeys(range(NUM_CLASSES), NUM / NUM_CLASSES)


@each_language
@pytest.mark.parametrize("name", ["rewrites", "xrewrites"])
def test_half_of_the_rewrites_hold_and_none_is_negated(name: str, code: str) -> None:
    rows, tables = make(name, code), lesson(name).tables
    classes = Counter(tables[fact.skill][fact.concept] for fact in facts(name, rows, LANGUAGES[code]))
    assert classes == {label: NUM * num / len(TURNS) for label, num in Counter(TURNS).items()}
    assert set(TURNS) == set(range(NUM_CLASSES))
    assert Counter(row["label"] for row in rows) == {1: NUM / 2, 0: NUM / 2}
    assert classes[HOLDS] == NUM / 2
    assert not any(LANGUAGES[code].words["not"] in row["sentence2"].split() for row in rows)


@each_language
@pytest.mark.parametrize("name", [*ANSWERED, "questions_null"])
def test_an_answer_is_at_its_offset_and_is_the_only_right_word_of_the_paragraph(name: str, code: str) -> None:
    for row in make(name, code):
        right = [fact for fact in facts(name, [row], LANGUAGES[code]) if fact.holds]
        starts = row["answers"]["answer_start"]
        assert len(right) == len(starts) == len(row["answers"]["text"])
        for text, start in zip(row["answers"]["text"], starts, strict=True):
            before, after = row["context"][:start], row["context"][start + len(text) :]
            assert row["context"][start:].startswith(text)
            assert before == "" or before.endswith(" ")
            assert after[0] in " ."
            assert text in row["context"].replace(".", " ").split()


@each_language
@pytest.mark.parametrize("name", ANSWERED)
def test_the_answer_is_in_any_of_the_sentences(name: str, code: str) -> None:
    rows = make(name, code, 2 * NUM)
    assert {row["context"].count(".") for row in rows} == {NUM_SENTENCES}
    sentences = Counter(row["context"][: row["answers"]["answer_start"][0]].count(".") for row in rows)
    assert sentences.keys() == set(range(NUM_SENTENCES))
    assert min(sentences.values()) > len(rows) / NUM_SENTENCES / 2


@each_language
def test_the_declared_share_of_the_questions_has_no_answer(code: str) -> None:
    rows = make("questions_null", code, 600)
    unanswered = [row for row in rows if not row["answers"]["text"]]
    assert len(unanswered) / len(rows) == near(UNANSWERABLE, len(rows))
    row_facts, tables = facts("questions_null", unanswered, LANGUAGES[code]), lesson("questions_null").tables
    assert len(row_facts) == NUM_SENTENCES * len(unanswered)
    assert not any(tables[fact.skill][fact.concept] == fact.label for fact in row_facts)


@each_language
@pytest.mark.parametrize("name", CHOSEN)
def test_exactly_one_choice_is_right_and_it_is_at_any_index(name: str, code: str) -> None:
    positions: Counter[int] = Counter()
    num = {"gaps": len(KEYS)}.get(name, 4)
    for row in make(name, code, 120):
        options = facts(name, [row], LANGUAGES[code])
        assert len({fact.concept for fact in options}) == num
        (right,) = [index for index, fact in enumerate(options) if fact.holds]
        assert lesson(name).tables[options[right].skill][options[right].concept] == options[right].label
        positions[right] += 1
    assert positions.keys() == set(range(num))
    assert max(positions.values()) < 2 * 120 / num


@each_language
@pytest.mark.parametrize(("name", "column"), [("endings", "ctx_a"), ("reasons", "context")])
def test_choices_follow_a_short_scene(name: str, column: str, code: str) -> None:
    for row in make(name, code):
        roles = Counter(ROLE_OF[concept] for concept in concepts(row[column], LANGUAGES[code]))
        assert roles == {"agent": 1, "verb": 1, "noun": 1}


@each_language
@pytest.mark.parametrize("name", ["words", "names", "parts"])
def test_a_tag_has_the_class_of_the_lesson_and_only_parts_tags_the_other_words(name: str, code: str) -> None:
    language, tables = LANGUAGES[code], {SKILLS[skill].role: table for skill, table in lesson(name).tables.items()}
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
    return ROLE_OF.get(concept, concept)


@each_language
def test_a_supertag_names_the_next_word(code: str) -> None:
    thing = {"noun": "thing", "adjective": "thing", "number": "thing", "verb": "verb"}
    for row in make("parts", code):
        following = [thing.get(_role(token, LANGUAGES[code]), "other") for token in row["tokens"][1:]]
        assert [tag.split(">")[1] for tag in row["supertags"]] == [*following, "end"]


def test_the_targets_with_needs_are_those_made_from_a_lesson() -> None:
    assert [name for name, needs in NEEDS.items() if needs] == [target.name for target in TARGETS]


@each_language
@pytest.mark.parametrize("name", [target.name for target in TARGETS])
def test_the_items_of_a_target_need_each_skill_at_the_declared_rate(name: str, code: str) -> None:
    counts = Counter(fact.skill for fact in facts(name, make(name, code), LANGUAGES[code]))
    assert {skill: num / counts.total() for skill, num in counts.items()} == NEEDS[name]


@each_language
def test_ids_in_a_split_with_all_languages_start_with_the_language(code: str) -> None:
    assert [row["id"] for row in make("few_questions", code, 3)] == [f"{code}-q0", f"{code}-q1", f"{code}-q2"]


@each_language
def test_twins_are_translations_and_no_two_sentences_are_equal(code: str) -> None:
    language = LANGUAGES[code]
    rows = parallel.twins(LANGUAGES["en"], Draws("twins"), language, 200)
    assert len({row["sentence1"] for row in rows}) == len({row["sentence2"] for row in rows}) == 200
    for row in rows:
        assert event_in(row["sentence1"], language) == event_in(row["sentence2"], LANGUAGES["en"])


@each_language
def test_gold_pairs_are_translations_and_other_sentences_have_none(code: str) -> None:
    (pool,) = parallel.mining(LANGUAGES["en"], Draws("mining"), LANGUAGES[code], 60)
    source = [event_in(text, LANGUAGES[code]) for text in pool["sentence1"]]
    target = [event_in(text, LANGUAGES["en"]) for text in pool["sentence2"]]
    pairs = [[i, j] for i, text in enumerate(source, 1) for j, english in enumerate(target, 1) if text == english]
    assert pairs == pool["gold"]
    assert (len(source), len(target), len(pairs)) == (60, 60, 30)
    assert [i for i, _ in pairs] != [j for _, j in pairs]


@cache
def _texts() -> list[str]:
    return [row["text"] for row in parallel.texts(LANGUAGES, Draws("texts"), 4000)]


def _utterances(line: str) -> list[list[str]]:
    """The words of each statement and question of a line. A question has two stops: "what not grow? lamps figs?"."""
    return [re.sub(r"[.?]", " ", text).split() for text in re.findall(r"[^.?]+\?[^.?]+\?|[^.?]+\.", line)]


def _concepts(words: list[str]) -> list[str]:
    """The concepts of words of any languages, without particles."""
    return [CONCEPT_OF[word] for word in words if word not in PARTICLES]


def test_no_line_of_text_states_whether_a_probe_holds_of_a_concept() -> None:
    question_words = {language.words[word] for language in LANGUAGES.values() for word in (*PROBES, "what")}
    for line in _texts():
        statements = [text.split("?")[-1] for text in line.split(".")[:-1]]
        assert all(question_words.isdisjoint(statement.split()) for statement in statements)


def test_questions_in_the_text_do_not_depend_on_the_classes() -> None:
    counts: Counter[tuple[str, int | None, bool]] = Counter()
    for line in _texts():
        for question in (_concepts(words) for words in _utterances(line)):
            if question[0] == "what":
                *negation, probe, first, second = question[1:]
                skill = SKILL_OF_PROBE[probe]
                for concept in (first, second):
                    counts[skill, KNOWLEDGE.tables[skill].get(concept), bool(negation)] += 1
    assert counts.total() > 2500
    for skill, table in KNOWLEDGE.tables.items():
        num = sum(times for (name, _, _), times in counts.items() if name == skill)
        all_concepts = CONCEPTS[SKILLS[skill].role]
        for label in (*range(NUM_CLASSES), None):
            share = [table.get(concept) for concept in all_concepts].count(label) / len(all_concepts)
            for negated in (True, False):
                assert counts[skill, label, negated] / num == near(share / 2, num // 2), (skill, label, negated)


def test_the_shares_of_parallel_lines_and_of_questions_are_the_declared_ones() -> None:
    lines = _texts()
    parallel_lines = sum(Counter(_concepts(a)) == Counter(_concepts(b)) for a, b in map(_utterances, lines))
    assert parallel_lines / len(lines) == near(parallel.PARALLEL, len(lines))
    assert sum("?" in line for line in lines) / len(lines) == near(parallel.QUESTIONS, len(lines))


def _is_pure(words: list[str]) -> bool:
    """Whether all words belong to the same language."""
    return any({*words} <= lexicon(language).keys() | {language.marker} for language in LANGUAGES.values())


def test_the_declared_share_of_sentences_in_parallel_lines_mixes_languages_and_no_others_do() -> None:
    pure: dict[bool, list[bool]] = {True: [], False: []}
    for a, b in map(_utterances, _texts()):
        pure[Counter(_concepts(a)) == Counter(_concepts(b))] += [_is_pure(a), _is_pure(b)]
    assert all(pure[False])
    mixed = 1 - sum(pure[True]) / len(pure[True])
    # Some mixed sentences look pure, because the borrowed words have the same spelling in both languages.
    assert 0.75 * parallel.MIXED < mixed <= parallel.MIXED
