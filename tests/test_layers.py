"""The shape of the house: imports go down, heavy libraries have one home, nothing wakes before it is needed."""

import ast
import graphlib
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("sweeper", "analysis", "search_spaces")

LAYERS = (
    *("siblings", "errors", "files", "tasks", "scoring", "formats", "space", "records", "run", "data", "world"),
    *("plan", "training", "tuning", "cli", "__main__"),
)
"""Packages and modules of sweeper/, lowest first: each imports itself and those before it."""

ALLOWED = {
    "analysis": ("errors", "files", "tasks", "space", "records", "run", "scoring", "world.tasks", "world.truth"),
    "search_spaces": ("errors", "files", "tasks", "space", "world.tasks", "world.truth"),
}
"""Packages and modules of sweeper/ that the packages beside it may import."""

RELATIVE = ("analysis", "search_spaces")
"""Packages with relative imports inside: they also work under another name, where a user's folder hides them."""

HOMES = {
    "torch": ("sweeper.training",),
    "ray": ("sweeper.tuning",),
    "optuna": ("sweeper.tuning",),
    "datasets": ("sweeper.data",),
    "transformers": ("sweeper.training", "sweeper.data"),
    "matplotlib": ("analysis.figures",),
    "faiss": ("sweeper.scoring",),
    "typer": ("sweeper.cli", "sweeper.tuning.progress"),
    "rich": ("sweeper.cli", "sweeper.plan", "sweeper.tuning"),
}

HEAVY = ["torch", "ray", "transformers", "optuna", "sklearn"]
"""Libraries that cost seconds: commands that only read a run folder or a space must not load them."""

SPEAKERS = ("sweeper.cli", "sweeper.tuning.progress", "sweeper.__main__", "analysis.__main__")
"""The only modules that print."""

FORBIDDEN = ("/" + "work" + "/", ".." + "/shared", "/" + "tmp/w/")
"""Folders of the machine that this was written on. `.ci/run` alone looks for data beside the checkout."""

LEFT_OUT = {
    ".git",
    ".venv",
    ".venv-lowest",
    ".pip-cache",
    "runs",
    "build",
    "dist",
    "__pycache__",
    ".mypy_cache",
    ".ruff_cache",
    ".pytest_cache",
}
TEXTS = {".py", ".md", ".toml", ".txt", ".yaml", ".yml", ".json", ".cfg", ".html", ".j2", ".sh", ""}


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


TREES = {
    module_name(path): ast.parse(path.read_text(), str(path))
    for package in PACKAGES
    for path in sorted((ROOT / package).rglob("*.py"))
}


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


def executed(node: ast.AST) -> Iterator[ast.AST]:
    """Every node below, without the blocks that only a type checker reads."""
    for child in ast.iter_child_nodes(node):
        if is_type_checking(child):
            assert isinstance(child, ast.If)
            for other in child.orelse:
                yield other
                yield from executed(other)
        else:
            yield child
            yield from executed(child)


