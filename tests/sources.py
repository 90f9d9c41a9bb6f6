"""The source files of the project, parsed: for the tests of its layers and of its text."""

import ast
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


def is_within(module: str, packages: tuple[str, ...]) -> bool:
    """Whether a module is one of these packages and modules, or is inside one of them."""
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def members(package: str, names: set[str]) -> set[str]:
    """The names that are the package itself or inside it."""
    return {name for name in names if is_within(name, (package,))}
