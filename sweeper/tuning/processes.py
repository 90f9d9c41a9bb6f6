"""The processes that descend from this one, such as those of a local Ray, and how to end them."""

import os
import signal
from contextlib import suppress
from pathlib import Path


def kill_descendants() -> None:
    """Kill all processes that this process has started, directly or indirectly. Does nothing without /proc."""
    # Parents come first: a dead parent starts no other process.
    for pid in descendants(os.getpid()):
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def descendants(pid: int) -> list[int]:
    """Ids of the children of a process and of their descendants, parents before children."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # the process has ended
            parent = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            children.setdefault(parent, []).append(int(entry.name))
    found = list(children.get(pid, ()))
    for child in found:  # the list grows in the loop
        found += children.get(child, ())
    return found
