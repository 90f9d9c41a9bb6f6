"""The rows whose examples a cap keeps, found from some of their columns: other rows are never read as a whole."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from sweeper.data.examples import located
from sweeper.data.rows import Row, RowTable, row_message
from sweeper.data.sample import capped, carve, limit_of
from sweeper.formats.fields import Line, columns_of, id_of
from sweeper.formats.interface import RowLabel
from sweeper.formats.table import properties_of
from sweeper.records.spec import DataSpec
from sweeper.tasks.spec import Task

TRAINED = ("train", "select")
"""Parts of a data set without the examples whose labels cannot be right. Scores do not depend on positions."""


@dataclass(frozen=True, kw_only=True)
class KeptRows:
    """The rows whose examples are kept, of the tables of one language."""

    tables: Sequence[RowTable]
    numbers: list[tuple[int, int]]
    """Of the table and of the row, in the order of the examples."""
    num_dropped: int
    """Number of rows of all tables without an example."""
    wrong: list[str]
    """A sentence for each row of a training set whose labels cannot be right."""

    def __iter__(self) -> Iterator[tuple[int, int, Row]]:
        """The numbers of each row, and the row."""
        of_table = [[row for table, row in self.numbers if table == number] for number in range(len(self.tables))]
        rows = [table.at(numbers) for table, numbers in zip(self.tables, of_table, strict=True)]
        return ((number, *next(rows[number])) for number, _ in self.numbers)


@dataclass(frozen=True, kw_only=True)
class _Labels:
    """What the deciding columns of one table say about its rows."""

    right: list[tuple[str, int]]
    """Id and number of each row with an example whose labels can be right."""
    num_dropped: int
    wrong: list[str]


def kept_rows(tables: Sequence[RowTable], data: DataSpec, task: Task) -> KeptRows | None:
    """The rows that `carve` and `apply_caps` keep; None if that depends on whole rows, or on no cap."""
    label = properties_of(task).row_label
    is_limited = limit_of(data) is not None or data.part == "select"
    if label is None or not is_limited or not label.applies(task):
        return None
    fields = ("id", *label.fields, *(label.problem_fields if data.part in TRAINED else ()))
    columns = [columns_of(task, fields, table.table.column_names) for table in tables]
    if not all(columns):  # a missing column is an error that the whole row explains
        return None
    read = [_labels(table.with_columns(names), data, task, label) for table, names in zip(tables, columns, strict=True)]
    if any(len({id_ for id_, _ in labels.right}) < len(labels.right) for labels in read):
        return None  # equal ids get numbers
    return KeptRows(
        tables=tables,
        numbers=capped(_carved(read, data), data),
        num_dropped=sum(labels.num_dropped for labels in read),
        wrong=[sentence for labels in read for sentence in labels.wrong],
    )


def _carved(read: Sequence[_Labels], data: DataSpec) -> Iterator[tuple[str, tuple[int, int]]]:
    """The id of each example in the part of `data`, and the numbers of its table and its row."""
    for table, labels in enumerate(read):
        prefix = id_prefix(table, len(read))
        # Each data set is divided alone, by its own ids: ANLI+ contains MNLI, and both then set aside the same rows.
        yield from carve(((id_, (prefix + id_, (table, number))) for id_, number in labels.right), data)


def id_prefix(table: int, num_tables: int) -> str:
    """What the ids of the examples of a table start with, so that the ids of different tables differ."""
    return f"{table}:" if num_tables > 1 else ""


def _problem_of(data: DataSpec, label: RowLabel) -> Callable[[Line], str | None]:
    """The function of `RowLabel.problem`. Rows that are scored have no problem."""
    if data.part in TRAINED and label.problem is not None:
        return label.problem
    return lambda line: "" if label.has_example(line) else None


def _labels(table: RowTable, data: DataSpec, task: Task, label: RowLabel) -> _Labels:
    """Read the deciding columns of a table."""
    problem_of = _problem_of(data, label)
    right, wrong, num_dropped = [], [], 0
    with located(table.where):
        for number, row in enumerate(table):
            line = Line(row=row, task=task, number=number)
            problem = problem_of(line)
            if problem is None:
                num_dropped += 1
            elif problem:
                wrong.append(row_message(table.where, number, problem))
            else:
                right.append((id_of(line), number))
    return _Labels(right=right, num_dropped=num_dropped, wrong=wrong)
