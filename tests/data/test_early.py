"""Rows that a cap keeps: found from ids and labels, and equal to those that are found from whole rows."""

from typing import Any

import pytest

from sweeper.data.early import kept_rows
from sweeper.data.sample import apply_caps, carve
from sweeper.data.source import Sources
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
NUM = 300


def data_of(part: Any, **caps: Any) -> DataSpec:
    return DataSpec(task="pairs", part=part, languages=("en",), max_length=8, stride=2, **caps)


@pytest.fixture
def rows(write: Any, sources: Sources) -> Any:
    """A table with columns for both tasks. Every seventh row has no label."""
    numbers = range(NUM)
    answers = [{"text": ["a"] if n % 7 else [], "answer_start": [0] if n % 7 else []} for n in numbers]
    columns = {
        "text": [f"a {n}" for n in numbers],
        "label": [("no", "yes")[n % 2] if n % 7 else None for n in numbers],
        "set": ["s"] * NUM,
        "key": [{"name": n} for n in numbers],
        "answers": answers,
    }
    write("demo/rows", {"en": {"train": columns}})
    return sources.load(ROWS)


def read_whole(rows: Any, task: Task, data: DataSpec) -> list[Example]:
    """The examples that are kept if every row is read."""
    examples = [example for number, row in enumerate(rows) for example in format_of(task).read(row, task, number)]
    return list(apply_caps(carve(((example.id, example) for example in examples), data), data))


@pytest.mark.parametrize("part", ["train", "select", "dev"])
@pytest.mark.parametrize("cap", [None, 0, 1, 20, NUM])
@pytest.mark.parametrize("floor", [0.0, 0.3])
def test_the_kept_rows_have_the_examples_that_are_kept_if_every_row_is_read(
    rows: Any, part: Any, cap: int | None, floor: float
) -> None:
    data = data_of(part, cap_examples=cap, carve_share=0.2, carve_cap=30, carve_floor=floor)
    kept = kept_rows(rows, data, PAIRS)
    if cap is None and part != "select":
        assert kept is None
        return
    assert kept is not None
    examples = [example for number, row in kept for example in format_of(PAIRS).read(row, PAIRS, number)]
    assert list(apply_caps(examples, data)) == read_whole(rows, PAIRS, data)
    assert kept.num_dropped == len(range(0, NUM, 7))


def test_answers_of_evaluation_data_are_enough_to_find_the_kept_rows(rows: Any) -> None:
    data = data_of("test", cap_examples=20)
    kept = kept_rows(rows, data, ANSWERS)
    assert kept is not None
    examples = [example for number, row in kept for example in format_of(ANSWERS).read(row, ANSWERS, number)]
    assert list(apply_caps(examples, data)) == read_whole(rows, ANSWERS, data)


def test_training_on_answers_reads_all_rows_because_wrong_ones_are_replaced_before_the_cap(rows: Any) -> None:
    assert kept_rows(rows, data_of("train", cap_examples=20), ANSWERS) is None


def test_rows_with_equal_ids_are_all_read_because_their_numbers_depend_on_each_other(rows: Any) -> None:
    task = Task(**{**vars(PAIRS), "columns": {"text": "text", "label": "label", "id": "set"}})
    assert kept_rows(rows, data_of("dev", cap_examples=20), task) is None


def test_a_missing_column_leaves_the_error_to_the_reader_of_whole_rows(rows: Any) -> None:
    task = Task(**{**vars(PAIRS), "columns": {"text": "text", "label": "gold"}})
    assert kept_rows(rows, data_of("dev", cap_examples=20), task) is None
