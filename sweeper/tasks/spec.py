"""The type of a task: the location of its rows, the meaning of their columns, and its scorer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from sweeper.errors import UserError
from sweeper.tasks.labels import all_mapped
from sweeper.tasks.slices import is_sliced
from sweeper.typed import check_fields

Columns = Mapping[str, str | tuple[str, ...]]
Split = Literal["train", "select", "dev", "test"]
SEED = "{seed}"
"""Placeholder of a trial's seed in `Rows`."""


LOCAL_PREFIX = "local/"
"""Prefix of the ids of data sets that are not on the Hub; the user creates their folders."""
SPLIT_NAMES: Mapping[str, str] = {"train": "train", "dev": "validation", "test": "test"}
"""Field of `Task` -> the split that is read if a file, folder or Hub id is given without one."""


@dataclass(frozen=True, kw_only=True)
class Rows:
    """One split of a data set: of a repository on the Hub, of a folder, or the rows of a single file.

    `{seed}` in id, config or split is replaced by the seed of the trial that reads the rows. Each replicate is then
    trained and scored on a separate draw (`train_{seed}` is `train_1` for replicate 1); dials are searched on draw 0.
    """

    id: str
    """Hub id `namespace/name`, which is the folder `datasets/namespace/name` of a mirror, or the path of a folder or of
    a file (CSV, TSV, JSON, JSON Lines, Parquet, Arrow, plain text). A relative path starts from the folder of the
    space file."""
    config: str | None = None
    split: str = "train"
    """Split, or a slice of one in the notation of `datasets`: `train[:50%]`, `train[100:200]`, `train+validation`. All
    rows of a single file are one split, under any name."""
    revision: str | None = None
    """Hub commit or ref, for example `refs/convert/parquet`; None for the main branch."""
    id_prefix: str = ""
    """Only rows whose id starts with this prefix are read. TyDiQA has all its languages in one split."""
    first: int | None = None
    """Only this many rows are read, from the beginning of the split. They are streamed once into the cache, and the
    rest of the split is not downloaded."""

    def __post_init__(self) -> None:
        check_fields(self)
        if self.first is not None and self.first < 1:
            raise UserError(f"Rows need first >= 1, or None for the whole split, got {self.first}.")
        if self.first is not None and is_sliced(self.split):
            raise UserError(
                f"Rows with `first` read the beginning of one whole split, got split={self.split!r}. Write a slice "
                "instead, such as train[:100]."
            )

    def drawn(self, seed: int) -> "Rows":
        """The rows that a trial with this seed reads."""
        config = self.config and self.config.replace(SEED, str(seed))
        return replace(
            self, id=self.id.replace(SEED, str(seed)), config=config, split=self.split.replace(SEED, str(seed))
        )


RowsByLanguage = Mapping[str, tuple[Rows, ...]]
"""Language -> rows, concatenated in this order."""


def has_draws(rows_by_language: RowsByLanguage) -> bool:
    """Whether any of the rows depend on the seed."""
    all_rows = (rows for rows_list in rows_by_language.values() for rows in rows_list)
    return any(SEED in text for rows in all_rows for text in (rows.id, rows.config or "", rows.split))


