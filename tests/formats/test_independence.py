"""Modules outside formats/ use properties: they neither compare nor list names of formats, scorers and heads."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from sweeper.formats.table import FORMATS
from sweeper.training.heads import HEADS

ROOT = Path(__file__).parents[2]
EXEMPT = (
    "sweeper/formats/",
    "sweeper/scoring/",
    "sweeper/training/heads.py",
    "sweeper/training/standard.py",
    "analysis/export/usage.py",
)
"""The formats themselves, and tables: of scorers, of heads, of heads in transformers, of code for exported models."""
FILES = [
    path
    for package in ("sweeper", "analysis", "search_spaces")
    for path in sorted((ROOT / package).rglob("*.py"))
    if not str(path.relative_to(ROOT)).startswith(EXEMPT)
]
ATTRIBUTES = {"format", "scorer", "head"}
NAMES = {*FORMATS, *HEADS}
"""Names of scorers are left out because data sets have the same ones (squad, mlqa)."""


def comparisons_of_names(tree: ast.AST) -> Iterator[ast.AST]:
    """Comparisons of a format, scorer or head with a text or a list, and lists that contain only their names."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            operands = [node.left, *node.comparators]
            has_name = any(isinstance(operand, ast.Attribute) and operand.attr in ATTRIBUTES for operand in operands)
            has_text = any(isinstance(leaf, ast.Constant) and isinstance(leaf.value, str) for leaf in ast.walk(node))
            if has_name and (has_text or any(isinstance(op, ast.In | ast.NotIn) for op in node.ops)):
                yield node
        texts = [*getattr(node, "elts", []), *getattr(node, "keys", [])]
        if texts and all(isinstance(text, ast.Constant) and text.value in NAMES for text in texts):
            yield node


def hidden_conditions(tree: ast.AST) -> Iterator[ast.AST]:
    """Conditions on `pooling`, which is empty for a score by a head: the property `scores_encoder` is used instead."""
    for node in ast.walk(tree):
        conditions = [getattr(node, "test", None), *getattr(node, "ifs", [])]
        conditions += node.values if isinstance(node, ast.BoolOp) else []
        conditions += [node.operand] if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not) else []
        operands = [node.left, *node.comparators] if isinstance(node, ast.Compare) else []
        is_empty = any(isinstance(operand, ast.Constant) and operand.value == "" for operand in operands)
        conditions += operands if is_empty else []
        if any(isinstance(condition, ast.Attribute) and condition.attr == "pooling" for condition in conditions):
            yield node


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_tests_a_format_scorer_or_head_by_its_name(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    lines = [
        node.lineno for node in (*comparisons_of_names(tree), *hidden_conditions(tree)) if isinstance(node, ast.expr)
    ]
    assert not lines, f"{path.name} tests a name in lines {lines}: declare a property and test it instead."


@pytest.mark.parametrize(
    "code",
    [
        'task.format == "mlm"',
        'task.scorer != "mining"',
        "task.format in TRANSLATABLE",
        'items.head in ("choice", "dual")',
        'HEADS_WITH_LABELS = {"sequence": "label", "token": "tags"}',
        "if score.pooling: pass",
        'x = 1 if score.pooling != "" else 2',
        "x = not score.pooling or y",
    ],
)
def test_the_check_detects_a_comparison_with_a_name(code: str) -> None:
    tree = ast.parse(code)
    assert [*comparisons_of_names(tree), *hidden_conditions(tree)]


@pytest.mark.parametrize("code", ["pool.format == task.format", "x = score.pooling", "bool(self.pooling)"])
def test_a_comparison_of_two_formats_and_the_use_of_a_value_are_allowed(code: str) -> None:
    tree = ast.parse(code)
    assert not [*comparisons_of_names(tree), *hidden_conditions(tree)]
