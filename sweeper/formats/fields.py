"""Reading a task's fields out of a row: a column, a path, a template, or several columns that make a list."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from string import Formatter
from typing import Any

from sweeper.errors import DataError, unknown
from sweeper.tasks.spec import Task


@dataclass(frozen=True, kw_only=True)
class Line:
    """One row of a data set, with what a message about it needs."""

    row: Mapping[str, Any]
    task: Task
    number: int


def bad(line: Line, problem: str) -> DataError:
    """The error to raise for a row that is not what its task declares."""
    return DataError(f"Task {line.task.name!r}, row {line.number}: {problem}")


def has(line: Line, field: str) -> bool:
    """Whether the task says where this field is found."""
    return field in line.task.columns


def field_of(line: Line, field: str) -> Any:
    """A field's plain value. Raises DataError if the task does not declare it or the row does not hold it."""
    if not has(line, field):
        raise DataError(f"Task {line.task.name!r} of format {line.task.format!r} needs a column for field {field!r}.")
    place = line.task.columns[field]
    if isinstance(place, tuple):
        return [_at(line, one) for one in place]
    return _filled(line, place) if "{" in place else _at(line, place)


def text_of(line: Line, field: str) -> str:
    """A field that is one text. Raises DataError if it is not."""
    value = field_of(line, field)
    if not isinstance(value, str):
        raise bad(line, f"field {field!r} is one text, got {value!r}.")
    return value


def texts_of(line: Line, field: str) -> list[str]:
    """A field that is a list of texts. Raises DataError if it is not."""
    value = field_of(line, field)
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise bad(line, f"field {field!r} is a list of texts, got {value!r}.")
    return value


def answers_of(line: Line) -> tuple[list[str], list[int]]:
    """Gold texts and their character positions, whether the column is a struct of lists or a list of structs.

    None at all where the row is unlabelled. Raises DataError if it is neither.
    """
    answers = field_of(line, "answers")
    if answers is None:
        return [], []
    if isinstance(answers, Mapping) and {"text", "answer_start"} <= set(answers):
        return list(answers["text"]), list(answers["answer_start"])
    if isinstance(answers, list) and all({"text", "answer_start"} <= set(one) for one in answers):
        return [one["text"] for one in answers], [one["answer_start"] for one in answers]
    raise bad(line, f"answers hold text and answer_start, got {answers!r}.")


def id_of(line: Line) -> str:
    """The row's id where the task declares one, else its number."""
    return str(field_of(line, "id")) if has(line, "id") else str(line.number)


def group_of(line: Line, otherwise: str) -> str:
    """The row's group where the task declares one."""
    return str(field_of(line, "group")) if has(line, "group") else otherwise


def sha(text: str) -> str:
    """A short name for a text that many rows share (a paragraph, a premise)."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def label_of(line: Line, value: Any) -> str | None:
    """A label's name; None where the row is unlabelled (None, -1 or an empty text).

    A bare number is an index into the task's labels. Raises DataError for anything outside them.
    """
    labels = line.task.labels
    if value in (None, "", -1, "-1"):
        return None
    if isinstance(value, int) and 0 <= value < len(labels):
        return labels[value]
    if isinstance(value, str) and (value in labels or not labels):
        return value
    raise bad(line, f"a label is one of {list(labels) or 'the names that the data set declares'}, got {value!r}.")


def _filled(line: Line, template: str) -> str | list[str]:
    """A template with its columns filled in; one text for each item of the one column that is a list."""
    names = [name for _, name, _, _ in Formatter().parse(template) if name]
    values = {name: _at(line, name) for name in names}
    lists = [name for name, value in values.items() if isinstance(value, list)]
    if len(lists) > 1:
        raise bad(line, f"template {template!r} has one list column at most, got {lists}.")
    if not lists:
        return _fill(line, template, values)
    return [_fill(line, template, {**values, lists[0]: item}) for item in values[lists[0]]]


def _fill(line: Line, template: str, values: Mapping[str, Any]) -> str:
    parts = []
    for literal, name, _, _ in Formatter().parse(template):
        value = values[name] if name else ""
        if value is None:
            raise bad(line, f"template {template!r} needs a value for {name!r}, got None.")
        parts.append(f"{literal}{value}")
    # An empty column (HellaSwag's ctx_b) must not leave its space behind.
    return "".join(parts).strip()


def _at(line: Line, path: str) -> Any:
    """The value of a column, or of a path into nested columns: `choices.text`."""
    if path in line.row:
        return line.row[path]
    value: Any = line.row
    for step in path.split("."):
        if isinstance(value, list):
            value = [_step(line, item, step, path) for item in value]
        else:
            value = _step(line, value, step, path)
    return value


def _step(line: Line, value: Any, step: str, path: str) -> Any:
    if isinstance(value, Mapping) and step in value:
        return value[step]
    known = value if isinstance(value, Mapping) else ()
    raise bad(line, f"column {path!r} is declared. {unknown('column', step, known)}")
