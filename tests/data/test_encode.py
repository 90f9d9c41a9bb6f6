"""Tokenising: the examples in an entry, the values that its name depends on, and damaged entries."""

import re
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from datasets import ClassLabel, Dataset, List, Value
from transformers import PreTrainedTokenizerFast

from search_spaces.tiny import SPACE as TINY
from sweeper.data.encode import CHUNK, encode, label_set
from sweeper.data.entry import Encoded, open_entry, write_entry
from sweeper.data.source import Sources, data_identity
from sweeper.data.translate.round_trip import Translators
from sweeper.errors import DataError
from sweeper.files.digests import file_digest
from sweeper.files.manifest import MANIFEST
from sweeper.plan.resolve import Resolver
from sweeper.plan.specs import Specs
from sweeper.plan.units import make_plan
from sweeper.records.spec import DataSpec, LabelNoiseSpec, PerturbationSpec
from sweeper.space import Recipe, Search, Stage
from sweeper.tasks.catalog import CATALOG
from sweeper.tasks.spec import Rows, Task
from tests.data.test_translate import UpperCase, example_translator

NAMES = ClassLabel(names=["no", "yes"])
ROWS = Rows(id="demo/pairs", config="en", split="train")
TASK = Task(
    name="pairs",
    title="",
    format="classify",
    scorer="accuracy",
    columns={"text": "text", "label": "label"},
    train={"en": (ROWS,)},
    dev={code: (replace(ROWS, config=code, split="validation"),) for code in ("en", "de")},
)
DATA = DataSpec(task="pairs", part="train", languages=("en",), max_length=8, stride=2)
Encode = Callable[..., Encoded]


@pytest.fixture
def read(sources: Sources, tokenizer: PreTrainedTokenizerFast) -> Encode:
    def run_encode(data: DataSpec = DATA, task: Task = TASK, language: str = "en") -> Encoded:
        return encode(data, task, language, sources, tokenizer)

    return run_encode


def columns(number: int, word: str = "one") -> dict[str, list[Any]]:
    return {
        "text": [f"{word} " * (1 + index % 3) for index in range(number)],
        "label": [index % 2 for index in range(number)],
    }


def ids(encoded: Encoded) -> list[str]:
    return [example.id for example in encoded.examples]


def test_the_labels_of_choices_are_mapped_although_their_head_has_no_label_set(write: Any, read: Encode) -> None:
    rows = {"question": ["one", "two"], "answerA": ["a", "b"], "answerB": ["c", "d"], "label": ["1", "2"]}
    write("demo/options", {"en": {"train": rows}})
    task = Task(
        name="options",
        title="",
        format="choose",
        scorer="accuracy",
        columns={"prompt": "question", "choices": ("answerA", "answerB"), "label": "label"},
        labels=("1", "2"),
        train={"en": (replace(ROWS, id="demo/options"),)},
    )
    encoded = read(replace(DATA, task="options"), task)
    assert [example.fields["label"] for example in encoded.examples] == [0, 1]


def entries(sources: Sources) -> list[Path]:
    return sorted(path for path in (sources.cache / "encoded").iterdir() if path.is_dir())


@pytest.fixture
def pairs(write: Any) -> Callable[[int], None]:
    def make(number: int) -> None:
        dev = {"validation": columns(number, "two")}
        write("demo/pairs", {"en": {"train": columns(number), **dev}, "de": dev}, {"label": NAMES})

    return make


def test_features_are_read_only_memory_maps_and_examples_are_read_as_written(
    read: Encode, pairs: Callable[[int], None]
) -> None:
    pairs(4)
    encoded = read()
    assert isinstance(encoded.features.tokens, np.memmap)
    assert not encoded.features.tokens.flags.writeable
    assert encoded.features.offsets.tolist() == [0, 3, 7, 12, 15]
    assert encoded.features.labels["label"].tolist() == [0, 1, 0, 1]
    assert encoded.labels == ("no", "yes")
    assert ids(encoded) == ["0", "1", "2", "3"]
    assert encoded.examples[1].fields["label"] == "yes"
    assert dict(encoded.counts) == {"examples": 4, "features": 4, "tokens": 15, "truncated": 0, "dropped": 0}


