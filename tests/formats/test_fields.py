"""Columns, paths, templates and lists of columns, and the errors for rows without them."""

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


def test_a_field_can_be_a_column_a_path_or_a_column_with_a_dot():
    assert text_of(line(prompt="ctx_a"), "prompt") == "A man sits."
    assert texts_of(line(choices="choices.text"), "choices") == ["left", "right"]
    assert texts_of(line(answers="answers.text"), "answers") == ["one", "two"]
    assert text_of(line(prompt="a.b"), "prompt") == "dotted"


def test_a_template_with_a_list_column_gives_one_text_per_item():
    assert texts_of(line(choices="{ctx_b} {endings}"), "choices") == ["He stands.", "He falls."]
    assert texts_of(line(choices="{choices.text}!"), "choices") == ["left!", "right!"]
    assert text_of(line(prompt="{ctx_a} {ctx_b}"), "prompt") == "A man sits. He"


def test_an_empty_column_leaves_no_space_in_the_text():
    empty = Line(row={"ctx_b": "", "endings": ["Runs."]}, task=line(choices="{ctx_b} {endings}").task, number=0)
    assert texts_of(empty, "choices") == ["Runs."]


def test_a_tuple_of_columns_gives_a_list():
    assert texts_of(line(choices=("ctx_b", "ctx_a")), "choices") == ["He", "A man sits."]


def test_the_id_is_the_row_number_unless_a_column_is_declared():
    assert id_of(line()) == "3"
    assert id_of(line(id="idx")) == "12"
    assert group_of(line(), "own") == "own"
    assert group_of(line(group="ctx_b"), "own") == "He"


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({}, "needs a column for field 'prompt'"),
        ({"prompt": "ctx_aa"}, r"row 3: column 'ctx_aa' is declared but missing.*Did you mean 'ctx_a'"),
        ({"prompt": "choices.texts"}, "Did you mean 'text'"),
        ({"prompt": "idx"}, "must be a text, got 12"),
        ({"prompt": "{endings} {other}"}, "at most one list column"),
        ({"prompt": "{nothing}!"}, "needs a value for 'nothing'"),
    ],
)
def test_the_error_for_a_row_without_a_declared_column_names_the_column(columns, message):
    with pytest.raises(DataError, match=message):
        text_of(line(**columns), "prompt")


def test_a_text_in_a_list_field_raises_an_error():
    with pytest.raises(DataError, match="must be a list of texts"):
        texts_of(line(choices="ctx_a"), "choices")


def test_a_label_is_a_name_or_an_index_into_the_label_set():
    two = line(labels=("no", "yes"))
    assert label_of(two, "yes") == label_of(two, 1) == "yes"
    assert label_of(line(labels=("0", "1")), "1") == "1"
    assert label_of(line(), "anything") == "anything"


@pytest.mark.parametrize("value", [None, "", -1, "-1"])
def test_empty_values_and_minus_one_mean_that_there_is_no_label(value):
    assert label_of(line(labels=("no", "yes")), value) is None


@pytest.mark.parametrize("value", ["maybe", 2, -2, 0.5])
def test_the_error_for_a_label_outside_the_set_names_task_row_value_and_set(value):
    with pytest.raises(DataError, match=rf"Task 't', row 3: .*\['no', 'yes'\], got {value!r}"):
        label_of(line(labels=("no", "yes")), value)


def test_a_number_is_no_label_without_a_declared_set():
    with pytest.raises(DataError, match="names that the data set declares"):
        label_of(line(), 1)


def test_the_error_for_an_undeclared_field_names_the_field():
    with pytest.raises(DataError, match="format 'choose' needs a column for field 'label'"):
        field_of(line(), "label")
