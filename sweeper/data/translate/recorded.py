"""Translations that are there already: a folder of JSON lines."""

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
    """The translations in the *.jsonl files of a folder: of a whole text where it stands there, else of its sentences.

    Of two lines about one text in one language the first counts, files taken by name.
    """

    folder: Path

    @cached_property
    def files(self) -> list[Path]:
        """Raises UserError if there is none."""
        found = sorted(self.folder.glob("*.jsonl"))
        if not found:
            raise UserError(
                f"by = 'folder:{self.folder}' is a folder with files *.jsonl, of lines such as {LAYOUT}; there is none."
            )
        return found

    @property
    def identity(self) -> str:
        """Digest of the files' bytes."""
        return digest([file_digest(path) for path in self.files])

    @cached_property
    def known(self) -> Mapping[tuple[str, str], str]:
        """(text, language) -> translation."""
        found: dict[tuple[str, str], str] = {}
        for text, language, translation in (entry for path in self.files for entry in _entries(path)):
            found.setdefault((text, language), translation)
        return found

    def pieces(self, text: str, language: str) -> list[Piece]:
        """The text whole where it has been translated whole, else its sentences."""
        return [Piece(text, "")] if (text, language) in self.known else pieces_of(text)

    def translate(self, pieces: Sequence[str], language: str) -> Mapping[str, str]:
        """Piece -> translation. Raises UserError if one is not there."""
        for piece in pieces:
            if (piece, language) not in self.known:
                raise UserError(
                    f"folder:{self.folder} has no translation into {language!r} of {piece!r}. For each text of an "
                    "example, or each of its sentences, a *.jsonl file holds a line such as "
                    f"{json.dumps({'text': piece, 'language': language, 'translation': '...'}, ensure_ascii=False)}."
                )
        return {piece: self.known[piece, language] for piece in pieces}


def _entries(path: Path) -> Iterator[tuple[str, str, str]]:
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                entry = json.loads(line)
                fields = entry["text"], entry["language"], entry["translation"]
            except (ValueError, KeyError, TypeError) as error:
                raise UserError(f"{path}, line {number}: a line is such as {LAYOUT}, got {line[:80]!r}.") from error
            if not all(isinstance(field, str) for field in fields):
                raise UserError(f"{path}, line {number}: three texts are needed, got {line[:80]!r}.")
            yield fields
