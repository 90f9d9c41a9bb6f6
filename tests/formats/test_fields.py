"""Columns, paths, templates and lists of columns, and what is said of a row that lacks them."""

import pytest

from sweeper.errors import DataError
from sweeper.formats.fields import Line, field_of, group_of, id_of, label_of, text_of, texts_of
from sweeper.tasks.spec import Task

ROW = {
    "ctx_a": "A man sits.",
    "ctx_b": "He",
    "endings": ["stands.", "falls."],
    "choices": {"label": ["A", "B"], "text": ["left", "right"]},
    "answers": [{"text": "one"}, {"text": "two"}],
    "a.b": "dotted",
    "idx": 12,
    "other": ["x"],
    "nothing": None,
}


def line(labels=(), **columns):
    task = Task(name="t", title="", format="choose", scorer="accuracy", columns=columns, labels=labels)
    return Line(row=ROW, task=task, number=3)


def test_a_column_a_path_and_a_column_with_a_dot_are_found():
    assert text_of(line(prompt="ctx_a"), "prompt") == "A man sits."
    assert texts_of(line(choices="choices.text"), "choices") == ["left", "right"]
    assert texts_of(line(answers="answers.text"), "answers") == ["one", "two"]
    assert text_of(line(prompt="a.b"), "prompt") == "dotted"


def test_a_template_makes_one_text_for_each_item_of_its_list():
    assert texts_of(line(choices="{ctx_b} {endings}"), "choices") == ["He stands.", "He falls."]
    assert texts_of(line(choices="{choices.text}!"), "choices") == ["left!", "right!"]
    assert text_of(line(prompt="{ctx_a} {ctx_b}"), "prompt") == "A man sits. He"


def test_an_empty_column_leaves_no_space_behind():
    empty = Line(row={"ctx_b": "", "endings": ["Runs."]}, task=line(choices="{ctx_b} {endings}").task, number=0)
    assert texts_of(empty, "choices") == ["Runs."]


def test_several_columns_make_a_list():
    assert texts_of(line(choices=("ctx_b", "ctx_a")), "choices") == ["He", "A man sits."]


def test_the_id_is_the_rows_number_unless_a_column_says_otherwise():
    assert id_of(line()) == "3"
    assert id_of(line(id="idx")) == "12"
    assert group_of(line(), "own") == "own"
    assert group_of(line(group="ctx_b"), "own") == "He"


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({}, "needs a column for field 'prompt'"),
        ({"prompt": "ctx_aa"}, r"row 3: column 'ctx_aa' is declared.*Did you mean 'ctx_a'"),
        ({"prompt": "choices.texts"}, "Did you mean 'text'"),
        ({"prompt": "idx"}, "is one text, got 12"),
        ({"prompt": "{endings} {other}"}, "one list column at most"),
        ({"prompt": "{nothing}!"}, "needs a value for 'nothing'"),
    ],
)
def test_a_row_without_the_declared_column_says_which_one(columns, message):
    with pytest.raises(DataError, match=message):
        text_of(line(**columns), "prompt")


def test_a_list_field_refuses_a_text():
    with pytest.raises(DataError, match="is a list of texts"):
        texts_of(line(choices="ctx_a"), "choices")


def test_a_label_is_a_name_or_a_bare_number_that_indexes_the_set():
    two = line(labels=("no", "yes"))
    assert label_of(two, "yes") == label_of(two, 1) == "yes"
    assert label_of(line(labels=("0", "1")), "1") == "1"
    assert label_of(line(), "anything") == "anything"


@pytest.mark.parametrize("value", [None, "", -1, "-1"])
def test_an_unlabelled_row_has_no_label(value):
    assert label_of(line(labels=("no", "yes")), value) is None


@pytest.mark.parametrize("value", ["maybe", 2, -2, 0.5])
def test_a_label_outside_the_set_names_task_row_value_and_set(value):
    with pytest.raises(DataError, match=rf"Task 't', row 3: .*\['no', 'yes'\], got {value!r}"):
        label_of(line(labels=("no", "yes")), value)


def test_a_number_cannot_be_a_label_where_no_set_is_declared():
    with pytest.raises(DataError, match="names that the data set declares"):
        label_of(line(), 1)


def test_an_undeclared_field_of_a_row_is_refused_by_name():
    with pytest.raises(DataError, match="format 'choose' needs a column for field 'label'"):
        field_of(line(), "label")
