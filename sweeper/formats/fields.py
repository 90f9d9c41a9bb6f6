"""Fields of a row as the task declares them: a column, a path, a template, or several columns that form a list."""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from string import Formatter
from typing import Any

from sweeper.errors import DataError, RowError, unknown
from sweeper.tasks.labels import mapped
from sweeper.tasks.spec import Task

NO_LABEL = (None, "", -1, "-1")
"""Values of the label in a row without a label."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """One row of a data set, with the task and the row number for error messages."""

    row: Mapping[str, Any]
    task: Task
    number: int


def row_error(line: Line, problem: str) -> RowError:
    """The error for a row that does not match the declaration of its task."""
    return RowError(line.task.name, line.number, problem)


def is_declared(line: Line, field: str) -> bool:
    """Whether the task declares a source for this field."""
    return field in line.task.columns


def field_of(line: Line, field: str) -> Any:
    """The plain value of a field. Raises DataError if the task does not declare it or the row does not contain it."""
    if not is_declared(line, field):
        raise DataError(f"Task {line.task.name!r} of format {line.task.format!r} needs a column for field {field!r}.")
    source = line.task.columns[field]
    if isinstance(source, tuple):
        return [_at(line, column) for column in source]
    return _filled(line, source) if "{" in source else _at(line, source)


def text_of(line: Line, field: str) -> str:
    """The value of a field that must be a text. Raises DataError if it is not."""
    value = field_of(line, field)
    if not isinstance(value, str):
        raise row_error(line, f"field {field!r} must be a text, got {value!r}.")
    return value


def texts_of(line: Line, field: str) -> list[str]:
    """The value of a field that must be a list of texts. Raises DataError if it is not."""
    value = field_of(line, field)
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise row_error(line, f"field {field!r} must be a list of texts, got {value!r}.")
    return value


def answers_of(line: Line) -> tuple[list[str], list[int]]:
    """Gold texts and their character positions, from a struct of lists or a list of structs.

    Two empty lists if the row has no label. Raises DataError for any other layout.
    """
    answers = field_of(line, "answers")
    if answers is None:
        return [], []
    # `datasets` gives a struct of lists or a list of structs, depending on how the feature was declared.
    if isinstance(answers, Mapping) and {"text", "answer_start"} <= set(answers):
        texts, starts = answers["text"], answers["answer_start"]
    elif isinstance(answers, list) and all(_is_answer(answer) for answer in answers):
        texts, starts = ([answer[name] for answer in answers] for name in ("text", "answer_start"))
    else:
        raise row_error(line, f"answers must have text and answer_start, got {answers!r}.")
    if not _are_all(texts, str) or not _are_all(starts, int):
        raise row_error(line, f"answers must have texts and whole numbers as answer_start, got {answers!r}.")
    return list(texts), list(starts)


def _is_answer(answer: Any) -> bool:
    return isinstance(answer, Mapping) and {"text", "answer_start"} <= set(answer)


def _are_all(values: Any, kind: type) -> bool:
    return isinstance(values, Sequence) and all(isinstance(value, kind) for value in values)


def id_of(line: Line) -> str:
    """The id of the row if the task declares one, otherwise its number."""
    return str(field_of(line, "id")) if is_declared(line, "id") else str(line.number)


def group_of(line: Line, default: str) -> str:
    """The group of the row if the task declares one, otherwise the default."""
    return str(field_of(line, "group")) if is_declared(line, "group") else default


def short_hash(text: str) -> str:
    """A short identifier of a text that several rows share (a paragraph, a premise)."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def label_of(line: Line, value: Any) -> str | None:
    """The name of a label, after `label_map`; None if the row has no label (None, -1 or an empty text).

    A number is an index into the labels of the task. Raises DataError for a value outside of them.
    """
    labels, label_map = line.task.labels, line.task.label_map
    if value in NO_LABEL:
        return None
    # A text that looks like a number is a name: some label sets are "0" and "1".
    if isinstance(value, int) and 0 <= value < len(labels):
        return mapped(labels[value], label_map) if label_map else labels[value]
    if isinstance(value, str) and (value in labels or not labels):
        return mapped(value, label_map) if label_map else value
    raise row_error(
        line, f"a label must be one of {list(labels) or 'the names that the data set declares'}, got {value!r}."
    )


def columns_of(task: Task, fields: Iterable[str], columns: Collection[str]) -> list[str]:
    """Those of the columns of a data set that some fields of a task are read from; none if one is missing."""
    sources = [task.columns[field] for field in fields if field in task.columns]
    paths = [
        path
        for source in sources
        for text in (source if isinstance(source, tuple) else (source,))
        for path in (_names(text) if "{" in text else [text])
    ]
    found = {path if path in columns else path.split(".")[0] for path in paths}
    return sorted(found) if found <= set(columns) else []


def _names(template: str) -> list[str]:
    """The columns in a template."""
    return [name for _, name, _, _ in Formatter().parse(template) if name]


def _filled(line: Line, template: str) -> str | list[str]:
    """A template filled with its columns; a list with one text per item if one of the columns is a list."""
    values = {name: _at(line, name) for name in _names(template)}
    lists = [name for name, value in values.items() if isinstance(value, list)]
    if len(lists) > 1:
        raise row_error(line, f"template {template!r} may have at most one list column, got {lists}.")
    if not lists:
        return _fill(line, template, values)
    return [_fill(line, template, {**values, lists[0]: item}) for item in values[lists[0]]]


def _fill(line: Line, template: str, values: Mapping[str, Any]) -> str:
    texts = []
    for literal, name, _, _ in Formatter().parse(template):
        value = values[name] if name else ""
        if value is None:
            raise row_error(line, f"template {template!r} needs a value for {name!r}, got None.")
        texts.append(f"{literal}{value}")
    # An empty column (ctx_b of HellaSwag) must not leave its space in the text.
    return "".join(texts).strip()


def _at(line: Line, path: str) -> Any:
    """The value of a column, or of a path into nested columns such as `choices.text`."""
    if path in line.row:  # a column whose name contains a dot comes before a path
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
    columns = value if isinstance(value, Mapping) else ()
    raise row_error(line, f"column {path!r} is declared but missing. {unknown('column', step, columns)}")
