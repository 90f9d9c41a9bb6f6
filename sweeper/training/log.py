"""The log file of a trial: messages of this package, warnings of libraries, and the traceback of a failure."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sweeper.files.draft import draft_path
from sweeper.files.leftovers import locked_folder
from sweeper.run.logs import LARGEST_LOG, LogFolder, shortened

SOURCES = ("sweeper", "transformers", "py.warnings")
"""Loggers whose messages the log contains."""
LINE = "%(asctime)s %(levelname)s %(name)s: %(message)s"
FIRST_UPLOAD, UPLOAD_EVERY = 5.0, 30.0
"""Seconds from the start of a trial to the first upload of its log to a remote store, and between two uploads."""
LONGEST_UPLOAD = 30.0
"""Seconds that the end of a trial waits for the upload of its log to a remote store."""

logger = logging.getLogger(__name__)


class LogFile(logging.FileHandler):
    """A log file that no trial depends on: after an error of the disk nothing more is written."""

    problem = ""
    """A message, if the file could not be written."""
    limit = LARGEST_LOG
    """`LogFolder.limit`."""

    def emit(self, record: logging.LogRecord) -> None:
        """Append a message. The middle of a file that gets too large is cut out, for example of equal warnings."""
        super().emit(record)
        if self.stream and not self.problem and self.stream.tell() > self.limit:
            self._shorten()

    def _shorten(self) -> None:
        """Replace the file by a shorter one, at once for readers."""
        path = Path(self.baseFilename)
        draft = draft_path(path)
        try:
            draft.write_bytes(shortened(path.read_bytes(), self.limit))
            self.close()
            draft.replace(path)
            self.stream = self._open()
        except OSError:
            self._stop()
        finally:
            draft.unlink(missing_ok=True)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  the name of logging
        """Remember the problem instead of printing a traceback for each message."""
        self._stop()

    def _stop(self) -> None:
        """Write nothing more."""
        self.problem = f"Logs of trials cannot be written to {self.baseFilename}."
        self.setLevel(logging.CRITICAL + 1)

    def close(self) -> None:
        """Close the file. On a full disk this fails again, because the stream still has the last message."""
        try:
            super().close()
        except OSError as error:
            self.problem = self.problem or f"Logs of trials cannot be written: {error}."


@contextmanager
def trial_log(key: str, logs: LogFolder, *, verbose: bool = False) -> Iterator[list[str]]:
    """Write the messages of this process to the log of a trial. An exception is logged with its traceback.

    Yields a list that has the problems of the log at the end. In a remote store the file is replaced every
    UPLOAD_EVERY seconds.
    """
    problems: list[str] = []
    with locked_folder("sweeper-log-") as scratch:
        draft = scratch / "log"
        handler = _open(logs, key, draft, problems)
        upload = None if logs.folder.local else _Upload(logs, key, draft)
        try:
            with _attached(handler, logging.DEBUG if verbose else logging.INFO):
                yield problems
        finally:
            handler.close()
            problems += [handler.problem] if isinstance(handler, LogFile) and handler.problem else []
            problems += [problem] if upload and (problem := upload.end()) else []


def _open(logs: LogFolder, key: str, draft: Path, problems: list[str]) -> logging.Handler:
    """The handler that writes the log: to its file, or to a draft for a remote store, or to nothing after an error."""
    try:
        handler = LogFile(logs.local_file(key) or draft, encoding="utf-8")
    except OSError as error:
        problems.append(f"Logs of trials cannot be written: {error}.")
        return logging.NullHandler()
    handler.limit = logs.limit
    handler.setFormatter(logging.Formatter(LINE))
    return handler


@contextmanager
def _attached(handler: logging.Handler, level: int) -> Iterator[None]:
    """Send the messages of SOURCES from this level on to a handler."""
    package = logging.getLogger("sweeper")
    before = package.level
    package.setLevel(min(level, package.getEffectiveLevel()))
    handler.setLevel(level)
    for name in SOURCES:
        logging.getLogger(name).addHandler(handler)
    logging.captureWarnings(True)
    try:
        yield
    except BaseException:
        logger.exception("The trial ended with an error.")
        raise
    finally:
        logging.captureWarnings(False)
        for name in SOURCES:
            logging.getLogger(name).removeHandler(handler)
        package.setLevel(before)


class _Upload:
    """Uploads the log of a running trial to a remote store in a thread, as long as it grows."""

    def __init__(self, logs: LogFolder, key: str, draft: Path) -> None:
        self._logs = logs
        self._key = key
        self._draft = draft
        self._earlier: bytes | None = None
        """The log of earlier attempts, once it has been read."""
        self._uploaded = b""
        self._problem = ""
        self._has_ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def end(self) -> str:
        """Upload the rest, in a limited time: a worker must get to its next trial. Returns a problem, or ""."""
        self._has_ended.set()
        self._thread.join(LONGEST_UPLOAD)
        if self._thread.is_alive():
            return f"Logs of trials may be incomplete: an upload did not end in {LONGEST_UPLOAD:.0f} seconds."
        return self._problem

    def _run(self) -> None:
        pause = FIRST_UPLOAD
        while not self._has_ended.wait(pause):
            self._attempt()
            pause = UPLOAD_EVERY
        self._attempt()

    def _attempt(self) -> None:
        try:
            self._upload()
        except Exception as error:  # noqa: BLE001  no trial depends on its log
            self._problem = f"Logs of trials cannot be written: {error}."
        else:
            self._problem = ""

    def _upload(self) -> None:
        # The draft is missing after an upload that took longer than LONGEST_UPLOAD: the log in the store stays.
        log = self._draft.read_bytes() if self._draft.exists() else b""
        if log in (b"", self._uploaded):
            return
        if self._earlier is None:
            self._earlier = self._logs.read(self._key).encode()
        self._logs.write(self._key, self._earlier + log)
        self._uploaded = log
