"""The layers of the project: imports go to lower layers only, and few packages import heavy libraries."""

import ast
import graphlib
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.sources import ROOT, TREES, is_within, members

LAYERS = (
    *("siblings", "errors", "typed", "files", "tasks", "scoring", "formats", "space", "records", "run", "data"),
    *("world", "plan", "training", "tuning", "cli", "__main__"),
)
"""Packages and modules of sweeper/, lowest layer first: each imports itself and those before it."""

ALLOWED = {
    "analysis": (
        "errors",
        "files",
        "tasks",
        "space",
        "records",
        "run",
        "scoring",
        "world.languages",
        "world.tasks",
        "world.truth",
    ),
    "search_spaces": (
        "errors",
        "files",
        "tasks",
        "space",
        "world.languages",
        "world.question_tasks",
        "world.tasks",
        "world.truth",
    ),
}
"""Package outside sweeper/ -> packages and modules of sweeper/ that it may import."""

RELATIVE = ("analysis", "search_spaces")
"""Packages with relative imports: they work under a second name if a folder of the user hides them."""

IMPORTERS = {
    "torch": ("sweeper.training",),
    "ray": ("sweeper.tuning",),
    "optuna": ("sweeper.tuning",),
    "datasets": ("sweeper.data",),
    "transformers": ("sweeper.training", "sweeper.data.tokenizer"),
    "matplotlib": ("analysis.figures",),
    "faiss": ("sweeper.scoring",),
    **dict.fromkeys(("wandb", "mlflow", "tensorboardX", "trackio"), ("sweeper.tuning.trackers",)),
    "typer": ("sweeper.cli",),
    "rich": ("sweeper.cli", "sweeper.plan", "sweeper.tuning"),
}
"""Library -> the packages and modules that may import it."""

HEAVY = ("torch", "ray", "transformers", "optuna", "sklearn")
"""Libraries that take seconds to load: commands that only read a run folder or a space must not load them."""

NOT_LOADED = {
    "sweeper.world.tasks": (*HEAVY, "datasets", "tokenizers", "numpy"),
    "sweeper.world.truth": (*HEAVY, "datasets", "tokenizers", "scipy", "pandas"),
    "sweeper.scoring": (*HEAVY, "datasets", "scipy", "pandas"),
    "sweeper.formats": (*HEAVY, "datasets", "scipy", "pandas"),
    "sweeper.space": (*HEAVY, "datasets", "scipy", "pandas"),
    "sweeper.records": (*HEAVY, "datasets", "matplotlib"),
    "sweeper.run": (*HEAVY, "datasets", "matplotlib"),
    "sweeper.plan": HEAVY,
    "sweeper.training": ("ray", "optuna", "rich"),
    "analysis": (*HEAVY, "datasets"),
    "search_spaces": (*HEAVY, "datasets"),
}
"""Package or module -> libraries that importing it, with all of its modules, must not load."""


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


def executed(node: ast.AST) -> Iterator[ast.AST]:
    """Every node below, except for blocks that only a type checker reads."""
    for child in ast.iter_child_nodes(node):
        if is_type_checking(child):
            assert isinstance(child, ast.If)
            for alternative in child.orelse:
                yield alternative
                yield from executed(alternative)
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
            # `from package import name` imports a module if there is one of that name, else a value of the package.
            full = {f"{source}.{alias.name}" for alias in node.names}
            names |= {name if name in TREES else source for name in full}
    return names


def absolute_name(node: ast.ImportFrom, package: str) -> str:
    """The full name of the module in `from MODULE import ...`."""
    if not node.level:
        return str(node.module)
    assert is_within(package, RELATIVE), f"Line {node.lineno} of a module in {package} has a relative import."
    parent = package.split(".")[: len(package.split(".")) - node.level + 1]
    return ".".join([*parent, *([node.module] if node.module else [])])


def imported(module: str) -> set[str]:
    is_package = (ROOT / module.replace(".", "/") / "__init__.py").is_file()
    return imported_names(TREES[module], module if is_package else module.rpartition(".")[0])


def subpackage(module: str) -> str:
    """The second component of a module's name: `run` for `sweeper.run.ledger`, "" for `sweeper`."""
    return module.split(".")[1] if "." in module else ""


