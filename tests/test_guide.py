"""The files and commands that documents show: docs/guide.md runs as a whole, the spaces of the README are planned."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from sweeper.formats.table import check_tasks
from sweeper.tasks.catalog import CATALOG
from sweeper.tasks.spec import Rows, Task

ROOT = Path(__file__).parent.parent
GUIDE = (ROOT / "docs" / "guide.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w*) ?(\S*)\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)
PROGRAMS = {"python": [sys.executable], "sweeper": [sys.executable, "-m", "sweeper"]}


def steps(page: str) -> list[tuple[str, str]]:
    """(file name, content) of each file, and ("", command) of each command, in the order of the page.

    A file is a block with a file name after the language; a command is a line of a block of the language `sh`.
    """
    pieces: list[tuple[str, str]] = []
    for language, name, content in BLOCK.findall(page):
        if name:
            pieces.append((name, content))
        elif language == "sh":
            pieces += [("", line) for line in content.splitlines()]
    return pieces


def perform(folder: Path, page: str) -> None:
    """Write the files of a page into a folder, and run its commands there."""
    for name, content in steps(page):
        if name:
            (folder / name).write_text(content, encoding="utf-8")
        else:
            execute(folder, content)


def execute(folder: Path, command: str) -> str:
    """Run a command in a folder and return its output; fail if its exit code is not 0."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1", "COLUMNS": "120"}
    program, *arguments = shlex.split(command)
    done = subprocess.run(
        [*PROGRAMS[program], *arguments], cwd=folder, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"`{command}` ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_files_and_commands_of_a_page_are_read_in_its_order() -> None:
    page = "```\ntext,label\n```\n\n```python a.py\nprint(1)\n```\n\n```sh\npython a.py\nsweeper tasks\n```\n"
    assert steps(page) == [("a.py", "print(1)\n"), ("", "python a.py"), ("", "sweeper tasks")]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_guide_goes_from_csv_files_to_the_figure_that_it_describes(tmp_path: Path) -> None:
    perform(tmp_path, GUIDE)
    assert (tmp_path / "figure.png").stat().st_size > 0
    scores = pd.read_csv(tmp_path / "runs" / "study" / "report" / "languages.csv")
    translated = scores[(scores.target == "reviews") & (scores.language == "xf")].set_index("recipe")["score"]
    # The page says that the word list closes the gap and that the control does not.
    assert translated["pairs"] > 90
    assert translated["baseline"] < translated["pairs"] - 10
    assert translated["order"] < translated["pairs"] - 10


def test_the_guide_needs_at_most_eight_commands_and_twenty_typed_lines_from_data_to_report() -> None:
    commands = [content for name, content in steps(GUIDE) if not name]
    commands = commands[commands.index("python make_data.py") + 1 : commands.index("sweeper report runs/study") + 1]
    lines = [line for line in dict(steps(GUIDE))["study.py"].splitlines() if line]
    assert len(commands) <= 8
    assert len(lines) <= 20


@pytest.mark.parametrize(("name", "content"), [step for step in steps(README) if step[0]], ids=lambda text: text[:12])
def test_a_space_in_the_readme_can_be_planned_as_written(name: str, content: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    assert "baseline" in execute(tmp_path, f"sweeper plan {name}")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_first_space_of_the_readme_runs_without_data(tmp_path: Path) -> None:
    content = dict(steps(README))["first.py"]
    (tmp_path / "first.py").write_text(content, encoding="utf-8")
    execute(tmp_path, "sweeper run first.py --set seeds=1")
    assert (tmp_path / "runs" / "first" / "ledger").is_dir()


def test_the_task_that_the_page_for_contributors_adds_is_valid() -> None:
    (code,) = re.findall(r"^```python\n(Task\(.*?)^```$", CONTRIBUTING, flags=re.MULTILINE | re.DOTALL)
    task = eval(code, {"Task": Task, "Rows": Rows})  # The page is part of this repository.
    assert task.name not in CATALOG, "The page shows how to add a task, so it must not be in the catalog."
    check_tasks([task])


def test_a_question_of_ones_own_is_a_space_file_of_at_most_twenty_lines() -> None:
    files = dict(steps(GUIDE))
    lines = [line for line in files["question.py"].splitlines() if line.strip()]
    assert len(lines) <= 20
