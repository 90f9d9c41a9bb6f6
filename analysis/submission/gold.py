"""Compares the sentences of a submission with the user's copy of the test set in a local folder."""

import json
from collections.abc import Iterable
from pathlib import Path

from sweeper.files.folder import expand_path
from sweeper.tasks.spec import Task
from sweeper.tasks.targets import UDPOS, udpos_file

from .layouts import LayoutError, Sheet


def gold_file(task: Task, language: str, folder: str) -> Path | None:
    """The test set of a language in `folder`, or else in the folder that the task names; None if there is no file."""
    if UDPOS not in {rows.id for rows in task.test.get(language, ())}:
        return None
    path = expand_path(folder or UDPOS) / udpos_file(language, "test")
    return path if path.is_file() else None


def check_sentences(sheet: Sheet, gold: Path) -> None:
    """Raise LayoutError unless the predictions have the sentences of the gold data, each with as many words."""
    with gold.open(encoding="utf-8") as file:
        sizes = [len(json.loads(line)["tokens"]) for line in file]
    if len(sheet.rows) != len(sizes):
        raise LayoutError(f"{len(sheet.rows):,} examples, but {gold} has {len(sizes):,}")
    different = _first_difference(sheet.rows["tokens"], sizes)
    if different is not None:
        raise LayoutError(f"sentence {different + 1} has another number of words than in {gold}")


def _first_difference(first: Iterable[int], second: Iterable[int]) -> int | None:
    pairs = enumerate(zip(first, second, strict=True))
    return next((number for number, (one, other) in pairs if one != other), None)
