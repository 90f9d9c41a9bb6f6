"""Loads data sets and identifies them and encoders: on the Hub, in a mirror of it on disk, or in local files."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import datasets
from datasets.exceptions import DatasetsError

from sweeper.data.files import check_split, load_arguments
from sweeper.data.hub import COMMIT, commit
from sweeper.data.mirror import config_list, model_digest, rows_digest, split_files, split_list
from sweeper.data.once import asked_once
from sweeper.data.places import Places, is_path
from sweeper.data.prepared import load_prepared, prepared_folder, read_prepared
from sweeper.data.rows import RowTable, class_names
from sweeper.data.stream import first_rows
from sweeper.errors import DataError, UserError, unknown
from sweeper.files.digests import digest
from sweeper.run.shared import Shared
from sweeper.tasks.spec import LOCAL_PREFIX, Rows, RowsByLanguage, Split, Task


@dataclass(frozen=True, kw_only=True)
class Sources:
    """An optional mirror, the folder of the space file, and a local folder for caches."""

    mirror: Path | None
    """Folder with `datasets/NAMESPACE/NAME` and `models/ID`, each a plain download of a Hub repository."""
    cache: Path
    base: Path | None = None
    """Folder from which relative paths start, before the working directory: that of the space file."""
    are_pinned: bool = False
    """Whether all rows come from the driver, which has found them: a commit then shows that they are on the Hub."""
    shared: Shared | None = None
    """What nodes share through a remote store."""

    @property
    def places(self) -> Places:
        """The places where data sets and models are looked up."""
        return Places(mirror=self.mirror, base=self.base)

    def identity(self, rows: Rows) -> str:
        """Identity of the rows: the Hub's commit, or the sha256 of the files of the config and split.

        Raises DataError if the rows are missing or the Hub cannot be reached.
        """
        path = self.path(rows)
        if path is None:
            return commit("dataset", rows.id, rows.revision)
        if not self._has_files(rows, path):
            raise self.missing_error(rows)
        return rows_digest(path, rows.config, rows.split)

    def has(self, rows: Rows) -> bool:
        """Whether the rows are available. Rows on the Hub count as available; no request is sent."""
        path = self.path(rows)
        if path is None:
            return True
        if not self._has_files(rows, path):
            return False
        # Languages in one split differ only in the prefix of their ids, so the rows must be read.
        return not rows.id_prefix or _num_rows(self, rows, rows_digest(path, rows.config, rows.split)) > 0

    def load(self, rows: Rows) -> RowTable:
        """The rows, with label names instead of label numbers.

        Raises DataError if they are missing or cannot be read, OSError if a disk or the network fails.
        """
        path = self.path(rows)
        if path is None:
            table = _load(self, rows, rows.id, self.identity(rows), None)
        elif self._has_files(rows, path):
            # For a folder, `datasets` keys its cache by the README alone and would return old rows of a changed file.
            prepared = self.cache / "datasets" / rows_digest(path, rows.config, None)
            table = _load(self, rows, str(path), None, str(prepared))
        else:
            raise self.missing_error(rows)
        return RowTable(table=_with_prefix(table, rows), where=describe(rows))

    def labels(self, rows: Rows, column: str) -> tuple[str, ...]:
        """The label names that the data set declares for a column.

        Raises DataError if the column does not exist or has no declared names.
        """
        table = self.load(rows).table
        if column not in table.column_names:
            raise DataError(
                f"{describe(rows)} has no column {column!r}; its columns are {', '.join(table.column_names)}."
            )
        names = class_names(table, column)
        if not names:
            raise DataError(
                f"{describe(rows)} declares no label names for column {column!r}: list them in the task's `labels`."
            )
        return names

    def path(self, rows: Rows) -> Path | None:
        """The local folder or file of the rows, which may not exist; None if they are read from the Hub."""
        existing = self.places.path("datasets", rows.id)
        if existing is not None:
            return existing
        if self.are_pinned and rows.revision and not is_path(rows.id):
            return None
        return None if self.places.is_on_hub(rows.id) else self.places.expected("datasets", rows.id)

    def _has_files(self, rows: Rows, path: Path) -> bool:
        check_split(rows.split)
        return bool(split_files(path, rows.config, rows.split))

    def missing_error(self, rows: Rows) -> DataError:
        """The error for missing rows: their description, the places that were tried, and what to do."""
        places, path = self.places, self.path(rows)
        tried = places.tried("datasets", rows.id)
        if path is None:
            return DataError(
                f"{describe(rows)} is not on the Hub: tried {tried}. Check id, config and split, log in if the data "
                "set is gated, or name a mirror with --mirror."
            )
        if path.exists():
            splits = ", ".join(split_list(path, rows.config))
            names = splits or f"the configs {', '.join(config_list(path)) or 'none'}"
            return DataError(f"{describe(rows)} is missing: {path} has {names}. Name another split or config.")
        if is_path(rows.id):
            hint = places.hint("datasets", rows.id)
            return DataError(f"{describe(rows)} is missing: tried {tried}.{places.rule(rows.id)}{hint}")
        mirror = f"name a mirror that contains datasets/{rows.id} with --mirror, " if self.mirror is None else ""
        return DataError(
            f"{describe(rows)} is missing: tried {tried}. Put a download of the data set into one of these folders, "
            f"{mirror}or leave out the recipes and targets that need it."
        )

    def pinned(self, rows: Rows) -> Rows:
        """The same rows in a form that is valid in every process: a commit instead of a branch, an absolute path."""
        path = self.path(rows)
        if path is None:
            return replace(rows, revision=self.identity(rows))
        # Workers receive the path of the mirror, so the id of a repository in it needs no path.
        in_mirror = self.mirror is not None and self.mirror in path.parents
        return rows if in_mirror else replace(rows, id=str(path.resolve()))

    def model_location(self, id: str) -> str:  # noqa: A002 - the Hub's own term
        """The argument of `from_pretrained` for an encoder: its folder in the mirror, a local folder, or the Hub id."""
        path = self.places.path("models", id)
        if path is None or not path.is_dir():
            return id
        in_mirror = self.mirror is not None and self.mirror in path.parents
        return str(path if in_mirror else path.resolve())

    def model_identity(self, id: str, revision: str | None, extra: Sequence[str] = ()) -> str:  # noqa: A002
        """Identity of a model: the Hub's commit, or the sha256 of weights, config, tokenizer files and `extra`.

        `extra` are glob patterns of further files. Raises UserError if the model has no safetensors file, DataError
        if the Hub does not have the model or cannot be reached.
        """
        folder = Path(self.model_location(id))
        if not folder.is_dir():
            return self._hub_model(id, revision)
        if not any(folder.glob("*.safetensors")):
            raise UserError(
                f"Models are loaded from safetensors only, and {folder} has no *.safetensors file: convert the model "
                "with `save_pretrained`, which writes such a file."
            )
        return model_digest(folder, extra)

    def _hub_model(self, id_: str, revision: str | None) -> str:
        is_pinned = bool(revision and COMMIT.fullmatch(revision))
        if is_path(id_) or (not is_pinned and not self.places.is_on_hub(id_)):
            raise self.places.no_model(id_)
        try:
            return commit("model", id_, revision)
        except DataError as error:
            raise DataError(f"{error}{self.places.hint('models', id_)}") from error


def describe(rows: Rows) -> str:
    """A description of the rows for messages."""
    config = f"config {rows.config!r}, " if rows.config else ""
    ids = f", ids {rows.id_prefix}*" if rows.id_prefix else ""
    first = f", first {rows.first:,} rows" if rows.first is not None else ""
    return f"Data set {rows.id} ({config}split {rows.split!r}{ids}{first})"


def pinned_task(task: Task, sources: Sources) -> Task:
    """The task with pinned rows, which do not depend on changes of a branch or on the working directory."""

    def pinned(split: RowsByLanguage) -> RowsByLanguage:
        return {language: tuple(map(sources.pinned, rows_list)) for language, rows_list in split.items()}

    return replace(task, train=pinned(task.train), dev=pinned(task.dev), test=pinned(task.test))


def data_identity(task: Task, split: Split, languages: Sequence[str], sources: Sources) -> str:
    """Digest of everything that decides the examples of a split: rows, columns, labels, format and scorer.

    It does not cover the name of the task. Raises DataError if rows are missing, UserError if a language is missing.
    """
    identities = {
        language: [_row_identity(rows, sources) for rows in language_rows(task, split, language)]
        for language in languages
    }
    columns = {name: list(column) if isinstance(column, tuple) else column for name, column in task.columns.items()}
    # The scorer can decide which rows are read: with that of SQuAD 2.0, unanswerable questions are included.
    format_and_scorer = [task.format, task.scorer]
    mapping = {"label_map": dict(task.label_map)} if task.label_map else {}
    identity = {"rows": identities, "columns": columns, "labels": list(task.labels), "kind": format_and_scorer}
    return digest(identity | mapping)


def language_rows(task: Task, split: Split, language: str) -> tuple[Rows, ...]:
    """The rows of one language of a split. Raises UserError if the split does not have it."""
    rows_by_language = task.rows(split)
    if language not in rows_by_language:
        raise unknown(f"{split} language of {task.name!r}", language, rows_by_language)
    return rows_by_language[language]


def available_languages(task: Task, split: Split, sources: Sources) -> tuple[str, ...]:
    """The languages of a split whose rows are all available, in the task's order."""
    return tuple(code for code, rows_list in task.rows(split).items() if all(map(sources.has, rows_list)))


