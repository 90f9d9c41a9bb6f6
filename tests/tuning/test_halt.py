"""A request to stop is recorded wherever the signal arrives."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sweeper.tuning.halt import GRACE, SAME_REQUEST, STOPPED, halting
from tests.runs import ROOT


class Interrupted:
    """Raises the signal in a destructor, where Python cannot raise exceptions."""

    def __del__(self) -> None:
        signal.raise_signal(signal.SIGINT)


def test_an_interrupt_that_cannot_be_raised_is_recorded_silently(capsys: pytest.CaptureFixture[str]) -> None:
    with halting() as halt:
        interrupted = Interrupted()
        del interrupted
        assert halt.requested
    assert capsys.readouterr().err == ""


def test_other_unraisable_exceptions_are_reported_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def __del__(self) -> None:
            raise ValueError

    reported: list[type[BaseException]] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: reported.append(unraisable.exc_type))
    with halting():
        broken = Broken()
        del broken
    assert reported == [ValueError]


STUCK = """
import ctypes, signal
from sweeper.tuning.halt import halting

libc, mutex = ctypes.CDLL(None), ctypes.create_string_buffer(64)
signal.signal(signal.SIGHUP, signal.SIG_IGN)
with halting():
    print("ready", flush=True)
    # The second call waits in compiled code and does not return to Python when a signal arrives.
    libc.pthread_mutex_lock(mutex)
    libc.pthread_mutex_lock(mutex)
"""


def stuck() -> "subprocess.Popen[str]":
    """A process whose main thread is in compiled code that signals do not end."""
    process = subprocess.Popen([sys.executable, "-c", STUCK], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    main_thread = Path(f"/proc/{process.pid}/task/{process.pid}/stat")
    asleep = 0
    while asleep < 10:  # the signal must not arrive before the main thread waits
        asleep = asleep + 1 if main_thread.read_text().rsplit(")", 1)[1].split()[0] == "S" else 0
        time.sleep(0.02)
    return process


def seconds_until_the_end(process: "subprocess.Popen[str]") -> float:
    begin = time.monotonic()
    out, _ = process.communicate(timeout=50)
    assert process.returncode == 130
    assert out == f"{STOPPED}\n"
    return time.monotonic() - begin


def test_a_process_that_is_stuck_in_compiled_code_ends_some_seconds_after_the_signal() -> None:
    process = stuck()
    for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGTERM):  # the first one is ignored, as under nohup
        process.send_signal(number)
    assert GRACE - 1 < seconds_until_the_end(process) < 3 * GRACE


def test_a_later_second_signal_ends_the_process_at_once() -> None:
    process = stuck()
    process.send_signal(signal.SIGINT)
    time.sleep(SAME_REQUEST + 0.2)
    process.send_signal(signal.SIGINT)
    assert seconds_until_the_end(process) < GRACE - 1
