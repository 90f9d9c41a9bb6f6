"""The encoder store: one Hugging Face folder for each key. An encoder is complete once its manifest is written."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from filelock import BaseFileLock, FileLock

from sweeper.errors import DamagedError
from sweeper.files.digests import digest
from sweeper.files.draft import atomic_folder
from sweeper.files.folder import DAMAGED_SUFFIX, Folder, file_state
from sweeper.files.manifest import MANIFEST, FileList, damaged_files, list_files, manifest_bytes, read_manifest


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
        files = list_files(source)
        for name in files:
            self.folder.upload(source / name, f"{key}/{name}")
        # The manifest is written last, because readers ignore an encoder without one.
        self.folder.write(f"{key}/{MANIFEST}", manifest_bytes(files, key))

    def remove(self, key: str) -> None:
        """Delete an encoder; nothing happens if the store does not have it. Raises OSError.

        The manifest is deleted before the other files, so that readers ignore an encoder that is deleted only in part.
        The copies on nodes remain, because other sweeps may use them.
        """
        self.folder.remove(f"{key}/{MANIFEST}")
        self.folder.remove(key)

    def making(self, key: str) -> BaseFileLock:
        """The lock of a worker that trains a missing encoder again, while other workers of this node wait."""
        self.copies.mkdir(parents=True, exist_ok=True)
        return FileLock(self.copies / f".{key}.making.lock")

    def fetch(self, key: str) -> Path:
        """A local folder with the encoder, verified against its manifest.

        Raises FileNotFoundError if the store does not have it, and DamagedError after a damaged one was set aside.
        """
        files = self._files(key)
        path = self.folder.local / key if self.folder.local else self.copies / key
        if not self.folder.local and self._copy(key, files):
            return path
        # Read again, because another worker may have replaced a damaged encoder.
        if damaged_files(path, files) and (damaged := damaged_files(path, self._files(key))):
            raise self._set_aside(key, damaged)
        return path

    def _files(self, key: str) -> FileList:
        content = self.folder.read(f"{key}/{MANIFEST}")
        try:
            files: FileList = read_manifest(content, key, MANIFEST)["files"]
        except DamagedError as error:
            raise self._set_aside(key, [MANIFEST]) from error
        return files

    def _set_aside(self, key: str, damaged: list[str]) -> DamagedError:
        # The copy on this node comes from the damaged encoder, so it must not be used again either.
        shutil.rmtree(self.copies / key, ignore_errors=True)
        new_path = self.folder.set_aside(key)
        return DamagedError(
            f"Encoder {key} is damaged ({', '.join(damaged)}). It was renamed to {new_path} and will be made again."
        )

    def _copy(self, key: str, files: FileList) -> bool:
        """Download a missing or damaged copy, and once more if the download was damaged. If both were, so is the store.

        The other workers of this node wait for the first one, and then use its copy without reading it again. Returns
        whether the copy is undamaged.
        """

        def download(draft: Path) -> None:
            for name in files:
                self.folder.download(f"{key}/{name}", draft / name)

        path = self.copies / key
        self.copies.mkdir(parents=True, exist_ok=True)
        with FileLock(self.copies / f".{key}.lock"):
            for _ in range(2):
                if self._is_verified(key, files):
                    return True
                atomic_folder(path, download, lambda copy: not damaged_files(copy, files))
            return self._is_verified(key, files)

    def _is_verified(self, key: str, files: FileList) -> bool:
        """Whether this or another process of the node has compared the copy with its manifest, or the copy is equal."""
        states = {name: file_state(self.copies / key / name) for name in files}
        state = digest([files, states]).encode()
        notes, note = Folder(str(self.copies)), f".{key}.verified"
        if notes.exists(note) and notes.read(note) == state:
            return True
        if damaged_files(self.copies / key, files):
            return False
        notes.write(note, state, durable=False)
        return True
