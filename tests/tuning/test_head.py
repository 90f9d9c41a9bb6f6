"""The driver ends with a message when the head of its cluster does not answer."""

import socket
import threading
from typing import NoReturn

import pytest

from sweeper.tuning import head


class LeftError(Exception):
    """The process would have ended."""


def leave(code: int) -> NoReturn:
    raise LeftError(code)


def test_a_driver_whose_head_does_not_answer_any_more_says_how_the_sweep_continues(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(head, "PAUSE", 0.01)
    monkeypatch.setattr(head, "leave", leave)
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(100)
        address, ended = f"127.0.0.1:{server.getsockname()[1]}", threading.Event()
        threading.Timer(0.2, ended.set).start()
        head._watch(address, ended, 0.05)
        assert capsys.readouterr().err == "", "the head answers"
    with pytest.raises(LeftError, match="3"):
        head._watch(address, threading.Event(), 0.05)
    assert "On a new head, the same command continues the sweep." in capsys.readouterr().err
