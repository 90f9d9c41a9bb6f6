"""The table of task formats, and the check that a task names a format and a scorer that exist."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from sweeper.errors import UserError, unknown
from sweeper.formats.choose import Choose
from sweeper.formats.classify import Classify
from sweeper.formats.columns import check_fields_of
from sweeper.formats.interface import Format, Properties
from sweeper.formats.mlm import Mlm
from sweeper.formats.outcomes import check_scorer
from sweeper.formats.rank import Rank
from sweeper.formats.retrieve import Retrieve
from sweeper.formats.span import Span
from sweeper.formats.tag import Tag
from sweeper.tasks.labels import types_of
from sweeper.tasks.spec import Task

FORMATS: Mapping[str, Format] = {
    "classify": Classify(),
    "choose": Choose(),
    "tag": Tag(),
    "span": Span(),
    "retrieve": Retrieve(),
    "rank": Rank(),
    "mlm": Mlm(),
}
"""`Task.format` -> the format. The order is the order of names in error messages."""


def format_of(task: Task) -> Format:
    """The format of a task. Raises UserError, with the nearest name, for an unknown format."""
    if task.format not in FORMATS:
        raise unknown(f"format (task {task.name!r})", task.format, FORMATS)
    return FORMATS[task.format]


def properties_of(task: Task) -> Properties:
    """The properties of the format of a task. Raises UserError as `format_of` does."""
    return format_of(task).properties


def with_scorer(task: Task) -> Task:
    """The task with the usual scorer of its format if it names none. Raises UserError as `format_of` does."""
    return task if task.scorer else replace(task, scorer=properties_of(task).scorers[0])


def check_tasks(tasks: Iterable[Task]) -> None:
    """Raise UserError, with the nearest name, for an unknown format, or a scorer or column field that it does not have.

    Labels must be different, and a label map names existing ones.
    """
    for task in tasks:
        properties = properties_of(task)
        check_scorer(task, properties.scorers)
        check_fields_of(task, properties)
        if len(set(task.labels)) < len(task.labels):
            raise UserError(f"Task {task.name!r} needs different labels, got {', '.join(task.labels)}.")
        _check_label_map(task, properties)


def _check_label_map(task: Task, properties: Properties) -> None:
    if task.label_map and not (properties.label_field and task.labels):
        raise UserError(f"Task {task.name!r} ({task.format}) has a label_map, which needs a format with `labels`.")
    for label in task.label_map:
        if label not in types_of(task.labels):
            raise unknown(f"label in label_map (task {task.name!r})", label, types_of(task.labels))


def noisy_formats() -> tuple[str, ...]:
    """Names of the formats whose training labels can be made wrong (`Stage.label_noise`)."""
    return tuple(name for name, entry in FORMATS.items() if entry.properties.other_labels)


def translatable_formats() -> tuple[str, ...]:
    """Names of the formats whose training examples can be machine-translated."""
    return tuple(name for name, entry in FORMATS.items() if entry.properties.translation)
