"""Every file and every command of docs/guide.md, in order, in an empty folder."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).parent.parent
GUIDE = (ROOT / "docs" / "guide.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w*) ?(\S*)\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)
PROGRAMS = {"python": [sys.executable], "sweeper": [sys.executable, "-m", "sweeper"]}


def steps(page: str) -> list[tuple[str, str]]:
    """(file name, content) of each file, and ("", command) of each command, in the order of the page.

    A file is a block with a file name behind the language; a command is a line of a block of the language `sh`.
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
    env = {**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1", "COLUMNS": "120"}
    for name, content in steps(page):
        if name:
            (folder / name).write_text(content, encoding="utf-8")
            continue
        program, *arguments = shlex.split(content)
        done = subprocess.run(
            [*PROGRAMS[program], *arguments], cwd=folder, env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"`{content}` ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"


def test_files_and_commands_of_a_page_are_read_in_its_order() -> None:
    page = "```\ntext,label\n```\n\n```python a.py\nprint(1)\n```\n\n```sh\npython a.py\nsweeper tasks\n```\n"
    assert steps(page) == [("a.py", "print(1)\n"), ("", "python a.py"), ("", "sweeper tasks")]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_guide_goes_from_csv_files_to_the_figure_that_it_describes(tmp_path: Path) -> None:
    perform(tmp_path, GUIDE)
    assert (tmp_path / "figure.png").stat().st_size > 0
    scores = pd.read_csv(tmp_path / "runs" / "study" / "report" / "languages.csv")
    german = scores[scores.language == "de"].set_index("recipe")["mean"]
    # The page says that the word list closes the gap and that the control does not; chance is 50.
    assert german["words"] > 90
    assert german["baseline"] < 75
    assert german["shuffled"] < 75
