"""The command line: what it prints, its exit codes, and one message for whatever the user must mend."""

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


def test_the_help_says_what_the_program_does_gives_examples_and_groups_the_commands() -> None:
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


def test_a_plan_says_what_would_run_and_what_waits_for_what(call: Call) -> None:
    said = call("plan", "text_small")
    assert said.code == 0
    assert "64 search trials, 20 preparations, 132 target trainings, 21 encoder scores; 216 of them train" in said.out


def test_a_plan_for_machines_is_json(call: Call) -> None:
    found = json.loads(call("plan", "tiny", "--json").out)
    assert found["trainings"] == 14
    waits = {unit["unit"]: unit["waits_for"] for unit in found["units"]}
    assert waits["tiny/parts -> names"] == ["tiny/parts", "tiny/baseline -> names"]
    assert waits["tiny/baseline -> names"] == []


def test_a_plan_has_hours_only_at_a_pace_that_somebody_gave(call: Call) -> None:
    assert json.loads(call("plan", "tiny", "--json").out)["hours_left"] is None
    given = ("--throughput", "1", "--throughput", "tiny=1000")
    found = json.loads(call("plan", "tiny", "--json", *given).out)
    assert found["tokens_a_second_of_a_worker"] == {"tiny": {"throughput": 1000.0, "source": "given"}}
    assert found["hours_left"] > 0


