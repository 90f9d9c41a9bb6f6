"""The hidden knowledge of a world and the planted truth, both without any data."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from itertools import combinations, product

import pytest

from search_spaces.demo_full import SPACE
from search_spaces.demo_recovery import SPACE as RECOVERY
from sweeper.space import Recipe, Stage
from sweeper.world import truth
from sweeper.world.concepts import ASKED, CONCEPTS
from sweeper.world.draws import Draws
from sweeper.world.lessons import SHOWN, Knowledge, Lesson, ask, knowledge, of_class, part_of, rest
from sweeper.world.repositories import INTERMEDIATES as DATA_SETS
from sweeper.world.skills import NEEDS, NUM_CLASSES, SKILLS, TEACHES
from sweeper.world.tasks import INTERMEDIATES, NULLS, PLACEBO, PLACEBOS, TARGETS, TASKS
from sweeper.world.truth import LARGE_GAIN, placebo_recipes, planted_gain, planted_gains, taught
from tests.world.facts import CLASSES, hidden

BY_NAME = {task.name: task for task in TASKS}
KNOWN = knowledge(0, 1)
NINE_PAIRS = dict.fromkeys(product(range(NUM_CLASSES), repeat=2), 1)
"""Every pair of classes once: what any two columns of an orthogonal array of nine rows hold (Rao 1947)."""


def agreement(one: Knowledge, other: Knowledge, skill: str) -> float:
    same = [one.tables[skill][concept] == other.tables[skill][concept] for concept in one.tables[skill]]
    return sum(same) / len(same)


def sizes(known: Knowledge, skill: str, concepts: Iterable[str]) -> dict[int, int]:
    """Class -> how many of the concepts are of it."""
    counts = Counter(known.tables[skill][concept] for concept in concepts)
    return {label: counts[label] for label in range(NUM_CLASSES)}


def are_even(found: dict[int, int]) -> bool:
    """Whether no class has more than one concept more than another, and each has one."""
    return min(found.values()) > 0 and max(found.values()) - min(found.values()) <= 1


def lesson(skill: str, share: float) -> dict[str, int]:
    return dict(part_of({skill: share}, KNOWN, Draws("lesson")).tables[skill])


def test_hidden_knowledge_is_about_some_concepts_of_the_parts_that_skills_are_about() -> None:
    assert set(ASKED) == {skill.part for skill in SKILLS.values()}
    assert all(set(concepts) <= set(CONCEPTS[part]) for part, concepts in ASKED.items())


@pytest.mark.parametrize("skill", SKILLS)
def test_classes_are_of_equal_size_and_cover_every_concept_that_is_asked_about(skill: str) -> None:
    table = KNOWN.tables[skill]
    assert set(table) == set(ASKED[SKILLS[skill].part])
    assert set(table.values()) == CLASSES
    assert are_even(sizes(KNOWN, skill, table))


@pytest.mark.parametrize("skill", SKILLS)
def test_two_draws_of_knowledge_agree_by_chance_alone(skill: str) -> None:
    draws = [knowledge(0, draw) for draw in range(30)]
    pairs = [agreement(one, other, skill) for one, other in combinations(draws, 2)]
    assert sum(pairs) / len(pairs) == pytest.approx(1 / 3, abs=0.02)
    assert max(pairs) < 0.8
    assert knowledge(0, 1) == KNOWN


@pytest.mark.parametrize("truth_seed", range(4))
@pytest.mark.parametrize("part", ASKED)
def test_skills_about_the_same_concepts_pair_each_two_classes_once_among_the_shown_and_among_the_hidden(
    part: str, truth_seed: int
) -> None:
    about = [skill for skill in SKILLS if SKILLS[skill].part == part]
    for draw in range(8):
        own, placebo = knowledge(truth_seed, draw), knowledge(truth_seed, draw, PLACEBO)
        tables = [known.tables[skill] for known in (own, placebo) for skill in about]
        for half in (own.shown[part], hidden(own, about[0])):
            for one, other in combinations(tables, 2):
                assert Counter((one[concept], other[concept]) for concept in half) == NINE_PAIRS


def test_the_same_share_of_each_parts_concepts_is_shown_and_other_concepts_in_another_draw() -> None:
    assert set(KNOWN.shown) == set(ASKED)
    for part, shown in KNOWN.shown.items():
        assert shown < set(ASKED[part])
        assert len(shown) == len(ASKED[part]) // SHOWN
        assert knowledge(0, 2).shown[part] != shown


def test_a_placebos_truth_shows_the_same_concepts() -> None:
    for draw in range(8):
        assert knowledge(0, draw, PLACEBO).shown == knowledge(0, draw).shown


@pytest.mark.parametrize("skill", SKILLS)
def test_shown_and_hidden_hold_as_many_concepts_of_each_class_in_every_draw(skill: str) -> None:
    part = SKILLS[skill].part
    for known in (knowledge(seed, draw, name) for seed in range(20) for draw in range(6) for name in ("", PLACEBO)):
        assert are_even(sizes(known, skill, known.shown[part]))
        assert are_even(sizes(known, skill, hidden(known, skill)))


@pytest.mark.parametrize("skill", SKILLS)
def test_a_full_share_teaches_every_concept_rightly(skill: str) -> None:
    assert lesson(skill, 1.0) == KNOWN.tables[skill]


@pytest.mark.parametrize("share", [1 / 3, 2 / 3])
@pytest.mark.parametrize("skill", SKILLS)
def test_a_share_teaches_so_many_hidden_concepts_of_each_class_and_all_that_are_shown(skill: str, share: float) -> None:
    table, unknown = lesson(skill, share), hidden(KNOWN, skill)
    assert table.items() < KNOWN.tables[skill].items()
    assert len(unknown & set(table)) == round(share * len(unknown))
    assert are_even(sizes(KNOWN, skill, unknown & set(table)))
    assert set(table) - unknown == KNOWN.shown[SKILLS[skill].part]


def test_a_target_is_scored_on_every_concept_that_its_training_data_do_not_show() -> None:
    tables = rest(SKILLS, KNOWN).tables
    for skill in SKILLS:
        shown = set(lesson(skill, 0.0))
        assert tables[skill].items() == KNOWN.tables[skill].items() - lesson(skill, 0.0).items()
        assert tables[skill].keys() == hidden(KNOWN, skill) == set(KNOWN.tables[skill]) - shown


@pytest.mark.parametrize("skill", SKILLS)
def test_no_share_teaches_what_is_shown_alone(skill: str) -> None:
    assert set(lesson(skill, 0.0)) == KNOWN.shown[SKILLS[skill].part]


@pytest.mark.parametrize("skill", SKILLS)
def test_a_negative_share_teaches_the_shown_rightly_and_every_hidden_concept_wrongly(skill: str) -> None:
    table, unknown = lesson(skill, -1.0), hidden(KNOWN, skill)
    wrong = {concept for concept, label in table.items() if label != KNOWN.tables[skill][concept]}
    assert set(table) == set(KNOWN.tables[skill])
    assert wrong == unknown
    assert all(table[concept] == (KNOWN.tables[skill][concept] + 1) % NUM_CLASSES for concept in wrong)


def test_questions_take_turns_between_skills_and_classes() -> None:
    known = Lesson(tables={"kind": KNOWN.tables["kind"], "tone": KNOWN.tables["tone"]})
    asked = [ask(known, Draws("ask", number), number, (0, 2)) for number in range(8)]
    assert [one.skill for one in asked] == ["kind", "tone"] * 4
    assert [one.label for one in asked] == [0, 0, 2, 2] * 2
    assert all(one.concept in of_class(known.tables[one.skill], one.label) for one in asked)


def test_every_data_set_says_what_it_teaches_and_every_target_what_it_needs() -> None:
    assert set(TEACHES) == {one.name for one in DATA_SETS}
    assert set(NEEDS) == {task.name for task in TARGETS}
    assert {skill for level in (*TEACHES.values(), *NEEDS.values()) for skill in level} == set(SKILLS)
    assert all(-1 <= share <= 1 for level in TEACHES.values() for share in level.values())
    assert all(sum(level.values()) in (0, 1) for level in NEEDS.values())


def test_half_of_the_cells_have_a_planted_gain_or_loss_in_several_grades() -> None:
    gains = planted_gains(SPACE)
    assert len(gains) == 90
    assert sum(gain != 0 for gain in gains.values()) == 46
    assert len({gain for gain in gains.values() if gain >= LARGE_GAIN}) >= 3
    assert any(0 < gain < LARGE_GAIN for gain in gains.values())
    assert min(gains.values()) < 0
    assert all(-1 <= gain <= 1 for gain in gains.values())


def test_retrieval_has_nothing_planted() -> None:
    gains = [gain for (_, target), gain in planted_gains(SPACE).items() if target in ("mining", "twins")]
    assert gains == [0] * 20


@pytest.fixture
def declared(monkeypatch: pytest.MonkeyPatch) -> None:
    """A declaration of this file's own, so that expected values stand whatever the world's own says."""
    teaches = {
        "claims": {"effect": 0.5, "use": 0.25},
        "more_claims": {"effect": 0.25},
        "rewrites": {"tone": 1.0, "effect": 0.75},
        "reasons": {"effect": -1.0, "tone": 0.5},
        "gaps": {"tone": -1.0},
    }
    monkeypatch.setattr(truth, "TEACHES", teaches)
    monkeypatch.setattr(truth, "NEEDS", {"xclaims": {"effect": 0.75, "use": 0.25}, "names": {"tone": 1.0}})


@pytest.mark.usefixtures("declared")
@pytest.mark.parametrize(
    ("row", "target", "expected"),
    [
        (["claims"], "xclaims", 0.75 * 0.5 + 0.25 * 0.25),
        (["reasons"], "xclaims", 0.75 * -1.0 + 0.25 * 0.0),
        (["rewrites"], "names", 1.0),
        (["reasons"], "names", 0.5),
        (["claims"], "names", 0.0),
        (["claims", "rewrites"], "xclaims", 0.75 * 1.0 + 0.25 * 0.25),
        ([], "xclaims", 0.0),
    ],
)
def test_a_planted_gain_is_the_level_taught_weighted_by_the_needs(row: list[str], target: str, expected: float) -> None:
    assert planted_gain([BY_NAME[name] for name in row], target) == expected


@pytest.mark.usefixtures("declared")
@pytest.mark.parametrize(
    ("row", "skill", "expected"),
    [
        (["claims", "reasons"], "effect", 0.5 - 1.0),
        (["claims", "rewrites"], "effect", 1.0),
        (["claims", "rewrites", "reasons"], "effect", 0.5 + 0.75 - 1.0),
        (["rewrites", "reasons"], "tone", 1.0),
        (["reasons", "gaps"], "tone", 0.5 - 1.0),
        (["rewrites", "reasons", "gaps"], "tone", 1.0 + 0.5 - 1.0),
        (["questions"], "tone", 0.0),
    ],
)
def test_the_tasks_of_a_row_add_up_and_no_further_than_one(row: list[str], skill: str, expected: float) -> None:
    assert taught([BY_NAME[name] for name in row])[skill] == expected


@pytest.mark.usefixtures("declared")
def test_a_data_set_that_two_tasks_hold_counts_once() -> None:
    assert taught([BY_NAME["claims_plus"]])["effect"] == 0.5 + 0.25
    assert taught([BY_NAME["claims"], BY_NAME["claims_plus"]]) == taught([BY_NAME["claims_plus"]])


def test_a_cell_of_the_demo_follows_from_the_declaration_of_its_row_and_target() -> None:
    for row, target in (("endings", "few_questions"), ("reasons", "names"), ("questions_null", "words")):
        expected = sum(need * TEACHES[row].get(skill, 0.0) for skill, need in NEEDS[target].items())
        assert planted_gains(SPACE)[row, target] == expected


@pytest.mark.parametrize("task", [*PLACEBOS, *NULLS], ids=lambda task: task.name)
def test_placebos_have_nothing_planted(task: object) -> None:
    assert {planted_gain([task], target.name) for target in TARGETS} == {0}  # type: ignore[list-item]


def test_every_row_has_a_placebo_of_its_format_and_columns() -> None:
    for task, placebo in zip(INTERMEDIATES, PLACEBOS, strict=True):
        assert placebo.name == f"placebo_{task.name}"
        assert (placebo.format, placebo.columns, placebo.labels) == (task.format, task.columns, task.labels)


def test_planted_gains_have_a_cell_for_each_recipe_with_stages_and_each_target() -> None:
    recipes = [recipe.name for recipe in RECOVERY.recipes if recipe.stages]
    assert list(planted_gains(RECOVERY)) == [(name, target.task) for name in recipes for target in RECOVERY.targets]
    assert "baseline" not in recipes


def test_a_recipe_of_a_users_own_task_has_no_planted_gain() -> None:
    user_task = replace(BY_NAME["claims"], name="my_claims")
    recipe = Recipe(name="mine", stages=(Stage(tasks=("claims", "my_claims")),))
    assert not planted_gains(replace(SPACE, recipes=(Recipe(name="baseline"), recipe), tasks=(*TASKS, user_task)))


def test_the_stages_of_a_recipe_count_together() -> None:
    chain = Recipe(name="chain", stages=(Stage(tasks=("claims",)), Stage(tasks=("rewrites",))))
    gains = planted_gains(replace(SPACE, recipes=(Recipe(name="baseline"), chain)))
    assert gains["chain", "xclaims"] == planted_gain([BY_NAME["claims"], BY_NAME["rewrites"]], "xclaims")


def test_a_placebo_recipe_has_gains_of_zero_and_belongs_to_the_recipe_of_its_name() -> None:
    placebos = placebo_recipes(RECOVERY)
    assert all(placebo == f"placebo_{recipe}" for recipe, placebo in placebos.items())
    assert {cell[0] for cell, gain in planted_gains(RECOVERY).items() if gain}.isdisjoint(placebos.values())
    assert {name for pair in placebos.items() for name in pair} == {r.name for r in RECOVERY.recipes if r.stages}
    assert placebo_recipes(SPACE) == {}
