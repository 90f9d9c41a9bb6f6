"""Ctrl-C, SIGTERM and SIGHUP as one request to stop, which ends the process even if a library blocks it."""

import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Thread
from typing import Any, NoReturn

from sweeper.errors import ExitCode
from sweeper.tuning.processes import kill_descendants

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
STOPPED = "Stopped before the end. The same command continues the sweep."
GRACE = 5.0
"""Seconds after a request in which the process ends in order; then it ends at once."""
SHOW_CURSOR = "\x1b[?25h\n"
"""Characters that show the cursor, which the live display of a terminal hides."""
SAME_REQUEST = 1.0
"""Seconds in which further signals belong to the same request: `timeout` signals the process, then its group."""


@dataclass
class Halt:
    """Whether a sweep must start no further trial."""

    requested: bool = False
    """Whether the user, or a cluster that takes its machine back, has requested a stop."""
    is_replaced: bool = False
    """Whether another driver has continued the sweep."""


@contextmanager
def halting() -> Iterator[Halt]:
    """Raise KeyboardInterrupt on the first stop signal, and record the request. Works in the main thread only.

    The signals are SIGINT, SIGTERM and, unless it is ignored (`nohup`), SIGHUP. If the block has not ended after
    GRACE seconds, or if a signal follows later than SAME_REQUEST, the process ends at once with exit code 130: the main
    thread may wait for a process of Ray that the signal has ended too.

    Inside a destructor or a callback of compiled code, Python cannot raise exceptions and prints a traceback instead.
    This traceback is suppressed; the request is recorded all the same.
    """
    halt = Halt()
    previous_hook = sys.unraisablehook

    def interrupt(*_: Any) -> None:
        # Another exception would interrupt the work that the first one has caused, such as ending Ray.
        is_first, halt.requested = not halt.requested, True
        if is_first:
            raise KeyboardInterrupt

    def report(unraisable: "sys.UnraisableHookArgs") -> None:
        if not (halt.requested and unraisable.exc_type is KeyboardInterrupt):
            previous_hook(unraisable)

    numbers = [number for number in STOP_SIGNALS if number != signal.SIGHUP or not _is_ignored(number)]
    with _alarm(numbers):
        sys.unraisablehook = report
        handlers = {number: signal.signal(number, interrupt) for number in numbers}
        try:
            yield halt
        finally:
            sys.unraisablehook = previous_hook
            for number, handler in handlers.items():
                signal.signal(number, handler)


def leave(code: int) -> NoReturn:
    """End the process without waiting for threads of Ray, whose processes may be dead."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # closed, or its disk is full
            stream.flush()
    os._exit(code)


def _is_ignored(number: signal.Signals) -> bool:
    return signal.getsignal(number) == signal.SIG_IGN


@contextmanager
def _alarm(numbers: list[signal.Signals]) -> Iterator[None]:
    """End the process some time after a stop signal that arrives in the block, unless the block ends before.

    A thread waits for the signals, because the main thread handles none while it is in compiled code.
    """
    receiver, sender = socket.socketpair()
    sender.setblocking(False)
    previous = signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False)
    thread = Thread(target=_wait_for_end, args=(receiver, numbers), name="halt", daemon=True)
    thread.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(previous)
        sender.close()  # ends the thread
        thread.join()
        receiver.close()


def _wait_for_end(receiver: socket.socket, numbers: list[signal.Signals]) -> None:
    if not _signalled(receiver, numbers, None):
        return
    first = time.monotonic()
    while (left := first + GRACE - time.monotonic()) > 0:
        try:
            signalled = _signalled(receiver, numbers, left)
        except TimeoutError:
            break
        if not signalled:
            return  # the block has ended
        if time.monotonic() > first + SAME_REQUEST:
            break
    kill_descendants()
    # Not with `print`: the main thread may hold the lock of the stream.
    with suppress(OSError):
        os.write(1, f"{SHOW_CURSOR if os.isatty(1) else ''}{STOPPED}\n".encode())
    os._exit(ExitCode.INTERRUPTED)


def _signalled(receiver: socket.socket, numbers: list[signal.Signals], timeout: float | None) -> bool:
    """Wait for one of the signals. Returns whether one has arrived; False: the other end of the socket was closed."""
    receiver.settimeout(timeout)
    while data := receiver.recv(1):
        if data[0] in numbers:
            return True
    return False