def test_with_a_token_cap_no_more_examples_are_translated_than_are_tokenised(
    write: Any, tmp_path: Path, sources: Sources, tokenizer: PreTrainedTokenizerFast
) -> None:
    rows = {"text": [f"one {number}" for number in range(2 * CHUNK)], "label": [0] * 2 * CHUNK}
    write("demo/pairs", {"en": {"train": rows}}, {"label": NAMES})
    engine = UpperCase()
    translators = Translators(examples=example_translator(tmp_path / "translations", "de", engine=engine))
    encoded = encode(replace(DATA, cap_tokens=2 * CHUNK), TASK, "en", sources, tokenizer, translators)
    assert encoded.counts["examples"] < CHUNK
    assert sum(map(len, engine.batches_seen)) == CHUNK


def test_joined_chunks_equal_one_tokenisation_of_all_examples(read: Encode, pairs: Callable[[int], None]) -> None:
    pairs(2 * CHUNK + 5)
    encoded = read()
    lengths = [3 + index % 3 for index in range(2 * CHUNK + 5)]
    assert np.diff(encoded.features.offsets).tolist() == lengths
    assert encoded.features.example.tolist() == list(range(2 * CHUNK + 5))
    assert encoded.features.labels["label"].tolist() == [index % 2 for index in range(2 * CHUNK + 5)]


def test_unlabelled_rows_are_dropped_and_counted_and_truncated_texts_are_counted(read: Encode, write: Any) -> None:
    write("demo/pairs", {"en": {"train": {"text": ["a " * 20, "b", "c"], "label": [0, -1, 1]}}}, {"label": NAMES})
    encoded = read()
    assert ids(encoded) == ["0", "2"]
    assert (encoded.counts["dropped"], encoded.counts["truncated"]) == (1, 1)


def test_labels_are_mapped_by_name_if_the_data_set_has_another_order(read: Encode, write: Any) -> None:
    write("demo/pairs", {"en": {"train": {"text": ["a", "b"], "label": [0, 1]}}}, {"label": NAMES})
    encoded = read(task=replace(TASK, labels=("yes", "no")))
    assert encoded.features.labels["label"].tolist() == [1, 0]
    assert encoded.labels == ("yes", "no")


def test_label_noise_reaches_the_labels_of_the_features(read: Encode, pairs: Callable[[int], None]) -> None:
    pairs(4)
    clean, noisy = (read(replace(DATA, label_noise=noise)) for noise in (None, LabelNoiseSpec(probability=1.0, seed=1)))
    assert noisy.features.labels["label"].tolist() == (1 - clean.features.labels["label"]).tolist()
    assert np.array_equal(noisy.features.tokens, clean.features.tokens)


def test_a_share_of_training_examples_is_perturbed(write: Any, read: Encode) -> None:
    texts = [f"one two number {index}" for index in range(40)]
    write("demo/pairs", {"en": {"train": {"text": texts, "label": [0, 1] * 20}}}, {"label": NAMES})
    typos = PerturbationSpec(name="keyboard", budget=1.0)
    changed = []
    for share in (0.25, 0.5, 1.0):
        encoded = read(replace(DATA, perturbation=replace(typos, share=share)))
        changed.append({example.id for example in encoded.examples if example.fields["text"] not in texts})
        assert ids(encoded) == [f"{index}" for index in range(40)]
        assert encoded.features.labels["label"].tolist() == [0, 1] * 20
    assert changed[0] < changed[1] < changed[2]
    assert len(changed[2]) == 40 and 4 <= len(changed[0]) <= 16


def test_code_mixing_reads_the_words_of_each_language_and_notices_a_changed_file(
    tmp_path: Path, pairs: Callable[[int], None], read: Encode
) -> None:
    pairs(3)
    file = tmp_path / "pairs.tsv"
    file.write_text("en\tone\txa\teins\nde\ttwo\txa\tzwei\n", encoding="utf-8")
    mixed = PerturbationSpec(name="code_mix", budget=1.0, source="xa", by=str(file), source_identity=file_digest(file))
    dev = replace(DATA, part="dev", languages=("en", "de"), perturbation=mixed)
    texts = [example.fields["text"].strip() for example in read(dev, language="de").examples]
    assert texts == ["zwei", "zwei zwei", "zwei zwei zwei"]
    file.write_text("en\tone\txa\tuno\n", encoding="utf-8")
    with pytest.raises(DataError, match="have changed since the sweep started"):
        read(dev, language="en")


