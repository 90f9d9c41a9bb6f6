"""The documents name only paths, make targets, subcommands, options and links that exist.

A file tree is a fenced block whose first line ends with `/`. Each further line has one path or several (`a.py, b.py`),
indented below its folder; two spaces or more separate it from its description.
"""

import re
import tomllib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import click
import pytest
import yaml

import sweeper
from tests.test_layers import LAYERS

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
PACKAGES = ("sweeper", "analysis", "search_spaces")
BRANCHES = str.maketrans("├└│─", "    ")


def fenced(text: str) -> list[str]:
    return re.findall(r"^```[^\n]*\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


def commands(text: str) -> list[str]:
    """Lines of fenced blocks and contents of code spans, without prompts, comments and the path of .venv."""
    outside = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    lines = [line for block in fenced(text) for line in block.splitlines()]
    spans = re.findall(r"`([^`\n]+)`", outside)
    return [re.sub(r"^(\$ )?(\.venv/bin/)?", "", line.strip()).split(" #")[0].strip() for line in [*lines, *spans]]


def trees(text: str) -> list[str]:
    """The fenced blocks that are file trees."""
    return [block for block in fenced(text) if block.split("\n", 1)[0].rstrip().endswith("/")]


def tree_paths(block: str) -> Iterator[str]:
    """Paths of a file tree, relative to its first line."""
    parents: list[tuple[int, str]] = []
    for line in block.splitlines()[1:]:
        drawn = line.translate(BRANCHES)
        if not drawn.strip():
            continue
        indent = len(drawn) - len(drawn.lstrip())
        parents = [(depth, name) for depth, name in parents if depth < indent]
        above = "".join(name for _, name in parents)
        names = re.split(r"\s{2,}", drawn.strip())[0].split(", ")
        yield from (above + name for name in names)
        if names[0].endswith("/"):
            parents.append((indent, names[0]))


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):(?!=)", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))


def subcommands() -> dict[str, click.Command]:
    import typer

    from sweeper.cli import app

    group = typer.main.get_command(app)
    return dict(group.commands)  # type: ignore[attr-defined]


def options(command: click.Command) -> set[str]:
    return {"--help"} | {name for option in command.params for name in (*option.opts, *option.secondary_opts)}


def test_the_tree_reader_follows_folders_and_lists() -> None:
    block = "project/\n  a/       folders\n    b.py, c.py   two\n    d/\n      e.py\n  f.md  last\n"
    assert list(tree_paths(block)) == ["a/", "a/b.py", "a/c.py", "a/d/", "a/d/e.py", "f.md"]
    assert list(tree_paths("project/\n├── a/  a folder\n│   └── b.py\n└── c\n")) == ["a/", "a/b.py", "c"]


def test_every_path_in_the_readmes_file_tree_exists() -> None:
    blocks = trees((ROOT / "README.md").read_text())
    assert len(blocks) == 1, "The README has one file tree: a fenced block whose first line ends with '/'."
    paths = list(tree_paths(blocks[0]))
    assert paths
    assert not [path for path in paths if not (ROOT / path).exists()]


def test_the_readmes_file_tree_shows_every_package() -> None:
    text = (ROOT / "README.md").read_text()
    packages = [path.parent for path in ROOT.glob("*/__init__.py")] + [
        ROOT / "tests",
        ROOT / "benchmarks",
        ROOT / "docs",
    ]
    assert not [path.name for path in packages if f"{path.name}/" not in text]


def test_the_readme_shows_the_two_commands() -> None:
    assert {"make demo", "make test"} <= set(commands((ROOT / "README.md").read_text()))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_make_target_named_exists(page: Path) -> None:
    calls = [line.split()[1:] for line in commands(page.read_text()) if line.startswith("make ")]
    named = {word for words in calls for word in words if "=" not in word and not word.startswith("-")}
    assert named <= make_targets()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_sweeper_command_named_exists_with_its_options(page: Path) -> None:
    commands_by_name = subcommands()
    for line in commands(page.read_text()):
        words = line.split()
        if words[:1] != ["sweeper"] or len(words) == 1 or words[1].startswith("-"):
            continue
        assert words[1] in commands_by_name, f"{page.name} has `{line}`; the commands are {sorted(commands_by_name)}."
        given = {word.split("=")[0] for word in words[2:] if re.match(r"--[a-z]", word)}
        missing = given - options(commands_by_name[words[1]])
        assert not missing, f"{page.name} has `{line}`; `sweeper {words[1]}` has no {sorted(missing)}."


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_module_that_is_run_by_name_exists(page: Path) -> None:
    named = {match for line in commands(page.read_text()) for match in re.findall(r"python -m ([\w.]+)", line)}
    assert not [name for name in named if find_spec(name) is None]


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CHANGELOG.md"], ids=lambda page: page.name)
def test_every_link_to_a_file_has_a_target(page: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", page.read_text())
    inside = [link.split("#")[0] for link in links if not re.match(r"[a-z]+:|#", link)]
    assert not [link for link in inside if not (page.parent / link).exists()]


def test_the_architecture_lists_every_module_and_no_other_path() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    shown = {block.split("\n", 1)[0].rstrip() + path for block in trees(text) for path in tree_paths(block)}
    assert not [path for path in shown if not (ROOT / path).exists()]
    modules = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py") if path.name != "__init__.py"]
    unnamed = {str(path.relative_to(ROOT)) for path in modules} - shown - set(re.findall(r"`([\w/]+\.py)`", text))
    assert not unnamed, f"docs/architecture.md does not list {sorted(unnamed)}."


def test_the_architecture_lists_the_layers_in_their_order() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    _, listed = text.split("the packages before it in this list: ")
    assert tuple(re.findall(r"`(\w+)`", listed.split(".\n")[0])) == LAYERS


def test_the_changelog_starts_with_unreleased_changes_and_continues_by_version() -> None:
    heads = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)
    assert heads[0] == "[Unreleased]"
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", head) for head in heads[1:])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_test_named_exists(page: Path) -> None:
    named = re.findall(r"(tests/[\w/]+\.py)::(\w+)", page.read_text())
    assert not [name for path, name in named if f"def {name}(" not in (ROOT / path).read_text()]


def test_the_citation_and_the_package_have_the_same_version_and_licence() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert (citation["version"], citation["license"]) == (sweeper.__version__, project["license"])
    assert citation["repository-code"] == project["urls"]["Homepage"]


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_declares_that_it_has_types(package: str) -> None:
    assert (ROOT / package / "py.typed").is_file()


def test_the_workflow_calls_the_script_that_must_pass_before_a_change_lands() -> None:
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())["jobs"]
    assert "bash .ci/run" in [step.get("run") for job in jobs.values() for step in job["steps"]]
