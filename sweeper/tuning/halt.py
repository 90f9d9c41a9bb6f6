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

    Inside a destructor or a callback of compiled code, Python cannot raise exceptions and prints a traceback instead.
    This traceback is suppressed; the request is recorded all the same.
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
    # While Tune runs, it has its own handler of SIGINT. SIGTERM is forwarded to it.
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        yield halt
    finally:
        sys.unraisablehook = previous_hook
        for number, handler in handlers.items():
            signal.signal(number, handler)
