"""Output that cannot be written: it is reported once, and the program ends with its own exit code."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.runs import ROOT

CODE = """
import sys
from rich.console import Console
from sweeper.tuning.output import tolerant_output

console = Console()
with tolerant_output():
    for _ in range(3):
        console.print("a line")
        print("another line", flush=True)
sys.exit(7)
"""
COMMAND = [sys.executable, "-c", CODE]


def test_a_full_disk_under_the_log_is_reported_once_and_otherwise_ignored() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(COMMAND, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 7
    assert done.stderr.splitlines() == [
        "Output cannot be written ([Errno 28] No space left on device). The sweep continues; `sweeper status` shows "
        "its progress."
    ]


def test_a_reader_that_is_gone_is_reported_once_and_otherwise_ignored() -> None:
    with subprocess.Popen(COMMAND, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        err = process.stderr.read()
    assert process.returncode == 7
    assert err.count("Output cannot be written ([Errno 32] Broken pipe)") == 1
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("stream", ["out", "err"])
def test_output_is_unchanged_if_it_can_be_written(stream: str, capfd: pytest.CaptureFixture[str]) -> None:
    from sweeper.tuning.output import tolerant_output

    with tolerant_output():
        print("text", file=getattr(sys, f"std{stream}"))
    assert getattr(capfd.readouterr(), stream) == "text\n"
