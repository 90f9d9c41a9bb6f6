"""Data sets as files of the user: the types of files, and the arguments with which `datasets` reads a place."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import datasets
from datasets.data_files import EmptyDatasetError, get_data_patterns

from sweeper.errors import UserError
from sweeper.tasks.slices import is_sliced, split_names

BUILDERS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    ".csv": ("csv", {}),
    ".tsv": ("csv", {"sep": "\t"}),
    ".json": ("json", {}),
    ".jsonl": ("json", {}),
    ".ndjson": ("json", {}),
    ".parquet": ("parquet", {}),
    ".arrow": ("arrow", {}),
    ".txt": ("text", {}),
}
"""Suffix of a data file -> the builder of `datasets` that reads it, and the options of the builder."""


def load_arguments(location: str, config: str | None, split: str) -> dict[str, Any]:
    """Arguments of `datasets.load_dataset` for a Hub id, a folder or a file.

    Raises UserError for a file of an unknown type.
    """
    path = Path(location)
    if not path.is_file():
        return {"path": location, "name": config, "split": split}
    if path.suffix not in BUILDERS:
        raise UserError(f"{path} is not a data file: its name must end in {', '.join(BUILDERS)}.")
    builder, options = BUILDERS[path.suffix]
    # A file is one split. The name that the user gives to it is valid, so that `dev` and `test` can be files too.
    return {"path": builder, "data_files": {split_names(split)[0]: location}, "split": split, **options}


def check_split(split: str) -> None:
    """Raise UserError if a slice of a split is not in the notation of `datasets`."""
    if not is_sliced(split):
        return
    try:
        datasets.ReadInstruction.from_spec(split)
    except (ValueError, AssertionError) as error:
        raise UserError(
            f"split={split!r} is not a slice: write train[:50%], train[100:200] or train+validation ({error})."
        ) from error


def default_splits(folder: Path) -> tuple[str, ...]:
    """The splits that `datasets` finds in a folder by the names of its files; only `train` if no name has one."""
    try:
        return tuple(sorted(map(str, get_data_patterns(str(folder)))))
    except EmptyDatasetError:
        return ()
