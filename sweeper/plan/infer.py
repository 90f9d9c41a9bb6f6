"""The columns and labels that the tasks of a space do not name, inferred from their data."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sweeper.data.examples import located
from sweeper.data.rows import RowTable, class_names
from sweeper.data.source import Sources
from sweeper.errors import DataError
from sweeper.formats.columns import complete_columns
from sweeper.formats.fields import NO_LABEL, Line, field_of
from sweeper.formats.table import properties_of
from sweeper.space import Space
from sweeper.tasks.spec import Columns, Rows, RowsByLanguage, Task

FEW_ROWS = 20
"""Data sets up to this size may have a different label in every row."""


@dataclass(frozen=True, kw_only=True)
class Inferred:
    """A task with all of its columns and labels."""

    task: Task
    columns: Columns
    """The columns that were inferred."""
    labels: tuple[str, ...] = ()
    """The labels that were inferred, or that the data set declares."""

    def __str__(self) -> str:
        """A message for the user."""
        columns = ", ".join(f"{field} = {_text(source)}" for field, source in self.columns.items())
        found = [f"columns {columns}"] if columns else []
        found += [f"labels {', '.join(self.labels)}"] if self.labels else []
        return f"Task {self.task.name}: inferred from the data: {'; '.join(found)}."


def infer_space(space: Space, sources: Sources | None) -> tuple[Space, tuple[str, ...]]:
    """The space with complete tasks, and a message for each task of which something was inferred.

    Only tasks that a recipe or target reads are completed, and none of the catalog. Raises DataError if data are
    missing, or if columns or labels cannot be inferred.
    """
    if sources is None:
        return space, ()
    inferred: dict[str, Inferred] = {}
    for task in own_tasks(space):
        inferred[task.name] = infer_task(task, space, sources)
    tasks = tuple(inferred[task.name].task if task.name in inferred else task for task in space.tasks)
    messages = tuple(str(each) for each in inferred.values() if each.columns or each.labels)
    return (replace(space, tasks=tasks) if tasks != space.tasks else space), messages


def own_tasks(space: Space) -> list[Task]:
    """The tasks that the space defines and that one of its recipes or targets reads."""
    return [task for task in space.tasks if task.name in space.read_tasks]


def infer_task(task: Task, space: Space, sources: Sources) -> Inferred:
    """The task with the columns and labels that it does not name. Raises DataError as `infer_space` does."""
    if not _is_incomplete(task):
        return Inferred(task=task, columns={})
    drawn = task.drawn(space.seeds[0])
    first = next(_tables(drawn, sources))
    columns = complete_columns(task, properties_of(task), _first_row(task, first))
    added = {field: source for field, source in columns.items() if field not in task.columns}
    if not properties_of(task).label_field or task.labels:
        return Inferred(task=replace(task, columns=columns), columns=added)
    declared = _declared(task, columns, first)
    if declared:  # read from the data set at each use, so that the task keeps its key
        return Inferred(task=replace(task, columns=columns), columns=added, labels=declared)
    if task.trains_on:
        columns, labels = _labels_of_training(task.trains_on, columns, space, sources)
    else:
        columns, labels = _labels(replace(drawn, columns=columns), sources)
    changed = {field: source for field, source in columns.items() if task.columns.get(field) != source}
    return Inferred(task=replace(task, columns=columns, labels=labels), columns=changed, labels=labels)


def _is_incomplete(task: Task) -> bool:
    properties = properties_of(task)
    # A task of a pool has only some of the fields.
    needed = () if task.columns and properties.query_field else properties.required
    return any(field not in task.columns for field in needed) or bool(properties.label_field and not task.labels)


def _labels_of_training(name: str, columns: Columns, space: Space, sources: Sources) -> tuple[Columns, tuple[str, ...]]:
    """The columns and labels of a task that trains on another one: the labels are those of the other one."""
    trained = infer_task(space.task(name), space, sources)
    field = properties_of(trained.task).label_field
    # Numbers that are names in the training data are names in the evaluation data too.
    if "{" in str(trained.task.columns[field]):
        columns = {**columns, field: f"{{{columns[field]}}}"}
    return columns, trained.task.labels or trained.labels


def _tables(task: Task, sources: Sources) -> Iterator[RowTable]:
    """The tables of the training split, English first; of another split if the task has no training data."""
    by_language = next((split for split in (task.train, task.dev, task.test) if split), {})
    yield from (sources.load(rows) for rows in _english_first(by_language))


def _english_first(by_language: RowsByLanguage) -> Iterable[Rows]:
    languages = sorted(by_language, key=lambda language: language != "en")
    return (rows for language in languages for rows in by_language[language])


def _first_row(task: Task, table: RowTable) -> Mapping[str, Any]:
    if not len(table):
        raise DataError(f"Task {task.name!r}: {table.where} has no rows.")
    return table[0]


def _declared(task: Task, columns: Columns, table: RowTable) -> tuple[str, ...]:
    """The label names that the data set declares for the column of the labels; () without any."""
    column = columns.get(properties_of(task).label_field)
    is_column = isinstance(column, str) and column in table.table.column_names
    return class_names(table.table, str(column)) if is_column else ()


def _labels(task: Task, sources: Sources) -> tuple[Columns, tuple[str, ...]]:
    """The columns and the sorted labels of a training split without declared label names.

    Whole numbers that do not count from 0 become names: their column is replaced by a template.
    """
    field = properties_of(task).label_field
    values: set[Any] = set()
    num_rows = 0
    for table in _tables(task, sources):
        num_rows += len(table)
        with located(table.where):
            for number, row in enumerate(table):
                values.update(_flat(field_of(Line(row=row, task=task, number=number), field)))
    source = task.columns[field]
    _check_labels(task, source, values, num_rows)
    if all(isinstance(value, str) for value in values):
        return task.columns, tuple(sorted(values))
    labels = tuple(map(str, sorted(values)))
    # The values of a column of numbers (or of False and True) are positions in the label set if they count from 0.
    if sorted(values) == list(range(len(labels))):
        return task.columns, labels
    return {**task.columns, field: f"{{{source}}}"}, labels


def _flat(value: Any) -> Iterator[Any]:
    for item in value if isinstance(value, list) else [value]:
        if item not in NO_LABEL:
            yield item


def _check_labels(task: Task, source: str | tuple[str, ...], values: set[Any], num_rows: int) -> None:
    """Raise DataError unless the values can be labels: all texts or all whole numbers, some but not too many."""
    where = f"Task {task.name!r}: the labels cannot be inferred from the column {_text(source)}"
    if len({type(value) for value in values}) > 1 or not all(isinstance(value, str | int) for value in values):
        some = ", ".join(repr(value) for value in sorted(values, key=str)[:3])
        raise DataError(f"{where}, which needs texts or whole numbers, got {some}. Name `labels`, or another column.")
    if len(values) == 1:
        raise DataError(f"{where}, which has the same value {next(iter(values))!r} in all rows. Name another column.")
    if not values or (num_rows > FEW_ROWS and len(values) > num_rows / 2):
        raise DataError(
            f"{where}, which has {len(values):,} different values in {num_rows:,} rows. Name `labels`, or another "
            "column for the label."
        )


def _text(source: str | tuple[str, ...]) -> str:
    return source if isinstance(source, str) else "/".join(source)
