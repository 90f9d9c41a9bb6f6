"""Where data sets and encoders come from: the Hub, a mirror of it on disk, or a folder of the user's own."""

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
from sweeper.errors import DataError, UserError, unknown
from sweeper.files.digests import digest
from sweeper.files.folder import own_path
from sweeper.tasks.spec import Rows, Split, Task

COMMIT = re.compile(r"[0-9a-f]{40}")
LOCAL_PREFIX = "local/"
"""How the ids of data sets begin that are on no Hub: the user lays them out."""
HUB_ID = re.compile(r"[\w.-]+/[\w.-]+|[\w-]+")


@dataclass(frozen=True, kw_only=True)
class Sources:
    """The mirror, if there is one, and a local folder for what is derived from it."""

    mirror: Path | None
    """Holds `datasets/NAMESPACE/NAME` and `models/ID`, each a plain download of a Hub repository."""
    cache: Path

    def identity(self, rows: Rows) -> str:
        """What decides the rows: the Hub's commit, or the sha256 of the files behind the config and split.

        Raises DataError if they are not there, or the Hub cannot say.
        """
        folder = self.folder(rows)
        if folder is None:
            return _commit("dataset", rows.id, rows.revision)
        if not split_files(folder, rows.config, rows.split):
            raise self.missing_error(rows)
        return rows_digest(folder, rows.config, rows.split)

    def holds(self, rows: Rows) -> bool:
        """Whether the rows are there. The Hub is not asked: what should come from it counts as there."""
        folder = self.folder(rows)
        if folder is None:
            return True
        return bool(split_files(folder, rows.config, rows.split)) and (not rows.id_prefix or len(self.load(rows)) > 0)

    def load(self, rows: Rows) -> RowTable:
        """The rows, label numbers turned into names.

        Raises DataError if they are missing or cannot be read, OSError if a disk or the network fails.
        """
        folder = self.folder(rows)
        if folder is None:
            table = _load(self, rows, rows.id, self.identity(rows), None)
        elif split_files(folder, rows.config, rows.split):
            # For a folder `datasets` keys its cache on the README alone, and would serve old rows of a changed file.
            prepared = self.cache / "datasets" / rows_digest(folder, rows.config, None)
            table = _load(self, rows, str(folder), None, str(prepared))
        else:
            raise self.missing_error(rows)
        return RowTable(table=_with_prefix(table, rows), where=describe(rows))

    def labels(self, rows: Rows, column: str) -> tuple[str, ...]:
        """The label names that the data set declares for a column.

        Raises DataError if it has no such column, or declares none for it.
        """
        table = self.load(rows).table
        if column not in table.column_names:
            raise DataError(f"{describe(rows)} has no column {column!r}, only {', '.join(table.column_names)}.")
        names = class_names(table, column)
        if not names:
            raise DataError(
                f"{describe(rows)} declares no label names for {column!r}: write them in the task's labels."
            )
        return names

    def folder(self, rows: Rows) -> Path | None:
        """The local folder that holds the repository, or would have to; None if the Hub does."""
        if self.mirror is not None and (self.mirror / "datasets" / rows.id).is_dir():
            return self.mirror / "datasets" / rows.id
        own = own_path(rows.id)
        if own.is_dir():
            return own
        if self.mirror is not None and not own.is_absolute():
            return self.mirror / "datasets" / rows.id
        return None if HUB_ID.fullmatch(rows.id) and not rows.id.startswith(LOCAL_PREFIX) else own

    def missing_error(self, rows: Rows) -> DataError:
        """The error that names what is missing, which path was tried, and what to do."""
        tried = self.folder(rows)
        if tried is None:
            return DataError(
                f"{describe(rows)} is not on the Hub: tried https://huggingface.co/datasets/{rows.id}. Check id, "
                "config and split, log in if it is gated, or name a mirror of it with --mirror."
            )
        mirror = f"name a folder that holds datasets/{rows.id} with --mirror (no data set then comes from the Hub), "
        return DataError(
            f"{describe(rows)} is missing: tried {tried.absolute()}. Put a download of it there, "
            f"{mirror if self.mirror is None else ''}or leave out the rows and columns that need it."
        )

    def pinned(self, rows: Rows) -> Rows:
        """The same rows for any process: the Hub's commit instead of a branch, a folder's whole path."""
        folder = self.folder(rows)
        if folder is None:
            return replace(rows, revision=self.identity(rows))
        inside = self.mirror is not None and self.mirror in folder.parents
        return rows if inside else replace(rows, id=str(folder.resolve()))

    def model_location(self, id: str) -> str:  # noqa: A002 - the Hub's own word for it
        """What `from_pretrained` is given for an encoder: the mirror's folder if there is one, else the id as it is."""
        if self.mirror is not None and (self.mirror / "models" / id).is_dir():
            return str(self.mirror / "models" / id)
        return str(own_path(id).resolve()) if own_path(id).is_dir() else id

    def model_identity(self, id: str, revision: str | None, more: Sequence[str] = ()) -> str:  # noqa: A002
        """What decides a model: the Hub's commit, or the sha256 of weights, config, tokenizer files and `more`.

        Raises UserError if a folder holds no safetensors, or nobody knows the model.
        """
        place = Path(self.model_location(id))
        if not place.is_dir():
            return _commit("model", id, revision)
        if not any(place.glob("*.safetensors")):
            raise UserError(
                f"Models are loaded from safetensors only, and {place} holds no *.safetensors file: convert it with "
                "`save_pretrained`, which writes one."
            )
        return model_digest(place, more)


def describe(rows: Rows) -> str:
    """The rows as messages name them."""
    config = f"config {rows.config!r}, " if rows.config else ""
    ids = f", ids {rows.id_prefix}*" if rows.id_prefix else ""
    return f"Data set {rows.id} ({config}split {rows.split!r}{ids})"


