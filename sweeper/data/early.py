"""The rows whose examples a cap keeps, found from their ids and labels: the texts of all other rows are never read."""

from collections.abc import Iterator
from dataclasses import dataclass

from sweeper.data.rows import Row, RowTable
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
    """The rows of one data set whose examples are kept."""

    table: RowTable
    numbers: list[int]
    """In the order of their examples."""
    num_dropped: int
    """Number of rows of the whole table without an example."""

    def __iter__(self) -> Iterator[tuple[int, Row]]:
        """The number of each row, and the row."""
        return self.table.at(self.numbers)


def kept_rows(table: RowTable, data: DataSpec, task: Task) -> KeptRows | None:
    """The rows that `carve` and `apply_caps` keep; None if that depends on more than ids and labels, or on no cap."""
    label = properties_of(task).row_label
    is_limited = limit_of(data) is not None or data.part == "select"
    if label is None or not is_limited or (label.needs_text and data.part in TRAINED):
        return None
    columns = columns_of(task, ("id", label.field), table.table.column_names)
    ids = _labelled(table.with_columns(columns), task, label) if columns else []
    # Equal ids get numbers, and a missing column is an error that the whole row explains.
    if not columns or len({id_ for id_, _ in ids}) < len(ids):
        return None
    numbers = capped(carve(((id_, (id_, number)) for id_, number in ids), data), data)
    return KeptRows(table=table, numbers=numbers, num_dropped=len(table) - len(ids))


def _labelled(table: RowTable, task: Task, label: RowLabel) -> list[tuple[str, int]]:
    """Id and number of each row that has an example."""
    lines = (Line(row=row, task=task, number=number) for number, row in enumerate(table))
    return [(id_of(line), line.number) for line in lines if label.has_example(line)]