def test_a_plan_trains_nothing_and_leaves_nothing(call: Call, tmp_path: Path) -> None:
    assert call("plan", "demo").code == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("plan", "demmo"), "No space is called 'demmo'. Did you mean 'demo'? Known: "),
        (("run", "tinny"), "No space is called 'tinny'. Did you mean 'tiny'?"),
        (("plan", "nowhere.py"), "There is no file nowhere.py"),
        (("plan", "tiny", "--set", "sedes=3"), "No --set key is called 'sedes'. Did you mean 'seeds'? Known: "),
        (("run", "tiny", "--set", "targets=nmaes"), "No target is called 'nmaes'. Did you mean 'names'?"),
        (("run", "tiny", "--set", "trials=many"), "--set trials=many"),
        (("run", "tiny", "--mirror", "nowhere"), "is not a mirror: the folder "),
        (("run", "tiny", "--cpus-per-trial", "0"), "Resources need cpus > 0"),
        (("plan", "tiny", "--workers", "0"), "A plan needs workers >= 1"),
        (("plan", "tiny", "--throughput", "0"), "throughput > 0"),
        (("plan", "tiny", "--throughput", "tin=3"), "No model is called 'tin'. Did you mean 'tiny'?"),
        (("status", "nowhere"), "nowhere is not a run folder"),
        (("report", "nowhere"), "nowhere"),
        (("trial", "nowhere", "abc"), "nowhere is not a run folder"),
        (("export", "nowhere", "--target", "names", "--out", "x"), "nowhere is not a run folder"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_mistake_is_one_message_with_what_to_do(call: Call, arguments: tuple[str, ...], said: str) -> None:
    found = call(*arguments)
    assert is_user_error(found)
    assert said in found.err


@pytest.mark.parametrize("arguments", [("run", "tiny", "--workers", "0"), ("plan",), ("rnu", "tiny"), ("run", "--x")])
def test_what_the_command_line_does_not_know_ends_with_2(call: Call, arguments: tuple[str, ...]) -> None:
    said = call(*arguments)
    assert said.code == 2
    assert "Traceback" not in said.err


OWN = """
from dataclasses import replace

from search_spaces.tiny import SPACE as TINY
from sweeper.space import Model, Target
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
    targets=(Target(task={target!r}, training=TRAINING),),
    tasks=(*TINY.tasks, OWN),
)
"""


@dataclass(frozen=True, kw_only=True)
class Own:
    """A user's space file over a data set folder of theirs."""

    folder: Path

    def space(self, *, target: str = "own", training: str = "", model: str = "demo/tiny") -> str:
        path = self.folder / "own.py"
        path.write_text(OWN.format(folder=str(self.folder / "rows"), target=target, training=training, model=model))
        return str(path)

    def write(self, split: str, labels: list[str]) -> None:
        texts = [f"word {number}" for number in range(len(labels))]
        (self.folder / "rows").mkdir(exist_ok=True)
        table = pa.table({"text": pa.array(texts, pa.string()), "label": pa.array(labels, pa.string())})
        parquet.write_table(table, self.folder / "rows" / f"{split}.parquet")


@pytest.fixture
def own(tmp_path: Path) -> Own:
    made = Own(folder=tmp_path)
    made.write("train", ["no", "yes"] * 40)
    made.write("validation", ["no", "yes"] * 5)
    made.write("test", ["no", "yes"] * 5)
    return made


def run_own(call: Call, own: Own, space: str) -> CommandResult:
    return call("run", space, "--out", str(own.folder / "run"), "--cache", shared_cache())


def test_a_task_of_the_users_own_over_a_folder_of_theirs_is_planned(call: Call, own: Own) -> None:
    said = call("plan", own.space(), "--json")
    assert said.code == 0
    assert [unit["unit"] for unit in json.loads(said.out)["units"]] == ["tiny/baseline -> own"]


def test_an_unknown_task_in_a_space_file_is_answered_with_the_nearest_one(call: Call, own: Own) -> None:
    said = call("plan", own.space(target="onw"))
    assert is_user_error(said)
    assert "No task is called 'onw'. Did you mean 'own'?" in said.err


def test_an_unknown_field_of_a_training_is_said_with_its_file(call: Call, own: Own) -> None:
    said = call("plan", own.space(training="learning_rat=1"))
    assert is_user_error(said)
    assert "own.py cannot be loaded as a space: TypeError" in said.err
    assert "learning_rat" in said.err


def test_labels_outside_the_declared_set_are_named_before_anything_runs(call: Call, own: Own) -> None:
    own.write("test", ["no", "perhaps"])
    said = run_own(call, own, own.space())
    assert is_user_error(said)
    assert "perhaps" in said.err
    assert not (own.folder / "run" / "ledger").exists()


@pytest.mark.parametrize("split", ["train", "test"])
def test_an_empty_split_is_named_before_anything_runs(call: Call, own: Own, split: str) -> None:
    own.write(split, [])
    said = run_own(call, own, own.space())
    assert is_user_error(said)
    assert split in said.err


def test_a_missing_split_names_the_data_set_and_the_path_that_was_tried(call: Call, own: Own) -> None:
    (own.folder / "rows" / "test.parquet").unlink()
    said = run_own(call, own, own.space())
    assert is_user_error(said)
    assert str(own.folder / "rows") in said.err
    assert "Targets that need them: own" in said.err


def test_a_length_beyond_the_positions_of_the_model_is_refused(call: Call, own: Own) -> None:
    said = run_own(call, own, own.space(training="max_length=100_000"))
    assert is_user_error(said)
    assert "max_length=100000 of task 'own' is larger than the" in said.err


def test_a_model_that_is_not_an_encoder_is_an_error(call: Call, own: Own) -> None:
    shutil.copytree(world() / "models" / "demo" / "tiny", own.folder / "decoder")
    config = own.folder / "decoder" / "config.json"
    config.write_text(json.dumps({"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "n_embd": 8}))
    said = run_own(call, own, own.space(model=str(own.folder / "decoder")))
    assert is_user_error(said)
    assert "encoder" in said.err
    assert "gpt2" in said.err


@pytest.mark.slow
def test_a_model_that_nobody_has_is_refused(own: Own) -> None:
    space = own.space(model="nobody/nothing")
    done = sweeper("run", space, "--out", str(own.folder / "run"), env={"HF_HUB_OFFLINE": "1"})
    assert is_user_error(CommandResult(code=done.returncode, out=done.stdout, err=done.stderr))
    assert "nobody/nothing" in done.stderr


def test_a_mirror_without_the_data_says_what_could_still_run(call: Call, tmp_path: Path) -> None:
    mirror = tmp_path / "mirror"
    shutil.copytree(world(), mirror)
    shutil.rmtree(mirror / "datasets" / "demo" / "names")
    said = call("run", "tiny", "--mirror", str(mirror), "--out", str(tmp_path / "run"), "--cache", shared_cache())
    assert is_user_error(said)
    assert "Data set demo/names (config 'draw1', split" in said.err
    assert str(mirror / "datasets" / "demo" / "names") in said.err
    assert "Targets that need them: names." in said.err
    assert "--set recipes=baseline,parts --set targets=few_questions" in said.err
    assert call("plan", "tiny", "--mirror", str(mirror)).code == 0
