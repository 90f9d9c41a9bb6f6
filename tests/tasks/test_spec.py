"""The short forms of the rows of a task, and slices of splits."""

from pathlib import Path
from typing import Any

import pytest

from sweeper.errors import UserError
from sweeper.files.serialize import read_json, write_json
from sweeper.tasks.spec import Rows, Task


@pytest.mark.parametrize(
    ("train", "expected"),
    [
        ("senti.csv", {"en": (Rows(id="senti.csv"),)}),
        (Path("data/senti.csv"), {"en": (Rows(id="data/senti.csv"),)}),
        (Rows(id="imdb", split="train[:50%]"), {"en": (Rows(id="imdb", split="train[:50%]"),)}),
        (("a.csv", Rows(id="b.csv")), {"en": (Rows(id="a.csv"), Rows(id="b.csv"))}),
        ({"en": "a.csv", "de": ["b.csv"]}, {"en": (Rows(id="a.csv"),), "de": (Rows(id="b.csv"),)}),
        ({}, {}),
    ],
)
def test_the_rows_of_a_task_can_be_a_file_rows_or_either_by_language(train: Any, expected: Any) -> None:
    task = Task(name="senti", format="classify", train=train)
    assert task.train == expected
    assert read_json(Task, write_json(task), "the task") == task


def test_a_file_or_folder_means_the_split_of_its_field() -> None:
    task = Task(name="senti", format="classify", train="x", dev="x", test={"de": "x"})
    assert [task.train["en"][0].split, task.dev["en"][0].split, task.test["de"][0].split] == [
        "train",
        "validation",
        "test",
    ]


@pytest.mark.parametrize("value", [3, "", {"en": 3}, {1: "a.csv"}, {"en": ("a.csv", None)}])
def test_other_values_are_refused_with_the_field_and_the_rule(value: Any) -> None:
    with pytest.raises(UserError, match=r"Task 'senti': test"):
        Task(name="senti", format="classify", test=value)


def test_a_task_without_a_title_has_its_name_as_the_title() -> None:
    assert Task(name="senti", format="classify").title == "senti"
