"""Rules for the text of the source files: docstrings, printing, paths of one machine."""

import ast
from pathlib import Path

import pytest

from tests.sources import ROOT, TREES, is_within

PRINTERS = ("sweeper.cli", "sweeper.tuning.progress", "sweeper.__main__", "analysis.__main__")
"""The only modules that may call `print`."""

MACHINE_PATHS = ("/" + "work" + "/", ".." + "/shared", "/" + "tmp/w/")
"""Folders of the machine on which this project is developed. Only `.ci/run` may name them: it looks for data there."""

SKIPPED_FOLDERS = {
    *(".git", ".venv", ".venv-lowest", ".pip-cache", "runs", "build", "dist", "__pycache__"),
    *(".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis"),
}
TEXT_SUFFIXES = {".py", ".md", ".toml", ".txt", ".yaml", ".yml", ".json", ".cfg", ".html", ".j2", ".sh", ""}


def source_files() -> list[Path]:
    paths = [path for path in ROOT.rglob("*") if path.is_file()]
    return [path for path in paths if not any(map(is_skipped, path.relative_to(ROOT).parts))]


def is_skipped(folder: str) -> bool:
    return folder in SKIPPED_FOLDERS or folder.endswith(".egg-info")


@pytest.mark.parametrize("module", sorted(name for name in TREES if not is_within(name, PRINTERS)))
def test_only_the_command_line_and_the_progress_display_print(module: str) -> None:
    calls = [node for node in ast.walk(TREES[module]) if isinstance(node, ast.Call)]
    lines = [call.lineno for call in calls if isinstance(call.func, ast.Name) and call.func.id == "print"]
    assert not lines, f"{module} prints in lines {lines}; only {PRINTERS} may."


def test_every_python_file_has_a_docstring() -> None:
    without = []
    for path in (path for path in source_files() if path.suffix == ".py"):
        docstring = ast.get_docstring(ast.parse(path.read_text()))
        if not docstring or not docstring.splitlines()[0].strip():
            without.append(str(path.relative_to(ROOT)))
    assert not without, f"These files have no docstring: {without}."


def test_no_file_contains_a_path_of_the_development_machine() -> None:
    matches = [
        f"{path.relative_to(ROOT)}: {word}"
        for path in source_files()
        if path.suffix in TEXT_SUFFIXES and path != ROOT / ".ci" / "run"
        for word in MACHINE_PATHS
        if word in path.read_text(errors="ignore")
    ]
    assert not matches