def questions(ids: Sequence[str], contexts: Sequence[str], answer: str) -> dict[str, list[Any]]:
    answers = [{"text": [answer], "answer_start": [context.index(answer)]} for context in contexts]
    return {"id": list(ids), "context": list(contexts), "question": ["?"] * len(ids), "answers": answers}


def test_a_translation_of_a_context_is_known_by_questions_that_the_cap_leaves_out(write: Any, read: Encode) -> None:
    german = questions(
        [f"q{number}" for number in range(100)], [f"Hund {number} bellt." for number in range(100)], "Hund"
    )
    contexts = [f"Dog {number} barks." for number in range(100)]
    # Each English context has a second question, which German lacks.
    english = questions([*german["id"], *(f"other{number}" for number in range(100))], contexts * 2, "Dog")
    german["question"] = [f"Was macht {number}?" for number in range(100)]
    write("demo/spans", {"de": {"test": german}, "en": {"test": english}})
    rows = {code: (Rows(id="demo/spans", config=code, split="test"),) for code in ("de", "en")}
    task = replace(CATALOG["xquad"], dev=rows, test=rows)
    spec = PerturbationSpec(name="distractor", budget=1.0, source="en", leaves_out_translations=True)
    data = replace(DATA, task="xquad", part="dev", languages=("de",), cap_examples=40, max_length=64, perturbation=spec)
    for example in read(data, task, "de").examples:
        numbers = re.findall("[0-9]+", example.fields["context"])
        assert len(set(numbers)) == 2


def test_entities_are_swapped_within_the_examples_of_the_cap(write: Any, read: Encode) -> None:
    rows = {
        "tokens": [["Anna", "met", "Bob"], ["Carla", "slept"], ["It", "rained"]],
        "tags": [["B-PER", "O", "B-PER"], ["B-PER", "O"], ["O", "O"]],
    }
    write("demo/tags", {"en": {"test": rows}})
    task = Task(
        name="tags",
        format="tag",
        scorer="chunks",
        columns={"tokens": "tokens", "tags": "tags"},
        labels=("O", "B-PER"),
        test={"en": (Rows(id="demo/tags", config="en", split="test"),)},
    )
    swap = PerturbationSpec(name="entity_swap", budget=1.0)
    encoded = read(replace(DATA, task="tags", part="test", perturbation=swap), task)
    assert [example.fields["tags"] for example in encoded.examples] == rows["tags"]
    changed = [example.fields["tokens"] for example in encoded.examples]
    assert changed[2] == rows["tokens"][2]
    names = {"Anna", "Bob", "Carla"}
    for old, new in ((rows["tokens"][0][0], changed[0][0]), (rows["tokens"][1][0], changed[1][0])):
        assert new in names - {old}


def test_a_label_outside_the_declared_set_is_a_data_error(read: Encode, pairs: Callable[[int], None]) -> None:
    pairs(3)
    with pytest.raises(DataError, match="'no'"):
        read(task=replace(TASK, labels=("yes", "maybe")))


def test_evaluation_rows_use_the_label_set_of_the_training_rows(sources: Sources, write: Any, read: Encode) -> None:
    both = {"train": columns(4), "validation": columns(4)}
    write("demo/pairs", {"en": both}, {"label": NAMES})
    write("demo/other", {"en": both}, {"label": ClassLabel(names=["yes", "no"])})
    task = replace(TASK, dev={"en": (Rows(id="demo/other", config="en", split="validation"),)})
    assert label_set(task, sources) == ("no", "yes")
    assert read(replace(DATA, part="dev"), task).features.labels["label"].tolist() == [1, 0, 1, 0]


def test_a_task_without_labels_uses_the_tags_that_its_data_set_declares(read: Encode, write: Any) -> None:
    tags = {"tokens": [["one", "two"]], "tags": [[1, 0]]}
    write("demo/tags", {"en": {"train": tags}}, {"tokens": List(Value("string")), "tags": List(NAMES)})
    rows = {"en": (Rows(id="demo/tags", config="en", split="train"),)}
    task = Task(
        name="t", title="", format="tag", scorer="accuracy", columns={"tokens": "tokens", "tags": "tags"}, train=rows
    )
    encoded = read(task=task)
    assert encoded.labels == ("no", "yes")
    assert encoded.features.labels["tags"].tolist() == [-100, 1, 0, -100]


