"""Columns and labels that a task does not name: inferred from the data, or refused with the names of all columns."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import datasets
import pytest

from sweeper.data.source import Sources
from sweeper.errors import DataError, UserError
from sweeper.formats.table import format_of
from sweeper.plan.infer import infer_space
from sweeper.run.growth import check_growth
from sweeper.run.run import Run
from sweeper.space import Model, Recipe, Space, Stage, Target
from sweeper.tasks.spec import Task

Infer = Callable[..., Task]


@pytest.fixture
def sources(tmp_path: Path) -> Sources:
    return Sources(mirror=None, cache=tmp_path / "cache", base=tmp_path)


def space_of(*tasks: Task) -> Space:
    return Space(
        name="study",
        models=(Model(name="mine", id="./encoder"),),
        recipes=(Recipe(name="baseline"),),
        targets=tuple(Target(task=task.name) for task in tasks),
        tasks=tasks,
        evaluate="test",
    )


@pytest.fixture
def infer(tmp_path: Path, sources: Sources) -> Infer:
    """A function that writes rows to a file and returns the completed task that trains and tests on it."""

    def complete(format_: str, rows: list[dict[str, Any]], **more: Any) -> Task:
        (tmp_path / "own.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        test = "own.jsonl"
        task = Task(name="own", format=format_, train={} if format_ == "retrieve" else test, test=test, **more)
        return infer_space(space_of(task), sources)[0].task("own")

    return complete


REVIEWS = [{"review": f"a {word}", "sentiment": word} for word in ("good", "bad", "good")]


def test_columns_and_labels_of_a_csv_are_inferred_and_named(tmp_path: Path, sources: Sources) -> None:
    datasets.Dataset.from_list(REVIEWS).to_csv(tmp_path / "own.csv", index=False)
    task = Task(name="own", format="classify", train="own.csv", test="own.csv")
    space, messages = infer_space(space_of(task), sources)
    assert space.task("own") == replace(
        task, scorer="accuracy", columns={"text": "review", "label": "sentiment"}, labels=("bad", "good")
    )
    assert messages == (
        "Task own: inferred from the data: columns text = review, label = sentiment; labels bad, good.",
    )
    assert infer_space(space, sources) == (space, ())


SQUAD = {"id": "q1", "context": "a b", "question": "c?", "answers": {"text": ["a"], "answer_start": [0]}}


@pytest.mark.parametrize(
    ("format_", "row", "columns"),
    [
        (
            "classify",
            {"premise": "a", "hypothesis": "b", "label": "x"},
            {"text": "premise", "pair": "hypothesis", "label": "label"},
        ),
        (
            "choose",
            {"question": "a", "choice1": "b", "choice2": "c", "label": 0},
            {"prompt": "question", "choices": ("choice1", "choice2"), "label": "label"},
        ),
        (
            "choose",
            {"question": "a", "choices": {"text": ["b", "c"], "label": ["A", "B"]}, "answerKey": "A"},
            {"prompt": "question", "choices": "choices.text", "keys": "choices.label", "label": "answerKey"},
        ),
        ("tag", {"words": ["a"], "ner_tags": ["O"]}, {"tokens": "words", "tags": "ner_tags"}),
        ("span", SQUAD, {"id": "id", "context": "context", "question": "question", "answers": "answers"}),
        ("retrieve", {"sentence1": "a", "sentence2": "b"}, {"source": "sentence1", "target": "sentence2"}),
        ("rank", {"anchor": "a", "positive": "b"}, {"query": "anchor", "candidate": "positive"}),
        ("mlm", {"content": "a b"}, {"text": "content"}),
    ],
)
def test_the_usual_columns_of_each_format_are_inferred_and_can_be_read(
    infer: Infer, format_: str, row: dict[str, Any], columns: dict[str, Any]
) -> None:
    labelled = {"classify": {**row, "label": "y"}, "tag": {**row, "ner_tags": ["B-PER"]}}
    task = infer(format_, [row, labelled.get(format_, row)])
    assert task.columns == columns
    assert format_of(task).read(row, task, 0)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"sentence1": "a", "question1": "b", "label": "x"}, "'text' can be the column sentence1 or question1"),
        ({"body_text": "a", "label": "x"}, r"'text', and no column .*The columns are body_text, label"),
        ({"text;label": "a;x"}, "The header has a semicolon where a CSV file needs commas"),
    ],
)
def test_ambiguous_and_unknown_columns_are_refused_with_all_columns(
    infer: Infer, row: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message) as error:
        infer("classify", [row])
    assert f"The columns are {', '.join(row)}." in str(error.value)


def read_labels(task: Task, values: list[Any]) -> list[str]:
    rows = ({"text": "a", "label": value} for value in values)
    return [str(example.fields["label"]) for row in rows for example in format_of(task).read(row, task, 0)]


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ([1, 0, 1], ("0", "1")),
        ([10, 9, 5, 9], ("5", "9", "10")),
        ([1, 5, 2], ("1", "2", "5")),
        ([True, False], ("False", "True")),
        (["1", "0"], ("0", "1")),
    ],
)
def test_labels_that_are_numbers_are_read_under_their_own_names(
    infer: Infer, values: list[Any], labels: tuple[str, ...]
) -> None:
    task = infer("classify", [{"text": "a", "label": value} for value in values])
    assert task.labels == labels
    assert read_labels(task, values) == list(map(str, values))


@pytest.mark.parametrize("values", [["x"], [0.5, 1.0], [str(number) for number in range(30)]])
def test_values_that_cannot_be_labels_are_refused(infer: Infer, values: list[Any]) -> None:
    with pytest.raises(DataError, match=r"the labels cannot be inferred from the column label, which"):
        infer("classify", [{"text": "a", "label": value} for value in values])


def test_labels_that_the_data_set_declares_stay_with_the_data_set(tmp_path: Path, sources: Sources) -> None:
    names = datasets.ClassLabel(names=["no", "yes"])
    table = datasets.Dataset.from_dict({"text": ["a"], "label": [1]}).cast_column("label", names)
    table.to_parquet(tmp_path / "own.parquet")
    task = Task(name="own", format="classify", train="own.parquet", test="own.parquet")
    space, (message,) = infer_space(space_of(task), sources)
    assert space.task("own").labels == ()
    assert message.endswith("labels no, yes.")


def test_a_target_has_the_labels_of_the_task_that_it_trains_on(tmp_path: Path, sources: Sources) -> None:
    (tmp_path / "train.jsonl").write_text('{"text": "a", "label": 2}\n{"text": "b", "label": 4}\n')
    (tmp_path / "test.jsonl").write_text('{"text": "a", "label": 4}\n')
    train = Task(name="train", format="classify", train="train.jsonl", test="train.jsonl")
    other = Task(name="other", format="classify", trains_on="train", test={"de": "test.jsonl"})
    task = infer_space(space_of(train, other), sources)[0].task("other")
    assert task.labels == ("2", "4")
    assert read_labels(task, [4]) == ["4"]


def test_tasks_that_no_recipe_and_no_target_reads_are_not_opened(sources: Sources, infer: Infer) -> None:
    task = infer("classify", [{"text": "a", "label": value} for value in ("x", "y")])
    unused = Task(name="unused", format="classify", train="nowhere.csv")
    space = replace(space_of(task), tasks=(task, unused))
    assert infer_space(space, sources) == (space, ())
    used = replace(space, recipes=(*space.recipes, Recipe(name="used", stages=(Stage(tasks=("unused",)),))))
    with pytest.raises(DataError, match=r"nowhere\.csv"):
        infer_space(used, sources)


def test_a_recipe_with_a_task_that_was_not_read_before_can_be_added_to_a_run_folder(
    tmp_path: Path, infer: Infer, sources: Sources
) -> None:
    task = infer("classify", [{"text": "a", "label": value} for value in ("x", "y")])
    later = Task(name="later", format="classify", train="own.jsonl")
    space, _ = infer_space(replace(space_of(task), tasks=(task, later)), sources)
    assert space.task("later").columns == {}
    grown = replace(space, recipes=(*space.recipes, Recipe(name="later", stages=(Stage(tasks=("later",)),))))
    grown, _ = infer_space(grown, sources)
    assert grown.task("later").labels == ("x", "y")
    check_growth(space, grown, "the run folder")
    with pytest.raises(UserError, match=r"tasks\.later\.labels"):
        check_growth(grown, replace(grown, tasks=(task, replace(grown.task("later"), labels=("x", "z")))), "the run")


def test_a_run_folder_keeps_what_was_inferred_and_accepts_a_study_that_has_moved(
    tmp_path: Path, infer: Infer, sources: Sources
) -> None:
    task = infer("classify", [{"text": "a", "label": value} for value in ("x", "y")])
    space = replace(space_of(task), folder=str(tmp_path))
    run = Run.at(str(tmp_path / "run"))
    run.keep_space(space)
    assert run.space.task("own").labels == ("x", "y")
    assert run.space.folder == str(tmp_path)
    (tmp_path / "run/ledger/trainings").mkdir(parents=True)
    (tmp_path / "run/ledger/trainings/abc.json").write_text("{}")
    run.keep_space(replace(space, folder=str(tmp_path / "elsewhere")))
    with pytest.raises(UserError, match=r"tasks\.own\.labels"):
        run.keep_space(replace(space, tasks=(replace(task, labels=("x", "z")),)))
