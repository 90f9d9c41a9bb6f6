"""The ledger: the records of finished trials as files. A record is written once and never changed."""

import io
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, TypeVar

from sweeper.errors import DamagedError, FormatError
from sweeper.files.digests import bytes_digest
from sweeper.files.folder import Folder
from sweeper.files.seal import is_sealed
from sweeper.files.serialize import read_json, write_sealed
from sweeper.records.ended import EndedTrial
from sweeper.records.record import DynamicsRecord, FileFacts, ScoreRecord, TrainingRecord
from sweeper.run.verified import VerifiedFiles

if TYPE_CHECKING:  # importing pandas takes half a second, and only outcomes need it
    import pandas as pd

RETRIED_SUFFIX = ".retried"
"""Suffix of the records of failed trainings that run again."""
Record = TypeVar("Record", TrainingRecord, ScoreRecord)
VERIFIED_FILE = "verified.json"
"""Note about the outcomes that were compared with their digests (`verified.py`)."""
READ_AT_ONCE = 500
"""Number of records whose bytes are in memory at the same time."""


@dataclass(frozen=True, kw_only=True)
class Contents:
    """All records of a ledger, each read once, training records only in part."""

    trainings: dict[str, EndedTrial]
    """Key -> every finished training."""
    scores: dict[str, ScoreRecord]
    """Key -> every score."""
    damaged: dict[str, str]
    """Path inside the ledger of each damaged record -> a message. The record is left out."""
    foreign: dict[str, str]
    """The same for the records of other versions."""
    num_unsealed: int
    """The number of records without a digest, in which damage is not always noticed."""

    def without(self, keys: Collection[str]) -> "Contents":
        """The same without some training records."""
        return replace(self, trainings={key: ended for key, ended in self.trainings.items() if key not in keys})

    @property
    def unreadable(self) -> tuple[str, ...]:
        """A message for each record that is left out."""
        return (*self.damaged.values(), *self.foreign.values())


