"""The hidden knowledge of a world, the lessons of data sets, and queries, all without any files."""

from collections import Counter
from collections.abc import Iterable
from itertools import combinations, product

import pytest

from sweeper.world.concepts import CLASSIFIED, CONCEPTS
from sweeper.world.draws import Draws
from sweeper.world.lessons import (
    SHOWN_EVERY,
    Knowledge,
    Lesson,
    draw_knowledge,
    draw_query,
    of_class,
    scored_lesson,
    taught_lesson,
)
from sweeper.world.skills import NUM_CLASSES, SKILLS
from sweeper.world.tasks import PLACEBO
from tests.world.facts import CLASSES, hidden_concepts

KNOWLEDGE = draw_knowledge(0, 1)
NINE_PAIRS = dict.fromkeys(product(range(NUM_CLASSES), repeat=2), 1)
"""Each pair of classes once: the content of any two columns of an orthogonal array of nine rows (Rao 1947)."""


def agreement(a: Knowledge, b: Knowledge, skill: str) -> float:
    """Share of the concepts with the same class in both."""
    agreeing = [a.tables[skill][concept] == b.tables[skill][concept] for concept in a.tables[skill]]
    return sum(agreeing) / len(agreeing)


def sizes(knowledge: Knowledge, skill: str, concepts: Iterable[str]) -> dict[int, int]:
    """Class -> number of the concepts in it."""
    counts = Counter(knowledge.tables[skill][concept] for concept in concepts)
    return {label: counts[label] for label in range(NUM_CLASSES)}


def are_even(class_sizes: dict[int, int]) -> bool:
    """Whether no class is empty and the sizes differ by at most one."""
    return min(class_sizes.values()) > 0 and max(class_sizes.values()) - min(class_sizes.values()) <= 1


def lesson(skill: str, share: float) -> dict[str, int]:
    return dict(taught_lesson({skill: share}, KNOWLEDGE, Draws("lesson")).tables[skill])


def test_concepts_with_classes_are_those_of_the_roles_of_skills() -> None:
    assert set(CLASSIFIED) == {skill.role for skill in SKILLS.values()}
    assert all(set(concepts) <= set(CONCEPTS[role]) for role, concepts in CLASSIFIED.items())


@pytest.mark.parametrize("skill", SKILLS)
def test_classes_have_equal_sizes_and_cover_all_classified_concepts(skill: str) -> None:
    table = KNOWLEDGE.tables[skill]
    assert set(table) == set(CLASSIFIED[SKILLS[skill].role])
    assert set(table.values()) == CLASSES
    assert are_even(sizes(KNOWLEDGE, skill, table))


@pytest.mark.parametrize("skill", SKILLS)
def test_two_draws_of_knowledge_agree_by_chance_only(skill: str) -> None:
    draws = [draw_knowledge(0, draw) for draw in range(30)]
    pairs = [agreement(a, b, skill) for a, b in combinations(draws, 2)]
    assert sum(pairs) / len(pairs) == pytest.approx(1 / 3, abs=0.02)
    assert max(pairs) < 0.8
    assert draw_knowledge(0, 1) == KNOWLEDGE


@pytest.mark.parametrize("truth_seed", range(4))
@pytest.mark.parametrize("role", CLASSIFIED)
def test_skills_of_a_role_and_their_placebos_are_orthogonal_on_shown_and_on_hidden_concepts(
    role: str, truth_seed: int
) -> None:
    skills = [skill for skill in SKILLS if SKILLS[skill].role == role]
    for draw in range(8):
        needed, placebo = draw_knowledge(truth_seed, draw), draw_knowledge(truth_seed, draw, PLACEBO)
        tables = [knowledge.tables[skill] for knowledge in (needed, placebo) for skill in skills]
        for half in (needed.shown[role], hidden_concepts(needed, skills[0])):
            for a, b in combinations(tables, 2):
                assert Counter((a[concept], b[concept]) for concept in half) == NINE_PAIRS


