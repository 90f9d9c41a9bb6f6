"""A fixture that runs commands in the process of the tests."""

import sys
from pathlib import Path

import pytest

from sweeper.cli import main
from tests.runs import Call, CommandResult


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Call:
    """Runs a command in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run_command(*arguments: str) -> CommandResult:
        monkeypatch.setattr(sys, "argv", ["sweeper", *arguments])
        code: object = 0
        try:
            main()
        except SystemExit as error:
            # The code is None after a normal end of a command.
            code = error.code or 0
        output = capsys.readouterr()
        return CommandResult(code=int(str(code)), out=output.out, err=output.err)

    return run_command