@dataclass(frozen=True)
class Ledger:
    """`trainings/KEY.json`, `scores/KEY.json`, `outcomes/KEY.parquet` and `dynamics/KEY.parquet` in one folder.

    Outcomes and dynamics are written before the record that contains their path, so those of every record are complete.
    """

    folder: Folder

    @classmethod
    def at(cls, url: str) -> "Ledger":
        """The ledger in the folder at a path or URL, which does not need to exist yet."""
        return cls(Folder(url))

    def write_training(self, record: TrainingRecord) -> None:
        """Write the record of a finished training. Raises OSError."""
        self._write_record(f"trainings/{record.key}.json", write_sealed(record))

    def write_score(self, record: ScoreRecord, outcomes: "pd.DataFrame") -> ScoreRecord:
        """Write the per-example outcomes of a score, then its record, and return the record. Raises OSError.

        The written record has `outcome_facts`.
        """
        # Outcomes first: after an interruption in between, the trial runs again and overwrites them.
        record = replace(record, outcome_facts=self._write_table(record.outcomes, outcomes))
        name, content = f"scores/{record.key}.json", write_sealed(record)
        if not self._write_record(name, content) and not self._fits_outcomes(record.key):
            # The outcomes of this worker have replaced those of the one that has written the record.
            self.folder.write(name, content)
        return record

    def _write_record(self, name: str, content: bytes) -> bool:
        """Write a record. Returns False if a remote store has one already, of another driver: the first one is kept."""
        if self.folder.local is None:
            return self.folder.create(name, content)
        self.folder.write(name, content)
        return True

    def _fits_outcomes(self, key: str) -> bool:
        """Whether the ledger has a record of a score whose outcomes are those in the ledger."""
        try:
            record = self.score(key)
        except (DamagedError, FormatError):
            return False
        if record is None or record.outcome_facts is None:
            return False
        return bytes_digest(self.folder.read(record.outcomes)) == record.outcome_facts.sha256

    def write_dynamics(self, key: str, table: "pd.DataFrame") -> None:
        """Write the training dynamics of the training with that key, before its record. Raises OSError."""
        self._write_table(dynamics_file(key), table)

    def _write_table(self, name: str, table: "pd.DataFrame") -> FileFacts:
        buffer = io.BytesIO()
        table.to_parquet(buffer, index=False, compression="zstd")
        content = buffer.getvalue()
        self.folder.write(name, content)
        return _facts(content, len(table))

    def write_traceback(self, key: str, text: str) -> str:
        """Write the traceback of a trial that failed without a record. Returns the file's path inside the ledger."""
        name = f"attempts/{key}.txt"
        self.folder.write(name, text.encode())
        return name

    def traceback(self, key: str) -> str:
        """The traceback of a trial's last attempt that failed without a record; "" if there is none."""
        try:
            return self.folder.read(f"attempts/{key}.txt").decode(errors="replace")
        except FileNotFoundError:
            return ""

    def attempts(self) -> list[str]:
        """Keys of the trials that have a traceback. A later attempt may have given them a record."""
        return [name.removesuffix(".txt") for name in self.folder.child("attempts").names() if name != "driver.txt"]

    def has_trainings(self) -> bool:
        """Whether any training has finished."""
        return any(name.endswith(".json") for name in self.folder.child("trainings").names())

    def record_names(self) -> list[str]:
        """Paths of all records inside the ledger. Records do not change, so equal names mean equal results."""
        listed = [(kind, name) for kind in ("trainings", "scores") for name in self.folder.child(kind).names()]
        return [f"{kind}/{name}" for kind, name in listed if name.endswith(".json")]

    def trainings(self, damaged: list[str] | None = None) -> dict[str, TrainingRecord]:
        """Key -> record of every finished training.

        Raises DamagedError for a record that cannot be read, and FormatError for one of another version. With a list
        `damaged`, the record is left out and the message is added to the list.
        """
        return self._read_all("trainings", TrainingRecord, damaged)

    def scores(self, damaged: list[str] | None = None) -> dict[str, ScoreRecord]:
        """Key -> record of every score. Damaged records are treated as in `trainings`."""
        return self._read_all("scores", ScoreRecord, damaged)

    def contents(self) -> Contents:
        """All records, each read and compared with its digest once."""
        trainings, scores, damaged, foreign = {}, {}, {}, {}
        num_unsealed = 0
        for file, content in chain(self._files("trainings"), self._files("scores")):
            try:
                if file.startswith("trainings"):
                    trainings[_key(file)] = _ended_trial(content, file)
                else:
                    scores[_key(file)] = _record(ScoreRecord, content, file)
                num_unsealed += not is_sealed(content)
            except DamagedError as error:
                damaged[file] = str(error)
            except FormatError as error:
                foreign[file] = str(error)
        return Contents(trainings=trainings, scores=scores, damaged=damaged, foreign=foreign, num_unsealed=num_unsealed)

    def training(self, key: str) -> TrainingRecord | None:
        """The record of one training, or None if it has not finished. Raises DamagedError."""
        return self._read("trainings", key, TrainingRecord)

    def score(self, key: str) -> ScoreRecord | None:
        """The record of one score, or None if it does not exist. Raises DamagedError."""
        return self._read("scores", key, ScoreRecord)

    def outcomes(self, record: ScoreRecord) -> "pd.DataFrame":
        """The per-example outcomes of a score: language, example, group, prediction, and additive counts.

        Raises DamagedError if the file differs from what was written, and FileNotFoundError.
        """
        return self._read_table(record.outcomes, record.outcome_facts)[0]

    def dynamics(self, record: DynamicsRecord) -> "pd.DataFrame":
        """The training dynamics of each example: task, language, example, and the measures (`training/dynamics.py`).

        Raises DamagedError if the file differs from what was written, and FileNotFoundError.
        """
        return self._read_table(record.file, record.facts)[0]

    def unrecorded_dynamics(self, key: str) -> "tuple[pd.DataFrame, FileFacts] | None":
        """The dynamics of a training whose record is not yet written, or None if they cannot be read."""
        try:
            return self._read_table(dynamics_file(key), None)
        except (OSError, ValueError):
            return None

    def _read_table(self, name: str, facts: FileFacts | None) -> "tuple[pd.DataFrame, FileFacts]":
        # Inside the function: the commands that only read records should not load pandas.
        import pandas as pd  # noqa: PLC0415

        content = self.folder.read(name)
        if facts and bytes_digest(content) != facts.sha256:
            # A disk can change a file without a new time. The next sweep then compares all outcomes.
            with suppress(OSError):
                self.folder.remove(VERIFIED_FILE)
            raise DamagedError(f"{name} is damaged: its content differs from the digest in its record.")
        table = pd.read_parquet(io.BytesIO(content))
        return table, _facts(content, len(table))

    def outcome_states(self) -> dict[str, list[str]]:
        """`ScoreRecord.outcomes` of each file with outcomes -> its state, as in `Folder.states`."""
        return {f"outcomes/{name}": state for name, state in self.folder.child("outcomes").states().items()}

    def dynamics_states(self) -> dict[str, list[str]]:
        """`DynamicsRecord.file` of each file with training dynamics -> its state, as in `Folder.states`."""
        return {f"dynamics/{name}": state for name, state in self.folder.child("dynamics").states().items()}

    def repaired(self) -> tuple[Contents, list[str]]:
        """Rename every record that is damaged or whose outcomes are lost. Returns the others, and a message for each.

        Outcomes are compared with their digests in a local ledger, unless their files are as they were when they were
        compared before. In a remote ledger, their sizes are compared. Raises FormatError for a record of another
        version, which could have a valid result.
        """
        contents, states = self.contents(), self.outcome_states()
        if contents.foreign:
            raise FormatError(next(iter(contents.foreign.values())))
        messages = [self._set_aside(file, reason) for file, reason in contents.damaged.items()]
        verified = VerifiedFiles(self.folder, VERIFIED_FILE) if self.folder.local else None
        losses = {key: _loss_of_outcomes(record, states, verified) for key, record in contents.scores.items()}
        if verified:
            verified.write()
        for key, loss in losses.items():
            if loss:
                outcomes = contents.scores[key].outcomes
                messages.append(self._set_aside(f"scores/{key}.json", f"The outcomes {outcomes} {loss}."))
        scores = {key: record for key, record in contents.scores.items() if not losses[key]}
        return replace(contents, scores=scores, damaged={}), messages

    def set_failed_aside(self, keys: Iterable[str]) -> None:
        """Rename the records of failed trainings that run again."""
        for key in keys:
            self.folder.set_aside(f"trainings/{key}.json", RETRIED_SUFFIX)

    def set_trial_aside(self, key: str, scores: Iterable[str]) -> None:
        """Rename the records of one trial that are damaged. `scores` are the keys of its scores."""
        self._check(f"trainings/{key}.json", TrainingRecord)
        for score in scores:
            self._check(f"scores/{score}.json", ScoreRecord)

    def _check(self, name: str, record_type: type[Record]) -> None:
        """Rename a record if it is damaged."""
        try:
            _record(record_type, self.folder.read(name), name)
        except FileNotFoundError:
            pass
        except DamagedError:
            self.folder.set_aside(name)

    def _set_aside(self, name: str, reason: str) -> str:
        """Rename a record and return a message."""
        return f"{reason} {name} was renamed to {self.folder.set_aside(name)}; its trial runs again."

    def _files(self, name: str) -> Iterator[tuple[str, bytes]]:
        """Path inside the ledger and bytes of each record of a kind."""
        folder = self.folder.child(name)
        # Files that were set aside end in .damaged.
        files = [file for file in folder.names() if file.endswith(".json")]
        for start in range(0, len(files), READ_AT_ONCE):
            for file, content in folder.read_all(files[start : start + READ_AT_ONCE]).items():
                yield f"{name}/{file}", content

    def _read_all(self, name: str, record_type: type[Record], damaged: list[str] | None) -> dict[str, Record]:
        records = {}
        for file, content in self._files(name):
            try:
                records[_key(file)] = _record(record_type, content, file)
            except (DamagedError, FormatError) as error:
                if damaged is None:
                    raise
                damaged.append(str(error))
        return records

    def _read(self, name: str, key: str, record_type: type[Record]) -> Record | None:
        file = f"{name}/{key}.json"
        if not self.folder.exists(file):
            return None
        return _record(record_type, self.folder.read(file), file)


