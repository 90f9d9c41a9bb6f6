"""Scores of files in XTREME's layout, compared with the values of XTREME's own `evaluate.py`."""

import ast
from pathlib import Path

import pytest

from sweeper.scoring.sums import total
from tests.xtreme_files import ANSWERS, FIXTURES, OTHERS, VALUES, answer_rows, averages, scores


@pytest.mark.parametrize(("task", "language"), OTHERS)
def test_scores_equal_those_of_xtreme_to_the_last_bit(task, language):
    assert scores(FIXTURES, task, language) == VALUES[task][language]


@pytest.mark.parametrize(("task", "language"), ANSWERS)
def test_exact_match_and_f1_are_added_as_in_xtreme(task, language):
    rows = answer_rows(FIXTURES, task, language)
    percentages = {
        name: 100.0 * total(row[column] for row in rows) / len(rows)
        for name, column in (("exact_match", "em"), ("f1", "f1"))
    }
    assert percentages == VALUES[task][language]
    # Metrics are fractions, and some percentages are no product of 100 and a float: they differ in the last bit.
    assert scores(FIXTURES, task, language) == pytest.approx(percentages, rel=2**-52, abs=0)


def assigned(module: Path, name: str) -> ast.Dict:
    """The dictionary that a module assigns to a name, without importing the module."""
    for node in ast.parse(module.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            assert isinstance(node.value, ast.Dict)
            return node.value
    raise AssertionError(f"{module} does not assign {name}")


def languages_of(checkout: Path, name: str, task: str) -> list[str]:
    """The languages of a task in `evaluate.py`, which writes them as 'de,en'.split(',')."""
    table = assigned(checkout / "evaluate.py", name)
    [text] = [value for key, value in zip(table.keys, table.values, strict=True) if ast.literal_eval(key) == task]
    return ast.literal_eval(text.func.value).split(",")


@pytest.mark.xtreme
@pytest.mark.parametrize(
    ("averages_name", "languages_name"),
    [("TASK2AVG_SCORES", "XTREME_TASK2LANGS"), ("XTREME_R_TASK2AVG_SCORES", "XTREME_R_TASK2LANGS")],
    ids=["xtreme", "xtreme-r"],
)
def test_the_averages_of_the_unit_test_of_xtreme_are_reproduced(xtreme, averages_name, languages_name):
    expected = ast.literal_eval(assigned(xtreme / "evaluate_test.py", averages_name))
    computed = {
        task: averages(xtreme / "mock_test_data", task, languages_of(xtreme, languages_name, task)) for task in expected
    }
    assert computed == expected
