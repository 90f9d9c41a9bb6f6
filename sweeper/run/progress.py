"""The progress files of a run folder: one for each running trial, replaced every few seconds, removed at its end."""

from dataclasses import dataclass

from sweeper.errors import DamagedError
from sweeper.files.folder import Folder
from sweeper.files.serialize import read_json, write_json
from sweeper.records.progress import TrialProgress


@dataclass(frozen=True)
class ProgressFolder:
    """`KEY.json` for each running trial. The driver removes those of killed workers."""

    folder: Folder

    @property
    def is_local(self) -> bool:
        """Whether the folder is on a local file system, where writing takes milliseconds."""
        return self.folder.local is not None

    def write(self, progress: TrialProgress) -> None:
        """Replace the file of a trial atomically. Raises OSError."""
        # Not durable: after a power failure the trial does not run any more.
        self.folder.write(f"{progress.key}.json", write_json(progress), durable=False)

    def read(self, key: str) -> TrialProgress | None:
        """The progress of a trial; None if it does not run or has a damaged file."""
        name = f"{key}.json"
        try:
            return read_json(TrialProgress, self.folder.read(name), name)
        except (FileNotFoundError, DamagedError):
            return None

    def read_all(self) -> list[TrialProgress]:
        """The progress of every trial that has a file, the longest running one first."""
        keys = [name.removesuffix(".json") for name in self.folder.names() if name.endswith(".json")]
        found = [progress for key in keys if (progress := self.read(key)) is not None]
        return sorted(found, key=lambda progress: (-progress.seconds, progress.name))

    def remove(self, key: str) -> None:
        """Remove the file of a trial that has ended."""
        self.folder.remove(f"{key}.json")

    def clear(self) -> None:
        """Remove all files, when no trial runs."""
        for name in self.folder.names():
            self.folder.remove(name)
