"""Importing analysis and search_spaces under both of their names, also if a folder of the user hides them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sources import ROOT

pytestmark = pytest.mark.seconds

COMPARE = """
import sys
import analysis, search_spaces.tiny
import sweeper
from sweeper import analysis as second, search_spaces as spaces
import sweeper.search_spaces.tiny
from sweeper.search_spaces.tiny import SPACE
assert second is analysis is sys.modules["sweeper.analysis"]
assert spaces is search_spaces
assert SPACE is search_spaces.tiny.SPACE
assert sweeper.search_spaces.tiny is search_spaces.tiny
assert search_spaces.tiny.__spec__.name == "search_spaces.tiny"
"""

HIDDEN = """
import analysis, search_spaces
assert analysis.OWNER == "user"
from sweeper import analysis as installed, search_spaces as spaces
from sweeper.search_spaces.tiny import SPACE
assert installed is not analysis
assert "tiny" in spaces.shipped() and SPACE.name == "tiny"
assert analysis.OWNER == "user"
"""


def python(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run Python in a folder that comes first on the import path, as in a notebook; the project comes second."""
    path = os.pathsep.join([str(folder), str(ROOT)])
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(params=["package", "module"])
def project(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A user's project with its own `analysis` and `search_spaces`."""
    for name in ("analysis", "search_spaces"):
        file = tmp_path / name / "__init__.py" if request.param == "package" else tmp_path / f"{name}.py"
        file.parent.mkdir(exist_ok=True)
        file.write_text('OWNER = "user"\n')
    return tmp_path


def test_both_names_refer_to_the_same_module_objects_if_nothing_hides_the_packages(tmp_path: Path) -> None:
    process = python(tmp_path, "-c", COMPARE)
    assert process.returncode == 0, process.stderr


def test_sweeper_imports_both_installed_packages_if_folders_of_the_user_hide_them(project: Path) -> None:
    process = python(project, "-c", HIDDEN)
    assert process.returncode == 0, process.stderr


def test_the_command_line_finds_the_shipped_spaces_if_a_folder_of_the_user_hides_them(project: Path) -> None:
    process = python(project, "-m", "sweeper", "plan", "tiny", "--json")
    assert process.returncode == 0, process.stderr


def test_the_report_command_finds_the_installed_analysis_if_a_folder_of_the_user_hides_it(project: Path) -> None:
    process = python(project, "-m", "sweeper", "report", "nowhere")
    assert process.returncode == 2
    assert "nowhere is not a run folder" in process.stderr
