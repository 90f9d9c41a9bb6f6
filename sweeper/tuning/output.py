"""Output of a sweep, which continues when its terminal is closed or the disk of its log is full."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO


class TolerantStream:
    """A text stream whose failures are reported once to another stream and otherwise ignored."""

    def __init__(self, stream: TextIO, other: TextIO) -> None:
        self._stream = stream
        self._other = other
        self.failed = False

    def write(self, text: str) -> int:
        """Write text. Returns its length even if it cannot be written."""
        try:
            return self._stream.write(text)
        except (OSError, ValueError) as error:  # ValueError: the stream is closed, or cannot encode the text
            self._report(error)
            return len(text)

    def flush(self) -> None:
        """Flush the stream, if possible."""
        try:
            self._stream.flush()
        except (OSError, ValueError) as error:
            self._report(error)

    def __getattr__(self, name: str) -> Any:
        """Every other attribute of the stream."""
        return getattr(self._stream, name)

    def _report(self, error: Exception) -> None:
        if not self.failed:
            self.failed = True
            with suppress(OSError, ValueError):
                self._other.write(
                    f"Output cannot be written ({error}). The sweep continues; `sweeper status` shows its progress.\n"
                )
                self._other.flush()


@contextmanager
def tolerant_output() -> Iterator[None]:
    """Inside the block, failures to write to stdout or stderr are reported once and otherwise ignored."""
    out, err = sys.stdout, sys.stderr
    streams = TolerantStream(out, err), TolerantStream(err, out)
    sys.stdout, sys.stderr = streams
    try:
        yield
    finally:
        sys.stdout, sys.stderr = out, err
        for stream in streams:
            stream.flush()
            if stream.failed:
                _discard_rest(stream)


def _discard_rest(stream: TolerantStream) -> None:
    """Redirect a stream to /dev/null. Otherwise Python would exit with code 120 because it cannot flush the stream."""
    with suppress(OSError, ValueError):  # a stream without a file descriptor
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)