@dataclass(frozen=True, kw_only=True)
class Task:
    """An entry of the catalog. A new task is one more entry, in the catalog or in a space file."""

    name: str
    title: str = ""
    """Title in reports; the name if empty."""
    format: str
    """Name in the table of formats (formats/table.py). Names are checked when a space is made."""
    scorer: str = ""
    """One of the scorers that the format declares (scoring/scorers.py); a space inserts the first one if empty."""
    columns: Columns = field(default_factory=dict)
    """Field of the format -> its source in a row: a column (`premise`), a path (`choices.text`), a template
    (`{ctx_b} {endings}`, which yields a list if a column is a list), or a tuple of columns, which yields a list.
    The class of each format lists its fields (formats/). Every format has id (default: the row number) and group.
    Columns that a task of a space does not name are inferred from the names of the columns in its data."""
    labels: tuple[str, ...] = ()
    """The label set in the order of the head's outputs; if empty, the names that the data set declares, or else the
    sorted values of the training split."""
    label_map: Mapping[str, str] = field(default_factory=dict)
    """Label of `labels` -> label of the training task (`trains_on`), which replaces it in all examples. Labels that are
    not named keep their names. A span is named by its type, without B- and I-; `{"DATE": "O"}` removes whole spans."""
    train: RowsByLanguage = field(default_factory=dict)
    """Language -> rows. A single `Rows`, or the path or Hub id of a data set, means English. `"data.csv"` in place of
    `Rows` means its split `train` here, `validation` in `dev`, and `test` in `test`."""
    dev: RowsByLanguage = field(default_factory=dict)
    test: RowsByLanguage = field(default_factory=dict)
    trains_on: str = ""
    """Name of the task whose training data this task uses (XQuAD: `squad`). Empty: the task's own training data."""
    pool: str = ""
    """Format rank: name of the task whose rows, in all languages together, are the candidates of every query; if empty,
    each row contains the candidate of its query."""
    contains: tuple[str, ...] = ()
    """Tasks whose training data are part of this task's. A stage on this task leaves out their selection data, and a
    report marks cells whose recipe and target train on the same rows or items."""
    parallel: bool = False
    """Whether the training data are the same items in every language, that is, translations of each other."""
    items_of: str = ""
    """Name of the task with the same dev and test items, as a copy or in other languages. A report marks cells whose
    recipe trains on these rows of one of the two tasks and whose target is scored on those of the other."""
    group: Literal["classification", "tagging", "qa", "retrieval", "language modelling"] = "classification"
    kind: Literal["", "syntactic", "semantic"] = ""
    """What the task is mainly about, for contrasts between targets; "" if that is not clear."""
    domain: str = ""
    """Where the texts come from, in a short word: `news`, `wikipedia`, `questions`, `mixed`; "" if it is not clear."""
    train_size: int = 0
    """Number of training examples of the published data set, for plans without access to the data. If another task
    `contains` this one, it also decides how many examples the other task leaves out."""
    num_choices: int = 0
    """Format choose: choices of one example, for plans without access to the data; if 0, the number of columns in
    `choices`, else the number of labels."""
    licence: str = ""
    note: str = ""
    """Remarks for users; `sweeper tasks TASK` prints them."""
    departs: str = ""
    """How scores of the task, or on its candidates, differ from the published benchmark; "" if they do not differ."""

    def __post_init__(self) -> None:
        # The class is frozen, and these fields accept shorter forms than the ones that all other code reads.
        object.__setattr__(self, "title", self.title or self.name)
        for name, split in SPLIT_NAMES.items():
            rows = _by_language(getattr(self, name), split, f"Task {self.name!r}: {name}")
            object.__setattr__(self, name, rows)
        check_fields(self)

    @property
    def training_task(self) -> str:
        """Name of the task that is trained for this one, or "" if the task trains nothing (retrieval)."""
        return self.trains_on or (self.name if self.train else "")

    @property
    def read_labels(self) -> tuple[str, ...]:
        """The labels of the examples: `labels` after `label_map`."""
        return all_mapped(self.labels, self.label_map) if self.label_map else self.labels

    @property
    def single_split(self) -> bool:
        """Whether dev and test are the same rows, so that selection on dev would use the reported scores."""
        return bool(self.dev) and self.dev == self.test

    @property
    def is_drawn(self) -> bool:
        """Whether the rows of any split depend on the seed."""
        return any(map(has_draws, (self.train, self.dev, self.test)))

    def drawn(self, seed: int) -> "Task":
        """The task with the rows that a trial with this seed reads."""
        if not self.is_drawn:
            return self
        train, dev, test = (_drawn(rows, seed) for rows in (self.train, self.dev, self.test))
        return replace(self, train=train, dev=dev, test=test)

    def rows(self, split: Split) -> RowsByLanguage:
        """The rows of a split. `select` has the rows of `train`, because it is a share of their examples."""
        return {"train": self.train, "select": self.train, "dev": self.dev, "test": self.test}[split]


def _drawn(rows_by_language: RowsByLanguage, seed: int) -> RowsByLanguage:
    return {language: tuple(rows.drawn(seed) for rows in rows_list) for language, rows_list in rows_by_language.items()}


def _by_language(value: Any, split: str, where: str) -> RowsByLanguage:
    """Rows of each language, from any of the forms that a task accepts. Raises UserError for other values."""
    if not isinstance(value, Mapping):
        return {"en": _rows(value, split, where)}
    for language in value:
        if not isinstance(language, str):
            raise UserError(f"{where}: the keys are language codes such as 'en', got {language!r}.")
    return {language: _rows(rows, split, f"{where}[{language!r}]") for language, rows in value.items()}


def _rows(value: Any, split: str, where: str) -> tuple[Rows, ...]:
    if isinstance(value, Rows):
        return (value,)
    # A text is also a sequence, of its characters.
    if isinstance(value, str | Path) and str(value):
        return (Rows(id=str(value), split=split),)
    if isinstance(value, Sequence) and value and not isinstance(value, str):
        return tuple(rows for item in value for rows in _rows(item, split, where))
    raise UserError(
        f"{where} needs a file, a folder, a Hub id, Rows(...), several of them, or a dictionary of these by language; "
        f"got {value!r}."
    )
