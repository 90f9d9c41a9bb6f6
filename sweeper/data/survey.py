"""Reads a whole split without a tokenizer: counts its rows, examples and labels, and compares its items with others."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace

from sweeper.data.encode import label_set
from sweeper.data.examples import examples_of
from sweeper.data.source import Sources, language_rows
from sweeper.errors import DataError
from sweeper.formats.interface import Example, Summary
from sweeper.formats.table import format_of, properties_of
from sweeper.tasks.spec import Split, Task

SAME_ITEM = "Two items are the same if their texts are equal after white space and case are normalised."
"""The rule that `Survey.items` follows, for the output of commands."""


@dataclass(frozen=True, kw_only=True)
class Survey:
    """The content of one language of a split."""

    rows: int
    dropped: int
    """Rows without an example, because they have no label."""
    examples: int
    labels: Counter[str]
    items: frozenset[int]
    """Hashes of the texts of the examples, valid in this process only."""


def survey(task: Task, split: Split, language: str, sources: Sources) -> Survey:
    """Read all rows of one language of a split.

    Raises DataError if rows are missing, do not fit the task, or yield no example; UserError for an unknown language.
    """
    task = with_labels(task, sources)
    labels: Counter[str] = Counter()
    items: set[int] = set()
    rows = dropped = examples = 0
    task_format, known = format_of(task), task.read_labels if properties_of(task).label_field else None
    for found in read_examples(task, split, language, sources):
        rows += 1
        dropped += not found
        examples += len(found)
        for example in found:
            summary = task_format.summary(example)
            _check_labels(summary, example, known, f"Task {task.name!r}, {split}, {language}")
            labels.update(summary.labels)
            items.add(item(summary))
    if not examples:
        raise DataError(
            f"Task {task.name!r}, {split}, {language}: no example in {rows} rows, {dropped} of them without a label."
        )
    return Survey(rows=rows, dropped=dropped, examples=examples, labels=labels, items=frozenset(items))


def with_labels(task: Task, sources: Sources) -> Task:
    """The task with the labels that its data set declares, if it names none. Raises DataError without labels."""
    return replace(task, labels=label_set(task, sources) or task.labels)


def read_examples(task: Task, split: Split, language: str, sources: Sources) -> Iterator[list[Example]]:
    """The examples of each row, in the order of the data."""
    for rows in language_rows(task, split, language):
        table = sources.load(rows)
        yield from (examples for _, examples in examples_of(enumerate(table), table.where, task))


def item(summary: Summary) -> int:
    """A hash of the texts of an example, equal for the same item (SAME_ITEM)."""
    return hash(tuple(" ".join(text.split()).casefold() for text in summary.texts.values()))


def shared(evaluated: Survey, trained: Iterable[Survey]) -> int:
    """The number of different items of an evaluation split that also occur in training splits."""
    return len(evaluated.items & frozenset[int]().union(*(each.items for each in trained)))


def _check_labels(summary: Summary, example: Example, known: Collection[str] | None, where: str) -> None:
    unknown = set(summary.labels).difference(known) if known is not None else set()
    if unknown:
        raise DataError(
            f"{where}, example {example.id!r}: a label must be one of {list(known or ())}, got {sorted(unknown)[0]!r}."
        )