def imported_names(tree: ast.AST, package: str = "") -> set[str]:
    """Dotted names that a module imports, also inside functions; modules of this project by their full names.

    `package` is the package that contains the module: relative imports start from it.
    """
    names = set()
    for node in executed(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            source = absolute_name(node, package)
            full = {f"{source}.{alias.name}" for alias in node.names}
            names |= {name if name in TREES else source for name in full}
    return names


def absolute_name(node: ast.ImportFrom, package: str) -> str:
    """The module that an import names, relative ones completed."""
    if not node.level:
        return str(node.module)
    assert within(package, RELATIVE), f"A relative import in line {node.lineno} of {package}: write the whole name."
    parent = package.split(".")[: len(package.split(".")) - node.level + 1]
    return ".".join([*parent, *([node.module] if node.module else [])])


def imported(module: str) -> set[str]:
    is_package = (ROOT / module.replace(".", "/") / "__init__.py").is_file()
    return imported_names(TREES[module], module if is_package else module.rpartition(".")[0])


def room(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def floor(module: str) -> int:
    """How high a module of sweeper stands; the package itself is the ground."""
    if not room(module):
        return -1
    assert room(module) in LAYERS, f"{module} stands on no floor: add {room(module)!r} to LAYERS."
    return LAYERS.index(room(module))


def within(module: str, places: tuple[str, ...]) -> bool:
    return any(module == place or module.startswith(f"{place}.") for place in places)


def of(package: str, names: set[str]) -> set[str]:
    return {name for name in names if within(name, (package,))}


def files() -> list[Path]:
    found = [path for path in ROOT.rglob("*") if path.is_file()]
    parts = {path: path.relative_to(ROOT).parts for path in found}
    return [path for path in found if not any(p in LEFT_OUT or p.endswith(".egg-info") for p in parts[path])]


def test_an_import_inside_a_function_counts_and_one_for_the_type_checker_does_not() -> None:
    lines = ["if TYPE_CHECKING:", "    import torch", "else:", "    import numpy", "def f():", "    import ray.tune"]
    lines.append("from sweeper import errors")
    assert imported_names(ast.parse("\n".join(lines))) == {"numpy", "ray.tune", "sweeper.errors"}


@pytest.mark.parametrize("module", sorted(of("sweeper", set(TREES)) - {"sweeper"}))
def test_imports_only_go_down(module: str) -> None:
    above = {name for name in of("sweeper", imported(module)) if floor(name) > floor(module)}
    assert not above, f"{module} imports upward: {sorted(above)}."


@pytest.mark.parametrize("package", sorted(ALLOWED))
def test_packages_beside_the_sweeper_enter_only_its_lower_rooms(package: str) -> None:
    allowed = tuple(f"sweeper.{name}" for name in ALLOWED[package])
    entered = {
        (module, name) for module in of(package, set(TREES)) for name in of("sweeper", imported(module)) - {"sweeper"}
    }
    strangers = sorted(f"{module} -> {name}" for module, name in entered if room(name) and not within(name, allowed))
    assert not strangers, f"{package} imports {strangers}; it may import {ALLOWED[package]}."


def test_only_the_command_line_knows_the_packages_beside_the_sweeper() -> None:
    knowing = {m for m in of("sweeper", set(TREES)) for guest in ALLOWED if of(guest, imported(m))}
    assert not {m for m in knowing if not within(m, ("sweeper.cli", "sweeper.__main__"))}
    assert not {m for m in of("analysis", set(TREES)) if of("search_spaces", imported(m))}
    assert not {m for m in of("search_spaces", set(TREES)) if of("analysis", imported(m))}


def test_no_imports_go_in_a_circle() -> None:
    graph = {module: {name for name in imported(module) if name in TREES and name != module} for module in TREES}
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        pytest.fail(f"A circle of imports: {' -> '.join(error.args[1])}.")


@pytest.mark.parametrize("library", sorted(HOMES))
def test_a_heavy_library_is_imported_at_home_alone(library: str) -> None:
    strays = {module for module in TREES if of(library, imported(module)) and not within(module, HOMES[library])}
    assert not strays, f"{sorted(strays)} import {library}; its home is {HOMES[library]}."


LIGHT = {
    "sweeper.world.tasks": [*HEAVY, "datasets", "tokenizers", "numpy"],
    "sweeper.world.truth": [*HEAVY, "datasets", "tokenizers", "scipy", "pandas"],
    "sweeper.scoring": [*HEAVY, "datasets", "scipy", "pandas"],
    "sweeper.formats": [*HEAVY, "datasets", "scipy", "pandas"],
    "sweeper.space": [*HEAVY, "datasets", "scipy", "pandas"],
    "sweeper.records": [*HEAVY, "datasets", "matplotlib"],
    "sweeper.run": [*HEAVY, "datasets", "matplotlib"],
    "sweeper.plan": HEAVY,
    "analysis": [*HEAVY, "datasets"],
    "search_spaces": [*HEAVY, "datasets"],
}
"""Package or module -> libraries that importing it, with all of its modules, must not load."""


@pytest.mark.parametrize("package", sorted(LIGHT))
def test_importing_a_light_package_loads_no_heavy_library(package: str) -> None:
    modules = sorted(name for name in of(package, set(TREES)) if not name.endswith("__main__"))
    code = f"import sys, {', '.join(modules)}; print(*(name for name in {LIGHT[package]} if name in sys.modules))"
    process = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stderr
    assert process.stdout.split() == []


@pytest.mark.parametrize("module", sorted(name for name in TREES if not within(name, SPEAKERS)))
def test_only_the_border_prints(module: str) -> None:
    calls = [node for node in ast.walk(TREES[module]) if isinstance(node, ast.Call)]
    lines = [call.lineno for call in calls if isinstance(call.func, ast.Name) and call.func.id == "print"]
    assert not lines, f"{module} prints in lines {lines}; only {SPEAKERS} may."


def test_every_python_file_opens_with_a_line_that_says_what_it_is_for() -> None:
    silent = []
    for path in (path for path in files() if path.suffix == ".py"):
        said = ast.get_docstring(ast.parse(path.read_text()))
        if not said or not said.splitlines()[0].strip():
            silent.append(str(path.relative_to(ROOT)))
    assert not silent, f"These files have no docstring: {silent}."


def test_no_file_names_the_machine_it_was_written_on() -> None:
    told = [
        f"{path.relative_to(ROOT)}: {word}"
        for path in files()
        if path.suffix in TEXTS and path != ROOT / ".ci" / "run"
        for word in FORBIDDEN
        if word in path.read_text(errors="ignore")
    ]
    assert not told


def declared() -> dict[str, set[str]]:
    """Names of the libraries that pyproject.toml asks for, by group."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = {"run": project["project"]["dependencies"], **project["project"]["optional-dependencies"]}
    groups |= project["dependency-groups"]
    return {group: {re.split(r"[\[<>=!~ ;]", line)[0] for line in lines} for group, lines in groups.items()}


def described() -> dict[str, set[str]]:
    """Names in the first column of each table of docs/dependencies.md, by the heading above it."""
    titles = {"Needed": "run", "Extra": "", "Development": "dev"}
    found: dict[str, set[str]] = {}
    for section in (ROOT / "docs" / "dependencies.md").read_text().split("\n## ")[1:]:
        title = section.splitlines()[0]
        group = titles[title.split()[0]] or title.split("`")[1]
        found[group] = set(re.findall(r"^\| `([^`]+)` \|", section, flags=re.MULTILINE))
    return found


def test_the_page_of_dependencies_names_exactly_those_of_the_project() -> None:
    assert described() == declared()


def test_every_dependency_is_pinned_in_the_constraints() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [line.split("==")[0] for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in lines if line and not line.startswith("#"))
    normal = {re.sub(r"[-_.]+", "-", name).lower() for name in pins}
    wanted = {re.sub(r"[-_.]+", "-", name).lower() for names in declared().values() for name in names}
    assert wanted <= normal
    assert len(normal) == len(pins)
