"""Loading a space by name or from a Python file."""

from dataclasses import replace
from pathlib import Path

import pytest

from search_spaces.load import load_space, shipped
from search_spaces.tiny import SPACE as TINY
from sweeper.errors import UserError
from sweeper.run.run import Run
from tests.runs import Call


@pytest.mark.parametrize("name", shipped())
def test_a_shipped_space_has_the_name_of_its_module_and_can_be_read_back(name: str, tmp_path: Path) -> None:
    space = load_space(name)
    assert space.name == name
    Run.at(str(tmp_path)).keep_space(space)
    assert Run.at(str(tmp_path)).space == space


def test_the_error_for_an_unknown_space_suggests_the_nearest_name_and_lists_all() -> None:
    with pytest.raises(UserError, match=r"No space is called 'demmo'\. Did you mean 'demo'\? Known: .*tiny.* my_space"):
        load_space("demmo")


def write(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


def test_a_space_is_loaded_from_a_python_file(tmp_path: Path) -> None:
    imports = "from dataclasses import replace\nfrom search_spaces.tiny import SPACE as TINY\n"
    text = f"{imports}SPACE = replace(TINY, name='mine')"
    assert load_space(write(tmp_path / "mine.py", text)) == replace(TINY, name="mine")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SPACE = 3", "it defines a value of type int"),
        ("", "must define SPACE as a sweeper.space.Space; it defines nothing"),
        ("SPACE = (", "SyntaxError"),
        ("import nothing_of_that_name", "ModuleNotFoundError"),
        ("SPACE = Space(name='x')", "NameError"),
        ("from sweeper.space import Space\nSPACE = Space(nam='x')", "No field of Space is called 'nam'"),
        (
            "from sweeper.space import LogUniform\nLogUniform(low=2, high=1)",
            "LogUniform needs 0 < low < high, got low=2",
        ),
        ("SPACE = {}['x']", "KeyError"),
        ("SPACE = int('x')", "ValueError"),
    ],
)
def test_a_file_that_defines_no_valid_space_is_refused_in_one_message(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        load_space(write(tmp_path / "mine.py", text))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"There is no file .*mine\.py"):
        load_space(str(tmp_path / "mine.py"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("search=replace(TINY.search, cap='many')", r"line 3: Search\.cap needs a whole number"),
        ("targets=(replace(TINY.targets[0], distractors='none'),)", "distractors"),
        (
            "targets=(replace(TINY.targets[0], training=replace(TINY.targets[0].training, stride='half')),)",
            "stride",
        ),
    ],
)
def test_a_value_of_the_wrong_type_is_refused_on_loading(tmp_path: Path, change: str, message: str) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "from dataclasses import replace\nfrom search_spaces.tiny import SPACE as TINY\n"
        f"SPACE = replace(TINY, {change})\n"
    )
    with pytest.raises(UserError, match=message):
        load_space(str(file))


def test_the_twin_of_a_question_is_another_space_of_its_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "questions").mkdir()
    for name in ("habit", "habit_world"):
        (tmp_path / "questions" / f"{name}.py").write_text("")
    monkeypatch.setattr("search_spaces.load.__file__", str(tmp_path / "load.py"))
    (tmp_path / "load.py").write_text("")
    assert shipped() == ["questions/habit", "questions/habit-xl", "questions/habit_world"]


def test_an_unknown_question_is_answered_with_the_nearest_one(call: Call) -> None:
    failed = call("plan", "questions/difficulty_wrld")
    assert (failed.code, "Did you mean 'questions/difficulty_world'?" in failed.err) == (2, True)
