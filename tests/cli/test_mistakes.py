"""Ninety mistakes of a user, each with its exit code and the first line of its message, never with a traceback."""
# ruff: noqa: E501 - a table with one line for each mistake

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from search_spaces.tiny import SPACE as TINY
from sweeper.files.serialize import write_json
from tests.runs import ROOT, Call

HEAD = """from dataclasses import replace
from search_spaces.tiny import SPACE as TINY
from sweeper.space import *
TRAINING = Training(learning_rate=1e-3)
NAMES = Target(task="names", training=TRAINING)
BASE = dict(name="mine", models=TINY.models, recipes=(Recipe(name="baseline"),), targets=(NAMES,), tasks=TINY.tasks,
            world="demo")
"""


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """A command line, its exit code and the begin of its message."""

    command: str
    code: int = 2
    message: str
    files: Mapping[str, str] = field(default_factory=dict)


def typed(command: str, message: str, code: int = 2) -> Mistake:
    return Mistake(command=command, code=code, message=message)


def written(line: str, message: str) -> Mistake:
    """A mistake in a space file."""
    return Mistake(command="plan mine.py", message=message, files={"mine.py": HEAD + line + "\n"})


MISTAKES = [
    # Commands and options.
    typed("rnu tiny", "No such command 'rnu'. Did you mean 'run'?"),
    typed("run", "Missing argument 'SPACE'."),
    typed("run tiny demo", "Got unexpected extra argument(s) (demo)"),
    typed("run tiny --mirorr x", "No such option: --mirorr (Possible options: --mirror)"),
    typed("run tiny --out", "Option '--out' requires an argument."),
    typed("report", "Missing argument 'RUN'."),
    typed("tasks mnil", "No task is called 'mnil'. Did you mean 'mnli'?"),
    typed("spaces tiny", "Got unexpected extra argument(s) (tiny)"),
    # Names of spaces, and paths.
    typed("run tinny", "No space is called 'tinny'. Did you mean 'tiny'?"),
    typed("plan demmo", "No space is called 'demmo'. Did you mean 'demo'?"),
    typed("plan nowhere.py", "There is no file nowhere.py (looked up in"),
    typed("run runs/study", "No run folder or file is called 'runs/study'."),
    typed("run nowhere/space.json", "No run folder or file is called 'nowhere/space.json'."),
    typed("space tinny", "No space is called 'tinny'. Did you mean 'tiny'?"),
    typed("space tiny targets.nmaes", "No target is called 'nmaes'. Did you mean 'names'?"),
    typed("show tiny --task nmaes", "No task is called 'nmaes'. Did you mean 'names'?"),
    typed("run .", ". is not a run folder: it has no space.json. `sweeper run` creates run folders."),
    # Values of --set and --only.
    typed("plan tiny --set sedes=3", "--set sedes=3: No --set key is called 'sedes'. Did you mean 'seeds'?"),
    typed("plan tiny --set seeds", "--set needs KEY=VALUE, got 'seeds'."),
    typed("plan tiny --set seeds=0", "--set seeds=0: Seeds must be different and not 0. A single number n means the seeds 1 to n, with n from 1 to 10,000; got 0."),
    typed("plan tiny --set seeds=-1", "--set seeds=-1: Seeds must be different and not 0. A single number n means the seeds 1 to n, with n from 1 to 10,000; got -1."),
    typed("plan tiny --set seeds=1,1", "--set seeds=1,1: Seeds must be different and not 0 (the search uses it), got (1, 1)."),
    typed("plan tiny --set epochs=lots", "--set epochs=lots: Training.epochs needs a number, got 'lots'."),
    typed("plan tiny --set epochs=-1", "--set epochs=-1: Training needs epochs > 0, got -1.0."),
    typed("plan tiny --set learning_rat=1e-5", "--set learning_rat=1e-5: No --set key is called 'learning_rat'. Did you mean 'learning_rate'?"),
    typed("plan tiny --set targets.names.training.learning_rat=1e-5", "--set targets.names.training.learning_rat=1e-5: No field of Training is called 'learning_rat'. Did you mean 'learning_rate'?"),
    typed("plan tiny --set targets.xnli.training.learning_rate=1e-5", "--set targets.xnli.training.learning_rate=1e-5: No target is called 'xnli'."),
    typed("plan tiny --set targets.names.training.learning_rate=high", "--set targets.names.training.learning_rate=high: Training.learning_rate needs a number, got 'high'."),
    typed("plan tiny --set targets.names.training.learning_rate=-1", "--set targets.names.training.learning_rate=-1: Training needs learning_rate > 0, got -1.0."),
    typed("plan tiny --set recipes.parts.stages.7.training.epochs=1", "--set recipes.parts.stages.7.training.epochs=1: No stage is called '7'."),
    typed("plan tiny --set dials.learning_rat=1e-5,2e-5", "--set dials.learning_rat=1e-5,2e-5: No dial is called 'learning_rat'. Did you mean 'learning_rate'?"),
    typed("plan tiny --set trials=many", "--set trials=many: Search.trials needs a whole number, got 'many'."),
    typed("plan tiny --set trials=0", "--set trials=0: Search needs trials >= 1 and batch >= 1, got 0 and 2."),
    typed("plan tiny --set batch=0", "--set batch=0: Search needs trials >= 1 and batch >= 1, got 2 and 0."),
    typed("plan tiny --set targets=nmaes", "--set targets=nmaes: No target is called 'nmaes'. Did you mean 'names'?"),
    typed("plan tiny --set recipes=baselin", "--set recipes=baselin: No recipe is called 'baselin'. Did you mean 'baseline'?"),
    typed("plan tiny --set precision=fp16", "--set precision=fp16: No value of Training.precision is called 'fp16'. Did you mean 'bf16'?"),
    typed("plan tiny --set sampler=tpee", "--set sampler=tpee: No value of Search.sampler is called 'tpee'. Did you mean 'tpe'?"),
    typed("plan tiny --set evaluate=train", "--set evaluate=train: No value of Space.evaluate is called 'train'."),
    typed("plan tiny --set refit=maybe", "--set refit=maybe: Search.refit needs True or False, got 'maybe'."),
    typed("plan tiny --set world=demmo", "No world is called 'demmo'. Did you mean 'demo'?"),
    typed("plan tiny --set world=demo:drawss=3", "No setting of a world is called 'drawss'. Did you mean 'draws'?"),
    typed("run tiny --set seeds=20", "World 'demo:draws=4' has 4 draws, but the seeds need draw 20: set draws=21 or more, as in `--set world=demo:draws=21`."),
    typed("plan tiny --only recipe=parts", "No --only key is called 'recipe'. Did you mean 'recipes'?"),
    typed("plan tiny --only targets=nmaes", "No target is called 'nmaes'. Did you mean 'names'?"),
    typed("run tiny --only parts", "--only needs KEY=NAME,NAME with a key of models, recipes, targets, seeds, got 'parts'."),
    # Numbers.
    typed("run tiny --checkpoint-every -5", "Invalid value for '--checkpoint-every': Input should be greater than or equal to 0, got '-5'."),
    typed("run tiny --checkpoint-every inf", "--checkpoint-every needs a number from 0 to 1e9, got inf. Write 1e9 for a time that never ends."),
    typed("run tiny --store-patience inf", "--store-patience needs a number from 0 to 1e9, got inf. Write 1e9 for a time that never ends."),
    typed("run tiny --store-patience 1e308", "--store-patience needs a number from 0 to 1e9, got 1e+308."),
    typed("run tiny --checkpoint-every often", "Invalid value for '--checkpoint-every': Input should be a valid number, unable to parse string as a number, got 'often'."),
    typed("run tiny --workers 0", "Invalid value for '--workers': Input should be greater than or equal to 1, got '0'."),
    typed("run tiny --workers two", "Invalid value for '--workers': Input should be a valid integer, unable to parse string as an integer, got 'two'."),
    typed("run tiny --nice 20", "Invalid value for '--nice': Input should be less than or equal to 19, got '20'."),
    typed("run tiny --nice 5 --address 127.0.0.1:1", "--nice applies to a local Ray. On a cluster, start Ray with RAY_worker_niceness=N."),
    typed("run tiny --cpus-per-trial 0", "Resources need cpus > 0 and gpus >= 0, got cpus=0.0, gpus=0.0."),
    typed("run tiny --gpus-per-trial 4", "Each process of a trial uses one GPU: Resources need gpus <= 1 for one process, and gpus = 0 or gpus = processes for several, got gpus=4, processes=1. More processes change all keys."),
    typed("run tiny --gpus-per-trial -1", "Resources need cpus > 0 and gpus >= 0, got cpus=1.0, gpus=-1.0."),
    typed("plan tiny --workers 0", "A plan needs workers >= 1, got 0."),
    typed("plan tiny --throughput 0", "A plan needs a finite throughput > 0, got 0."),
    typed("plan tiny --throughput fast", "--throughput takes tokens per second, for all models (3000) or for one (MODEL=3000), got 'fast'."),
    typed("plan tiny --throughput tin=3", "No model is called 'tin'. Did you mean 'tiny'?"),
    typed("plan tiny --throughput-of nowhere", "nowhere is not a run folder: it has no space.json. `sweeper run` creates run folders."),
    typed("pace tiny --minutes 0", "Invalid value for '--minutes': Input should be greater than or equal to 0.001, got '0'."),
    typed("pace tiny --minutes nan", "Invalid value for '--minutes': Input should be less than or equal to 600, got 'nan'."),
    typed("pace tiny --gpus-per-trial nan", "ResourceOverrides.gpus needs a finite number, got nan."),
    typed("run tiny --gpus-per-trial inf", "ResourceOverrides.gpus needs a finite number, got inf."),
    typed("run tiny --cpus-per-trial nan", "ResourceOverrides.cpus needs a finite number, got nan."),
    # Machines, stores and folders.
    typed("pace tiny --out s3://bucket/x.json", "--out of `sweeper pace` takes a local file, got 's3://bucket/x.json'."),
    typed("pace tiny --out .", "--out of `sweeper pace` takes a file, and '.' is a folder: add the name of a file."),
    typed("pace tiny --out /proc/nowhere/x.json", "The folder of the result '/proc/nowhere' cannot be written: [Errno 2] No such file or directory: '/proc/nowhere'. Nothing was changed there.", 3),
    Mistake(command="pace tiny --out file/x.json", message="The folder of the result 'file' must be a folder, but a part of its path is a file.", files={"file": ""}),
    typed("pace tiny --gpus-per-trial 1", "A trial needs 1 GPU, and this machine has 0. Measure on a machine such as those of the sweep, or on CPUs with --gpus-per-trial 0."),
    typed("run tiny --gpus-per-trial 1", "A trial needs 1 GPU, and this machine has 0. Use --gpus-per-trial 0 to run on CPUs, or --address auto to run on a cluster."),
    typed("run tiny --address 127.0.0.1:1", "No Ray cluster answers at '127.0.0.1:1'. Start the cluster, or use --address local. Reason: [Errno 111] Connection refused", 3),
    typed("run tiny --address here", "--address needs local, auto, HOST:PORT or ray://HOST:PORT, got 'here'."),
    typed("run tiny --address 127.0.0.1:99999", "--address needs local, auto, HOST:PORT or ray://HOST:PORT, got '127.0.0.1:99999'."),
    typed("run tiny --mirror nowhere", "--mirror nowhere is not a mirror: the folder"),
    typed("plan tiny --mirror nowhere", "--mirror nowhere is not a mirror: the folder"),
    typed("run tiny --out /proc/nowhere/run", "The run folder '/proc/nowhere/run' cannot be written: [Errno 2] No such file or directory: '/proc/nowhere'. Nothing was changed there.", 3),
    typed("run tiny --store /proc/nowhere", "The store '/proc/nowhere' cannot be written: [Errno 2] No such file or directory: '/proc/nowhere'. Nothing was changed there.", 3),
    typed("run tiny --cache /proc/nowhere", "The cache '/proc/nowhere' cannot be written: [Errno 2] No such file or directory: '/proc/nowhere'. Nothing was changed there.", 3),
    typed("run tiny --cache s3://bucket/cache", "The cache is a local folder of each machine, got --cache s3://bucket/cache."),
    typed("run tiny --out s3://bucket/run", "'s3://bucket/run' needs a package that is not installed. Install it: pip install 'transfer-sweeper[s3]'"),
    typed("report s3://bucket/run", "'s3://bucket/run' needs a package that is not installed. Install it: pip install 'transfer-sweeper[s3]'"),
    typed("run tiny --out gs://bucket/run", "'gs://bucket/run' needs a package that is not installed. Install it: pip install 'transfer-sweeper[gcs]'"),
    typed("status az://bucket/run", "'az://bucket/run' needs a package that is not installed. Install it: pip install 'transfer-sweeper[azure]'"),
    typed("run tiny --out foo://bucket/run", "'foo://bucket/run' is no path and no valid URL: No protocol is called 'foo'."),
    typed("submit foo://bucket/run --best-per-target", "'foo://bucket/run' is no path and no valid URL: No protocol is called 'foo'."),
    Mistake(command="run runs/studdy", message="No run folder or file is called 'runs/studdy'. Did you mean 'runs/study'?", files={"runs/study/space.json": "TINY"}),
    Mistake(command="plan runs/study --only recipes=part", message="No recipe is called 'part'. Did you mean 'parts'?", files={"runs/study/space.json": "TINY"}),
    Mistake(command="run tiny --out file", message="The run folder 'file' must be a folder, but a part of its path is a file.", files={"file": ""}),
    Mistake(command="run tiny --out file/run", message="The run folder 'file/run' must be a folder, but a part of its path is a file.", files={"file": ""}),
    # Run folders.
    typed("status nowhere", "nowhere is not a run folder: it has no space.json. `sweeper run` creates run folders."),
    typed("report nowhere", "nowhere is not a run folder: it has no space.json. `sweeper run` creates run folders."),
    typed("trial nowhere abc", "nowhere is not a run folder: it has no space.json. `sweeper run` creates run folders."),
    typed("export nowhere --target mnli --out x", "nowhere is not a run folder: it has no space.json. `sweeper run` creates run folders."),
    typed("submit nowhere --best-per-target", "nowhere is not a run folder: it has no space.json. `sweeper run` creates run folders."),
    Mistake(command="run demo --out other", message="other was made from another space. A run folder accepts only additional seeds, recipes, targets, models, tasks, languages, layers, conditions and search trials, and other contrasts. Changed:", files={"other/space.json": "TINY", "other/ledger/trainings/a.json": "{}"}),
    Mistake(command="status damaged", message="", files={"damaged/space.json": "{"}),
    Mistake(command="status old", message="", files={"old/space.json": '{"format": 1}'}),
    Mistake(command="trial old 'tiny/part/seed 1'", message="No trial of old is called 'tiny/part/seed 1', and no key begins with it. Did you mean 'tiny/parts/seed 1'? A trial has a name such as 'baseline -> names/search 0', with or without the model, and a key.", files={"old/space.json": "TINY"}),
    Mistake(command="report old --against part", message="No recipe is called 'part'. Did you mean 'parts'?", files={"old/space.json": "TINY"}),
    Mistake(command="submit old", message="A submission needs either --best-per-target or --recipe NAME.", files={"old/space.json": "TINY"}),
    # Space files.
    written("", "mine.py must define SPACE as a sweeper.space.Space; it defines nothing. Rename its 'TINY' to SPACE."),
    written("SPACE = TINY.name", "mine.py must define SPACE as a sweeper.space.Space; it defines a value of type str. Rename its 'TINY' to SPACE."),
    written("SPACE = Space(**BASE", "mine.py, line 8: SyntaxError: '(' was never closed."),
    written("import nowhere", "mine.py, line 8: ModuleNotFoundError: No module named 'nowhere'. Install it, or put its folder on PYTHONPATH."),
    written('SPACE = replace(TINY, recipes=(Recipe(name="mine", stages=(Stage(tasks="mnli"),)),))', "mine.py, line 8, recipe 'mine': Stage.tasks needs a tuple of strings, got the string 'mnli'. Write ('mnli',): the comma makes a tuple."),
    written('SPACE = replace(TINY, recipes=(Recipe(name="mine", stages=(Stage(tasks=("mnil",)),)),))', "mine.py, line 8: Recipe 'mine': No task is called 'mnil'. Did you mean 'mnli'?"),
    written('SPACE = replace(TINY, recipes=(Recipe(name="baseline")))', "mine.py, line 8: Space.recipes needs a tuple of Recipe objects, got a Recipe. Write (Recipe(...),): the comma makes a tuple."),
    written('SPACE = replace(TINY, recipes=(Recipe(name="mine", stages=Stage(tasks=("mnli",))),))', "mine.py, line 8, recipe 'mine': Recipe.stages needs a tuple of Stage objects, got a Stage. Write (Stage(...),): the comma makes a tuple."),
    written('SPACE = replace(TINY, models=("mini-xlmr",))', "mine.py, line 8: Space.models[0] needs a Model, got the string 'mini-xlmr'."),
    written('SPACE = replace(TINY, targets=(Target(task="names", training=Training(lr=1e-5)),))', "mine.py, line 8, target 'names': No field of Training is called 'lr'. Did you mean 'learning_rate'?"),
    written('SPACE = replace(TINY, targets=(Target(task="names", training=Training(learning_rate="2e-5")),))', "mine.py, line 8, target 'names': Training.learning_rate needs a number, got the string '2e-5'. Remove the quotes."),
    written('SPACE = replace(TINY, targets=(Target(task="names", training=Training(epochs=0)),))', "mine.py, line 8, target 'names': Training needs epochs > 0, got 0."),
    written('SPACE = replace(TINY, targets=(Target(task="names", languages=("xx",)),))', "mine.py, line 8: No test language of 'names' is called 'xx'. Did you mean 'xh'?"),
    written('SPACE = replace(TINY, targets=(Target(task="names", dials={"lr": Choice(values=(1, 2))}),))', "mine.py, line 8, target 'names': No dial is called 'lr'. Did you mean 'learning_rate'?"),
    written('DIAL = LogUniform(low=0.1, high=0.01)', "mine.py, line 8: LogUniform needs 0 < low < high, got low=0.1, high=0.01."),
    written('SPACE = replace(TINY, targets=(NAMES, NAMES))', "mine.py, line 8: A space can have each target only once, got names more than once."),
    written('SPACE = replace(TINY, seeds=(0, 1))', "mine.py, line 8: Seeds must be different and not 0 (the search uses it), got (0, 1)."),
    written('SPACE = replace(TINY, seeds=3)', "mine.py, line 8: Space.seeds needs a tuple of whole numbers, got the int 3. Write (3,): the comma makes a tuple."),
    written('SPACE = replace(TINY, targets=())', "mine.py, line 8: A space needs at least one target."),
    written('TASK = Task(name="mine", title="", format="clasify", scorer="accuracy", train={"en": (Rows(id="a.csv", split="train"),)})\nSPACE = replace(TINY, tasks=(TASK,))', "mine.py, line 8: No format (task 'mine') is called 'clasify'. Did you mean 'classify'?"),
    written('TASK = Task(name="mine", title="", format="classify", scorer="acuracy")\nSPACE = replace(TINY, tasks=(*TINY.tasks, TASK))', "mine.py, line 8: No scorer of format 'classify' (task 'mine') is called 'acuracy'. Did you mean 'accuracy'?"),
    written('TASK = Task(name="mine", format="classify", columns={"txt": "body"})\nSPACE = replace(TINY, tasks=(*TINY.tasks, TASK))', "mine.py, line 8: No field of format 'classify' (columns of task 'mine') is called 'txt'. Did you mean 'text'?"),
    written('TASK = Task(name="mine", format="classify", labels=("good", "good"))\nSPACE = replace(TINY, tasks=(*TINY.tasks, TASK))', "mine.py, line 8: Task 'mine' needs different labels, got good, good."),
    written('TASK = Task(name="mine", format="classify")\nSPACE = replace(TINY, tasks=(*TINY.tasks, TASK, TASK))', "mine.py, line 9: A space can have each task only once, got mine more than once."),
    written('TASK = Task(name="mine", format="classify", train=5)', "mine.py, line 8: Task 'mine': train needs a file, a folder, a Hub id, Rows(...)"),
    written('TASK = Task(name="mine", title="", format="classify", scorer="accuracy", train="file.csv")\nMINE = Recipe(name="mine", stages=(Stage(tasks=("mine",)),))\nSPACE = replace(TINY, tasks=(*TINY.tasks, TASK), recipes=(*TINY.recipes, MINE))', "Task 'mine': Data set file.csv (split 'train') is missing: tried"),
    written('SPACE = replace(TINY, world="", models=(Model(name="mine", id="./nowhere"),))', "There is no model './nowhere': tried"),
]  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.command[:40])
def test_a_mistake_ends_with_its_exit_code_and_one_message(
    call: Call, monkeypatch: pytest.MonkeyPatch, mistake: Mistake
) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    for name, text in mistake.files.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(write_json(TINY) if text == "TINY" else text.encode())
    result = call(*shlex.split(mistake.command))
    assert result.code == mistake.code, result
    assert result.err.startswith(f"error: {mistake.message}"), result.err
    assert "Traceback" not in result.out + result.err


def test_the_table_has_ninety_mistakes() -> None:
    assert len({(mistake.command, *mistake.files.values()) for mistake in MISTAKES}) >= 90


QUICK = """
import sys
from sweeper.cli import main

for command in {commands!r}:
    sys.argv = ["sweeper", "run", "tiny", *command.split()]
    try:
        main()
    except SystemExit as error:
        assert error.code in (2, 3), command
print(*{{"torch", "ray", "transformers", "optuna"}} & set(sys.modules))
"""


def test_machines_folders_and_options_are_checked_before_a_heavy_library_is_loaded(tmp_path: Path) -> None:
    options = (
        "--gpus-per-trial 1",
        "--address 127.0.0.1:1",
        "--out /proc/nowhere/run",
        "--mirror nowhere",
        "--out gs://a/b",
    )
    code = QUICK.format(commands=(*options, "--set seeds=20", "--checkpoint-every -5"))
    env = {**os.environ, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []
