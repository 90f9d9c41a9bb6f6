"""Reads the progress of running trials in a thread, so that a slow store does not hold up the sweep."""

import logging
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress

from sweeper.records.progress import TrialProgress
from sweeper.run.progress import ProgressFolder

logger = logging.getLogger(__name__)

LOCAL_PAUSE, REMOTE_PAUSE = 1.0, 10.0
"""Seconds between two readings of progress files in a local folder and in a remote store."""


class Follower:
    """The progress of running trials as last read. A thread reads it; the sweep only asks for the news."""

    def __init__(self, folder: ProgressFolder) -> None:
        self._folder = folder
        self._followed: frozenset[str] = frozenset()
        self._ended: set[str] = set()
        self._read: dict[str, TrialProgress] = {}
        self._told: dict[str, float] = {}
        """Key -> time of writing of the progress that `news` has returned last."""

    def follow(self, keys: Iterable[str]) -> None:
        """Set the keys of the trials that run now."""
        self._followed = frozenset(keys)

    def drop(self, key: str) -> None:
        """Have the file of a trial removed whose worker cannot do that any more."""
        self._ended.add(key)

    def news(self) -> list[TrialProgress]:
        """The progress of followed trials that was written since the last call."""
        latest = [progress for key, progress in list(self._read.items()) if key in self._followed]
        new = [progress for progress in latest if progress.written != self._told.get(progress.key)]
        self._told = {progress.key: progress.written for progress in latest}
        return new

    def read(self) -> None:
        """Read the files of the followed trials once."""
        followed = self._followed
        try:
            while self._ended:
                self._folder.remove(self._ended.pop())
            found = {key: self._folder.read(key) for key in followed}
            self._read = {key: progress for key, progress in found.items() if progress is not None}
        except Exception as error:  # noqa: BLE001  no sweep depends on a file that only displays read
            logger.debug("The progress of trials cannot be read: %s", error)


@contextmanager
def following(folder: ProgressFolder) -> Iterator[Follower]:
    """A follower whose thread reads until the block ends. Removes all files at the start and at the end.

    An earlier sweep can have left files, and a stop request ends workers before they remove theirs.
    """
    follower, ended = Follower(folder), threading.Event()
    pause = LOCAL_PAUSE if folder.is_local else REMOTE_PAUSE

    def read_until_end() -> None:
        with suppress(Exception):
            folder.clear()
        while not ended.wait(pause):
            follower.read()
        with suppress(Exception):
            folder.clear()

    thread = threading.Thread(target=read_until_end, daemon=True)
    thread.start()
    try:
        yield follower
    finally:
        ended.set()
        thread.join(pause)
