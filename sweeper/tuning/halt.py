"""Ctrl-C and SIGTERM as one wish to halt, which is remembered: a library may swallow the exception that it raises."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


@dataclass
class Halt:
    """Whether the user, or a cluster taking its machine back, has asked to halt."""

    asked: bool = False


@contextmanager
def halting() -> Iterator[Halt]:
    """Raise KeyboardInterrupt on SIGINT and SIGTERM, and remember it. For the main thread.

    Where Python cannot raise it (in a destructor, in a library's compiled code) it is remembered without a word.
    """
    halt = Halt()
    told = sys.unraisablehook

    def interrupt(*_: Any) -> None:
        halt.asked = True
        raise KeyboardInterrupt

    def tell(unraisable: "sys.UnraisableHookArgs") -> None:
        if not (halt.asked and unraisable.exc_type is KeyboardInterrupt):
            told(unraisable)

    sys.unraisablehook = tell
    old = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    # Tune takes SIGINT over while it runs; what comes as SIGTERM must reach it the same way.
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        yield halt
    finally:
        sys.unraisablehook = told
        for number, handler in old.items():
            signal.signal(number, handler)
