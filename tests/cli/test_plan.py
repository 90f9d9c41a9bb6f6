"""`sweeper plan`: exit codes for paths that do not exist, and `--check`, which reads all data of a space."""

import json
import re
from pathlib import Path

import pytest

from search_spaces.load import LARGE, QUESTIONS, shipped
from tests.runs import Call, is_user_error, world

SPACE_FILE = """
from sweeper.space import Model, Recipe, Rows, Space, Stage, Target, Task

SPACE = Space(
    name="study",
    models=(Model(name="mine", id="{model}"),),
    recipes=(Recipe(name="baseline"), Recipe(name="words", stages=(Stage(tasks=("words",)),))),
    targets=(Target(task="reviews"),),
    tasks=(
        Task(name="reviews", format="classify", train="train.csv", test={{"en": "test.csv", "de": "{german}"}}),
        Task(name="words", format="classify", train="{words}"),
    ),
    evaluate="test",
)
"""


class Study:
    """A space file with its data and an encoder, in a folder that is not the working directory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "encoder").mkdir(parents=True)
        for name in ("config.json", "tokenizer.json", "model.safetensors"):
            (folder / "encoder" / name).write_text("{}")
        self.write("train.csv", ["fine,good", "stale,bad", "clean,good", ",bad"])
        self.write("test.csv", ["Fine,good", "dirty,bad"])
        self.write("german.csv", ["sauber,good", "muffig,bad"])
        self.write("words.csv", ["clean sauber,good", "stale muffig,bad"])

    def write(self, name: str, lines: list[str], header: str = "text,label") -> None:
        text = "\n".join([header, *(line if not line.startswith(",") else f"a {line[1:]}{line}" for line in lines)])
        (self.folder / name).write_text(f"{text}\n")

    def space(self, *, model: str = "./encoder", german: str = "german.csv", words: str = "words.csv") -> str:
        path = self.folder / "study.py"
        path.write_text(SPACE_FILE.format(model=model, german=german, words=words))
        return str(path)


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return Study(tmp_path / "project")


@pytest.mark.parametrize("name", [name for name in shipped() if name.startswith(QUESTIONS) and name.endswith(LARGE)])
def test_the_plan_of_a_question_on_a_cluster_needs_no_data_and_gives_hours_at_a_pace(call: Call, name: str) -> None:
    result = call("plan", name, "--throughput", "20000")
    assert result.code == 0, result.err
    assert re.search(r"^[\d,.]+ h on \d+ workers, [\d,.]+ worker-hours", result.out, flags=re.MULTILINE)


def test_plan_check_reads_the_data_and_prints_rows_languages_columns_and_label_counts(call: Call, study: Study) -> None:
    result = call("plan", study.space(), "--check")
    assert result.code == 0, result.err
    lines = [" ".join(line.split()) for line in result.out.splitlines()]
    assert "reviews train en 4 4 bad 2, good 2" in lines
    assert "reviews test en 2, de 2 4 bad 2, good 2" in lines
    assert "words train en 2 2 bad 1, good 1" in lines
    assert "Task words: inferred from the data: columns text = text, label = label; labels bad, good." in result.out
    assert "reviews: test items that also occur in the training data: en 1 of 2." in result.out
    assert "Check: all data can be read" in result.out


def test_plan_check_lists_every_problem_and_ends_with_2(call: Call, study: Study) -> None:
    study.write("test.csv", ["fine,good", "dirty,awful"])
    study.write("words.csv", ["a,b,x"], "sentence1,question1,label")
    space = study.space(model="./encodr", german="missing.csv")
    result = call("plan", space, "--check")
    assert result.code == 2
    assert "reviews" in result.out
    assert "The space cannot run: 4 problems." in result.err
    problems = (
        "There is no model './encodr': tried",
        "Did you mean './encoder'?",
        "Task 'words': field 'text' can be the column sentence1 or question1.",
        "Task 'reviews': Data set test.csv (split 'test'), row 1: a label must be one of ['bad', 'good'], got 'awful'.",
        "Task 'reviews': Data set missing.csv (split 'test') is missing: tried",
    )
    assert all(problem in result.err for problem in problems), result.err
    checked = json.loads(call("plan", space, "--check", "--json").out)["check"]
    assert len(checked["problems"]) == 4
    assert {"task": "reviews", "split": "train", "language": "en"}.items() <= checked["data"][0].items()


def test_plan_check_reads_a_synthetic_world(call: Call) -> None:
    corner = ("--set", "recipes=baseline", "--set", "targets=names", "--set", "seeds=1")
    result = call("plan", "tiny", "--check", "--mirror", str(world()), *corner)
    assert result.code == 0, result.err
    assert "names" in result.out.split("rows by language")[1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"german": "missing.csv"}, "Task 'reviews': Data set missing.csv (split 'test') is missing: tried"),
        ({"model": "./encodr"}, "There is no model './encodr': tried"),
        ({"words": "./wordlist"}, "Task 'words': Data set ./wordlist (split 'train') is missing: tried"),
    ],
)
def test_a_plain_plan_ends_with_2_for_a_path_of_the_user_that_does_not_exist(
    call: Call, study: Study, change: dict[str, str], message: str
) -> None:
    result = call("plan", study.space(**change))
    assert is_user_error(result)
    assert message in result.err
    assert f"A relative path starts from {study.folder}, the folder of the space file" in result.err


def test_a_plain_plan_ends_with_2_for_a_folder_that_is_not_a_mirror(call: Call) -> None:
    result = call("plan", "text_small", "--mirror", "/no/such")
    assert is_user_error(result)
    assert "--mirror /no/such is not a mirror: the folder /no/such/datasets is missing." in result.err


def test_a_plain_plan_names_missing_data_without_reading_any_and_ends_with_0(
    call: Call, study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    study.write("train.csv", ["nonsense"], "nothing")
    (tmp_path / "mirror" / "datasets").mkdir(parents=True)
    result = call("plan", study.space(words="some/words"), "--mirror", str(tmp_path / "mirror"))
    assert result.code == 0, result.err
    assert "Data set some/words (split 'train') is missing: tried" in result.out
    assert "not the Hub, which cannot be reached" in result.out