def pinned_task(task: Task, sources: Sources) -> Task:
    """A task whose rows are the same for any process, whatever happens to a branch or a working folder meanwhile."""
    splits = {
        split: {language: tuple(sources.pinned(rows) for rows in several) for language, several in by_language.items()}
        for split, by_language in (("train", task.train), ("dev", task.dev), ("test", task.test))
    }
    return replace(task, train=splits["train"], dev=splits["dev"], test=splits["test"])


def data_identity(task: Task, split: Split, languages: Sequence[str], sources: Sources) -> str:
    """Digest of all that decides the examples of a split: rows, columns, labels, format, scorer; names stay out.

    Raises DataError if rows are not there, UserError for a language that the split does not have.
    """
    rows = {
        language: [_row_identity(one, sources) for one in language_rows(task, split, language)]
        for language in languages
    }
    columns = {name: list(place) if isinstance(place, tuple) else place for name, place in task.columns.items()}
    kind = [task.format, task.scorer]  # a scorer can decide which rows count: SQuAD 2.0 keeps unanswerable questions
    return digest({"rows": rows, "columns": columns, "labels": list(task.labels), "kind": kind})


def language_rows(task: Task, split: Split, language: str) -> tuple[Rows, ...]:
    """The rows of one language of a split. Raises UserError for a language that it does not have."""
    known = task.rows(split)
    if language not in known:
        raise unknown(f"{split} language of {task.name!r}", language, known)
    return known[language]


def available_languages(task: Task, split: Split, sources: Sources) -> tuple[str, ...]:
    """The languages of a split whose rows are all there, in the task's order."""
    return tuple(code for code, several in task.rows(split).items() if all(sources.holds(rows) for rows in several))


def check_task(task: Task, splits: Sequence[Split], languages: Sequence[str] | None, sources: Sources) -> None:
    """Raise DataError unless every split holds rows for those languages (None: for one language at least)."""
    for split in splits:
        for language in task.rows(split) if languages is None else languages:
            lacking = next((rows for rows in language_rows(task, split, language) if not sources.holds(rows)), None)
            if lacking is not None and (languages is not None or not available_languages(task, split, sources)):
                told = (
                    f" `sweeper tasks {task.name}` says how it is laid out."
                    if lacking.id.startswith(LOCAL_PREFIX)
                    else ""
                )
                raise DataError(f"Task {task.name!r}, {split}, {language}: {sources.missing_error(lacking)}{told}")


def _row_identity(rows: Rows, sources: Sources) -> list[Any]:
    place = [] if sources.folder(rows) is not None else [rows.id]  # a folder may move, a Hub id is what it is
    return [sources.identity(rows), *place, rows.config, rows.split, rows.id_prefix]


def _with_prefix(table: datasets.Dataset, rows: Rows) -> datasets.Dataset:
    if not rows.id_prefix:
        return table
    if "id" not in table.column_names:
        raise DataError(f"{describe(rows)} has no column 'id' to compare id_prefix with.")
    kept = [number for number, id_ in enumerate(table["id"][:]) if str(id_).startswith(rows.id_prefix)]
    return table.select(kept, keep_in_memory=True)


def _load(sources: Sources, rows: Rows, place: str, revision: str | None, prepared: str | None) -> datasets.Dataset:
    try:
        return _open(place, rows.config, rows.split, revision, prepared)
    except FileNotFoundError as error:
        raise sources.missing_error(rows) from error
    except (DatasetsError, ValueError, RuntimeError, StopIteration) as error:
        if isinstance(error.__cause__, OSError):  # a full disk, say: no fault of the data
            raise error.__cause__ from error
        raise DataError(f"{describe(rows)} at {place} cannot be read: {error or 'it is empty'}") from error


@lru_cache(maxsize=16)
def _open(place: str, config: str | None, split: str, revision: str | None, prepared: str | None) -> datasets.Dataset:
    datasets.disable_progress_bars()
    datasets.logging.set_verbosity_error()
    return datasets.load_dataset(place, config, split=split, revision=revision, cache_dir=prepared)


@cache
def _commit(kind: str, id_: str, revision: str | None) -> str:
    """The commit that a Hub repository's revision means now: asked once a process; a commit is its own answer."""
    if revision and COMMIT.fullmatch(revision):
        return revision
    try:
        info = HfApi().repo_info(id_, revision=revision, repo_type=kind)
    except (RepositoryNotFoundError, GatedRepoError, RevisionNotFoundError) as error:
        raise DataError(
            f"The Hub has no {kind} {id_!r} at revision {revision or 'main'!r} that you may read, and no folder of "
            "that name is here: check the id, log in if it is gated, or name a mirror with --mirror."
        ) from error
    except HFValidationError as error:
        raise DataError(f"{id_!r} is neither a folder that is here nor the name of a {kind} on the Hub.") from error
    except Exception as error:
        raise _unreachable(kind, id_, error) from error
    names = [file.rfilename for file in getattr(info, "siblings", None) or ()]
    if kind == "model" and names and not any(name.endswith(".safetensors") for name in names):
        raise UserError(
            f"Models are loaded from safetensors only; {id_!r} at revision {revision or 'main'!r} holds none: name a "
            "revision that does (often refs/pr/N), or a folder that `save_pretrained` wrote."
        )
    return str(info.sha)


def _unreachable(kind: str, id_: str, error: Exception) -> DataError:
    return DataError(
        f"The Hub cannot be asked for the commit of {kind} {id_!r} ({type(error).__name__}): go online, pin a revision "
        "of 40 hexadecimal digits, or name a mirror with --mirror."
    )
