"""`sweeper tasks`: the tasks of the catalog."""

from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.markup import escape
from rich.table import Table

from sweeper.cli.output import out
from sweeper.errors import unknown

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sweeper.tasks.spec import RowsByLanguage, Split, Task

SPLITS: "tuple[Split, ...]" = ("train", "dev", "test")


def tasks(
    name: Annotated[str | None, typer.Argument(help="Show everything about one task.", metavar="TASK")] = None,
    licences: Annotated[bool, typer.Option("--licences", help="Show the licence of each task's data instead.")] = False,
) -> None:
    """List the tasks with format, metric, languages and data set, or show one task."""
    from sweeper.tasks.catalog import CATALOG

    if name is not None:
        if name not in CATALOG:
            raise unknown("task", name, CATALOG)
        out.print(_task_facts(CATALOG[name]))
    else:
        out.print(_licence_table(CATALOG.values()) if licences else _task_table(CATALOG.values()))
        out.print("`sweeper tasks TASK` shows splits, columns, labels and notes of one task.")


def _task_table(catalog: "Iterable[Task]") -> Table:
    from sweeper.scoring.scorers import SCORERS

    table = Table("task", "format", "metric", "languages", "data set", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for task in catalog:
        metric = SCORERS[task.scorer].label
        first, *rest = _repositories(task)
        table.add_row(
            task.name,
            task.format,
            metric,
            str(len(task.test or task.dev or task.train)),
            f"{first} +{len(rest)}" if rest else first,
        )
    return table


def _licence_table(catalog: "Iterable[Task]") -> Table:
    table = Table("task", "licence", box=box.SIMPLE_HEAD)
    for task in catalog:
        table.add_row(task.name, escape(task.licence))
    return table


def _repositories(task: "Task") -> list[str]:
    # Splits and languages of one repository share its id; it is listed once, in the order of the splits.
    ids = (rows.id for split in SPLITS for rows_list in task.rows(split).values() for rows in rows_list)
    return list(dict.fromkeys(ids))


def _task_facts(task: "Task") -> Table:
    facts = {"title": task.title, "group": task.group, "kind": task.kind, "domain": task.domain}
    facts |= {"format": task.format, "scorer": task.scorer}
    facts |= {"trains on": task.training_task or "nothing", "published training examples": f"{task.train_size:,}"}
    facts |= {split: _languages(task.rows(split)) for split in SPLITS}
    facts |= {"label map": ", ".join(f"{label} -> {new}" for label, new in task.label_map.items())}
    facts |= {"labels": " ".join(task.labels), "licence": task.licence, "note": task.note}
    facts |= {f"column of {field}": str(column) for field, column in task.columns.items()}
    facts |= {"contains the data of": ", ".join(task.contains), "data sets": ", ".join(_repositories(task))}
    table = Table.grid(padding=(0, 2))
    for title, text in facts.items():
        if text:
            table.add_row(title, escape(text))
    return table


def _languages(rows_by_language: "RowsByLanguage") -> str:
    if not rows_by_language:
        return ""
    first_language, first = next(iter(rows_by_language.items()))
    sources = ", ".join(f"{rows.id} {rows.config or ''} [{rows.split}]" for rows in first)
    plural = "s" if len(rows_by_language) > 1 else ""
    return f"{len(rows_by_language)} language{plural} ({' '.join(rows_by_language)}); {first_language}: {sources}"
