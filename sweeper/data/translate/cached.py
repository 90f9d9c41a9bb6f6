"""Translations kept for good: a file a language and translator, read and added to by any number of processes."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock

from sweeper.data.translate.interface import Engine, Piece
from sweeper.data.translate.pieces import pieces_of


@dataclass
class TranslationFile:
    """JSON lines of text, language and translation. The first line about a text counts, whoever wrote it."""

    path: Path
    language: str
    known: dict[str, str] = field(default_factory=dict)
    _read: int = 0
    """Bytes read so far: whole lines."""

    def read(self) -> None:
        """Take in what this and other processes have added; a line that was cut short by a kill is passed over."""
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            file.seek(self._read)
            added = file.read()
        added = added[: added.rfind(b"\n") + 1]
        self._read += len(added)
        for line in added.splitlines():
            try:
                entry = json.loads(line)
                self.known.setdefault(entry["text"], entry["translation"])
            except (ValueError, KeyError, TypeError):
                continue

    def add(self, translations: Mapping[str, str]) -> None:
        """Append those that are new, and take in what is there now."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{self.path}.lock"):
            self.read()
            new = {text: said for text, said in translations.items() if text not in self.known}
            lines = [
                json.dumps({"text": text, "language": self.language, "translation": said}, ensure_ascii=False) + "\n"
                for text, said in new.items()
            ]
            with self.path.open("ab") as file:
                torn = file.tell() > self._read
                file.write((b"\n" if torn else b"") + "".join(lines).encode())
            self.read()


@dataclass
class CachedTranslator:
    """A translator that gives an engine each sentence once: what has been translated stays in a file."""

    engine: Engine
    places: Mapping[str, Path]
    """Language -> file."""
    files: dict[str, TranslationFile] = field(default_factory=dict)

    def pieces(self, text: str, language: str) -> list[Piece]:
        """Its sentences."""
        return pieces_of(text)

    def translate(self, pieces: Sequence[str], language: str) -> Mapping[str, str]:
        """Piece -> translation. Each batch is kept as soon as it is there; what others have added meanwhile counts."""
        file = self.files.setdefault(language, TranslationFile(self.places[language], language))
        file.read()
        missing = [piece for piece in dict.fromkeys(pieces) if piece not in file.known]
        for batch in _from_anywhere(self.engine.batches(missing)):
            file.read()
            if any(sentence not in file.known for sentence in batch):
                file.add(dict(zip(batch, self.engine.translate(batch, language), strict=True)))
        return {piece: file.known[piece] for piece in pieces}


def _from_anywhere(batches: list[list[str]]) -> list[list[str]]:
    """The batches from another one on in every process, so that workers share the work instead of doing it twice."""
    start = os.getpid() % len(batches) if batches else 0
    return batches[start:] + batches[:start]