def check_task(task: Task, splits: Sequence[Split], languages: Sequence[str] | None, sources: Sources) -> None:
    """Raise DataError unless every split has rows for the languages, or for at least one language if they are None."""
    for split in splits:
        if languages is None and available_languages(task, split, sources):
            continue
        for language in task.rows(split) if languages is None else languages:
            for rows in language_rows(task, split, language):
                if not sources.has(rows):
                    raise _missing_language(task, split, language, sources.missing_error(rows), rows)


def _missing_language(task: Task, split: Split, language: str, error: DataError, rows: Rows) -> DataError:
    layout = f" `sweeper tasks {task.name}` describes its layout." if rows.id.startswith(LOCAL_PREFIX) else ""
    return DataError(f"Task {task.name!r}, {split}, {language}: {error}{layout}")


def _row_identity(rows: Rows, sources: Sources) -> list[Any]:
    hub_id = [rows.id] if sources.path(rows) is None else []  # the path of a folder may change
    first = [rows.first] if rows.first is not None else []
    return [sources.identity(rows), *hub_id, rows.config, rows.split, rows.id_prefix, *first]


@lru_cache(maxsize=1024)
def _num_rows(sources: Sources, rows: Rows, _identity: str) -> int:
    """Number of rows with this identity. The checks of a sweep ask for it many times."""
    return len(sources.load(rows))


