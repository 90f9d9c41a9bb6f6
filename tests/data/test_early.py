"""Rows that a cap keeps: found from some columns, and equal to those that are found from whole rows."""

from dataclasses import replace
from typing import Any

import pytest
from transformers import PreTrainedTokenizerFast

from sweeper.data import encode as encoding
from sweeper.data.early import KeptRows, kept_rows
from sweeper.data.entry import Encoded
from sweeper.data.sample import apply_caps, carve
from sweeper.data.source import Sources
from sweeper.errors import DataError
from sweeper.formats.interface import Example
from sweeper.formats.table import format_of
from sweeper.records.spec import DataSpec
from sweeper.tasks.spec import Rows, Task

ROWS = Rows(id="demo/rows", config="en", split="train")
PAIRS = Task(
    name="pairs",
    format="classify",
    scorer="accuracy",
    labels=("no", "yes"),
    columns={"text": "text", "label": "label", "id": "{set}-{key.name}"},
    train={"en": (ROWS,)},
)
ANSWERS = Task(
    name="answers",
    format="span",
    scorer="squad",
    columns={"context": "text", "question": "text", "answers": "answers"},
    train={"en": (ROWS,)},
)
MORE = Rows(id="demo/rows", config="more", split="train")
SENTENCES = {"source": "text", "target": "text"}
TASKS = [
    PAIRS,
    ANSWERS,
    replace(ANSWERS, name="unanswerable", scorer="squad2"),
    replace(PAIRS, name="two sets", train={"en": (ROWS, MORE)}),
    replace(ANSWERS, name="two sets of answers", train={"en": (ROWS, MORE)}),
    Task(name="tags", format="tag", scorer="accuracy", labels=("x", "y"), columns={"tokens": "words", "tags": "tags"}),
    Task(
        name="choices",
        format="choose",
        scorer="accuracy",
        columns={"prompt": "text", "choices": ("text", "set"), "label": "choice"},
    ),
    Task(name="sentences", format="retrieve", scorer="neighbours", columns=SENTENCES),
    Task(name="queries", format="rank", scorer="ranking", columns={"query": "text", "candidate": "set"}),
    Task(
        name="contexts",
        format="rank",
        scorer="ranking",
        columns={"query": "text", "context": "text", "answers": "answers", "id": "{key.name}"},
    ),
]
NUM = 300


def data_of(part: Any, **caps: Any) -> DataSpec:
    return DataSpec(task="pairs", part=part, languages=("en",), max_length=8, stride=2, **caps)


def columns_of(numbers: range) -> dict[str, list[Any]]:
    """Columns for all tasks. Every seventh row has no label, and every 31st an answer that is somewhere else."""
    return {
        "text": [f"a {n}" for n in numbers],
        "label": [("no", "yes")[n % 2] if n % 7 else None for n in numbers],
        "set": ["s"] * len(numbers),
        "key": [{"name": n} for n in numbers],
        "answers": [
            {"text": ["a"] if n % 7 else [], "answer_start": [2 * (n % 31 == 0)] if n % 7 else []} for n in numbers
        ],
        "words": [["a"] * (n % 5) for n in numbers],
        "tags": [["x" if n % 7 else ""] * (n % 5) for n in numbers],
        "choice": [n % 2 if n % 7 else -1 for n in numbers],
    }


@pytest.fixture
def rows(write: Any, sources: Sources) -> Any:
    """A table with columns for all tasks."""
    configs = {"en": {"train": columns_of(range(NUM))}, "more": {"train": columns_of(range(200, 200 + NUM))}}
    write("demo/rows", configs)
    return sources.load(ROWS)


def read_whole(rows: Any, task: Task, data: DataSpec) -> list[Example]:
    """The examples that are kept if every row is read."""
    examples = [example for number, row in enumerate(rows) for example in format_of(task).read(row, task, number)]
    return list(apply_caps(carve(((example.id, example) for example in examples), data), data))


def read_kept(kept: KeptRows | None, task: Task) -> list[Example]:
    assert kept is not None
    return [example for _, number, row in kept for example in format_of(task).read(row, task, number)]


