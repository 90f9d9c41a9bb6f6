"""`tools/lowest.py`: the constraints that `make lowest` installs, from lower bounds and tested versions."""

from pathlib import Path

import pytest

from tools.lowest import bounds, lowest_constraints

ROOT = Path(__file__).parent.parent
PYPROJECT = """
[project]
dependencies = ["ray[tune]>=2.50", "torch>=2.6", "numpy>=2.0"]
[project.optional-dependencies]
cluster = ["ray[default]>=2.50", "boto3>=1.35"]
[dependency-groups]
dev = ["pytest", "moto[server]", "ray[default]"]
"""
CONSTRAINTS = "# tested\nboto3==1.43\nmoto==5.2\nnumpy==2.4\npytest==9.2\nray==2.60\ntorch==2.13.0\n"


def test_bounds_become_exact_versions_and_torch_and_tools_keep_the_tested_version() -> None:
    expected = ["boto3==1.35", "moto==5.2", "numpy==2.0", "pytest==9.2", "ray==2.50", "torch==2.13.0"]
    assert lowest_constraints(PYPROJECT, CONSTRAINTS) == expected


def test_a_dependency_without_a_lower_bound_is_refused() -> None:
    with pytest.raises(ValueError, match="'numpy'"):
        bounds(PYPROJECT.replace("numpy>=2.0", "numpy"))


def test_two_different_bounds_of_one_package_are_refused() -> None:
    with pytest.raises(ValueError, match="ray has two lower bounds"):
        bounds(PYPROJECT.replace("ray[default]>=2.50", "ray[default]>=2.49"))


def test_every_dependency_of_this_project_has_a_lower_bound() -> None:
    lines = lowest_constraints((ROOT / "pyproject.toml").read_text(), (ROOT / "constraints.txt").read_text())
    assert "torch==2.13.0" in lines
    assert len(lines) == len({line.split("==")[0] for line in lines})
