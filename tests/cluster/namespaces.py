"""Namespaces of this machine in which the tests of clusters make their nodes."""

import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from shutil import rmtree, which

import pytest

NAMESPACES = ("unshare", "--net", "--mount", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc")
"""A command that runs the command after it in namespaces of its own."""


@cache
def no_namespaces(tools: Sequence[str]) -> str:
    """The reason why nodes with these tools cannot be made here; "" if they can."""
    absent = [tool for tool in tools if which(tool, path=f"{os.environ['PATH']}:/usr/sbin:/sbin") is None]
    if absent:
        return f"needs {', '.join(absent)}"
    if os.geteuid():
        return "needs root for namespaces"
    made = subprocess.run([*NAMESPACES, "true"], check=False, stderr=subprocess.DEVNULL)
    return "" if made.returncode == 0 else "needs the right to make namespaces"


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder with a short path: the paths of Ray's sockets have at most 107 characters."""
    folder = Path(tempfile.mkdtemp(prefix="sl", dir="/tmp"))
    yield folder
    rmtree(folder, ignore_errors=True)