def _record(record_type: type[Record], content: bytes, file: str) -> Record:
    """A record from the content of its file. Raises DamagedError, also if the file has the record of another key."""
    record = read_json(record_type, content, file)
    # A training record without a seal can have any content, so that its key is computed.
    _check_key(record.key if is_sealed(content) or isinstance(record, ScoreRecord) else record.spec.key, file)
    return record


def _ended_trial(content: bytes, file: str) -> EndedTrial:
    """An ended trial from the content of a training record. Raises DamagedError as `_record` does."""
    if not is_sealed(content):
        # Without a digest, only a valid record shows that nothing is damaged.
        return EndedTrial.of(_record(TrainingRecord, content, file))
    ended = read_json(EndedTrial, content, file)
    _check_key(ended.key, file)
    return ended


def _check_key(key: str, file: str) -> None:
    if key != _key(file):
        raise DamagedError(f"{file} is damaged: it has the record of {key}.")


def _loss_of_outcomes(record: ScoreRecord, states: Mapping[str, list[str]], verified: VerifiedFiles | None) -> str:
    """How the outcomes of a score are lost; "" if they are not. Without facts in the record, they must exist.

    Without `verified`, only their size is compared.
    """
    if record.outcomes not in states:
        return "are missing"
    facts, state = record.outcome_facts, states[record.outcomes]
    if facts is None or not state or not state[0].isdecimal():
        return ""
    matches = int(state[0]) == facts.bytes and (not verified or verified.matches(record.outcomes, state, facts.sha256))
    return "" if matches else "differ from what was written"


def _key(file: str) -> str:
    """The key of the record in a file."""
    return file.rpartition("/")[2].removesuffix(".json")


def _facts(content: bytes, num_rows: int) -> FileFacts:
    return FileFacts(sha256=bytes_digest(content), bytes=len(content), rows=num_rows)


def dynamics_file(training_key: str) -> str:
    """The path of the dynamics of a training inside the ledger."""
    return f"dynamics/{training_key}.parquet"


def outcomes_file(score_key: str) -> str:
    """The path of a score's outcomes inside the ledger."""
    return f"outcomes/{score_key}.parquet"