def test_a_tag_that_is_a_list_is_an_error_of_its_row(write: Any, sources: Sources) -> None:
    write("demo/rows", {"en": {"train": {"words": [["a"], ["b"]], "tags": [[["x"]], [["y"]]]}}})
    (task,) = (task for task in TASKS if task.name == "tags")
    reason = r"demo/rows.*, row 0: a label must be one of \['x', 'y'\], got \['x'\]"
    with pytest.raises(DataError, match=reason):
        kept_rows([sources.load(ROWS)], data_of("train", cap_examples=1), task)


@pytest.mark.parametrize("part", ["train", "select", "dev"])
@pytest.mark.parametrize("cap", [None, 0, 1, 20, NUM])
@pytest.mark.parametrize("floor", [0.0, 0.3])
def test_the_kept_rows_have_the_examples_that_are_kept_if_every_row_is_read(
    rows: Any, part: Any, cap: int | None, floor: float
) -> None:
    data = data_of(part, cap_examples=cap, carve_share=0.2, carve_cap=30, carve_floor=floor)
    kept = kept_rows([rows], data, PAIRS)
    if cap is None and part != "select":
        assert kept is None
        return
    assert list(apply_caps(read_kept(kept, PAIRS), data)) == read_whole(rows, PAIRS, data)
    assert kept is not None
    assert kept.num_dropped == len(range(0, NUM, 7))


def contents(encoded: Encoded) -> list[Any]:
    """Everything that an entry of the cache has."""
    features = encoded.features
    arrays = [features.tokens, features.offsets, features.items, features.example, *features.labels.values()]
    return [list(encoded.examples), [array.tolist() for array in arrays], encoded.facts, encoded.wrong]


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
@pytest.mark.parametrize("part", ["train", "select", "dev"])
def test_an_entry_is_the_same_whether_some_columns_or_whole_rows_are_read(
    rows: Any,
    sources: Sources,
    tokenizer: PreTrainedTokenizerFast,
    monkeypatch: pytest.MonkeyPatch,
    task: Task,
    part: Any,
) -> None:
    monkeypatch.setattr(encoding, "MOST_WRONG", 0.5)
    split = task.train or {"en": (ROWS,)}
    task = replace(task, train=split, dev=split)
    data = replace(data_of(part, cap_examples=20, carve_share=0.2, carve_cap=30), task=task.name)
    tables = [sources.load(each) for each in split["en"]]
    assert kept_rows(tables, data, task) is not None
    early = contents(encoding.encode(data, task, "en", sources, tokenizer))
    monkeypatch.setattr(encoding, "kept_rows", lambda *_: None)
    whole = encoding.encode(data, task, "en", replace(sources, cache=sources.cache / "whole"), tokenizer)
    assert early == contents(whole)
    assert len(whole.examples) == 20


def test_training_rows_whose_answers_cannot_be_right_are_replaced_before_the_cap(rows: Any) -> None:
    kept = kept_rows([rows], data_of("train", cap_examples=NUM), ANSWERS)
    assert kept is not None
    assert len(kept.wrong) == len([n for n in range(NUM) if n % 31 == 0 and n % 7])
    assert kept.wrong[0].startswith("Data set demo/rows") and ", row 31: " in kept.wrong[0]
    assert 31 not in [row for _, row in kept.numbers]


def test_rows_with_equal_ids_are_all_read_because_their_numbers_depend_on_each_other(rows: Any) -> None:
    task = replace(PAIRS, columns={"text": "text", "label": "label", "id": "set"})
    assert kept_rows([rows], data_of("dev", cap_examples=20), task) is None


def test_rows_that_are_whole_pools_or_candidates_of_several_queries_are_all_read(rows: Any) -> None:
    data = data_of("dev", cap_examples=20)
    pool = Task(name="pool", format="retrieve", scorer="mining", columns=SENTENCES | {"gold": "answers"})
    candidates = Task(name="candidates", format="rank", scorer="ranking", columns={"candidate": "text"})
    assert kept_rows([rows], data, pool) is None
    assert kept_rows([rows], data, candidates) is None


def test_a_missing_column_leaves_the_error_to_the_reader_of_whole_rows(rows: Any) -> None:
    task = replace(PAIRS, columns={"text": "text", "label": "gold"})
    assert kept_rows([rows], data_of("dev", cap_examples=20), task) is None
