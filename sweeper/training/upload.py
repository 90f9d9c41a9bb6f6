"""Uploads files to a remote folder in a thread, so that a training does not wait for them."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sweeper.files.draft import temporary_draft
from sweeper.files.folder import Folder


@dataclass
class Upload:
    """One upload at a time: a later one starts after the earlier one has ended, and is never replaced by it."""

    _thread: threading.Thread | None = None
    _error: Exception | None = None

    @property
    def is_running(self) -> bool:
        """Whether an upload has not ended yet."""
        return self._thread is not None and self._thread.is_alive()

    def start(self, folder: Folder, name: str, fill: Callable[[Path], object]) -> None:
        """Let `fill` write a temporary file, and upload it in a thread after any earlier upload.

        Raises the error of an earlier upload. Calls to the store are repeated there as everywhere.
        """
        self.wait()
        if self._error is not None:
            error, self._error = self._error, None
            raise error
        draft = temporary_draft()
        try:
            fill(draft)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        self._thread = threading.Thread(target=self._run, args=(folder, name, draft), name="upload", daemon=True)
        self._thread.start()

    def wait(self) -> None:
        """Wait for the end of the upload, if one is running."""
        if self._thread is not None:
            self._thread.join()

    def _run(self, folder: Folder, name: str, draft: Path) -> None:
        try:
            folder.upload(draft, name)
        except Exception as error:  # noqa: BLE001  the training raises it when it saves its next checkpoint
            self._error = error
        finally:
            draft.unlink(missing_ok=True)
