"""The facts that the files of the world teach, compared with the hidden knowledge and the declared shares."""

from functools import cache
from itertools import combinations
from pathlib import Path

import pytest

from sweeper.world.concepts import CONCEPTS
from sweeper.world.languages import CODES
from sweeper.world.lessons import draw_knowledge
from sweeper.world.repositories import INTERMEDIATES, TARGETS
from sweeper.world.skills import NUM_CLASSES, SKILLS, TEACHES
from sweeper.world.tasks import EVAL_SIZE, NUM_NULLS
from tests.world.facts import (
    ALIKE,
    CLASSES,
    REPOSITORIES,
    Fact,
    Row,
    concepts,
    event_in,
    facts,
    hidden_concepts,
    near,
    possible_classes,
    read,
    skills_of,
    tables_from,
)
from tests.world.facts import LANGUAGES as BY_CODE

Learned = dict[str, dict[str, frozenset[int]]]
DRAWS = (0, 1)
KNOWLEDGE = {draw: draw_knowledge(0, draw) for draw in DRAWS}
TRAINED = tuple(target.name for target in TARGETS if target.tables[0].split == "train")
EVALUATED = tuple(target.name for target in TARGETS)
each_draw = pytest.mark.parametrize("draw", DRAWS)


def rows_of(world: Path, name: str, draw: int, split: str) -> list[Row]:
    """The rows of the splits that match a pattern such as `train*`."""
    files = sorted((world / "datasets" / "demo" / name / f"draw{draw}").glob(f"{split}.jsonl"))
    assert files, (name, split)
    return [row for file in files for row in read(file)]


def english(world: Path, name: str, draw: int, split: str) -> list[Row]:
    """The English rows of a split."""
    # One file of few_questions has all languages. The ids start with the language.
    rows = rows_of(world, name, draw, split if name != "few_questions" else split.removesuffix("_en"))
    return [row for row in rows if name != "few_questions" or not split.endswith("_en") or row["id"].startswith("en-")]


@cache
def learned(world: Path, name: str, draw: int) -> Learned:
    """Skill -> concept -> the classes that all training rows together leave possible.

    Asserts that no rows contradict each other, and that only classes with equal labels stay undecided.
    """
    possible = tables_from(facts(name, rows_of(world, name, draw, "train*"), BY_CODE["en"]))
    complete = {possible_classes(name, label) for label in CLASSES}
    for skill, table in possible.items():
        for concept, classes in table.items():
            assert classes in complete, (name, skill, concept, classes)
    return possible


def agreements(a: Learned, b: Learned, skill: str) -> list[bool]:
    """For each concept that both cover: whether they agree."""
    return [a[skill][concept] == b[skill][concept] for concept in a[skill].keys() & b[skill].keys()]


def truth_of(draw: int) -> Learned:
    """The knowledge that targets need, in the form of `learned`."""
    tables = KNOWLEDGE[draw].tables
    return {skill: {c: frozenset({label}) for c, label in table.items()} for skill, table in tables.items()}


def num_rows(name: str, split: str) -> int:
    """Declared number of rows of all splits whose names start with `split`."""
    return sum(table.num for table in REPOSITORIES[name].tables if table.split.startswith(split))


@each_draw
@pytest.mark.parametrize("name", TEACHES)
def test_training_data_teach_the_declared_share_of_the_hidden_concepts(name: str, draw: int, demo_world: Path) -> None:
    knowledge, tables = KNOWLEDGE[draw], learned(demo_world, name, draw)
    assert tables.keys() == TEACHES[name].keys()
    for skill, share in TEACHES[name].items():
        shift = 1 if share < 0 else 0
        shown, hidden = knowledge.shown[SKILLS[skill].role], hidden_concepts(knowledge, skill)
        assert shown <= tables[skill].keys() <= shown | hidden
        for concept, classes in tables[skill].items():
            label = knowledge.tables[skill][concept]
            taught = label if concept in shown else (label + shift) % NUM_CLASSES
            assert classes == possible_classes(name, taught), concept
        assert len(hidden & tables[skill].keys()) == round(abs(share) * len(hidden))


