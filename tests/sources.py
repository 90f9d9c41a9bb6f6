"""The source files of the project, parsed: for the tests of its layers and of its text."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGES = ("sweeper", "analysis", "search_spaces")


def _module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


TREES = {
    _module_name(path): ast.parse(path.read_text(), str(path))
    for package in PACKAGES
    for path in sorted((ROOT / package).rglob("*.py"))
}
"""Full name of each module -> its syntax tree."""


def string_texts(tree: ast.AST) -> Iterator[tuple[ast.expr, str]]:
    """Each string expression of a module and its text, without docstrings. `*` replaces each value in an f-string."""
    # A string that is a whole statement is the docstring of a module, class, function or field.
    skipped = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    # The constants inside an f-string are parts of its text.
    skipped |= {id(value) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for value in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr) and id(node) not in skipped:
            yield node, "".join(str(value.value) if isinstance(value, ast.Constant) else "*" for value in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in skipped:
            yield node, node.value


def is_within(module: str, packages: tuple[str, ...]) -> bool:
    """Whether a module is one of these packages and modules, or is inside one of them."""
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def members(package: str, names: set[str]) -> set[str]:
    """The names that are the package itself or inside it."""
    return {name for name in names if is_within(name, (package,))}
