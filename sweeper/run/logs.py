"""The log files of a run folder: one for each trial, to which every attempt of the trial appends."""

import re
from dataclasses import dataclass
from pathlib import Path

from sweeper.files.folder import Folder

LARGEST_LOG = 2**20
"""Bytes of the log of a trial with all of its attempts. A trial writes some kilobytes, unless a warning repeats."""
CUT = re.compile(rb"\n\[\.\.\. (\d+) bytes of this log were cut out here \.\.\.\]\n")


@dataclass(frozen=True)
class LogFolder:
    """`KEY.log` for each trial."""

    folder: Folder
    limit: int = LARGEST_LOG
    """Bytes of a log from which on its middle is cut out."""

    def local_file(self, key: str) -> Path | None:
        """The file of a trial, in an existing folder; None in a remote store, which cannot append. Raises OSError."""
        if self.folder.local is None:
            return None
        self.folder.local.mkdir(parents=True, exist_ok=True)
        return self.folder.local / f"{key}.log"

    def write(self, key: str, log: bytes) -> None:
        """Replace the log of a trial in a remote store. Raises OSError."""
        self.folder.write(f"{key}.log", shortened(log, self.limit))

    def read(self, key: str) -> str:
        """The log of a trial; "" if it has none."""
        try:
            return self.folder.read(f"{key}.log").decode(errors="replace")
        except FileNotFoundError:
            return ""

    def path(self, key: str) -> str:
        """The path or URL of a trial's log."""
        return f"{self.folder.url}/{key}.log"


def shortened(log: bytes, limit: int) -> bytes:
    """A log without its middle if it has more than `limit` bytes, with a line that says how much was cut out.

    The first and the last quarter of `limit` remain, so that many lines can follow before the next cut.
    """
    if len(log) <= limit:
        return log
    quarter = limit // 4
    before = CUT.search(log)
    head = log[: before.start() if before else log.rfind(b"\n", 0, quarter) + 1 or quarter]
    rest = log[before.end() if before else len(head) :]
    # Whole lines, unless one line has more than a quarter.
    last = rest[-quarter:]
    tail = last.partition(b"\n")[2] or last
    removed = rest[: len(rest) - len(tail)]
    # An attempt of a trial in a remote store may have been cut itself before it was appended.
    num_cut = len(removed) + sum(map(int, CUT.findall(removed))) + (int(before[1]) if before else 0)
    return head + b"\n[... %d bytes of this log were cut out here ...]\n" % num_cut + tail
