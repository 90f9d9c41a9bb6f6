"""Fixtures that several test packages share."""

import gc
import os
import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests.session import VARIABLE

if TYPE_CHECKING:
    from tests.runs import Call
    from tests.worlds import TrialFolders


# The same examples in every run, without limits of time, which a busy machine would exceed.
settings.register_profile("project", deadline=None, derandomize=True, database=None)
settings.load_profile("project")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--sample", metavar="K/N", help="run every N-th of the selected tests, starting with test K (0 to N-1)"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Make the folder of this test session. The processes of pytest-xdist inherit it from the first one."""
    if VARIABLE not in os.environ:
        folder = os.environ[VARIABLE] = tempfile.mkdtemp(prefix="sweeper-tests-")
        config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark the tests that write the records of a run and compute its results."""
    if {"make_run", "full_run", "full_report"} & set(getattr(item, "fixturenames", ())):
        item.add_marker("seconds")


@pytest.hookimpl(trylast=True)  # after the selection by markers
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run the files with the most slow tests first, so that the two processes of `make test` end at the same time."""
    if config.option.sample:
        first, step = map(int, config.option.sample.split("/"))
        items[:] = items[first::step]
    num_slow = Counter(item.path for item in items if item.get_closest_marker("slow"))
    items.sort(key=lambda item: -num_slow[item.path])


def pytest_collection_finish() -> None:
    """Exclude the objects of the imported libraries from garbage collection, in which every test would search them."""
    gc.collect()
    gc.freeze()


def _named_folder(variable: str, content: str) -> Path:
    """The folder that an environment variable names. Skips the test if the variable is not set."""
    path = os.environ.get(variable, "")
    if not path:
        pytest.skip(f"{variable} does not name {content}")
    return Path(path).resolve()


@pytest.fixture(scope="session")
def mirror() -> Path:
    """The mirror of real data sets that SWEEPER_MIRROR names; without it, the test is skipped."""
    return _named_folder("SWEEPER_MIRROR", "a mirror of real data sets")


@pytest.fixture(scope="session")
def xtreme() -> Path:
    """The checkout of google-research/xtreme that XTREME_DIR names; without it, the test is skipped."""
    return _named_folder("XTREME_DIR", "a checkout of google-research/xtreme")


@pytest.fixture(scope="session")
def demo_world() -> Path:
    """The generated world of `tiny`: data sets and encoders."""
    from tests.runs import world

    return world()


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for tokenised data that all tests share."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def folders(demo_world: Path, tmp_path: Path, shared_cache: Path) -> "TrialFolders":
    """Folders for the trials of one test, with the shared world and cache."""
    from tests.worlds import TrialFolders

    return TrialFolders(demo_world, tmp_path, shared_cache)


@pytest.fixture
def private_folders(demo_world: Path, tmp_path: Path) -> "TrialFolders":
    """Folders for the trials of one test, with a copy of the world and a cache that the test may modify."""
    from tests.worlds import TrialFolders

    shutil.copytree(demo_world, tmp_path / "world")
    return TrialFolders(tmp_path / "world", tmp_path, tmp_path / "cache")


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> "Call":
    """Runs a command in this process, in an empty folder."""
    from sweeper.cli import main
    from sweeper.cli.output import PIPE_WIDTH, out
    from tests.runs import CommandResult

    monkeypatch.chdir(tmp_path)
    # The width of the console is decided when its module is imported, which can be in any test.
    monkeypatch.setattr(out, "width", PIPE_WIDTH)
    for name in ("MIRROR", "STORE", "CACHE"):
        monkeypatch.delenv(f"SWEEPER_{name}", raising=False)

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