def test_a_sentence_in_several_windows_is_one_example_for_caps_and_counts(read: Encode, write: Any) -> None:
    words = [["one"] * (2 + 18 * (index % 2)) for index in range(8)]
    tags = {"tokens": words, "tags": [[index % 2 for index, _ in enumerate(line)] for line in words]}
    write("demo/tags", {"en": {"train": tags}}, {"tokens": List(Value("string")), "tags": List(NAMES)})
    rows = {"en": (Rows(id="demo/tags", config="en", split="train"),)}
    columns = {"tokens": "tokens", "tags": "tags"}
    task = Task(name="t", title="", format="tag", scorer="accuracy", columns=columns, train=rows)
    encoded = read(task=task)
    assert dict(encoded.counts) == {"examples": 8, "features": 20, "tokens": 128, "truncated": 0, "dropped": 0}
    assert np.bincount(encoded.features.example).tolist() == [1, 4] * 4
    assert (encoded.features.extra["word"] >= 0).sum() == sum(map(len, words))
    assert read(replace(DATA, cap_examples=3), task).counts["examples"] == 3
    capped = read(replace(DATA, cap_tokens=31), task)
    tokens = np.bincount(capped.features.example, weights=np.diff(capped.features.offsets)).tolist()
    assert tokens == [4 if len(example.fields["tokens"]) == 2 else 28 for example in capped.examples]
    assert sum(tokens[:-1]) < 31 <= sum(tokens)


def test_parallel_languages_keep_the_same_items_under_a_cap(read: Encode, pairs: Callable[[int], None]) -> None:
    pairs(60)
    data = replace(DATA, part="dev", languages=("en", "de"), cap_examples=9)
    english, german = (ids(read(data, language=language)) for language in ("en", "de"))
    assert english == german
    assert len(english) == 9


def test_languages_with_caps_of_their_own_keep_the_first_items_of_a_larger_cap(
    read: Encode, pairs: Callable[[int], None]
) -> None:
    pairs(60)
    data = replace(DATA, part="dev", languages=("en", "de"), caps=(9, 4))
    english, german = (ids(read(data, language=language)) for language in ("en", "de"))
    assert (len(english), len(german)) == (9, 4)
    assert german == english[:4]
    # The entry is that of the same data with one cap for all languages.
    assert read(data, language="de").counts == read(replace(data, caps=(), cap_examples=4), language="de").counts


def test_a_token_cap_keeps_examples_until_it_is_reached(read: Encode, pairs: Callable[[int], None]) -> None:
    pairs(60)
    capped, all_of_them = read(replace(DATA, cap_tokens=50)), read(replace(DATA, cap_examples=60))
    assert 50 <= capped.counts["tokens"] < 50 + 5
    assert ids(capped) == ids(all_of_them)[: len(capped.examples)]


def test_train_and_select_partition_the_training_rows(read: Encode, pairs: Callable[[int], None]) -> None:
    pairs(60)
    train, select = (read(replace(DATA, part=split, carve_share=0.2)) for split in ("train", "select"))
    assert sorted(map(int, ids(train) + ids(select))) == list(range(60))
    assert 0 < len(select.examples) < 30


def test_repeated_ids_get_a_number(read: Encode, write: Any) -> None:
    write("demo/pairs", {"en": {"train": columns(4) | {"name": ["x", "y", "x", "x"]}}}, {"label": NAMES})
    encoded = read(task=replace(TASK, columns={**TASK.columns, "id": "name"}))
    assert ids(encoded) == ["x", "y", "x#2", "x#3"]


def test_ids_of_several_data_sets_in_one_split_are_distinct(read: Encode, pairs: Callable[[int], None]) -> None:
    pairs(2)
    task = replace(TASK, train={"en": (ROWS, replace(ROWS, split="validation"))})
    assert ids(read(task=task)) == ["0:0", "0:1", "1:0", "1:1"]


@pytest.mark.parametrize("split", ["select", "train"])
def test_the_error_of_an_empty_split_names_task_split_and_language(read: Encode, write: Any, split: Any) -> None:
    write("demo/pairs", {"en": {"train": {"text": ["a"], "label": [-1]}}}, {"label": NAMES})
    with pytest.raises(DataError, match=f"Task 'pairs', {split}, en: no example is left. The split has 1 rows, 1 of"):
        read(replace(DATA, part=split))