@each_draw
@pytest.mark.parametrize("name", TRAINED)
def test_training_rows_of_targets_are_true_and_contain_shown_concepts_only(
    name: str, draw: int, demo_world: Path
) -> None:
    rows = rows_of(demo_world, name, draw, "train")
    row_facts = facts(name, rows, BY_CODE["en"])
    assert len(rows) == num_rows(name, "train")
    assert all(fact.agrees(KNOWLEDGE[draw].tables) for fact in row_facts)
    for skill in skills_of(name):
        concepts_ = {fact.concept for fact in row_facts if fact.skill == skill}
        assert concepts_ <= KNOWLEDGE[draw].shown[SKILLS[skill].role]
        assert {KNOWLEDGE[draw].tables[skill][concept] for concept in concepts_} == CLASSES


@each_draw
@pytest.mark.parametrize("name", EVALUATED)
def test_evaluation_rows_are_true_and_contain_hidden_concepts_only(name: str, draw: int, demo_world: Path) -> None:
    row_facts = facts(name, english(demo_world, name, draw, "validation_en"), BY_CODE["en"])
    assert {fact.skill for fact in row_facts} == set(skills_of(name))
    for fact in row_facts:
        assert fact.agrees(KNOWLEDGE[draw].tables)
        assert fact.concept in hidden_concepts(KNOWLEDGE[draw], fact.skill)


def test_validation_rows_of_intermediate_tasks_agree_with_their_training_rows(demo_world: Path) -> None:
    for name in (repository.name for repository in INTERMEDIATES):
        rows, tables = rows_of(demo_world, name, 1, "validation"), learned(demo_world, name, 1)
        assert len(rows) == num_rows(name, "validation")
        for fact in facts(name, rows, BY_CODE["en"]):
            assert (tables[fact.skill][fact.concept] <= {fact.label}) == fact.holds, (name, fact)


def test_two_draws_teach_different_knowledge(demo_world: Path) -> None:
    first, second = (learned(demo_world, "parts", draw) for draw in DRAWS)
    agreeing = [agrees for skill in TEACHES["parts"] for agrees in agreements(first, second, skill)]
    assert sum(agreeing) / len(agreeing) < 0.7


@each_draw
@pytest.mark.parametrize("name", [name for name in TEACHES if name not in ALIKE])
def test_a_placebo_is_right_about_one_in_three_of_the_shown_and_of_the_hidden_concepts(
    name: str, draw: int, demo_world: Path
) -> None:
    placebo, needed = learned(demo_world, f"placebo_{name}", draw), truth_of(draw)
    for skill, share in TEACHES[name].items():
        # With a share of two thirds, the taught hidden concepts are random, so their agreement is random as well.
        halves = [
            KNOWLEDGE[draw].shown[SKILLS[skill].role],
            *([hidden_concepts(KNOWLEDGE[draw], skill)] if abs(share) == 1 else []),
        ]
        for half in halves:
            agreeing = [concept for concept in half if placebo[skill][concept] == needed[skill][concept]]
            assert len(agreeing) == len(half) / NUM_CLASSES, skill


@each_draw
def test_placebos_agree_with_each_other_on_the_shown_concepts(draw: int, demo_world: Path) -> None:
    by_skill: dict[str, list[dict[str, frozenset[int]]]] = {}
    for name in TEACHES:
        for skill, table in learned(demo_world, f"placebo_{name}", draw).items():
            shown = KNOWLEDGE[draw].shown[SKILLS[skill].role]
            assert shown <= table.keys()
            by_skill.setdefault(skill, []).append({concept: table[concept] for concept in shown})
    assert by_skill.keys() == SKILLS.keys()
    for tables in by_skill.values():
        for a, b in combinations(tables, 2):
            assert all(a[concept] & b[concept] for concept in a)


