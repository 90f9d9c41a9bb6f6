"""What a task's entry says: where its rows lie, which column means what, how it is scored."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from sweeper.errors import unknown

Columns = Mapping[str, str | tuple[str, ...]]
Split = Literal["train", "select", "dev", "test"]
FormatName = Literal["classify", "choose", "tag", "span", "retrieve", "rank", "mlm"]
ScorerName = Literal[
    "accuracy", "accuracy_f1", "chunks", "squad", "squad2", "mlqa", "neighbours", "mining", "ranking", "loss"
]


SCORERS_OF: Mapping[str, tuple[str, ...]] = {
    "classify": ("accuracy", "accuracy_f1"),
    "choose": ("accuracy",),
    "tag": ("chunks", "accuracy"),
    "span": ("squad", "squad2", "mlqa"),
    "retrieve": ("neighbours", "mining"),
    "rank": ("ranking",),
    "mlm": ("loss",),
}
"""Format -> the scorers that can score it."""
TRANSLATABLE: tuple[FormatName, ...] = ("classify", "choose", "span")
"""The formats whose labels survive a translation; a tag belongs to a word, and words come and go."""
SEED = "{seed}"
"""What stands for a trial's seed in the place of its rows."""


@dataclass(frozen=True, kw_only=True)
class Rows:
    """One split of one config of a data set repository.

    `{seed}` in id, config or split stands for the seed of the trial that reads the rows: every replicate is trained and
    scored on a draw of its own (`train_{seed}` is `train_1` for replicate 1), and dials are searched on draw 0.
    """

    id: str
    """Hub id, `namespace/name`; under a mirror the folder `datasets/namespace/name`. A folder's path works too."""
    config: str | None = None
    split: str
    revision: str | None = None
    """Pinned Hub commit or ref, e.g. `refs/convert/parquet`."""
    id_prefix: str = ""
    """Keeps only rows whose id starts so: TyDiQA holds all its languages in one split."""

    def drawn(self, seed: int) -> "Rows":
        """The rows that a trial of this seed reads."""
        config = self.config and self.config.replace(SEED, str(seed))
        return replace(
            self, id=self.id.replace(SEED, str(seed)), config=config, split=self.split.replace(SEED, str(seed))
        )


RowsByLanguage = Mapping[str, tuple[Rows, ...]]
"""Language -> the rows, concatenated in this order."""


def has_draws(rows_by_language: RowsByLanguage) -> bool:
    """Whether any of the rows are others for each seed."""
    every = (rows for rows_list in rows_by_language.values() for rows in rows_list)
    return any(SEED in text for rows in every for text in (rows.id, rows.config or "", rows.split))


@dataclass(frozen=True, kw_only=True)
class Task:
    """One entry of the catalog. Adding a task is writing one of these, in the catalog or in a space file."""

    name: str
    title: str
    format: FormatName
    scorer: ScorerName
    columns: Columns = field(default_factory=dict)
    """Field of the format -> where it is found in a row: a column (`premise`), a path (`choices.text`), a template
    (`{ctx_b} {endings}`, one text for each item if a column is a list), or several columns, which make a list.
    Fields: classify text, pair, label; choose prompt, choices, label, keys; tag tokens, tags; span context, question,
    answers; retrieve source, target, gold; rank query, key, and candidate or else context, answers, breaks; mlm text;
    all of them id (default: the row's number) and group."""
    labels: tuple[str, ...] = ()
    """The label set in the order of the head's outputs; empty: the names that the data set itself declares."""
    train: RowsByLanguage = field(default_factory=dict)
    dev: RowsByLanguage = field(default_factory=dict)
    test: RowsByLanguage = field(default_factory=dict)
    trains_on: str = ""
    """Name of the task whose training this one shares (XQuAD: `squad`); empty: its own, if it has any."""
    pool: str = ""
    """Format rank: name of the task whose rows are the candidates that every query searches, those of all languages
    together; empty: each row brings the candidate of its query."""
    contains: tuple[str, ...] = ()
    """Tasks whose training data are part of this one's, so that a matrix can flag the cell."""
    group: Literal["classification", "tagging", "qa", "retrieval", "language modelling"] = "classification"
    train_size: int = 0
    """Training examples of the published data set, for plans made without data."""
    num_choices: int = 0
    """Format choose: choices an example, for plans made without data; 0: as many as `choices` names columns, else as
    there are labels."""
    licence: str = ""
    note: str = ""
    departs: str = ""
    """In what its scores, or those on its candidates, are not the published benchmark's, in words; "": in nothing."""

    def __post_init__(self) -> None:
        if self.format not in SCORERS_OF:
            raise unknown("format", self.format, SCORERS_OF)
        if self.scorer not in SCORERS_OF[self.format]:
            raise unknown(
                f"scorer of format {self.format!r} (task {self.name!r})", self.scorer, SCORERS_OF[self.format]
            )

    @property
    def training_task(self) -> str:
        """The task that is trained on for this one, or "" if it trains nothing (retrieval)."""
        return self.trains_on or (self.name if self.train else "")

    @property
    def single_split(self) -> bool:
        """Whether dev and test are the same rows, so that nothing may be selected on them."""
        return bool(self.dev) and self.dev == self.test

    @property
    def fits_on_dev(self) -> bool:
        """Whether the threshold for mined pairs is fitted on all of the dev pools, the test's being others."""
        return self.scorer == "mining" and bool(self.dev and self.test) and not self.single_split

    @property
    def is_drawn(self) -> bool:
        """Whether any split is drawn anew for each seed."""
        return any(map(has_draws, (self.train, self.dev, self.test)))

    @property
    def is_translatable(self) -> bool:
        """Whether its training examples can be machine-translated."""
        return self.format in TRANSLATABLE

    def drawn(self, seed: int) -> "Task":
        """The entry as a trial of this seed reads it."""
        if not self.is_drawn:
            return self
        train, dev, test = (_drawn(rows, seed) for rows in (self.train, self.dev, self.test))
        return replace(self, train=train, dev=dev, test=test)

    def rows(self, split: Split) -> RowsByLanguage:
        """The rows behind a split; `select` is carved out of `train` unless the space selects on dev."""
        return {"train": self.train, "select": self.train, "dev": self.dev, "test": self.test}[split]


def _drawn(rows_by_language: RowsByLanguage, seed: int) -> RowsByLanguage:
    return {language: tuple(rows.drawn(seed) for rows in rows_list) for language, rows_list in rows_by_language.items()}
