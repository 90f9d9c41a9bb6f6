"""The rows of one split as dicts, with label numbers replaced by the names that the data set declares."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from datasets import ClassLabel, Dataset

from sweeper.errors import DataError

Row = dict[str, Any]
BATCH = 1000
"""Number of rows read at a time."""


@dataclass(frozen=True, kw_only=True)
class RowTable:
    """Rows of a split, read from disk when they are accessed."""

    table: Dataset
    where: str
    """Description of the rows for messages."""
    _readers: dict[str, Callable[[Any], Any]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        class_columns = {column: class_names(self.table, column) for column in self.table.column_names}
        readers = {column: _reader(names, column) for column, names in class_columns.items() if names}
        object.__setattr__(self, "_readers", readers)  # the dataclass is frozen

    def __len__(self) -> int:
        return len(self.table)

    def __getitem__(self, number: int) -> Row:
        return self._named(self.table[number], number)

    def __iter__(self) -> Iterator[Row]:
        return (row for _, row in self._read(self.table, range(len(self.table))))

    def at(self, numbers: Sequence[int]) -> Iterator[tuple[int, Row]]:
        """Some rows with their numbers. No other row is read."""
        return self._read(self.table.select(numbers, keep_in_memory=True), numbers)

    def with_columns(self, columns: Sequence[str]) -> "RowTable":
        """The same rows with some of their columns. No other column is read."""
        return RowTable(table=self.table.select_columns(list(columns)), where=self.where)

    def _read(self, table: Dataset, numbers: Iterable[int]) -> Iterator[tuple[int, Row]]:
        batches = table.iter(batch_size=BATCH)
        rows = (dict(zip(batch, row, strict=True)) for batch in batches for row in zip(*batch.values(), strict=True))
        for number, row in zip(numbers, rows, strict=True):
            yield number, self._named(row, number)

    def _named(self, row: Row, number: int) -> Row:
        for column, read in self._readers.items():
            try:
                row[column] = read(row[column])
            except DataError as error:
                raise DataError(row_message(self.where, number, str(error))) from error
        return row


def row_message(where: str, number: int, problem: str) -> str:
    """A problem of one row. `where` describes its data set."""
    return f"{where}, row {number}: {problem}"


def class_names(table: Dataset, column: str) -> tuple[str, ...]:
    """Label names of a ClassLabel column, or of a column of lists of ClassLabel; () for any other column."""
    feature = table.features[column]
    # `datasets` describes a list of labels as [ClassLabel], or as List or Sequence with an attribute `feature`.
    inner = feature[0] if isinstance(feature, list) and feature else getattr(feature, "feature", feature)
    return tuple(inner.names) if isinstance(inner, ClassLabel) else ()


def _reader(names: tuple[str, ...], column: str) -> Callable[[Any], Any]:
    """A function that maps a label number, or a list of them, to names. The values -1 and None (no label) give None."""
    by_number: dict[int | None, str | None] = {None: None, -1: None, **dict(enumerate(names))}

    def read(value: Any) -> Any:
        try:
            return [by_number[item] for item in value] if isinstance(value, list) else by_number[value]
        except KeyError as error:
            raise DataError(
                f"column {column!r} contains the label {error.args[0]}, but declares only 0 to {len(names) - 1}."
            ) from error

    return read
