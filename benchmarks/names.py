"""How many of the assigned names are filler names, which do not say what their value is.

An assigned name is any of these in a Python file:

- the target of an assignment: `x = ...`, `x: int = ...`, `x += ...`, `(x := ...)`, `with ... as x`, `except E as x`;
- a loop variable, also of a comprehension, and a name bound by a `match` pattern;
- an argument of a function or a lambda, except `self` and `cls`;
- a field: a name assigned in the body of a class, or an attribute assigned on an object (`self.x = ...`).

A filler name is an assigned name that is equal to one of `FILLER` without regard to case and to leading or trailing
underscores: `found`, `_told`, `One`. A name that only contains such a word (`found_rows`) does not count. Fields whose
names are part of saved files are exempt; `SERIALISED` lists them.

    python -m benchmarks.names                      # counts for this repository
    python -m benchmarks.names --words              # how often each filler name occurs
    python -m benchmarks.names /path/to/package     # the same for other code
"""

import argparse
import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGES = ("sweeper", "analysis", "search_spaces", "tests", "benchmarks", "tools")

FILLER = {
    *("found", "told", "own", "one", "place", "kind", "way", "said", "several", "wanted", "made", "some", "every"),
    *("others", "known", "asked", "part"),
}

SERIALISED = {("DataSpec", "part"), ("TrialSpec", "kind"), ("LogUniform", "kind"), ("Choice", "kind"), ("Task", "kind")}
"""(class, field) pairs that are exempt: the field's name enters keys, or is written to records or to `space.json`."""

NUM_WORST = 15
"""Files in the list of the worst."""


def assigned(tree: ast.AST, owner: str = "") -> Iterator[tuple[str, str]]:
    """Each assigned name of a syntax tree, after the name of the class whose body assigns it ("" outside a class)."""
    for node in ast.iter_child_nodes(tree):
        name = bound(node)
        if name is not None and name not in ("self", "cls"):
            yield owner, name
        if isinstance(node, ast.ClassDef):
            yield from assigned(node, node.name)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from assigned(node)
        else:
            yield from assigned(node, owner)


def bound(node: ast.AST) -> str | None:
    """The name that a node binds by itself, without the nodes below it."""
    match node:
        case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()) | ast.arg(arg=name):
            return name
        case ast.ExceptHandler(name=name) | ast.MatchAs(name=name) | ast.MatchStar(name=name):
            return name
    return None


def is_filler(owner: str, name: str) -> bool:
    return name.strip("_").lower() in FILLER and (owner, name) not in SERIALISED


def count(path: Path) -> tuple[int, Counter[str]]:
    """The number of assigned names in a file, and how often each filler name is among them."""
    names = list(assigned(ast.parse(path.read_text(), str(path))))
    return len(names), Counter(name.strip("_").lower() for owner, name in names if is_filler(owner, name))


def total(counts: list[tuple[int, Counter[str]]]) -> tuple[int, int]:
    """The number of assigned names and of filler names in several files."""
    return sum(size for size, _ in counts), sum(words.total() for _, words in counts)


def line(label: str, counts: list[tuple[int, Counter[str]]]) -> str:
    num_names, num_filler = total(counts)
    return f"{label:40} {num_names:6} {num_filler:6} {100 * num_filler / max(num_names, 1):6.2f} %"


def share(*folders: Path) -> float:
    """The share of filler names among the assigned names of all Python files in these folders, 0 to 1."""
    num_names, num_filler = total([count(path) for folder in folders for path in folder.rglob("*.py")])
    return num_filler / num_names


def main() -> None:
    parser = argparse.ArgumentParser(description="Count filler names among the assigned names of Python code.")
    parser.add_argument("folders", nargs="*", type=Path, help="folders of Python code (default: those of this project)")
    parser.add_argument("--words", action="store_true", help="also print how often each filler name occurs")
    options = parser.parse_args()
    folders = options.folders or [ROOT / name for name in PACKAGES]
    by_file = {path: count(path) for folder in folders for path in sorted(folder.rglob("*.py"))}
    print(f"{'':40} {'names':>6} {'filler':>6} {'share':>7}")
    for folder in folders:
        print(line(folder.name, [counts for path, counts in by_file.items() if path.is_relative_to(folder)]))
    print(line("total", list(by_file.values())))
    print("\nfiles with the most filler names")
    for path in sorted(by_file, key=lambda path: -by_file[path][1].total())[:NUM_WORST]:
        label = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
        print(line(str(label), [by_file[path]]))
    if options.words:
        words = sum((counts[1] for counts in by_file.values()), Counter[str]())
        print("\n" + ", ".join(f"{word} {number}" for word, number in words.most_common()))


if __name__ == "__main__":
    main()
