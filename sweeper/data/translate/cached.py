"""Permanent cache of translations: one file for each translator and language, which all processes share.

With a remote store, the nodes also share groups of translations as objects.
"""

import json
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock

from sweeper.data.translate.interface import Engine, Piece
from sweeper.data.translate.pieces import pieces_of
from sweeper.files.digests import digest
from sweeper.run.shared import Shared

GROUP = 256
"""Pieces of a shared object: some seconds of translation, against two requests to the store."""
logger = logging.getLogger(__name__)


@dataclass
class TranslationFile:
    """JSON lines of text, language and translation. If a text occurs twice, its first line is used."""

    path: Path
    language: str
    translations: dict[str, str] = field(default_factory=dict)
    """Text -> translation, of the lines read so far."""
    _read: int = 0
    """Number of bytes read so far, up to the end of a line."""

    def read(self) -> None:
        """Read the lines that this and other processes have added; a truncated line is skipped."""
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            file.seek(self._read)
            added = file.read()
        # Another process may be writing the last line, so only complete lines are read.
        added = added[: added.rfind(b"\n") + 1]
        self._read += len(added)
        for line in added.splitlines():
            try:
                entry = json.loads(line.decode())
                text, translation = entry["text"], entry["translation"]
                is_intact = entry.get("digest") in (None, *self._digests(text, translation))
            except (ValueError, KeyError, TypeError, AttributeError):
                is_intact = False  # also a truncated line
            if is_intact:
                self.translations.setdefault(text, translation)
            else:
                logger.warning("A line of %s is damaged: its text is translated and stored again.", self.path)

    def add(self, translations: Mapping[str, str]) -> None:
        """Append the translations that are not in the file yet, and read those of other processes."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{self.path}.lock"):
            self.read()  # under the lock, so that no other process adds a text between reading and writing
            new = {text: translation for text, translation in translations.items() if text not in self.translations}
            lines = [self._line(text, translation) for text, translation in new.items()]
            with self.path.open("ab") as file:
                truncated = file.tell() > self._read  # the last line is incomplete, because its writer was killed
                file.write((b"\n" if truncated else b"") + "".join(lines).encode())
            self.read()

    def _line(self, text: str, translation: str) -> str:
        entry = {
            "text": text,
            "language": self.language,
            "translation": translation,
            "digest": self._digests(text, translation)[0],
        }
        return json.dumps(entry, ensure_ascii=False) + "\n"

    def _digests(self, text: str, translation: str) -> tuple[str, str]:
        """Digest of a line, and that of earlier versions, which does not cover the translator.

        The first versions wrote none. A damaged line is skipped, so that its text is translated and stored again.
        """
        content = [text, self.language, translation]
        return digest([*content, self.path.parent.name]), digest(content)


@dataclass
class CachedTranslator:
    """A translator that passes each sentence to its engine once and stores the translation in a file."""

    engine: Engine
    paths: Mapping[str, Path]
    """Language -> path of its file."""
    shared: Shared | None = None
    """Groups of translations that the nodes of a cluster share."""
    files: dict[str, TranslationFile] = field(default_factory=dict)

    def pieces(self, text: str, language: str) -> list[Piece]:
        """The sentences of the text."""
        return pieces_of(text)

    def translate(self, pieces: Sequence[str], language: str) -> Mapping[str, str]:
        """Piece -> translation.

        Each batch is stored before the next one is translated. Translations that other processes add are used.
        """
        file = self.files.setdefault(language, TranslationFile(self.paths[language], language))
        unique = list(dict.fromkeys(pieces))
        for group in _rotated(_groups(unique)) if self.shared else [unique]:
            file.read()
            if any(piece not in file.translations for piece in group):
                self._add(group, file)
        return {piece: file.translations[piece] for piece in pieces}

    def _add(self, group: Sequence[str], file: TranslationFile) -> None:
        """Add the translations of a group to the file: those of another node, or new ones."""
        name = f"translations/{file.path.parent.name}/{file.language}/{digest(group)}.json"
        content = self.shared.read(name) if self.shared else None
        if content:
            file.add(dict(zip(group, json.loads(content), strict=True)))
            return
        missing = [piece for piece in group if piece not in file.translations]
        for batch in _rotated(self.engine.batches(missing)):
            file.read()  # another process may have translated the batch meanwhile
            if any(sentence not in file.translations for sentence in batch):
                file.add(dict(zip(batch, self.engine.translate(batch, file.language), strict=True)))
        if self.shared:
            translations = [file.translations[piece] for piece in group]
            self.shared.write(name, json.dumps(translations, ensure_ascii=False).encode())


def _groups(pieces: Sequence[str]) -> list[list[str]]:
    """The pieces in groups that do not depend on the translations that a node already has."""
    ordered = sorted(pieces, key=lambda piece: (len(piece), piece))
    return [ordered[start : start + GROUP] for start in range(0, len(ordered), GROUP)]


def _rotated(groups: list[list[str]]) -> list[list[str]]:
    """The groups from a start that depends on the process, so that parallel workers begin with different ones."""
    start = os.getpid() % len(groups) if groups else 0
    return groups[start:] + groups[:start]
