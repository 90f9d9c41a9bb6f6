"""The names of units and trials are built in one module and split nowhere."""

import ast
import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from search_spaces.demo import SPACE as DEMO
from search_spaces.xtreme_r import SPACE as XTREME_R
from sweeper.plan.units import Unit, make_plan
from tests.sources import ROOT, string_texts

OWNERS = [ROOT / "sweeper" / "plan" / "units.py", ROOT / "sweeper" / "plan" / "unit_names.py"]
TRIAL = re.compile(r"/(search|seed) ")
UNIT = re.compile(r"\* -> \*| = scores")
"""Constant parts of a unit's name, with * for each inserted value."""
EXAMPLE = re.compile(r"'[^'*]+/(search|seed) \d+'")
"""A whole name in quotes, as an example in a sentence for users."""
SPLITTERS = ("split", "rsplit", "partition", "rpartition", "removeprefix", "removesuffix", "startswith", "endswith")


def split_at(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and separator of each call that takes a string apart."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in SPLITTERS:
            yield from ((node.lineno, arg.value) for arg in node.args if is_text(arg))


def is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def name_handling(source: str, *, is_planning: bool) -> list[int]:
    """Lines that build the name of a unit or trial, or split one. Names of units occur only in `plan` and `tuning`."""
    tree = ast.parse(source)
    built = [
        node.lineno
        for node, text in string_texts(tree)
        if TRIAL.search(EXAMPLE.sub("", text)) or (is_planning and UNIT.search(text))
    ]
    return built + [line for line, separator in split_at(tree) if separator.strip() in ("->", "/seed", "/search")]


@pytest.mark.parametrize(
    "source",
    [
        'name = f"{unit.name}/seed {seed}"',
        'name = f"{model}/{row} -> {task}"',
        'name = unit.name + "/search 3"',
        'task = name.split(" -> ")[1]',
        'is_score = name.endswith(" = scores")',
    ],
)
def test_the_check_finds_names_that_are_built_or_split(source: str) -> None:
    assert name_handling(source, is_planning=True) == [1]


def test_only_units_build_or_split_the_names_of_units_and_trials() -> None:
    lines = []
    for package in ("sweeper", "analysis", "benchmarks"):
        for path in sorted((ROOT / package).rglob("*.py")):
            is_planning = path.is_relative_to(ROOT / "sweeper" / "plan") or path.parent.name == "tuning"
            numbers = name_handling(path.read_text(), is_planning=is_planning) if path not in OWNERS else []
            lines += [f"{path.relative_to(ROOT)}:{line}" for line in numbers]
    assert not lines, f"These lines build or split names; use the methods of Unit: {', '.join(lines)}."


def unit(space_units: tuple[Unit, ...], name: str) -> Unit:
    return next(unit for unit in space_units if unit.name == name)


def test_a_unit_names_its_search_trials_and_replicates() -> None:
    target = unit(make_plan(DEMO).units, "tiny/parts -> names")
    assert target.search_name(3) == target.trial_name("search", 3) == "tiny/parts -> names/search 3"
    assert target.replicate_name(2) == target.trial_name("replicate", 2) == "tiny/parts -> names/seed 2"


def test_the_study_of_a_target_training_is_the_baselines_training_of_the_same_name() -> None:
    for space in (DEMO, XTREME_R):
        plan = make_plan(replace(space, search=replace(space.search, scope="target")))
        baseline = plan.space.baseline
        assert baseline is not None
        for target in (unit for unit in plan.units if unit.kind == "target" and unit.study):
            owner = plan.unit(target.study)
            assert (owner.recipe, owner.task, owner.targets) == (baseline.name, target.task, target.targets)
