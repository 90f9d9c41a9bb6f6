"""Translations that the user provides: a folder of JSON lines."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from sweeper.data.translate.interface import Piece
from sweeper.data.translate.pieces import pieces_of
from sweeper.errors import UserError
from sweeper.files.digests import digest, file_digest

LAYOUT = '{"text": "Who did it?", "language": "de", "translation": "Wer hat es getan?"}'


@dataclass(frozen=True)
class Recorded:
    """The translations in the *.jsonl files of a folder, of whole texts or of sentences.

    If a text occurs twice in a language, the first line is used. The files are read in the order of their names.
    """

    folder: Path

    @cached_property
    def files(self) -> list[Path]:
        """The *.jsonl files, sorted. Raises UserError if the folder has none."""
        files = sorted(self.folder.glob("*.jsonl"))
        if not files:
            raise UserError(
                f"by = 'folder:{self.folder}' needs *.jsonl files in that folder, and there are none. Write lines such "
                f"as {LAYOUT}."
            )
        return files

    @property
    def identity(self) -> str:
        """Digest of the files' bytes."""
        return digest([file_digest(path) for path in self.files])

    @cached_property
    def translations(self) -> Mapping[tuple[str, str], str]:
        """(text, language) -> translation."""
        translations: dict[tuple[str, str], str] = {}
        for text, language, translation in (entry for path in self.files for entry in _entries(path)):
            translations.setdefault((text, language), translation)
        return translations

    def pieces(self, text: str, language: str) -> list[Piece]:
        """The whole text if its translation is recorded, else its sentences."""
        return [Piece(text, "")] if (text, language) in self.translations else pieces_of(text)

    def translate(self, pieces: Sequence[str], language: str) -> Mapping[str, str]:
        """Piece -> translation. Raises UserError if one is not recorded."""
        for piece in pieces:
            if (piece, language) not in self.translations:
                raise UserError(
                    f"folder:{self.folder} has no translation into {language!r} of {piece!r}. For each text of an "
                    "example, or each of its sentences, its *.jsonl files need a line such as "
                    f"{json.dumps({'text': piece, 'language': language, 'translation': '...'}, ensure_ascii=False)}."
                )
        return {piece: self.translations[piece, language] for piece in pieces}


def _entries(path: Path) -> Iterator[tuple[str, str, str]]:
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                entry = json.loads(line)
                fields = entry["text"], entry["language"], entry["translation"]
            except (ValueError, KeyError, TypeError) as error:
                raise UserError(
                    f"{path}, line {number}: a line must be such as {LAYOUT}, got {line[:80]!r}."
                ) from error
            if not all(isinstance(field, str) for field in fields):
                raise UserError(
                    f"{path}, line {number}: text, language and translation must be strings, got {line[:80]!r}."
                )
            yield fields
