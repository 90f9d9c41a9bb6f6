"""The encoder store: one Hugging Face folder for each key. An encoder is complete once its manifest is written."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sweeper.errors import DamagedError
from sweeper.files.digests import file_digest
from sweeper.files.draft import atomic_folder
from sweeper.files.folder import DAMAGED_SUFFIX, Folder

MANIFEST = "manifest.json"
Manifest = Mapping[str, Mapping[str, object]]
"""File -> its size (`bytes`) and `sha256`."""


@dataclass(frozen=True)
class EncoderStore:
    """The encoders of one store, and the copies of them on this node."""

    folder: Folder
    copies: Path
    """Local folder for copies of encoders whose store is remote."""

    def has(self, key: str) -> bool:
        """Whether the store has the complete encoder."""
        return self.folder.exists(f"{key}/{MANIFEST}")

    def keys(self) -> list[str]:
        """The keys of all complete encoders, sorted."""
        # A damaged encoder that was set aside still has its manifest.
        names = (name for name in self.folder.names() if not name.endswith(DAMAGED_SUFFIX))
        return [name for name in names if self.has(name)]

    def keep(self, key: str, source: Path) -> None:
        """Store the files of a folder under a key. Several workers may do this at once, since their bytes are equal."""
        files = sorted(path for path in source.rglob("*") if path.is_file())
        manifest = {}
        for path in files:
            name = path.relative_to(source).as_posix()
            self.folder.upload(path, f"{key}/{name}")
            manifest[name] = {"bytes": path.stat().st_size, "sha256": file_digest(path)}
        # The manifest is written last, because readers ignore an encoder without one.
        self.folder.write(f"{key}/{MANIFEST}", json.dumps(manifest, indent=1).encode())

    def fetch(self, key: str) -> Path:
        """A local folder with the encoder, verified against its manifest.

        Raises FileNotFoundError if the store does not have it, and DamagedError after a damaged one was set aside.
        """
        manifest = self._manifest(key)
        path = self.folder.local / key if self.folder.local else self.copies / key
        # A missing or damaged copy is downloaded again. If the new copy is damaged too, so is the store.
        if not self.folder.local and _damaged_files(path, manifest):
            self._copy(key, manifest)
        damaged = _damaged_files(path, manifest)
        if damaged:
            raise self._set_aside(key, damaged)
        return path

    def _manifest(self, key: str) -> Manifest:
        try:
            manifest: Manifest = json.loads(self.folder.read(f"{key}/{MANIFEST}"))
        except ValueError as error:
            raise self._set_aside(key, [MANIFEST]) from error
        return manifest

    def _set_aside(self, key: str, damaged: list[str]) -> DamagedError:
        # The copy on this node comes from the damaged encoder, so it must not be used again either.
        shutil.rmtree(self.copies / key, ignore_errors=True)
        new_path = self.folder.set_aside(key)
        return DamagedError(
            f"Encoder {key} is damaged ({', '.join(damaged)}). It was renamed to {new_path} and will be made again."
        )

    def _copy(self, key: str, manifest: Manifest) -> None:
        def download(draft: Path) -> None:
            for name in manifest:
                self.folder.download(f"{key}/{name}", draft / name)

        # If another worker on this node has made a complete copy in the meantime, that copy is used.
        atomic_folder(self.copies / key, download, lambda path: not _damaged_files(path, manifest))


def _damaged_files(folder: Path, manifest: Manifest) -> list[str]:
    """Files that are missing or differ from the manifest."""
    return [name for name, facts in manifest.items() if not _matches(folder / name, facts)]


def _matches(path: Path, facts: Mapping[str, object]) -> bool:
    # The size is compared first, because this needs no reading and most damaged files are truncated.
    return path.is_file() and path.stat().st_size == facts["bytes"] and file_digest(path) == facts["sha256"]