def test_the_name_of_the_task_does_not_change_the_entry(
    read: Encode, pairs: Callable[[int], None], sources: Sources
) -> None:
    pairs(4)
    read()
    (entry,) = entries(sources)
    written_at = entry.stat().st_mtime_ns
    read(replace(DATA, task="other", languages=("en", "de")), replace(TASK, name="other", title="Other"))
    assert [(path, path.stat().st_mtime_ns) for path in entries(sources)] == [(entry, written_at)]


def test_other_rows_lengths_caps_and_labels_each_make_another_entry(
    read: Encode, pairs: Callable[[int], None], sources: Sources
) -> None:
    pairs(4)
    read()
    read(replace(DATA, max_length=6))
    read(replace(DATA, cap_examples=2))
    read(task=replace(TASK, labels=("yes", "no")))
    pairs(5)
    assert len(read().examples) == 5
    assert len(entries(sources)) == 5


def test_an_earlier_call_of_the_tokenizer_does_not_change_the_entry(
    pairs: Callable[[int], None], sources: Sources, tokenizer: PreTrainedTokenizerFast
) -> None:
    pairs(4)
    read = partial(encode, DATA, TASK, "en", sources)
    read(tokenizer=tokenizer)
    used_tokenizer = PreTrainedTokenizerFast.from_pretrained(
        tokenizer.save_pretrained(sources.cache / "tiny")[0].rpartition("/")[0]
    )
    used_tokenizer(["one two three"], truncation=True, max_length=3, padding="max_length")
    read(tokenizer=used_tokenizer)
    assert len(entries(sources)) == 1


FLIPPED = ("tokens.npy", "offsets.npy", "labels.label.npy", "examples.jsonl", MANIFEST)


