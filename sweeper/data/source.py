"""Finds and loads data sets and encoders: on the Hub, in a mirror of it on disk, or in a local folder."""

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import datasets
from datasets.exceptions import DatasetsError
from huggingface_hub import HfApi
from huggingface_hub.errors import (
    GatedRepoError,
    HFValidationError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from sweeper.data.mirror import model_digest, rows_digest, split_files
from sweeper.data.rows import RowTable, class_names
from sweeper.data.stream import first_rows
from sweeper.errors import DataError, UserError, unknown
from sweeper.files.digests import digest
from sweeper.files.folder import expand_path
from sweeper.tasks.spec import Rows, RowsByLanguage, Split, Task

COMMIT = re.compile(r"[0-9a-f]{40}")
"""A full commit hash; branches and tags are shorter or contain other characters."""
LOCAL_PREFIX = "local/"
"""Prefix of the ids of data sets that are not on the Hub; the user creates their folders."""
HUB_ID = re.compile(r"[\w.-]+/[\w.-]+|[\w-]+")
"""Ids that can be on the Hub; any other id is a path."""


@dataclass(frozen=True, kw_only=True)
class Sources:
    """An optional mirror, and a local folder for caches."""

    mirror: Path | None
    """Folder with `datasets/NAMESPACE/NAME` and `models/ID`, each a plain download of a Hub repository."""
    cache: Path

    def identity(self, rows: Rows) -> str:
        """Identity of the rows: the Hub's commit, or the sha256 of the files of the config and split.

        Raises DataError if the rows are missing or the Hub cannot be reached.
        """
        folder = self.folder(rows)
        if folder is None:
            return _commit("dataset", rows.id, rows.revision)
        if not split_files(folder, rows.config, rows.split):
            raise self.missing_error(rows)
        return rows_digest(folder, rows.config, rows.split)

    def has(self, rows: Rows) -> bool:
        """Whether the rows are available. Rows on the Hub count as available; no request is sent."""
        folder = self.folder(rows)
        if folder is None:
            return True
        if not split_files(folder, rows.config, rows.split):
            return False
        # Languages in one split differ only in the prefix of their ids, so the rows must be read.
        return not rows.id_prefix or len(self.load(rows)) > 0

    def load(self, rows: Rows) -> RowTable:
        """The rows, with label names instead of label numbers.

        Raises DataError if they are missing or cannot be read, OSError if a disk or the network fails.
        """
        folder = self.folder(rows)
        if folder is None:
            table = _load(self, rows, rows.id, self.identity(rows), None)
        elif split_files(folder, rows.config, rows.split):
            # For a folder, `datasets` keys its cache by the README alone and would return old rows of a changed file.
            prepared = self.cache / "datasets" / rows_digest(folder, rows.config, None)
            table = _load(self, rows, str(folder), None, str(prepared))
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

    def folder(self, rows: Rows) -> Path | None:
        """The local folder of the repository, which may not exist; None if the repository is read from the Hub."""
        if self.mirror is not None and (self.mirror / "datasets" / rows.id).is_dir():
            return self.mirror / "datasets" / rows.id
        path = expand_path(rows.id)
        if path.is_dir():
            return path
        # With a mirror the Hub is not used: a data set that is not in the mirror is reported as missing.
        if self.mirror is not None and not path.is_absolute():
            return self.mirror / "datasets" / rows.id
        return None if HUB_ID.fullmatch(rows.id) and not rows.id.startswith(LOCAL_PREFIX) else path

    def missing_error(self, rows: Rows) -> DataError:
        """The error for missing rows: their description, the path that was tried, and what to do."""
        folder = self.folder(rows)
        if folder is None:
            return DataError(
                f"{describe(rows)} is not on the Hub: tried https://huggingface.co/datasets/{rows.id}. Check id, "
                "config and split, log in if the data set is gated, or name a mirror with --mirror."
            )
        mirror = f"name a mirror that contains datasets/{rows.id} with --mirror (the Hub is then not used), "
        return DataError(
            f"{describe(rows)} is missing: tried {folder.absolute()}. Put a download of the data set there, "
            f"{mirror if self.mirror is None else ''}or leave out the recipes and targets that need it."
        )

    def pinned(self, rows: Rows) -> Rows:
        """The same rows in a form that is valid in every process: a commit instead of a branch, an absolute path."""
        folder = self.folder(rows)
        if folder is None:
            return replace(rows, revision=self.identity(rows))
        # Workers receive the path of the mirror, so the id of a repository in it needs no path.
        in_mirror = self.mirror is not None and self.mirror in folder.parents
        return rows if in_mirror else replace(rows, id=str(folder.resolve()))

    def model_location(self, id: str) -> str:  # noqa: A002 - the Hub's own term
        """The argument of `from_pretrained` for an encoder: its folder in the mirror, a local folder, or the Hub id."""
        if self.mirror is not None and (self.mirror / "models" / id).is_dir():
            return str(self.mirror / "models" / id)
        return str(expand_path(id).resolve()) if expand_path(id).is_dir() else id

    def model_identity(self, id: str, revision: str | None, extra: Sequence[str] = ()) -> str:  # noqa: A002
        """Identity of a model: the Hub's commit, or the sha256 of weights, config, tokenizer files and `extra`.

        `extra` are glob patterns of further files. Raises UserError if the model has no safetensors file, DataError
        if the Hub does not have the model or cannot be reached.
        """
        folder = Path(self.model_location(id))
        if not folder.is_dir():
            return _commit("model", id, revision)
        if not any(folder.glob("*.safetensors")):
            raise UserError(
                f"Models are loaded from safetensors only, and {folder} has no *.safetensors file: convert the model "
                "with `save_pretrained`, which writes such a file."
            )
        return model_digest(folder, extra)


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
    return digest({"rows": identities, "columns": columns, "labels": list(task.labels), "kind": format_and_scorer})


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
    hub_id = [rows.id] if sources.folder(rows) is None else []  # the path of a folder may change
    first = [rows.first] if rows.first is not None else []
    return [sources.identity(rows), *hub_id, rows.config, rows.split, rows.id_prefix, *first]


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
        if rows.first is not None:
            return first_rows(rows, location, revision or sources.identity(rows), revision, sources.cache)
        return _open(location, rows.config, rows.split, revision, prepared)
    except FileNotFoundError as error:
        raise sources.missing_error(rows) from error
    except (DatasetsError, ValueError, RuntimeError, StopIteration) as error:
        if isinstance(error.__cause__, OSError):  # caused by the machine, such as a full disk, not by the data
            raise error.__cause__ from error
        raise DataError(f"{describe(rows)} at {location} cannot be read: {error or 'it is empty'}") from error


@lru_cache(maxsize=16)
def _open(
    location: str, config: str | None, split: str, revision: str | None, prepared: str | None
) -> datasets.Dataset:
    return datasets.load_dataset(location, config, split=split, revision=revision, cache_dir=prepared)


def _silence() -> None:
    # Progress bars of several workers would overwrite each other and the progress of the sweep.
    datasets.disable_progress_bars()
    datasets.logging.set_verbosity(logging.CRITICAL)  # every error that it logs is also raised


@cache
def _commit(repo_type: str, id_: str, revision: str | None) -> str:
    """The commit of a Hub repository's revision, requested once per process. A full commit hash needs no request."""
    if revision and COMMIT.fullmatch(revision):
        return revision
    try:
        info = HfApi().repo_info(id_, revision=revision, repo_type=repo_type)
    except (RepositoryNotFoundError, GatedRepoError, RevisionNotFoundError) as error:
        raise DataError(
            f"The Hub has no {repo_type} {id_!r} at revision {revision or 'main'!r} that you can read, and there is no "
            "folder of that name: check the id, log in if it is gated, or name a mirror with --mirror."
        ) from error
    except HFValidationError as error:
        raise DataError(
            f"{id_!r} is neither an existing folder nor a valid name of a {repo_type} on the Hub."
        ) from error
    except Exception as error:  # errors of the network have many types: httpx, OSError, Hub errors
        raise _unreachable(repo_type, id_, error) from error
    # Check the file list here, on the driver, before a worker tries to download the model.
    names = [file.rfilename for file in getattr(info, "siblings", None) or ()]
    if repo_type == "model" and names and not any(name.endswith(".safetensors") for name in names):
        raise UserError(
            f"Models are loaded from safetensors only, and {id_!r} has no *.safetensors file at revision "
            f"{revision or 'main'!r}: name a revision that has one (often refs/pr/N), or a folder written by "
            "`save_pretrained`."
        )
    return str(info.sha)


def _unreachable(repo_type: str, id_: str, error: Exception) -> DataError:
    return DataError(
        f"The request for the commit of {repo_type} {id_!r} failed ({type(error).__name__}): go online, pin a revision "
        "of 40 hexadecimal digits, or name a mirror with --mirror."
    )
