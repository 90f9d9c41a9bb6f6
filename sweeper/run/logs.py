"""The log files of a run folder: one for each trial, to which every attempt of the trial appends."""

from dataclasses import dataclass
from pathlib import Path

from sweeper.files.folder import Folder


@dataclass(frozen=True)
class LogFolder:
    """`KEY.log` for each trial."""

    folder: Folder

    def local_file(self, key: str) -> Path | None:
        """The file of a trial, in an existing folder; None in a remote store, which cannot append. Raises OSError."""
        if self.folder.local is None:
            return None
        self.folder.local.mkdir(parents=True, exist_ok=True)
        return self.folder.local / f"{key}.log"

    def append(self, key: str, source: Path) -> None:
        """Append a local file to the log of a trial in a remote store. Raises OSError."""
        self.folder.write(f"{key}.log", (self.read(key) + source.read_text(encoding="utf-8")).encode())

    def read(self, key: str) -> str:
        """The log of a trial; "" if it has none."""
        try:
            return self.folder.read(f"{key}.log").decode(errors="replace")
        except FileNotFoundError:
            return ""

    def path(self, key: str) -> str:
        """The path or URL of a trial's log."""
        return f"{self.folder.url}/{key}.log"