def test_half_of_the_concepts_of_each_role_are_shown_and_other_ones_in_another_draw() -> None:
    assert set(KNOWLEDGE.shown) == set(CLASSIFIED)
    for role, shown in KNOWLEDGE.shown.items():
        assert shown < set(CLASSIFIED[role])
        assert len(shown) == len(CLASSIFIED[role]) // SHOWN_EVERY
        assert draw_knowledge(0, 2).shown[role] != shown


def test_the_knowledge_of_placebos_shows_the_same_concepts() -> None:
    for draw in range(8):
        assert draw_knowledge(0, draw, PLACEBO).shown == draw_knowledge(0, draw).shown


@pytest.mark.parametrize("skill", SKILLS)
def test_shown_and_hidden_concepts_have_classes_of_equal_size_in_each_draw(skill: str) -> None:
    role = SKILLS[skill].role
    for truth_seed, draw, truth in product(range(20), range(6), ("", PLACEBO)):
        knowledge = draw_knowledge(truth_seed, draw, truth)
        assert are_even(sizes(knowledge, skill, knowledge.shown[role]))
        assert are_even(sizes(knowledge, skill, hidden_concepts(knowledge, skill)))


@pytest.mark.parametrize("skill", SKILLS)
def test_a_share_of_one_teaches_all_concepts(skill: str) -> None:
    assert lesson(skill, 1.0) == KNOWLEDGE.tables[skill]


@pytest.mark.parametrize("share", [1 / 3, 2 / 3])
@pytest.mark.parametrize("skill", SKILLS)
def test_a_share_teaches_that_share_of_the_hidden_concepts_and_all_shown_ones(skill: str, share: float) -> None:
    table, hidden = lesson(skill, share), hidden_concepts(KNOWLEDGE, skill)
    assert table.items() < KNOWLEDGE.tables[skill].items()
    assert len(hidden & set(table)) == round(share * len(hidden))
    assert are_even(sizes(KNOWLEDGE, skill, hidden & set(table)))
    assert set(table) - hidden == KNOWLEDGE.shown[SKILLS[skill].role]


def test_a_target_is_scored_on_all_hidden_concepts() -> None:
    tables = scored_lesson(SKILLS, KNOWLEDGE).tables
    for skill in SKILLS:
        shown = set(lesson(skill, 0.0))
        assert tables[skill].items() == KNOWLEDGE.tables[skill].items() - lesson(skill, 0.0).items()
        assert tables[skill].keys() == hidden_concepts(KNOWLEDGE, skill) == set(KNOWLEDGE.tables[skill]) - shown


@pytest.mark.parametrize("skill", SKILLS)
def test_a_share_of_zero_teaches_the_shown_concepts_only(skill: str) -> None:
    assert set(lesson(skill, 0.0)) == KNOWLEDGE.shown[SKILLS[skill].role]


@pytest.mark.parametrize("skill", SKILLS)
def test_a_negative_share_teaches_the_next_class_for_hidden_concepts(skill: str) -> None:
    table, hidden = lesson(skill, -1.0), hidden_concepts(KNOWLEDGE, skill)
    wrong = {concept for concept, label in table.items() if label != KNOWLEDGE.tables[skill][concept]}
    assert set(table) == set(KNOWLEDGE.tables[skill])
    assert wrong == hidden
    assert all(table[concept] == (KNOWLEDGE.tables[skill][concept] + 1) % NUM_CLASSES for concept in wrong)


def test_queries_take_turns_between_skills_and_classes() -> None:
    source = Lesson(tables={"kind": KNOWLEDGE.tables["kind"], "tone": KNOWLEDGE.tables["tone"]})
    queries = [draw_query(source, Draws("ask", number), number, (0, 2)) for number in range(8)]
    assert [query.skill for query in queries] == ["kind", "tone"] * 4
    assert [query.label for query in queries] == [0, 0, 2, 2] * 2
    assert all(query.concept in of_class(source.tables[query.skill], query.label) for query in queries)
