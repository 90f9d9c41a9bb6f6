"""Mean vectors of texts, kept in the cache: those of one encoder do not depend on the trial that compares them."""

import logging
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from filelock import FileLock

from sweeper.errors import DamagedError, FormatError
from sweeper.files.digests import digest
from sweeper.files.folder import Folder
from sweeper.files.serialize import plain, read_json, write_sealed
from sweeper.formats.interface import Array
from sweeper.records.spec import DataSpec, ModelSpec
from sweeper.training.predict import Predictor
from sweeper.training.stage import DataReader

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class MeanVector:
    """The mean over texts of their sentence vectors, and what it cost."""

    values: tuple[float, ...]
    """Length: hidden size."""
    seconds: float
    """Of the process that computed it."""
    name: str = ""
    """The name of its file, which is damaged under another name; "" in files of earlier versions."""

    @property
    def array(self) -> Array:
        """The values (hidden,)."""
        return np.array(self.values)


@dataclass(frozen=True, kw_only=True)
class TextVectors:
    """Mean sentence vectors of data sets by one encoder, computed once for all processes that share the cache."""

    predictor: Predictor
    """With the encoder of `model`."""
    model: ModelSpec
    threads: int
    reader: DataReader
    cache: Path

    def of(self, data: DataSpec, language: str) -> MeanVector:
        """The mean over all texts of a data set in one language.

        Raises TrialError if it is not finite.
        """
        folder, name = Folder(str(self.cache / "vectors")), f"{self._key(data, language)}.json"
        Path(folder.url).mkdir(parents=True, exist_ok=True)
        # Under the lock, so that the trials of two seeds do not compute the same vector at the same time.
        with FileLock(folder.path(f"{name}.lock")):
            vector = self._kept(folder, name)
            if vector is None:
                vector = self._shared(name) or replace(self._computed(data, language), name=name)
                folder.write(name, write_sealed(vector), durable=False)
                if shared := self.reader.sources.shared:
                    shared.write(f"vectors/{name}", write_sealed(vector))
        return vector

    def _shared(self, name: str) -> MeanVector | None:
        """The vector that another node has computed, or None."""
        shared = self.reader.sources.shared
        content = shared.read(f"vectors/{name}") if shared else None
        try:
            return read_json(MeanVector, content, name) if content else None
        except (DamagedError, FormatError) as error:
            logger.warning("A shared mean vector cannot be used: %s", error)
            return None

    def _key(self, data: DataSpec, language: str) -> str:
        """Of everything that the vector depends on, also in its last digits."""
        predictor = self.predictor
        settings = [predictor.precision, predictor.micro_tokens, self.threads, predictor.device.type]
        return digest([plain(self.model), plain(data), plain(self.reader.tasks[data.task]), language, settings])

    def _kept(self, folder: Folder, name: str) -> MeanVector | None:
        """The vector in the cache; None if it is missing or damaged."""
        if not folder.exists(name):
            return None
        try:
            vector = read_json(MeanVector, folder.read(name), name)
            if vector.name not in ("", name):
                raise DamagedError(f"{name} is damaged: it has the vector of {vector.name}.")
            return vector
        except (DamagedError, FormatError):
            logger.warning("The mean vector %s is damaged: it is set aside and computed again.", folder.path(name))
            folder.set_aside(name)
            return None

    def _computed(self, data: DataSpec, language: str) -> MeanVector:
        started = time.perf_counter()
        mean = self.predictor.mean_vector(self.reader.encoded(data)[language].features)
        return MeanVector(values=tuple(mean.tolist()), seconds=time.perf_counter() - started)
