"""Ctrl-C and SIGTERM as one request to stop, which is remembered even if a library swallows the exception."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


@dataclass
class Halt:
    """Whether the user, or a cluster that takes its machine back, has requested a stop."""

    requested: bool = False


@contextmanager
def halting() -> Iterator[Halt]:
    """Raise KeyboardInterrupt on SIGINT and SIGTERM, and record the request. Works in the main thread only.

    Python cannot raise it inside a destructor or a callback of compiled code. There it would print a traceback; here
    the request is recorded silently.
    """
    halt = Halt()
    previous_hook = sys.unraisablehook

    def interrupt(*_: Any) -> None:
        halt.requested = True
        raise KeyboardInterrupt

    def report(unraisable: "sys.UnraisableHookArgs") -> None:
        if not (halt.requested and unraisable.exc_type is KeyboardInterrupt):
            previous_hook(unraisable)

    sys.unraisablehook = report
    handlers = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    # Tune replaces the handler of SIGINT while it runs, and a SIGTERM must take the same way.
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        yield halt
    finally:
        sys.unraisablehook = previous_hook
        for number, handler in handlers.items():
            signal.signal(number, handler)
