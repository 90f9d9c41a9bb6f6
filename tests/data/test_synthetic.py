"""The demo world: deterministic, loadable, right."""

import hashlib
import re
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset, load_dataset
from transformers import AutoTokenizer

from sweeper.data.encode import encode
from sweeper.data.source import Sources
from sweeper.data.synthetic import build, write_world
from sweeper.data.synthetic.frames import make_languages
from sweeper.errors import UserError
from sweeper.records import DataSpec
from sweeper.tasks.demo import EVAL_SIZE, INTERMEDIATES, LANGUAGES, TARGETS, TASKS, TRAIN_SIZE
from sweeper.tasks.spec import Rows, Task

BY_NAME = {task.name: task for task in TASKS}
ALL_ROWS = sorted(
    {
        rows
        for task in TASKS
        for places in (task.train, task.dev, task.test)
        for parts in places.values()
        for rows in parts
    },
    key=str,
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo") / "world"
    write_world(folder)
    return folder


@pytest.fixture(scope="module")
def load(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    cache = tmp_path_factory.mktemp("cache")

    def load(rows: Rows) -> Dataset:
        place = str(world / "datasets" / rows.id)
        data = load_dataset(place, rows.config, split=rows.split, cache_dir=str(cache))
        return data.filter(lambda row: row["id"].startswith(rows.id_prefix)) if rows.id_prefix else data

    return load


def hashes(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_same_seed_writes_the_same_bytes(world: Path, tmp_path: Path) -> None:
    write_world(tmp_path / "again")
    assert hashes(tmp_path / "again") == hashes(world)


def test_another_seed_writes_other_rows_words_and_weights(world: Path, tmp_path: Path) -> None:
    write_world(tmp_path / "other", seed=1)
    before, after = hashes(world), hashes(tmp_path / "other")
    assert before.keys() == after.keys()
    same = {name for name in before if before[name] == after[name]}
    assert {Path(name).name for name in same} == {"README.md", "tokenizer_config.json"}


def test_a_world_that_is_there_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "world"
    folder.mkdir()
    write_world(folder)
    assert list(tmp_path.rglob("*")) == [folder]


def test_a_world_that_cannot_be_finished_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full_disk(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("sweeper.data.synthetic.world.write_encoder", full_disk)
    with pytest.raises(OSError, match="no space left"):
        write_world(tmp_path / "world")
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_world_is_answered_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"No world is called 'dmo'\. Did you mean 'demo'\?"):
        build("dmo", tmp_path / "world")


def test_there_are_nine_intermediates_and_nine_targets_in_every_format() -> None:
    assert (len(INTERMEDIATES), len(TARGETS)) == (9, 9)
    assert {task.format for task in TASKS} == {"classify", "choose", "tag", "span", "retrieve", "mlm"}


@pytest.mark.parametrize("rows", ALL_ROWS, ids=lambda r: f"{r.id}-{r.config}-{r.split}-{r.id_prefix}")
def test_rows_load_and_hold_their_size(rows: Rows, load: Any) -> None:
    data = load(rows)
    pool = rows.id == "demo/mining"
    few = rows.id == "demo/few_questions"
    expected = EVAL_SIZE if few or not rows.split.startswith("train") else TRAIN_SIZE
    assert len(data) == (1 if pool else expected)
    if pool:
        assert len(data[0]["gold"]) == EVAL_SIZE


def evaluated(task: Task, language: str, load: Any) -> Dataset:
    return load(task.test[language][0])


@pytest.mark.parametrize("name", ["words", "names"])
def test_tags_are_declared_by_name_and_meet_the_tasks_labels(name: str, load: Any) -> None:
    task = BY_NAME[name]
    column = str(task.columns["tags"])
    for language in LANGUAGES:
        data = evaluated(task, language, load)
        declared = data.features[column].feature.names
        assert set(declared) == set(task.labels)
        assert {tag for row in data for tag in row[column]} <= set(range(len(declared)))
        assert all(len(row["tokens"]) == len(row[column]) for row in data)


def test_parts_of_speech_are_declared_in_another_order_than_the_tasks(load: Any) -> None:
    data = evaluated(BY_NAME["words"], "en", load)
    assert tuple(data.features["pos_tags"].feature.names) != BY_NAME["words"].labels


def test_names_of_two_words_begin_and_go_on(load: Any) -> None:
    data = evaluated(BY_NAME["names"], "en", load)
    named = data.features["ner_tags"].feature
    tagged = {tuple(row["tokens"]): [named.int2str(tag) for tag in row["ner_tags"]] for row in data}
    neighbours = [pair for tokens, tags in tagged.items() for pair in pairwise(zip(tokens, tags, strict=True))]
    assert (("Anna", "B-PER"), ("Brisk", "I-PER")) in neighbours
    assert all(before[1][1:] == after[1][1:] for before, after in neighbours if after[1].startswith("I-"))


def test_claims_hold_the_three_labels_in_equal_parts(load: Any) -> None:
    for language in LANGUAGES:
        data = evaluated(BY_NAME["xclaims"], language, load)
        assert tuple(data.features["label"].names) == BY_NAME["xclaims"].labels
        assert Counter(data["label"]) == {0: 20, 1: 20, 2: 20}


def words_of(text: str) -> set[str]:
    return set(text.strip(".").split())


def test_a_claim_that_follows_says_less_and_a_neutral_one_more(load: Any) -> None:
    follows, neutral, contradicts = 0, 1, 2
    for row in evaluated(BY_NAME["xclaims"], "en", load):
        premise, hypothesis = words_of(row["premise"]), words_of(row["hypothesis"])
        if row["label"] == follows:
            assert hypothesis < premise
        elif row["label"] == neutral:
            assert hypothesis > premise
        else:
            assert row["label"] == contradicts
            assert hypothesis - premise


def test_rewrites_keep_their_words_and_others_do_not(load: Any) -> None:
    for language in LANGUAGES:
        for row in evaluated(BY_NAME["xrewrites"], language, load):
            same = words_of(row["sentence1"]) == words_of(row["sentence2"])
            assert row["label"] == int(same)
            assert row["sentence1"] != row["sentence2"]


@pytest.mark.parametrize("name", ["questions", "questions_null", "xquestions", "mquestions", "few_questions"])
def test_answers_stand_where_they_say_and_nowhere_else(name: str, load: Any) -> None:
    task = BY_NAME[name]
    for places in (task.train, task.dev, task.test):
        for (rows,) in places.values():
            for row in load(rows):
                for text, start in zip(row["answers"]["text"], row["answers"]["answer_start"], strict=True):
                    assert row["context"][start : start + len(text)] == text
                    assert len(re.findall(rf"\b{text}\b", row["context"])) == 1


def test_a_third_of_the_questions_with_no_answer_have_none(load: Any) -> None:
    data = load(BY_NAME["questions_null"].dev["en"][0])
    assert sum(not row["answers"]["text"] for row in data) == EVAL_SIZE // 3
    data = load(BY_NAME["questions"].dev["en"][0])
    assert all(row["answers"]["text"] for row in data)


def test_the_right_choice_is_where_the_label_says(load: Any) -> None:
    for row in load(BY_NAME["endings"].dev["en"][0]):
        right = row["endings"][int(row["label"])]
        place = row["ctx_a"].split(" in ")[1]
        assert [ending.endswith(f" in {place}") for ending in row["endings"]].count(True) == 1
        assert right.endswith(f" in {place}")
    for row in load(BY_NAME["reasons"].dev["en"][0]):
        options = [row[f"answer{i}"] for i in range(4)]
        assert len(set(options)) == 4
        assert options[row["label"]] in row["context"]
    for row in load(BY_NAME["gaps"].dev["en"][0]):
        assert row["answerKey"] in row["choices"]["label"]
        assert len(set(row["choices"]["text"])) == 5
        assert " _" in f" {row['question']}"


@pytest.mark.parametrize("name", ["xrewrites", "xquestions", "mquestions"])
def test_parallel_languages_share_ids_and_labels_but_no_text(name: str, load: Any) -> None:
    task = BY_NAME[name]
    english, *others = [evaluated(task, language, load) for language in LANGUAGES]
    text = {"xrewrites": "sentence1"}.get(name, "context")
    for other in others:
        assert other["id"] == english["id"]
        assert not set(other[text]) & set(english[text])
        if "label" in english.column_names:
            assert other["label"] == english["label"]


def test_a_split_with_all_languages_tells_them_by_the_id(load: Any) -> None:
    task = BY_NAME["few_questions"]
    for language in LANGUAGES:
        assert set(evaluated(task, language, load)["id"]) == {f"{language}-q{i}" for i in range(EVAL_SIZE)}


def back_to_english(sentence: str, language: str) -> Counter[str]:
    """The words of a sentence in English, whatever their order."""
    lexicon = make_languages(0)
    concepts = {word: concept for concept, word in lexicon[language].words.items() if " " not in word}
    english = lexicon["en"].words
    return Counter(english.get(concepts.get(word, word), word) for word in sentence.strip(".").split())


@pytest.mark.parametrize("language", ["xa", "xb"])
def test_gold_pairs_are_translations_and_the_rest_has_no_partner(language: str, load: Any) -> None:
    pool = evaluated(BY_NAME["mining"], language, load)[0]
    source = [back_to_english(text, language) for text in pool["sentence1"]]
    target = [back_to_english(text, "en") for text in pool["sentence2"]]
    found = [[i + 1, j + 1] for i, s in enumerate(source) for j, t in enumerate(target) if s == t]
    assert found == sorted(pool["gold"])
    assert len(source) == len(target) == 2 * EVAL_SIZE


@pytest.mark.parametrize("language", ["xa", "xb"])
def test_parallel_sentences_are_translations_and_no_two_are_alike(language: str, load: Any) -> None:
    data = evaluated(BY_NAME["twins"], language, load)
    for row in data:
        assert back_to_english(row["sentence1"], language) == back_to_english(row["sentence2"], "en")
    assert len(set(data["sentence2"])) == EVAL_SIZE


def test_no_training_row_returns_in_an_evaluation_split(load: Any) -> None:
    for name, column in (("xrewrites", "sentence1"), ("names", "tokens"), ("questions", "context")):
        task = BY_NAME[name]
        train = {str(text) for text in load(task.train["en"][0])[column]}
        held_out = {str(text) for text in load((task.test or task.dev)["en"][0])[column]}
        assert train.isdisjoint(held_out), name


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_every_task_encodes_in_every_part_and_language(task: Task, world: Path, tmp_path: Path) -> None:
    sources = Sources(mirror=world, cache=tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(str(world / "models" / "demo" / "tiny"))
    for part in ("train", "select", "dev", "test"):
        for language in task.places(part):
            share = 0.2 if part in ("train", "select") else 0.0
            data = DataSpec(
                task=task.name, part=part, languages=(language,), max_length=64, stride=16, carve_share=share
            )
            encoded = encode(data, task, language, sources, tokenizer, tmp_path)
            assert encoded.counts["dropped"] == encoded.counts["truncated"] == 0
            assert len(encoded.examples) == encoded.counts["examples"] > 0
            assert tokenizer.unk_token_id not in encoded.features.tokens
