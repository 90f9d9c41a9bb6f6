"""Finished trials on disk: one record under its key, written once, never changed."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import pandas as pd

from sweeper.errors import DamagedError
from sweeper.files.folder import Folder
from sweeper.files.plain import read_json, write_json
from sweeper.records.record import ScoreRecord, TrainingRecord

Record = TypeVar("Record", TrainingRecord, ScoreRecord)


@dataclass(frozen=True)
class Ledger:
    """`trainings/KEY.json`, `scores/KEY.json` and `outcomes/KEY.parquet` under one folder.

    Outcomes are written first and records last, so that a record means that all of it is there.
    """

    folder: Folder

    @classmethod
    def at(cls, url: str) -> "Ledger":
        """The ledger in the folder of that path or URL, which need not exist yet."""
        return cls(Folder(url))

    def write_training(self, record: TrainingRecord) -> None:
        """Keep a finished training."""
        self.folder.write(f"trainings/{record.key}.json", write_json(record))

    def write_score(self, record: ScoreRecord, outcomes: pd.DataFrame) -> None:
        """Keep a score: its per-example outcomes first, its record last."""
        buffer = io.BytesIO()
        outcomes.to_parquet(buffer, index=False, compression="zstd")
        self.folder.write(record.outcomes, buffer.getvalue())
        self.folder.write(f"scores/{record.key}.json", write_json(record))

    def trainings(self) -> dict[str, TrainingRecord]:
        """Key -> record of every finished training."""
        return self._read_all("trainings", TrainingRecord)

    def scores(self) -> dict[str, ScoreRecord]:
        """Key -> record of every score."""
        return self._read_all("scores", ScoreRecord)

    def training(self, key: str) -> TrainingRecord | None:
        """The record of one training, None if it has not finished. Raises DamagedError."""
        return self._read("trainings", key, TrainingRecord)

    def score(self, key: str) -> ScoreRecord | None:
        """The record of one score, None if there is none. Raises DamagedError."""
        return self._read("scores", key, ScoreRecord)

    def outcomes(self, record: ScoreRecord) -> pd.DataFrame:
        """The per-example outcomes of a score: language, example, group, prediction, and additive counts."""
        return pd.read_parquet(io.BytesIO(self.folder.read(record.outcomes)))

    def set_damaged_aside(self) -> list[str]:
        """Rename every record that cannot be read, and say what was wrong with each."""
        told = []
        for room, kind in (("trainings", TrainingRecord), ("scores", ScoreRecord)):
            for name, data in self._files(room).items():
                try:
                    read_json(kind, data, f"{room}/{name}")
                except DamagedError as error:
                    told.append(
                        f"{error} Set aside as {self.folder.set_aside(f'{room}/{name}')}; its trial runs again."
                    )
        return told

    def _files(self, room: str) -> Mapping[str, bytes]:
        folder = self.folder.child(room)
        return folder.read_all([name for name in folder.names() if name.endswith(".json")])

    def _read_all(self, room: str, kind: type[Record]) -> dict[str, Record]:
        found = self._files(room)
        return {name.removesuffix(".json"): read_json(kind, data, f"{room}/{name}") for name, data in found.items()}

    def _read(self, room: str, key: str, kind: type[Record]) -> Record | None:
        name = f"{room}/{key}.json"
        if not self.folder.exists(name):
            return None
        return read_json(kind, self.folder.read(name), name)
