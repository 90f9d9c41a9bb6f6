"""The command line: output, exit codes, and one message for each mistake of the user."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from sweeper import __version__
from sweeper.tasks.catalog import CATALOG
from tests.runs import Call, CommandResult, is_user_error, shared_cache, sweeper, world


def test_every_task_is_listed_within_80_columns() -> None:
    process = sweeper("tasks", env={"COLUMNS": "80"})
    assert process.returncode == 0, process.stderr
    lines = process.stdout.splitlines()
    assert {line.split()[0] for line in lines if line.split()} >= set(CATALOG)
    assert max(map(len, lines)) <= 80


def test_every_licence_is_listed() -> None:
    process = sweeper("tasks", "--licences", env={"COLUMNS": "400"})
    assert process.returncode == 0, process.stderr
    assert all(task.licence in process.stdout for task in CATALOG.values())


def test_the_help_describes_the_program_gives_examples_and_groups_the_commands() -> None:
    process = sweeper("--help", env={"COLUMNS": "80"})
    assert process.returncode == 0, process.stderr
    text = " ".join(process.stdout.split())
    assert "which intermediate training helps which target task" in text
    assert (
        text.count("sweeper run demo")
        == text.count("sweeper plan xtreme")
        == text.count("sweeper report runs/demo")
        == 1
    )
    positions = [process.stdout.index(f" {panel} ─") for panel in ("Inspect", "Run", "Read results")]
    assert positions == sorted(positions)
    assert "--install-completion" in text


def test_the_version_is_printed(call: Call) -> None:
    result = call("--version")
    assert (result.code, result.out) == (0, f"sweeper {__version__}\n")


def test_v_prints_log_messages_to_stderr_and_q_excludes_it(call: Call) -> None:
    import logging

    for options, printed in ((("-v",), True), ((), False), (("-q",), False)):
        assert call(*options, "tasks", "mnli").code == 0
        logging.getLogger("sweeper.tests").debug("a detail")
        # The output of the next command contains what was logged after this one.
        result = call("--version")
        assert ("DEBUG sweeper.tests: a detail" in result.err) == printed
    assert is_user_error(call("-v", "-q", "tasks"))


def test_a_plan_counts_the_trials_of_a_space(call: Call) -> None:
    result = call("plan", "text_small")
    assert result.code == 0
    assert (
        "64 search trials, 20 preparations, 132 target trainings, 21 encoder scores; 216 trainings in all" in result.out
    )


def test_a_plan_is_printed_as_json(call: Call) -> None:
    plan = json.loads(call("plan", "tiny", "--json").out)
    assert plan["trainings"] == 14
    waits = {unit["unit"]: unit["waits_for"] for unit in plan["units"]}
    assert waits["tiny/parts -> names"] == ["tiny/parts", "tiny/baseline -> names"]
    assert waits["tiny/baseline -> names"] == []


def test_a_plan_has_hours_only_for_a_given_pace(call: Call) -> None:
    assert json.loads(call("plan", "tiny", "--json").out)["hours_left"] is None
    given = ("--throughput", "1", "--throughput", "tiny=1000")
    plan = json.loads(call("plan", "tiny", "--json", *given).out)
    assert plan["tokens_a_second_of_a_worker"] == {"tiny": {"throughput": 1000.0, "source": "given"}}
    assert plan["hours_left"] > 0


def test_a_plan_writes_no_files(call: Call, tmp_path: Path) -> None:
    assert call("plan", "demo").code == 0
    assert list(tmp_path.iterdir()) == []


SPACE_FILE = """
from dataclasses import replace

from search_spaces.tiny import SPACE as TINY
from sweeper.space import Choice, Model, Target
from sweeper.tasks.spec import Rows, Task


def rows(split):
    return {{"en": (Rows(id={folder!r}, split=split),)}}


