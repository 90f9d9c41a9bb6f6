"""Columns that a task does not name, inferred from the names of the columns in its data."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from sweeper.errors import DataError, unknown
from sweeper.formats.interface import Properties
from sweeper.tasks.spec import Columns, Task

ID = "id"
"""Optional field of every format. A column of that name is used if the task names no columns at all."""
ANY_FORMAT = (ID, "group")
"""Optional fields of every format."""
SEPARATORS = {";": "a semicolon", "\t": "a tab", "|": "a vertical bar"}

Source = str | tuple[str, ...]


def complete_columns(task: Task, properties: Properties, row: Mapping[str, Any]) -> Columns:
    """The columns of a task. Those that it does not name are chosen by their usual names in `row`, one of its rows.

    A task with some columns keeps them, and gets only fields that its format requires. Raises DataError with the names
    of all columns if a required field has no column, or if a field could be one of several.
    """
    fields = properties.required if task.columns else tuple(properties.usual)
    if task.columns and properties.query_field:
        return task.columns  # a task of a pool has only some of the fields
    columns: dict[str, Source] = dict(task.columns)
    for field in fields:
        if field not in columns:
            source = _chosen(field, list(_matches(properties.usual[field], row)), task, row)
            if source is not None:
                columns[field] = source
            elif field in properties.required:
                raise _missing(field, properties, task, row)
    if not task.columns and ID in row:
        columns[ID] = ID
    return columns


def check_fields_of(task: Task, properties: Properties) -> None:
    """Raise UserError, with the nearest name, if a task names a column for a field that its format does not have.

    The fields of a format that declares none are not checked.
    """
    known = (*properties.usual, *properties.named, *ANY_FORMAT)
    for field in task.columns if properties.usual else ():
        if field not in known:
            raise unknown(f"field of format {task.format!r} (columns of task {task.name!r})", field, known)


def _chosen(field: str, sources: list[Source], task: Task, row: Mapping[str, Any]) -> Source | None:
    """The source of a field: the column of its own name, or the only column with one of its usual names."""
    exact = [source for source in sources if isinstance(source, str) and source.lower() == field]
    if exact or len(sources) <= 1:
        return next(iter(exact or sources), None)
    options = ", ".join(source if isinstance(source, str) else "/".join(source) for source in sources)
    raise DataError(
        f"Task {task.name!r}: field {field!r} can be the column {options.replace(', ', ' or ')}. Name one: columns="
        f"{{{field!r}: {sources[0]!r}, ...}}. The columns are {', '.join(row)}."
    )


def _missing(field: str, properties: Properties, task: Task, row: Mapping[str, Any]) -> DataError:
    found = [text for sign, text in SEPARATORS.items() if len(row) == 1 and sign in next(iter(row))]
    hint = f" The header has {found[0]} where a CSV file needs commas." if found else ""
    return DataError(
        f"Task {task.name!r}: format {task.format!r} needs a column for field {field!r}, and no column has one of the "
        f"usual names ({', '.join(properties.usual[field])}). Name it: columns={{{field!r}: ...}}. The columns are "
        f"{', '.join(row)}.{hint}"
    )


def _matches(names: tuple[str, ...], row: Mapping[str, Any]) -> Iterator[Source]:
    """The sources in a row that fit usual names: `text`, a path `choices.text`, or numbered columns `choice#`."""
    paths = [path for path in names if "." in path and _has_path(row, path)]
    yield from paths
    for name in names:
        if name.endswith("#"):
            numbered = re.compile(rf"{re.escape(name[:-1])}[ _-]?(\d+|[a-e])", flags=re.IGNORECASE)
            columns = sorted(column for column in row if numbered.fullmatch(column))
            if len(columns) > 1:
                yield tuple(columns)
        elif not any(path.startswith(f"{name}.") for path in paths):
            yield from (column for column in row if column.lower() == name)


def _has_path(row: Mapping[str, Any], path: str) -> bool:
    column, _, step = path.partition(".")
    return isinstance(row.get(column), Mapping) and step in row[column]