def test_placebos_have_as_many_concepts_and_rows_as_their_originals(demo_world: Path) -> None:
    for name in TEACHES:
        original, placebo = (learned(demo_world, data_set, 1) for data_set in (name, f"placebo_{name}"))
        assert {skill: len(table) for skill, table in original.items()} == {k: len(t) for k, t in placebo.items()}
        for data_set in (name, f"placebo_{name}"):
            assert len(rows_of(demo_world, data_set, 1, "train*")) == num_rows(name, "train")


def test_null_data_sets_agree_with_targets_and_with_each_other_by_chance_only(demo_world: Path) -> None:
    nulls = [learned(demo_world, f"null_{number}", 1) for number in range(1, NUM_NULLS + 1)]
    pairs = [agreements(a, b, "kind") for a, b in combinations([*nulls, truth_of(1)], 2)]
    assert max(sum(pair) / len(pair) for pair in pairs) < 0.9
    agreeing = [agrees for pair in pairs for agrees in pair]
    assert sum(agreeing) / len(agreeing) == near(1 / NUM_CLASSES, len(agreeing))


def _text(row: Row) -> str:
    text = next(row[column] for column in ("premise", "sentence1", "context", "tokens") if column in row)
    return " ".join(text) if isinstance(text, list) else str(text)


def _parallel(world: Path, name: str, code: str) -> list[Row]:
    if name == "few_questions":
        rows = rows_of(world, name, 1, "validation")
        return [row | {"id": row["id"].split("-")[1]} for row in rows if row["id"].startswith(f"{code}-")]
    return rows_of(world, name, 1, f"validation_{code}")


@pytest.mark.parametrize("code", CODES[1:])
@pytest.mark.parametrize("name", EVALUATED)
def test_files_of_two_languages_have_the_same_events_ids_labels_and_facts(
    name: str, code: str, demo_world: Path
) -> None:
    english_rows, rows = _parallel(demo_world, name, "en"), _parallel(demo_world, name, code)
    assert len(english_rows) == len(rows) == EVAL_SIZE
    for english_row, row in zip(english_rows, rows, strict=True):
        assert english_row.get("id") == row.get("id")
        assert english_row.get("label") == row.get("label")
        assert event_in(_text(english_row), BY_CODE["en"]) == event_in(_text(row), BY_CODE[code])
        assert sorted_facts(name, english_row, "en") == sorted_facts(name, row, code)
    # Languages with many cognates leave some sentences in plain English.
    assert sum(_text(a) == _text(b) for a, b in zip(english_rows, rows, strict=True)) < 0.35 * EVAL_SIZE


def sorted_facts(name: str, row: Row, code: str) -> list[Fact]:
    """The facts of a row in an order that does not depend on its words."""
    return sorted(facts(name, [row], BY_CODE[code]), key=lambda fact: (fact.skill, fact.concept))


def content(row: Row) -> str:
    """A row as text, without its id and title."""
    return str({name: value for name, value in row.items() if name not in ("id", "title")})


@pytest.mark.parametrize("name", TRAINED)
def test_no_evaluation_row_repeats_a_training_row_with_another_id_or_title(name: str, demo_world: Path) -> None:
    train, evaluation = rows_of(demo_world, name, 1, "train"), english(demo_world, name, 1, "validation_en")
    contents = {content(row) for row in train}
    assert content(train[0] | {"id": "another", "title": "another"}) in contents
    assert contents.isdisjoint(content(row) for row in evaluation)


def test_the_pretraining_text_contains_each_concept_in_each_language(demo_world: Path) -> None:
    words = {
        word
        for row in read(demo_world / "datasets" / "demo" / "texts" / "default" / "train.jsonl")
        for word in row["text"].replace(".", " ").replace("?", " ").split()
    }
    for language in BY_CODE.values():
        expected = {
            language.inflected(concept) if concept in CONCEPTS["noun"] else word
            for concept, word in language.words.items()
        }
        assert expected <= words
    assert concepts("what grow?", BY_CODE["en"]) == ["what", "grow"]
