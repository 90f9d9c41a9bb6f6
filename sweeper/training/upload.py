"""Uploads files to a remote folder in a thread, so that a training does not wait for them."""

import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from sweeper.files.folder import Folder
from sweeper.files.leftovers import locked_folder


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
        with ExitStack() as stack:
            # If this process is killed, the next sweep removes the folder.
            draft = stack.enter_context(locked_folder("sweeper-upload-")) / "draft"
            fill(draft)
            arguments = (folder, name, draft, stack.pop_all())
        self._thread = threading.Thread(target=self._run, args=arguments, name="upload", daemon=True)
        self._thread.start()

    def wait(self) -> None:
        """Wait for the end of the upload, if one is running."""
        if self._thread is not None:
            self._thread.join()

    def _run(self, folder: Folder, name: str, draft: Path, scratch: ExitStack) -> None:
        try:
            with scratch:
                folder.upload(draft, name)
        except Exception as error:  # noqa: BLE001  the training raises it when it saves its next checkpoint
            self._error = error
