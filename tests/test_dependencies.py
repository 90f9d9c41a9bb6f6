"""The dependencies in pyproject.toml, in docs/dependencies.md and in constraints.txt agree."""

import re
import tomllib

from tests.sources import ROOT


def declared() -> dict[str, set[str]]:
    """Group -> names of the libraries that pyproject.toml requires; the group `run` is the one without extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = {"run": project["project"]["dependencies"], **project["project"]["optional-dependencies"]}
    groups |= project["dependency-groups"]
    return {group: {re.split(r"[\[<>=!~ ;]", line)[0] for line in lines} for group, lines in groups.items()}


def documented() -> dict[str, set[str]]:
    """Group -> names in the first column of the table in its section of docs/dependencies.md."""
    titles = {"Needed": "run", "Extra": "", "Development": "dev"}
    groups: dict[str, set[str]] = {}
    for section in (ROOT / "docs" / "dependencies.md").read_text().split("\n## ")[1:]:
        title = section.splitlines()[0]
        group = titles[title.split()[0]] or title.split("`")[1]
        groups[group] = set(re.findall(r"^\| `([^`]+)` \|", section, flags=re.MULTILINE))
    return groups


def test_the_page_on_dependencies_lists_exactly_the_dependencies_of_the_project() -> None:
    assert documented() == declared()


def test_constraints_pin_every_dependency_once() -> None:
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in lines)
    pinned = [normalized(line.split("==")[0]) for line in lines]
    assert {normalized(name) for names in declared().values() for name in names} <= set(pinned)
    assert len(set(pinned)) == len(pinned)


def normalized(name: str) -> str:
    """The form in which two names of one distribution are equal (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
