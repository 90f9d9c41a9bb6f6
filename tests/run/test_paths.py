"""Only the modules of the run folder contain names of files and folders inside it."""

import ast
from collections.abc import Iterator

import pytest

from tests.sources import TREES, string_texts

RUN_MODULES = ("sweeper.run.run", "sweeper.run.site", "sweeper.run.ledger", "sweeper.run.live", "sweeper.run.lease")
"""The only modules that may contain names of files and folders inside a run folder."""
RUN_FILES = {"space.json", "site.json", "options.json", "optuna.journal", "live.json", "driver.json"}
RUN_FOLDERS = {
    *("ledger", "trainings", "scores", "outcomes", "dynamics", "attempts", "encoders", "checkpoints", "progress"),
    "logs",
}
PATH_FUNCTIONS = {
    *("Path", "Folder", "child", "join", "joinpath", "glob", "rglob", "exists", "read", "write", "removesuffix"),
}
"""Functions whose arguments are paths, or parts of paths."""


def strings(tree: ast.AST) -> Iterator[tuple[str, int, bool]]:
    """The text of each string of a module except docstrings, its line, and whether it is used as a path.

    A string is used as a path if it is an operand of `/` or an argument of one of PATH_FUNCTIONS.
    """
    used_as_path = {id(node) for parent in ast.walk(tree) for node in path_operands(parent)}
    for node, text in string_texts(tree):
        yield text, node.lineno, id(node) in used_as_path


def path_operands(node: ast.AST) -> list[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        return [node.left, node.right]
    if isinstance(node, ast.Call):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        return node.args if name in PATH_FUNCTIONS else []
    return []


def is_run_path(text: str, used_as_path: bool) -> bool:
    """Whether a string is a path inside a run folder, or a part of one. Text with white space is a message."""
    components = set(text.split("/"))
    if any(character.isspace() for character in text):
        return False
    is_folder = ("/" in text or used_as_path) and not components.isdisjoint(RUN_FOLDERS)
    return is_folder or not components.isdisjoint(RUN_FILES)


CODE = '''
"""ledger/trainings"""
def site(run, key):
    """checkpoints/"""
    paths = [f"{run}/ledger", run / "outcomes", run.child("scores"), f"attempts/{key}.txt", run.url + "/space.json"]
    journal = "optuna.journal"
    print("renamed ledger/trainings to another name", f"see ledger/{key} for the reason")
    return {"scores": paths, "trainings": 3, "checkpoints": journal.split("/")}
'''


def test_messages_docstrings_and_dictionary_keys_are_not_paths_inside_a_run_folder() -> None:
    paths = {text for text, _, use in strings(ast.parse(CODE)) if is_run_path(text, use)}
    assert paths == {"*/ledger", "outcomes", "scores", "attempts/*.txt", "/space.json", "optuna.journal"}


@pytest.mark.parametrize("module", sorted(set(TREES) - set(RUN_MODULES)))
def test_only_the_modules_of_the_run_folder_name_files_inside_it(module: str) -> None:
    paths = [f"line {line}: {text!r}" for text, line, use in strings(TREES[module]) if is_run_path(text, use)]
    assert not paths, f"{module} joins paths inside a run folder ({paths}); use Run, Site, Ledger or EncoderStore."


@pytest.mark.parametrize("module", RUN_MODULES)
def test_the_rule_detects_the_paths_of_each_module_of_the_run_folder(module: str) -> None:
    assert any(is_run_path(text, use) for text, _, use in strings(TREES[module]))
