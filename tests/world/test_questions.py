"""The data sets of the five questions: they differ only in what a question varies."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from sweeper.errors import UserError
from sweeper.world.build import build
from sweeper.world.concepts import CLASSIFIED
from sweeper.world.draws import Draws
from sweeper.world.languages import CODES, jargon, make_languages
from sweeper.world.lessons import draw_knowledge, taught_lesson
from sweeper.world.parallel import exchanged, synonym_texts
from sweeper.world.question_tasks import DOSES, FIRST, LESSONS, QUESTION_TASKS, SHARES, SYNONYMS
from sweeper.world.questions import QUESTION_DATA
from sweeper.world.settings import check_space
from sweeper.world.skills import SKILLS
from sweeper.world.tasks import PLACEBO

BUILD = "sweeper.world.build"
LANGUAGES = make_languages(0)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A world that has only the data sets of the questions, in one draw."""
    folder = tmp_path_factory.mktemp("worlds") / "questions"
    with pytest.MonkeyPatch.context() as patch:
        for name in ("INTERMEDIATES", "TARGETS"):
            patch.setattr(f"{BUILD}.{name}", ())
        patch.setattr(f"{BUILD}._placebo_repositories", list)
        patch.setattr(f"{BUILD}._null_repositories", list)
        patch.setattr(f"{BUILD}.NUM_LINES", 10)
        patch.setattr(f"{BUILD}.POOL_SIZE", 4)
        build("demo:draws=1,questions=1", folder)
    return folder


def rows(world: Path, name: str, split: str = "train") -> list[dict[str, Any]]:
    text = (world / "datasets" / "demo" / name / "draw0" / f"{split}.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_every_task_of_the_questions_has_its_data_set(world: Path) -> None:
    for task in QUESTION_TASKS:
        for split in (task.train, task.dev, task.test):
            for sources in split.values():
                for source in sources:
                    assert rows(world, source.id.removeprefix("demo/"), source.split)
        num = sum(len(rows(world, source.id.removeprefix("demo/"), source.split)) for source in task.train["en"])
        assert num == task.train_size


def test_a_lesson_has_the_same_labels_in_all_languages(world: Path) -> None:
    labels = {code: [row["label"] for row in rows(world, LESSONS, f"train_{code}")] for code in CODES}
    assert len(set(map(tuple, labels.values()))) == 1
    assert rows(world, LESSONS, "train_xc")[0]["premise"] != rows(world, LESSONS, "train_en")[0]["premise"]


def test_a_dose_moves_its_share_of_the_hidden_concepts_to_the_next_class_and_includes_smaller_doses() -> None:
    knowledge = draw_knowledge(0, 1)
    lessons = [
        taught_lesson({"effect": 1.0}, knowledge, Draws("doses"), dose).tables["effect"] for dose in DOSES.values()
    ]
    truth, hidden = knowledge.tables["effect"], knowledge.hidden("effect")
    wrong = [{concept for concept, label in lesson.items() if label != truth[concept]} for lesson in lessons]
    assert [len(concepts) for concepts in wrong] == [0, 3, 6]
    assert wrong[1] < wrong[2] <= set(hidden)
    assert all(lessons[2][concept] == (truth[concept] + 1) % 3 for concept in wrong[2])


def test_the_share_of_a_shortcut_moves_answers_to_the_first_sentence_and_changes_no_word(world: Path) -> None:
    def is_first(row: dict[str, Any]) -> bool:
        return bool(row["answers"]["answer_start"][0] < row["context"].index("."))

    by_share = {share: rows(world, name) for name, share in SHARES.items() if name.endswith("a")}
    shares = {share: sum(map(is_first, questions)) / len(questions) for share, questions in by_share.items()}
    for share, measured in shares.items():
        assert measured == pytest.approx((1 + share) / 2, abs=0.06)
    first, last = by_share[0.0], by_share[1.0]
    assert all(is_first(row) for row in last)
    assert [sorted(row["context"].split()) for row in first] == [sorted(row["context"].split()) for row in last]
    assert all(map(is_first, rows(world, FIRST)))
    assert 0.3 < sum(map(is_first, rows(world, FIRST, "test_en"))) / 96 < 0.7


def test_synonyms_are_words_of_no_other_language_and_of_the_text_beside_their_meaning(world: Path) -> None:
    synonyms = jargon(LANGUAGES, 0)
    new = {word for concept, word in synonyms.words.items() if word != concept}
    assert len(new) == len({skill.role for skill in SKILLS.values()}) * 18
    assert not new & {word for language in LANGUAGES.values() for word in language.words.values()}
    (line,) = synonym_texts(Draws("even"), synonyms, 1)
    assert len(line["text"].split()) % 2 == 0
    other = exchanged(synonyms, Draws("placebo"))
    moved = [concept for concept, word in synonyms.words.items() if word in new]
    assert {other.words[concept] for concept in moved} == new
    for name in (SYNONYMS, PLACEBO + SYNONYMS):
        text = {word.strip(".") for row in rows(world, name) for word in row["text"].split()}
        assert text >= new


def test_the_placebo_of_the_synonyms_says_nothing_about_the_class_of_a_hidden_concept() -> None:
    synonyms, draws = jargon(LANGUAGES, 0), Draws("placebo")
    concepts = {word: concept for concept, word in synonyms.words.items()}
    lines = [exchanged(synonyms, draws).words for _ in range(1000)]
    for truth_seed in range(3):
        knowledge = draw_knowledge(truth_seed, 1)
        for skill, table in knowledge.tables.items():
            agree = [
                table[meaning] == table[concepts[words[meaning]]]
                for words in lines
                for meaning in CLASSIFIED[SKILLS[skill].role]
                if concepts[words[meaning]] in knowledge.hidden(skill)
            ]
            # There are three classes of equal size. The standard error is 0.5 points.
            assert sum(agree) / len(agree) == pytest.approx(1 / 3, abs=0.02)


def test_a_synonym_is_beside_its_concept_in_the_text_and_beside_no_stable_one_in_the_placebo(world: Path) -> None:
    nouns = set(CLASSIFIED["noun"])
    synonyms = {word for noun, word in jargon(LANGUAGES, 0).words.items() if noun in nouns}
    shares = {}
    for name in (SYNONYMS, PLACEBO + SYNONYMS):
        lines = [{word.strip(".") for word in row["text"].split()} for row in rows(world, name)]
        beside = {word: Counter(noun for line in lines if word in line for noun in line & nouns) for word in synonyms}
        shares[name] = [max(count.values()) / sum(word in line for line in lines) for word, count in beside.items()]
    assert min(shares[SYNONYMS]) > 0.6
    assert max(shares[PLACEBO + SYNONYMS]) < 0.3


def test_the_data_of_the_questions_have_the_names_of_their_tasks() -> None:
    assert {repository.name for repository in QUESTION_DATA} == {task.name for task in QUESTION_TASKS}


def test_an_encoder_of_the_questions_needs_a_world_with_questions() -> None:
    with pytest.raises(UserError, match=r"has no encoder demo/twin_1\. Set questions=1, as in `--set world=demo:draws"):
        check_space("demo:draws=3", ["demo/tiny", "demo/twin_1"], [])
    check_space("demo:draws=3,questions=1", ["demo/tiny", "demo/twin_1"], [])
