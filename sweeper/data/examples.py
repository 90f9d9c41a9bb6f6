"""Reads the examples of rows. An error of a row names its data set, config, split and number."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from sweeper.data.rows import Row, row_message
from sweeper.errors import DataError, RowError
from sweeper.formats.interface import Example
from sweeper.formats.table import format_of
from sweeper.tasks.spec import Task


def examples_of(rows: Iterable[tuple[int, Row]], where: str, task: Task) -> Iterator[tuple[int, list[Example]]]:
    """The examples of each row, with the number of the row. `where` describes the data set.

    Raises DataError for a row that does not match the declaration of the task.
    """
    read = format_of(task).read
    with located(where):
        for number, row in rows:
            yield number, read(row, task, number)


@contextmanager
def located(where: str) -> Iterator[None]:
    """Add the description of a data set to the errors of its rows."""
    try:
        yield
    except RowError as error:
        message = row_message(where, error.number, error.problem)
        raise DataError(f"Task {error.task!r}: {message}") from error