OWN = Task(
    name="own",
    title="A task of my own",
    format="classify",
    scorer="accuracy",
    columns={{"text": "text", "label": "label"}},
    labels=("no", "yes"),
    train=rows("train"),
    dev=rows("validation"),
    test=rows("test"),
)
TRAINING = replace(TINY.targets[0].training, {training})
SPACE = replace(
    TINY,
    name="own",
    models=(Model(name="tiny", id={model!r}),),
    recipes=TINY.recipes[:1],
    targets=(Target(task={target!r}, training=TRAINING, dials=dict({dials})),),
    tasks=(*TINY.tasks, OWN),
)
"""


@dataclass(frozen=True, kw_only=True)
class UserFiles:
    """A space file of the user, and a folder with the data set of its task."""

    folder: Path

    def space(self, *, target: str = "own", training: str = "", dials: str = "", model: str = "demo/tiny") -> str:
        path, folder = self.folder / "own.py", str(self.folder / "rows")
        path.write_text(SPACE_FILE.format(folder=folder, target=target, training=training, dials=dials, model=model))
        return str(path)

    def write(self, split: str, labels: list[str]) -> None:
        texts = [f"word {number}" for number in range(len(labels))]
        (self.folder / "rows").mkdir(exist_ok=True)
        table = pa.table({"text": pa.array(texts, pa.string()), "label": pa.array(labels, pa.string())})
        parquet.write_table(table, self.folder / "rows" / f"{split}.parquet")


@pytest.fixture
def user(tmp_path: Path) -> UserFiles:
    files = UserFiles(folder=tmp_path)
    files.write("train", ["no", "yes"] * 40)
    files.write("validation", ["no", "yes"] * 5)
    files.write("test", ["no", "yes"] * 5)
    return files


def run_space(call: Call, user: UserFiles, space: str) -> CommandResult:
    return call("-q", "run", space, "--out", str(user.folder / "run"), "--cache", shared_cache())


def test_a_task_of_a_space_file_with_a_local_folder_is_planned(call: Call, user: UserFiles) -> None:
    result = call("plan", user.space(), "--json")
    assert result.code == 0
    assert [unit["unit"] for unit in json.loads(result.out)["units"]] == ["tiny/baseline -> own"]


def test_labels_outside_the_declared_set_are_refused_before_training(call: Call, user: UserFiles) -> None:
    user.write("test", ["no", "perhaps"])
    result = run_space(call, user, user.space())
    assert is_user_error(result)
    assert "perhaps" in result.err
    assert not (user.folder / "run" / "ledger").exists()


@pytest.mark.parametrize("split", ["train", "test"])
def test_an_empty_split_is_refused_before_training(call: Call, user: UserFiles, split: str) -> None:
    user.write(split, [])
    result = run_space(call, user, user.space())
    assert is_user_error(result)
    assert split in result.err


def test_the_message_about_a_missing_split_has_the_data_set_and_its_path(call: Call, user: UserFiles) -> None:
    (user.folder / "rows" / "test.parquet").unlink()
    result = run_space(call, user, user.space())
    assert is_user_error(result)
    assert str(user.folder / "rows") in result.err
    assert "Targets that need them: own" in result.err


def test_a_length_beyond_the_positions_of_the_model_is_refused(call: Call, user: UserFiles) -> None:
    result = run_space(call, user, user.space(training="max_length=100_000"))
    assert is_user_error(result)
    assert "max_length=100000 of task 'own' is larger than the" in result.err


@pytest.mark.parametrize(("training", "dials"), [("frozen_layers=4", ""), ("", "frozen_layers=Choice(values=(1, 4))")])
def test_more_frozen_layers_than_the_model_has_are_refused_also_in_a_dial(
    call: Call, user: UserFiles, training: str, dials: str
) -> None:
    result = run_space(call, user, user.space(training=training, dials=dials))
    assert is_user_error(result)
    assert "frozen_layers=4 is larger than the 3 layers of model 'tiny': set frozen_layers to 3 or less." in result.err


def test_a_model_that_is_not_an_encoder_is_refused(call: Call, user: UserFiles) -> None:
    shutil.copytree(world() / "models" / "demo" / "tiny", user.folder / "decoder")
    config = user.folder / "decoder" / "config.json"
    config.write_text(json.dumps({"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "n_embd": 8}))
    result = run_space(call, user, user.space(model=str(user.folder / "decoder")))
    assert is_user_error(result)
    assert "encoder" in result.err
    assert "gpt2" in result.err


@pytest.mark.slow
def test_a_model_that_does_not_exist_is_refused(user: UserFiles) -> None:
    space = user.space(model="nobody/nothing")
    process = sweeper("run", space, "--out", str(user.folder / "run"), env={"HF_HUB_OFFLINE": "1"})
    assert is_user_error(CommandResult(code=process.returncode, out=process.stdout, err=process.stderr))
    assert "nobody/nothing" in process.stderr


def test_the_message_about_a_mirror_without_data_has_settings_that_still_run(call: Call, tmp_path: Path) -> None:
    mirror = tmp_path / "mirror"
    shutil.copytree(world(), mirror)
    shutil.rmtree(mirror / "datasets" / "demo" / "names")
    result = call("run", "tiny", "--mirror", str(mirror), "--out", str(tmp_path / "run"), "--cache", shared_cache())
    assert is_user_error(result)
    assert "Data set demo/names (config 'draw1', split" in result.err
    assert str(mirror / "datasets" / "demo" / "names") in result.err
    assert "Targets that need them: names." in result.err
    assert "--only recipes=baseline,parts --only targets=few_questions" in result.err
    assert call("plan", "tiny", "--mirror", str(mirror)).code == 0
