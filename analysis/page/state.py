"""The results of a run for a live page, computed in a thread whenever the ledger has new records."""

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sweeper.errors import SweeperError
from sweeper.files.folder import Folder
from sweeper.files.serialize import plain
from sweeper.run.ledger import Ledger
from sweeper.run.run import Run
from sweeper.space import Space

from ..results.contrasts import contrast_table
from ..results.load import load
from ..results.results import results_of_run
from ..results.robustness import robustness
from .data import PageSource, page_data, to_json

logger = logging.getLogger(__name__)

LOCAL_PAUSE, REMOTE_PAUSE = 2.0, 10.0
"""Seconds between two looks at a ledger in a local folder and in a remote store."""
LIVE_PAUSE = 3.0
"""Seconds for which a state that was read from a remote store is used again."""
SHARE = 3.0
"""After a computation, the thread rests this many times as long: the machine belongs to the sweep."""
NUM_LOST = 50
"""Number of lost trials whose tracebacks are read."""


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """The results at one moment."""

    version: str = ""
    """Different for different data; "" before there are any."""
    data: bytes | None = None
    """The content of `report.json`."""
    message: str = "The results are being computed for the first time."
    """What a reader has to know of these results, "" if there is nothing."""


class LiveRun:
    """A run folder whose results are kept up to date while somebody looks at them. Requests never wait for them."""

    def __init__(self, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.url = url
        # A request does not wait for a store that cannot be reached; the thread that reads the ledger does.
        self._run = Run(Folder(url, patience=0.0))
        self._clock = clock
        self._latest = Snapshot()
        self._seen: tuple[Space, tuple[str, ...]] | None = None
        """The space and the names of the records behind the latest results."""
        self._due = 0.0
        self._lock = threading.Lock()
        self._worker: threading.Thread | None = None
        self._live: tuple[float, dict[str, Any] | None] | None = None

    @property
    def title(self) -> str:
        """The title of the space. Raises UserError if the folder is not a run folder."""
        space = self._run.space
        return space.title or space.name

    @property
    def latest(self) -> Snapshot:
        """The latest results. Starts a look at the ledger in a thread, if one is due."""
        with self._lock:
            is_idle = self._worker is None or not self._worker.is_alive()
            if is_idle and self._clock() >= self._due:
                self._worker = threading.Thread(target=self._work, name=f"results of {self.url}", daemon=True)
                self._worker.start()
        return self._latest

    def news(self) -> dict[str, Any]:
        """The state of the sweep with its age in seconds, and the version of the results, as JSON values."""
        latest, live = self.latest, self._live_state()
        age = None
        if live is not None:
            written = datetime.fromisoformat(live["written"])
            age = max(0.0, (datetime.now(UTC) - written).total_seconds())
        return {"live": live, "age": age, "report": {"version": latest.version, "message": latest.message}}

    def update(self) -> None:
        """Compute the results if the ledger has changed since the last call."""
        ledger = self._run.ledger
        # Before the records are read: one that is written meanwhile is new in the next look.
        seen = (self._run.space, (*ledger.record_names(), *ledger.attempts()))
        if seen != self._seen:
            data = to_json(page_data(_source(self.url)))
            self._seen = seen
            self._latest = Snapshot(version=hashlib.sha256(data).hexdigest()[:16], data=data, message="")
        elif self._latest.message:
            self._latest = replace(self._latest, message="")

    def _work(self) -> None:
        started = self._clock()
        try:
            self.update()
        except (SweeperError, OSError) as error:
            self._report(str(error))
        except Exception as error:
            # The ledger may change while it is read; the next look reads it again.
            logger.exception("The results of %s cannot be computed.", self.url)
            self._report(f"{type(error).__name__}: {error}")
        pause = LOCAL_PAUSE if self._run.folder.local else REMOTE_PAUSE
        self._due = self._clock() + max(pause, SHARE * (self._clock() - started))

    def _report(self, reason: str) -> None:
        self._latest = replace(self._latest, message=f"The results cannot be updated: {reason}")

    def _live_state(self) -> dict[str, Any] | None:
        now = self._clock()
        is_recent = self._live is not None and not self._run.folder.local and now < self._live[0] + LIVE_PAUSE
        if self._live is None or not is_recent:
            try:
                state = self._run.live.read()
                self._live = now, None if state is None else plain(state)
            except OSError as error:
                logger.info("The state of the sweep cannot be read: %s", error)
                self._live = now, self._live[1] if self._live else None
        return self._live[1]


def _source(url: str) -> PageSource:
    """The results of a run, without any while it has no score."""
    data = load(url)
    finished = {record.key for record in data.trainings}
    lost = dict(_lost(Run.at(url).ledger, finished))
    if data.table.empty:
        return PageSource(data=data, results=(), run=url, lost=lost)
    return PageSource(
        data=data,
        results=results_of_run(data),
        contrasts=contrast_table(data) if data.space.contrasts else None,
        conditions=robustness(data),
        run=url,
        lost=lost,
    )


def _lost(ledger: Ledger, finished: set[str]) -> Iterator[tuple[str, str]]:
    """Key and last line of the traceback of each trial that has a traceback and no record."""
    for key in [key for key in ledger.attempts() if key not in finished][:NUM_LOST]:
        lines = ledger.traceback(key).strip().splitlines()
        yield key, lines[-1] if lines else "empty traceback"
