"""A wish to halt is remembered wherever it arrives."""

import signal
import sys

import pytest

from sweeper.tuning.halt import halting


class Deaf:
    """Is interrupted where Python cannot raise anything."""

    def __del__(self) -> None:
        signal.raise_signal(signal.SIGINT)


def test_an_interrupt_that_cannot_be_raised_is_remembered_without_a_word(capsys: pytest.CaptureFixture[str]) -> None:
    with halting() as halt:
        deaf = Deaf()
        del deaf
        assert halt.requested
    assert capsys.readouterr().err == ""


def test_what_else_cannot_be_raised_is_told_as_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def __del__(self) -> None:
            raise ValueError

    told: list[type[BaseException]] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: told.append(unraisable.exc_type))
    with halting():
        broken = Broken()
        del broken
    assert told == [ValueError]
