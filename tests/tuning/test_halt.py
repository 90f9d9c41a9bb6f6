"""A request to stop is recorded wherever the signal arrives."""

import signal
import sys

import pytest

from sweeper.tuning.halt import halting


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
