"""Print pip constraints that pin every dependency to the lowest version that pyproject.toml promises.

`make lowest` installs these versions into an environment of its own and runs the fast tests there. Usage:

    python tools/lowest.py > lowest.txt

The lower bound `name>=1.2` becomes `name==1.2`. Two kinds of package keep the version of `constraints.txt`: torch,
because a second build of it would take gigabytes, and development tools, which have no lower bound. Only the standard
library is used, because the script runs before anything is installed.
"""

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
TESTED_ONLY = ("torch",)
"""Packages that are always installed at the version of `constraints.txt`."""


def bounds(pyproject: str) -> dict[str, str]:
    """The lower bound of each run-time dependency, those of the extras included.

    Raises `ValueError` for a requirement without a lower bound, and for two requirements that give one package
    different bounds.
    """
    project = tomllib.loads(pyproject)["project"]
    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
    lowest: dict[str, str] = {}
    for requirement in [*project["dependencies"], *extras]:
        match = re.fullmatch(r"([\w.-]+)(?:\[[\w,]+\])?>=([\w.]+)", requirement)
        if match is None:
            raise ValueError(f"A requirement must have the form name>=version, got {requirement!r}.")
        name, version = match.groups()
        if lowest.setdefault(name, version) != version:
            raise ValueError(f"{name} has two lower bounds, {lowest[name]} and {version}; they must be equal.")
    return lowest


def tools(pyproject: str) -> set[str]:
    """Names of the development tools: packages of the group `dev` that the project does not need to run."""
    group = tomllib.loads(pyproject)["dependency-groups"]["dev"]
    return {re.split(r"[\[<>=!~ ;]", requirement)[0] for requirement in group} - set(bounds(pyproject))


def pins(constraints: str) -> dict[str, str]:
    """The version of each package in a constraints file."""
    lines = (line.strip() for line in constraints.splitlines())
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


def lowest_constraints(pyproject: str, constraints: str) -> list[str]:
    """Lines of a constraints file: lower bounds as exact versions, tested versions for torch and the tools."""
    tested = pins(constraints)
    versions = bounds(pyproject) | {name: tested[name] for name in (*TESTED_ONLY, *tools(pyproject))}
    return [f"{name}=={version}" for name, version in sorted(versions.items())]


def main() -> None:
    """Print the constraints for this project."""
    lines = lowest_constraints((ROOT / "pyproject.toml").read_text(), (ROOT / "constraints.txt").read_text())
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
