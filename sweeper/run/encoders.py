"""The encoder store: ordinary Hugging Face folders under their keys, there once their manifest is written."""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sweeper.errors import DamagedError
from sweeper.files.folder import Folder

MANIFEST = "manifest.json"
Manifest = Mapping[str, Mapping[str, object]]
"""File -> its size (`bytes`) and `sha256`."""


@dataclass(frozen=True)
class EncoderStore:
    """Encoders of one store, and this node's copies of them."""

    folder: Folder
    copies: Path
    """Where a node keeps its own copies of a store that is not local."""

    def holds(self, key: str) -> bool:
        """Whether the encoder is there, all of it."""
        return self.folder.exists(f"{key}/{MANIFEST}")

    def keep(self, key: str, source: Path) -> None:
        """Store the files of a folder under a key, the manifest last. Two writers of one key write equal bytes."""
        files = sorted(path for path in source.rglob("*") if path.is_file())
        manifest = {}
        for path in files:
            name = path.relative_to(source).as_posix()
            self.folder.upload(path, f"{key}/{name}")
            manifest[name] = {"bytes": path.stat().st_size, "sha256": file_sha256(path)}
        self.folder.write(f"{key}/{MANIFEST}", json.dumps(manifest, indent=1).encode())

    def fetch(self, key: str) -> Path:
        """A local folder with the encoder, checked against its manifest.

        Raises FileNotFoundError if the store does not hold it, DamagedError after setting aside one that is damaged.
        """
        manifest = self._manifest(key)
        place = self.folder.local / key if self.folder.local else self.copies / key
        if not self.folder.local and _wrong(place, manifest):
            self._copy(key, manifest)
        wrong = _wrong(place, manifest)
        if wrong:
            raise self._set_aside(key, wrong)
        return place

    def _manifest(self, key: str) -> Manifest:
        try:
            manifest: Manifest = json.loads(self.folder.read(f"{key}/{MANIFEST}"))
        except ValueError as error:
            raise self._set_aside(key, [MANIFEST]) from error
        return manifest

    def _set_aside(self, key: str, wrong: list[str]) -> DamagedError:
        shutil.rmtree(self.copies / key, ignore_errors=True)
        aside = self.folder.set_aside(key)
        return DamagedError(f"Encoder {key} is damaged ({', '.join(wrong)}); set aside as {aside}, it is made again.")

    def _copy(self, key: str, manifest: Manifest) -> None:
        place = self.copies / key
        self.copies.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".tmp-", dir=self.copies))
        try:
            for name in manifest:
                self.folder.download(f"{key}/{name}", draft / name)
            if place.exists() and _wrong(place, manifest):  # this node's own copy is damaged
                shutil.rmtree(place)
            with suppress(OSError):  # another worker on this node was faster
                draft.rename(place)
        finally:
            shutil.rmtree(draft, ignore_errors=True)


def file_sha256(path: Path) -> str:
    """The sha256 of a file's bytes, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _wrong(place: Path, manifest: Manifest) -> list[str]:
    return [name for name, facts in manifest.items() if not _matches(place / name, facts)]


def _matches(path: Path, facts: Mapping[str, object]) -> bool:
    return path.is_file() and path.stat().st_size == facts["bytes"] and file_sha256(path) == facts["sha256"]