@pytest.mark.parametrize("damage", ["cut", "lose", "garble", "swap", *FLIPPED])
def test_a_damaged_entry_is_written_again(
    read: Encode, pairs: Callable[[int], None], sources: Sources, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    pairs(4)
    read()
    (entry,) = entries(sources)
    written = {path.name: path.read_bytes() for path in entry.iterdir()}
    if damage == "cut":
        (entry / "tokens.npy").write_bytes(written["tokens.npy"][:-4])
    elif damage == "lose":
        (entry / "examples.jsonl").unlink()
    elif damage == "garble":
        (entry / MANIFEST).write_text('{"files"')
    elif damage == "swap":
        (entry / "tokens.npy").write_bytes(written["offsets.npy"])
    else:
        content = written[damage]
        (entry / damage).write_bytes(content[:-9] + bytes([content[-9] ^ 1]) + content[-8:])
    read()
    assert {path.name: path.read_bytes() for path in entry.iterdir()} == written
    assert entries(sources) == [entry]
    assert str(entry) in caplog.text
    assert "is damaged" in caplog.text


def test_a_failed_entry_leaves_no_files(read: Encode, write: Any, sources: Sources) -> None:
    write("demo/pairs", {"en": {"train": {"text": ["a"], "label": [-1]}}}, {"label": NAMES})
    with pytest.raises(DataError):
        read()
    assert entries(sources) == []


def test_a_second_writer_of_an_entry_is_harmless(read: Encode, pairs: Callable[[int], None], sources: Sources) -> None:
    pairs(4)
    first = read()
    (entry,) = entries(sources)

    def fill(draft: Path) -> dict[str, Any]:
        for file in entry.glob("*.npy"):
            (draft / file.name).write_bytes(file.read_bytes())
        (draft / "examples.jsonl").write_bytes((entry / "examples.jsonl").read_bytes())
        return {"labels": first.labels, "counts": first.counts}

    write_entry(entry, fill)
    again = open_entry(entry)
    assert again is not None
    assert again.features.tokens.tolist() == first.features.tokens.tolist()
    assert entries(sources) == [entry]


def test_workers_of_a_node_that_need_an_entry_at_the_same_time_make_it_once(
    read: Encode, pairs: Callable[[int], None], sources: Sources, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs(4)
    filled: list[Path] = []

    def slow(folder: Path, fill: Callable[[Path], dict[str, Any]]) -> None:
        filled.append(folder)
        time.sleep(0.1)
        write_entry(folder, fill)

    monkeypatch.setattr("sweeper.data.encode.write_entry", slow)
    with ThreadPoolExecutor(4) as workers:
        results = list(workers.map(lambda _: ids(read()), range(4)))
    assert results == [results[0]] * 4
    assert filled == entries(sources)


def test_two_tasks_with_the_same_rows_carve_out_the_same_examples(
    read: Encode, pairs: Callable[[int], None], write: Any
) -> None:
    pairs(200)
    write("demo/more", {"en": {"train": columns(200, "two")}}, {"label": NAMES})
    both = replace(TASK, name="both", train={"en": (ROWS, replace(ROWS, id="demo/more"))})
    for cap in (None, 10):
        carved = replace(DATA, part="select", carve_share=0.3, carve_cap=cap)
        alone = {f"0:{id_}" for id_ in ids(read(carved))}
        joint = {id_ for id_ in ids(read(carved, both)) if id_.startswith("0:")}
        assert alone and joint == alone


def test_a_task_that_contains_a_smaller_one_does_not_train_on_its_selection_data(read: Encode, write: Any) -> None:
    numbers = range(900)
    rows = {"name": [f"id {n}" for n in numbers], "text": ["one"] * 900, "label": [n % 2 for n in numbers]}
    write("demo/large", {"en": {"train": rows}}, {"label": NAMES})
    write("demo/small", {"en": {"train": {column: values[:300] for column, values in rows.items()}}}, {"label": NAMES})
    small, large = (
        replace(
            TASK, name=name, train={"en": (replace(ROWS, id=f"demo/{name}"),)}, train_size=size,
            columns={**TASK.columns, "id": "name"},
        )
        for name, size in (("small", 300), ("large", 900))
    )  # fmt: skip
    large = replace(large, contains=("small",))
    stages = [Recipe(name=task.name, stages=(Stage(tasks=(task.name,)),)) for task in (small, large)]
    space = replace(TINY, tasks=(small, large, *TINY.tasks), recipes=(*TINY.recipes[:1], *stages))
    space = replace(space, search=Search(scope="cell", cap=25, share=0.3))
    specs = Specs(plan=make_plan(space), resolver=Resolver(space=space, sources=None))
    units = [specs.plan.unit(f"tiny/{task.name}") for task in (small, large)]
    [selected] = specs.selection(units[0], 1)
    [trained] = specs.stage(units[1], units[1].stage, units[1].stage.training, 1).data
    train = set(ids(read(trained, large)))
    assert not set(ids(read(selected, small))) & train
    # Without the floor, some of these rows would be trained on.
    assert set(ids(read(selected, small))) & set(ids(read(replace(trained, carve_floor=0.0), large)))
    assert len(train) > 700


def test_a_large_training_set_loses_the_cap_and_a_small_one_the_share(
    read: Encode, pairs: Callable[[int], None]
) -> None:
    pairs(400)
    for cap, aside in ((25, [25]), (1000, range(20, 61))):
        parts = [read(replace(DATA, part=p, carve_share=0.1, carve_cap=cap)) for p in ("train", "select")]
        num_train, num_select = (len(part.examples) for part in parts)
        assert num_train + num_select == 400
        assert num_select in aside


def test_another_scorer_changes_the_identity_of_the_data(sources: Sources, pairs: Callable[[int], None]) -> None:
    pairs(10)
    other = replace(TASK, scorer="accuracy_f1")
    assert data_identity(TASK, "train", ["en"], sources) != data_identity(other, "train", ["en"], sources)


def test_splits_of_a_folder_without_a_readme_have_different_identities(tmp_path: Path) -> None:
    folder = tmp_path / "bare"
    folder.mkdir()
    for split in ("train", "test"):
        Dataset.from_dict({"text": [split], "label": [0]}).to_parquet(folder / f"{split}.parquet")
    sources = Sources(mirror=None, cache=tmp_path / "cache")
    bare = replace(TASK, train={"en": (Rows(id=str(folder), split="train"),)})
    other = replace(TASK, train={"en": (Rows(id=str(folder), split="test"),)})
    assert data_identity(bare, "train", ["en"], sources) != data_identity(other, "train", ["en"], sources)
