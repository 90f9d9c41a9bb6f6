"""Mistakes in a space file: file, line, recipe or target, the rule and the nearest name, in one message."""

import re
from pathlib import Path

import pytest

from search_spaces.load import load_space
from sweeper.errors import UserError

HEAD = """\
from dataclasses import replace
from search_spaces.tiny import SPACE as TINY
from sweeper.space import *
def row(name):
    return Recipe(name=name, stages=(Stage(tasks=(name,)),))
"""
FIRST = HEAD.count("\n") + 1
"""The line below the head."""


def recipes(text: str) -> str:
    """A space whose recipes begin in the line after FIRST."""
    return f"SPACE = replace(TINY, recipes=\n{text})"


def target(arguments: str) -> str:
    """A space with one target whose arguments are in the line after FIRST."""
    return f"SPACE = replace(TINY, targets=(Target(task='names',\n{arguments}),))"


MISTAKES = {
    "a string for a tuple of names": (
        recipes("(Recipe(name='mnli',\nstages=(Stage(tasks='parts'),)),)"),
        "line 8, recipe 'mnli': Stage.tasks needs a tuple of strings, got the string 'parts'. Write ('parts',): the "
        "comma makes a tuple.",
    ),
    "one recipe without the comma": (
        recipes("(Recipe(name='baseline'))"),
        "line 6: Space.recipes needs a tuple of Recipe objects, got a Recipe. Write (Recipe(...),): the comma makes a "
        "tuple.",
    ),
    "no comma between two recipes": (
        recipes("(Recipe(name='baseline')\nrow('parts'))"),
        "line 7: SyntaxError: invalid syntax. Perhaps you forgot a comma.",
    ),
    "no comma between two parentheses": (
        recipes("(Recipe(name='baseline')\n(row('parts')))"),
        "line 7: TypeError: 'Recipe' object is not callable. A comma may be missing after the Recipe.",
    ),
    "a stage for a tuple of stages": (
        recipes("(Recipe(name='a', stages=Stage(tasks=('parts',))),)"),
        "line 7, recipe 'a': Recipe.stages needs a tuple of Stage objects, got a Stage. Write (Stage(...),): the",
    ),
    "the id of a model for a model": (
        "SPACE = replace(TINY, models=('mini-xlmr',))",
        "line 6: Space.models[0] needs a Model, got the string 'mini-xlmr'.",
    ),
    "a number in quotes": (
        target("training=Training(learning_rate='2e-5')"),
        "line 7, target 'names': Training.learning_rate needs a number, got the string '2e-5'. Remove the quotes.",
    ),
    "an abbreviated field": (
        target("training=Training(lr=2e-5)"),
        "line 7, target 'names': No field of Training is called 'lr'. Did you mean 'learning_rate'? Known: learning_r",
    ),
    "a name of another library": (
        target("training=Training(num_train_epochs=2)"),
        "line 7, target 'names': No field of Training is called 'num_train_epochs'. Did you mean 'epochs'?",
    ),
    "a missing field": (
        recipes("(Recipe(name='a', stages=(Stage(),)),)"),
        "line 7, recipe 'a': Stage needs `tasks` (a tuple of strings).",
    ),
    "a field without its name": (
        recipes("(Recipe('a'),)"),
        "line 7: The fields of Recipe need names, as in Recipe(name=...).",
    ),
    "a value that is not among the listed ones": (
        target("training=Training(precision='fp16')"),
        "line 7, target 'names': No value of Training.precision is called 'fp16'. Did you mean 'bf16'? Known: fp32, bf",
    ),
    "a number out of range": (
        target("training=Training(warmup=3)"),
        "line 7, target 'names': Training needs 0 <= warmup <= 1, got 3.",
    ),
    "a number that is not finite": (
        target("training=Training(epochs=float('nan'))"),
        "line 7, target 'names': Training.epochs needs a finite number, got nan.",
    ),
    "a number that is absurd": (
        target("training=Training(epochs=1e9)"),
        "line 7, target 'names': Training needs epochs <= 100,000, got 1,000,000,000.0.",
    ),
    "a tuple for a dial": (
        target("dials={'learning_rate': (1e-5, 2e-5)}"),
        "line 6, target 'names': Target.dials['learning_rate'] needs a LogUniform or a Choice, got the tuple (1e-05,",
    ),
    "an unknown dial": (
        target("dials={'lr': Choice(values=(1, 2))}"),
        "line 6, target 'names': No dial is called 'lr'. D",
    ),
    "an unknown task of a recipe": (
        recipes("(Recipe(name='baseline'),\nRecipe(name='other', stages=(Stage(tasks=('prts',)),)))"),
        "line 8: Recipe 'other': No task is called 'prts'. Did you mean 'parts'? Known: ",
    ),
    "an unknown task in a function of the user": (
        recipes("(Recipe(name='baseline'),\nrow('prts'))"),
        "line 8: No task is called 'prts'. Did you mean 'parts'?",
    ),
    "a wrong type in a comprehension": (
        recipes("tuple(Recipe(name=name, stages=(Stage(tasks=name),)) for name in ('parts',))"),
        "line 7, recipe 'parts': Stage.tasks needs a tuple of strings, got the string 'parts'.",
    ),
    "an unknown field in replace": (
        "SPACE = replace(TINY, nam='x')",
        "line 6: No field of Space is called 'nam'. Did you mean 'name'?",
    ),
    "an unknown attribute": (
        "SPACE = replace(TINY, name=TINY.recipes[0].nam)",
        "line 6: AttributeError: No field of Recipe is called 'nam'. Did you mean 'name'? Known: name, stages, "
        "factors.",
    ),
    "an import of an unknown name": (
        "from sweeper.space import Recepy",
        "line 6: ImportError: No name in sweeper.space is called 'Recepy'. Did you mean 'Recipe'?",
    ),
    "an import of an unknown module": (
        "import nothing_of_that_name",
        "line 6: ModuleNotFoundError: No module named 'nothing_of_that_name'. Install it, or put its f",
    ),
    "an import of an unknown module of the sweeper": (
        "import sweeper.spce",
        "line 6: ModuleNotFoundError: No module in sweeper is called 'spce'. Did you mean 'space'?",
    ),
    "a name that was not imported": (
        "del Space\nSPACE = Space(name='x')",
        "line 7: NameError: name 'Space' is not defined. Add `from sweeper.space import Space`.",
    ),
    "an unknown variable": ("SPACE = TINNY", "line 6: NameError: No value is called 'TINNY'. Did you mean 'TINY'?"),
    "an unknown format of a task": (
        "SPACE = replace(TINY, tasks=(*TINY.tasks,\nTask(name='own', format='clasify')))",
        "line 7: No format (task 'own') is called 'clasify'. Did you mean 'classify'?",
    ),
    "the end of the program": ("import sys\nsys.exit('stop')", "line 7: SystemExit: stop"),
    "an exception in a function of the user": (
        "def half(x):\n    return 1 / x\nSPACE = half(0)",
        "line 7: ZeroDivisionError: division by zero",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_a_space_file_names_its_line_its_part_and_the_rule(
    mistake: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, message = MISTAKES[mistake]
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(HEAD + text)
    with pytest.raises(UserError, match=rf"^mine\.py, {re.escape(message)}"):
        load_space("mine.py")


def test_a_mistake_in_a_module_that_a_space_file_imports_is_reported_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "rows_of_mine.py").write_text(
        f"{HEAD}def one(name):\n    return Recipe(name=name, stages=Stage(tasks=(name,)))"
    )
    file = tmp_path / "mine.py"
    file.write_text("from rows_of_mine import one\nROW = one('parts')")
    with pytest.raises(UserError, match=r"rows_of_mine\.py, line 7, recipe 'parts': Recipe\.stages needs a tuple"):
        load_space(str(file))


def test_a_space_of_another_name_is_to_be_renamed(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(f"{HEAD}study = replace(TINY, name='study')")
    with pytest.raises(UserError, match=r"it defines nothing\. Rename its 'study' to SPACE\."):
        load_space(str(file))


def test_lists_are_accepted_for_tuples(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        f"{HEAD}STAGES = [Stage(tasks=['parts'])]\n"
        "SPACE = replace(TINY, seeds=[1, 2], recipes=[*TINY.recipes, Recipe(name='a', stages=STAGES)])"
    )
    space = load_space(str(file))
    assert (space.seeds, space.recipes[-1].stages[0].tasks) == ((1, 2), ("parts",))