def _with_prefix(table: datasets.Dataset, rows: Rows) -> datasets.Dataset:
    if not rows.id_prefix:
        return table
    if "id" not in table.column_names:
        raise DataError(f"{describe(rows)} has no column 'id', which `id_prefix` needs.")
    # `[:]` reads the whole column at once; iterating over the column would read it row by row.
    numbers = [number for number, id_ in enumerate(table["id"][:]) if str(id_).startswith(rows.id_prefix)]
    return table.select(numbers, keep_in_memory=True)


def _load(sources: Sources, rows: Rows, location: str, revision: str | None, prepared: str | None) -> datasets.Dataset:
    _silence()
    try:
        if rows.first is not None and not Path(location).is_file():
            return first_rows(rows, location, revision or sources.identity(rows), revision, sources.cache)
        table = _open(location, rows.config, rows.split, revision, prepared)
        return table if rows.first is None else table.select(range(min(rows.first, len(table))))
    except FileNotFoundError as error:
        raise sources.missing_error(rows) from error
    except (DatasetsError, ValueError, RuntimeError, StopIteration) as error:
        if isinstance(error.__cause__, OSError):  # caused by the machine, such as a full disk, not by the data
            raise error.__cause__ from error
        raise DataError(f"{describe(rows)} at {location} cannot be read: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    """The reason why rows cannot be read."""
    # The outer error of `datasets` only says that an error occurred; its cause names the row or the byte.
    text = str(error.__cause__ or error).strip()
    return "it has no rows" if not text or "corresponds to no data" in text else text


@lru_cache(maxsize=16)
def _open(
    location: str, config: str | None, split: str, revision: str | None, prepared: str | None
) -> datasets.Dataset:
    load = partial(
        datasets.load_dataset, **load_arguments(location, config, split), revision=revision, cache_dir=prepared
    )
    if prepared:
        return load_prepared(load, Path(prepared), [config, split])
    name = ["rows", location, config, split, revision]
    return asked_once(name, load, again=partial(read_prepared, split), note=prepared_folder) if revision else load()


def _silence() -> None:
    # Progress bars of several workers would overwrite each other and the progress of the sweep.
    datasets.disable_progress_bars()
    datasets.logging.set_verbosity(logging.CRITICAL)  # every error that it logs is also raised
