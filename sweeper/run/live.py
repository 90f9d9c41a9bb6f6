"""The file with the state of a running sweep, which pages and displays outside the driver read."""

from dataclasses import dataclass

from sweeper.errors import SweeperError
from sweeper.files.folder import Folder
from sweeper.files.serialize import read_json, write_json
from sweeper.records.live import LiveState

FILE = "live.json"


@dataclass(frozen=True)
class LiveFile:
    """The file `live.json` of a run folder."""

    folder: Folder
    """The run folder."""

    @property
    def is_local(self) -> bool:
        """Whether the folder is on a local file system, where writing takes milliseconds."""
        return self.folder.local is not None

    def write(self, state: LiveState) -> None:
        """Replace the file atomically. Raises OSError."""
        # Not durable: after a power failure the sweep does not run any more.
        self.folder.write(FILE, write_json(state), durable=False)

    def read(self) -> LiveState | None:
        """The last state; None if there is no file, or if it is damaged or was written by another version."""
        try:
            return read_json(LiveState, self.folder.read(FILE), FILE)
        except (FileNotFoundError, SweeperError):
            return None