def layer(module: str) -> int:
    """The position of a module of sweeper in LAYERS; -1 for `sweeper` itself, which every module may import."""
    if not subpackage(module):
        return -1
    assert subpackage(module) in LAYERS, f"{module} is in no layer: add {subpackage(module)!r} to LAYERS."
    return LAYERS.index(subpackage(module))


def test_imports_inside_functions_count_and_imports_for_the_type_checker_do_not() -> None:
    lines = ["if TYPE_CHECKING:", "    import torch", "else:", "    import numpy", "def f():", "    import ray.tune"]
    lines.append("from sweeper import errors")
    assert imported_names(ast.parse("\n".join(lines))) == {"numpy", "ray.tune", "sweeper.errors"}


@pytest.mark.parametrize("module", sorted(members("sweeper", set(TREES)) - {"sweeper"}))
def test_a_module_imports_no_higher_layer(module: str) -> None:
    higher = {name for name in members("sweeper", imported(module)) if layer(name) > layer(module)}
    assert not higher, f"{module} imports higher layers: {sorted(higher)}."


@pytest.mark.parametrize("package", sorted(ALLOWED))
def test_analysis_and_search_spaces_import_only_the_allowed_packages_of_sweeper(package: str) -> None:
    allowed = tuple(f"sweeper.{name}" for name in ALLOWED[package])
    imports = {
        (module, name) for module in members(package, set(TREES)) for name in members("sweeper", imported(module))
    }
    # The package `sweeper` itself is always allowed: it contains only the version and the names of the siblings.
    refused = sorted(f"{m} -> {name}" for m, name in imports if name != "sweeper" and not is_within(name, allowed))
    assert not refused, f"{package} imports {refused}; it may import {ALLOWED[package]}."


def test_only_the_command_line_imports_analysis_and_search_spaces() -> None:
    importers = {m for m in members("sweeper", set(TREES)) for package in ALLOWED if members(package, imported(m))}
    assert not {m for m in importers if not is_within(m, ("sweeper.cli", "sweeper.__main__"))}


def test_analysis_and_search_spaces_do_not_import_each_other() -> None:
    assert not {m for m in members("analysis", set(TREES)) if members("search_spaces", imported(m))}
    assert not {m for m in members("search_spaces", set(TREES)) if members("analysis", imported(m))}


def test_a_benchmark_that_is_run_by_its_path_hides_no_module_that_analysis_imports() -> None:
    hidden = {path.stem for path in (ROOT / "benchmarks").glob("*.py")}
    reached: set[str] = set()
    waiting = members("analysis", set(TREES))
    while waiting:
        reached |= waiting
        waiting = {name for module in waiting for name in imported(module) if name in TREES} - reached
    refused = {(module, name) for module in reached for name in imported(module) if name.split(".")[0] in hidden}
    assert not refused, "The folder of a script comes first on the path: use another module, or rename the benchmark."


def test_there_are_no_import_cycles() -> None:
    graph = {module: {name for name in imported(module) if name in TREES and name != module} for module in TREES}
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        pytest.fail(f"Import cycle: {' -> '.join(error.args[1])}.")


@pytest.mark.parametrize("library", sorted(IMPORTERS))
def test_only_the_allowed_packages_import_a_heavy_library(library: str) -> None:
    importers = {module for module in TREES if members(library, imported(module))}
    refused = sorted(module for module in importers if not is_within(module, IMPORTERS[library]))
    assert not refused, f"{refused} import {library}; only {IMPORTERS[library]} may."


@pytest.mark.parametrize("package", sorted(NOT_LOADED))
def test_importing_a_light_package_loads_no_heavy_library(package: str) -> None:
    modules = sorted(name for name in members(package, set(TREES)) if not name.endswith("__main__"))
    code = f"import sys, {', '.join(modules)}; print(*(name for name in {NOT_LOADED[package]} if name in sys.modules))"
    # A separate process: this one has loaded most libraries.
    process = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stderr
    assert process.stdout.split() == []


def test_packages_that_only_read_runs_and_spaces_are_tested_against_all_heavy_libraries() -> None:
    readers = ("sweeper.plan", "sweeper.run", "sweeper.records", "analysis", "search_spaces")
    assert all(set(NOT_LOADED[package]) >= set(HEAVY) for package in readers)
