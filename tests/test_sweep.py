"""Whole sweeps with Ray: the ledger does not depend on workers, kills and stops, and no trial runs twice."""

import json
import os
import re
import signal
import subprocess
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
from filelock import FileLock

from sweeper.files.serialize import FORMAT
from sweeper.run.ledger import Ledger
from tests.runs import (
    CORNER,
    PATIENCE,
    Call,
    content,
    copy_of,
    ended,
    is_contained_in_tiny,
    is_user_error,
    nice_level,
    num_records,
    run_arguments,
    session_members,
    shared_cache,
    start,
    sweeper,
    tiny_run,
    wait_for,
    without_seal,
    workers_at_work,
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3 * PATIENCE)]


@pytest.fixture(scope="module")
def alone() -> Path:
    return tiny_run()


@pytest.fixture
def run_copy(alone: Path, tmp_path: Path) -> Path:
    return copy_of(alone, tmp_path / "run")


def test_a_sweep_fills_every_cell_with_a_score_per_seed(alone: Path) -> None:
    scores = [value for key, value in content(alone).items() if key.startswith("score")]
    cells = {(score["recipe"], score["target"], score["seed"]) for score in scores}
    assert cells >= {(row, column, seed) for row in ("baseline", "parts") for column in ("names", "few_questions")
                     for seed in (1, 2)}  # fmt: skip
    assert all(set(score["metrics"]) == {"en", "xa", "xf"} for score in scores if score["target"] == "names")


def test_no_checkpoint_remains_after_a_sweep(alone: Path) -> None:
    assert not list((alone / "checkpoints").glob("*"))


def test_the_command_of_a_finished_sweep_does_nothing_and_starts_no_ray(
    call: Call, alone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = content(alone)
    # Ray cannot start without its folder: a run that starts it would fail.
    monkeypatch.setenv("RAY_TMPDIR", "/dev/null/nowhere")
    monkeypatch.setenv("RAY_ADDRESS", "nowhere:1")
    done = call(*run_arguments(alone))
    assert done.code == 0, done.err
    assert done.out.splitlines()[0] == f"14 of 14 trials are in the ledger of {alone}."
    assert content(alone) == before


@pytest.mark.faults
def test_with_one_usable_cpu_one_trial_runs_at_a_time_and_makes_the_same_ledger_as_two_workers(
    alone: Path, tmp_path: Path
) -> None:
    usable = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(usable)})  # the sweep inherits it, as from `taskset -c 0`
    try:
        driver = start("run", "tiny", "--out", str(tmp_path / "run"), "--cache", shared_cache())
    finally:
        os.sched_setaffinity(0, usable)
    worker = wait_for(lambda: workers_at_work(driver.pid), driver)[0]
    assert nice_level(worker) == nice_level(driver.pid)  # without --nice
    done = ended(driver)
    assert done.returncode == 0, done.stderr
    records = Ledger.at(f"{tmp_path}/run/ledger").trainings().values()
    assert {record.machine["pid"] for record in records} == {str(worker)}
    assert content(tmp_path / "run") == content(alone)


def ended_trials(output: str) -> list[str]:
    """The trials that a sweep has ended. Only their lines end with the seconds; others report running trials."""
    return re.findall(r"^\[\d+/\d+\] (.*?): .*\(\d+ s\)$", output, flags=re.MULTILINE)


def stopped_by(driver: "subprocess.Popen[str]", number: signal.Signals) -> None:
    """Signal the whole process group of a driver, and check the end of the driver and of its Ray."""
    begin = time.monotonic()
    os.killpg(driver.pid, number)
    out, err = driver.communicate(timeout=PATIENCE)
    # On an idle machine it is less than ten. Ray itself would wait for sixty.
    assert time.monotonic() - begin < 30
    assert driver.returncode == 130, (out[-2000:], err[-2000:])
    assert "Stopped before the end. The same command continues the sweep." in out
    assert "LOST" not in out
    assert "Traceback" not in err
    wait_for(lambda: not session_members(driver.pid))


def stop_all(driver: "subprocess.Popen[str]") -> None:
    """End every process of a sweep as `scancel` does: Ray first, then the driver."""
    for pid in session_members(driver.pid):
        if pid != driver.pid:
            with suppress(ProcessLookupError):  # it has ended since it was listed
                os.kill(pid, signal.SIGTERM)
    stopped_by(driver, signal.SIGTERM)


def kill(driver: "subprocess.Popen[str]") -> None:
    """Kill the driver alone, as a machine without memory does."""
    os.kill(driver.pid, signal.SIGKILL)
    assert ended(driver).returncode == -signal.SIGKILL


DISTURBANCES = (
    (1, kill),
    (3, partial(stopped_by, number=signal.SIGTERM)),
    (6, stop_all),
    (9, partial(stopped_by, number=signal.SIGHUP)),
)
"""Number of records -> what then ends the driver while trials run."""


@pytest.mark.faults
def test_a_sweep_that_is_stopped_or_killed_four_times_makes_the_same_ledger_as_an_undisturbed_one(
    alone: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    for num, disturb in DISTURBANCES:
        driver = start(*run_arguments(run, "--checkpoint-every", "0.1"))
        wait_for(lambda num=num, pid=driver.pid: num_records(run) >= num and workers_at_work(pid), driver)
        disturb(driver)
    left = 14 - num_records(run)
    assert left > 0
    done = sweeper(*run_arguments(run))
    assert done.returncode == 0, done.stderr
    assert len(ended_trials(done.stdout)) == left
    assert content(run) == content(alone)


def checkpoints_without(run: Path, keys: frozenset[str]) -> set[str]:
    """The keys of the trainings with a checkpoint, without the given ones."""
    return {path.stem for path in (run / "checkpoints").glob("*.pt")} - keys


@pytest.mark.faults
def test_a_training_that_signals_stop_continues_from_its_checkpoint_with_the_same_result(tmp_path: Path) -> None:
    run, stopped = tmp_path / "run", set[str]()
    arguments = run_arguments(run, *CORNER, "--workers", "1", "--checkpoint-every", "0")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        driver = start(*arguments)
        # A checkpoint of a training that no signal has stopped yet shows that it is in its steps.
        training = wait_for(partial(checkpoints_without, run, frozenset(stopped)), driver)
        stopped_by(driver, number)
        stopped |= training
    done = sweeper(*arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    records = Ledger.at(f"{run}/ledger").trainings()
    resumed = {key for key, record in records.items() if "resumed_at" in record.machine}
    assert resumed
    assert resumed <= stopped
    assert is_contained_in_tiny(run)


@pytest.mark.faults
def test_a_signal_to_the_process_group_ends_a_starting_ray_within_30_seconds(tmp_path: Path) -> None:
    driver = start(*run_arguments(tmp_path / "run"))
    wait_for(lambda: any("gcs_server" in command for command in session_members(driver.pid).values()), driver)
    stopped_by(driver, signal.SIGTERM)


@pytest.mark.faults
def test_ctrl_c_before_ray_starts_ends_in_the_same_way(tmp_path: Path) -> None:
    driver = start(*run_arguments(tmp_path / "run"))
    wait_for((tmp_path / "run" / "site.json").exists, driver)
    stopped_by(driver, signal.SIGINT)


@pytest.mark.faults
def test_damaged_records_and_lost_scores_are_made_again_and_no_other_trial_runs(alone: Path, run_copy: Path) -> None:
    name = "tiny/parts -> names/seed 2"
    records, scores = run_copy / "ledger" / "trainings", run_copy / "ledger" / "scores"
    damaged = next(path for path in records.glob("*.json") if json.loads(path.read_text())["spec"]["name"] == name)
    damaged.write_bytes(damaged.read_bytes()[:-200])
    # The encoder of this preparation is kept, so its score needs no training.
    gone = next(path for path in scores.glob("*.json") if json.loads(path.read_text())["target"] == "parts")
    recipe_and_seed = f"tiny/parts/seed {json.loads(gone.read_text())['seed']}"
    gone.unlink()
    done = sweeper(*run_arguments(run_copy))
    assert done.returncode == 0, done.stderr
    assert f"trainings/{damaged.name} is damaged" in done.stdout
    assert damaged.with_name(f"{damaged.name}.damaged").exists()
    lines = ended_trials(done.stdout)
    assert sorted(lines) == sorted([name, recipe_and_seed])
    assert content(run_copy) == content(alone)


def test_a_moved_run_folder_grows_without_its_options_and_runs_only_the_added_trials(
    alone: Path, run_copy: Path
) -> None:
    done = sweeper("run", str(run_copy), "--set", "seeds=3")
    assert done.returncode == 0, done.stderr
    assert "19 of 19 trials are in the ledger" in done.stdout
    assert done.stdout.count(f"To watch it in a browser: sweeper dashboard {run_copy}\n") == 1
    assert content(alone).items() <= content(run_copy).items()


SPACE_FILE = """
from dataclasses import replace
from search_spaces.tiny import SPACE as TINY
from sweeper.space import Condition

TARGET = next(target for target in TINY.targets if target.task == "names")
SPACE = replace(
    TINY,
    name="grown",
    recipes=TINY.recipes[:1],
    targets=(replace(TARGET, conditions=({conditions})),),
    keep_targets=True,
    seeds=(1, 2),
)
"""


def test_where_trained_models_are_kept_a_new_condition_only_scores(tmp_path: Path) -> None:
    run, file = tmp_path / "run", tmp_path / "space.py"

    def num_trained() -> int:
        """The number of trainings, also of those whose record exists already, from the logs of the trials."""
        return sum(path.read_text().count(" steps, of which ") for path in (run / "logs").glob("*.log"))

    def ledger(kind: str) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in (run / "ledger" / kind).glob("*.json")}

    file.write_text(SPACE_FILE.format(conditions=""))
    done = sweeper(*run_arguments(run, space=str(file)))
    assert done.returncode == 0, done.stderr
    trainings, scores, num_before = ledger("trainings"), ledger("scores"), num_trained()
    assert num_before == len(trainings)
    condition = 'Condition(name="typos", perturbation="keyboard", budget=0.3),'
    file.write_text(SPACE_FILE.format(conditions=condition))
    done = sweeper(*run_arguments(run, space=str(file)))
    assert done.returncode == 0, done.stderr
    assert ledger("trainings") == trainings
    assert scores.items() < ledger("scores").items()
    assert len(ledger("scores")) == len(scores) + 2, "one score for each seed"
    assert num_trained() == num_before


@pytest.mark.faults
def test_of_two_drivers_that_start_in_one_run_folder_one_is_refused_and_the_other_makes_the_same_ledger(
    tmp_path: Path,
) -> None:
    drivers = [start(*run_arguments(tmp_path / "run", *CORNER)) for _ in range(2)]
    done, refused = sorted(map(ended, drivers), key=lambda driver: driver.returncode)
    assert done.returncode == 0, done.stdout + done.stderr
    assert refused.returncode == 2, refused.stdout + refused.stderr
    assert refused.stderr.startswith("error: Another `sweeper run` is working in ")
    assert is_contained_in_tiny(tmp_path / "run")


def test_a_second_driver_in_the_run_folder_of_a_finished_sweep_is_refused(call: Call, alone: Path) -> None:
    with FileLock(alone / ".lock"):
        done = call(*run_arguments(alone))
    assert is_user_error(done)
    assert done.err.startswith("error: Another `sweeper run` is working in ")


def test_any_other_change_of_the_space_is_refused_with_the_difference(call: Call, alone: Path) -> None:
    before = content(alone)
    done = call(*run_arguments(alone, "--set", "epochs=2"))
    assert done.code == 2
    assert "targets.names.training.epochs: 10.0 -> 2.0" in done.err
    assert content(alone) == before


def test_a_record_of_a_newer_version_is_named_by_commands_that_read_and_refused_by_a_sweep(
    call: Call, run_copy: Path
) -> None:
    record = next((run_copy / "ledger" / "trainings").glob("*.json"))
    text = without_seal(record.read_text())
    record.write_text(text.replace(f'"format": {FORMAT}', f'"format": {FORMAT + 1}'))
    message = f"has format {FORMAT + 1}; this version reads format {FORMAT}. Update the sweeper"
    for command in ("status", "report"):
        done = call(command, str(run_copy))
        assert done.code == 0
        assert message in " ".join((done.out + done.err).split())
    done = call(*run_arguments(run_copy))
    assert done.code == 2
    assert message in done.err


def test_a_run_folder_of_an_earlier_version_is_refused_by_every_command_and_stays_unchanged(
    call: Call, run_copy: Path
) -> None:
    for file in run_copy.rglob("*.json"):
        text = without_seal(file.read_text())
        file.write_text(text.replace(f'"format": {FORMAT}', f'"format": {FORMAT - 1}'))
    before = {path: path.read_bytes() for path in (run_copy / "ledger").rglob("*.json")}
    export = ("export", str(run_copy), "--target", "names", "--out", str(run_copy / "model"))
    submit = ("submit", str(run_copy), "--best-per-target")
    for command in (("status", str(run_copy)), ("report", str(run_copy)), submit, export):
        done = call(*command)
        assert done.code == 2, command
        assert f"space.json has format {FORMAT - 1}, and this version reads format {FORMAT}" in done.err
        assert "Start a new run folder with another --out" in done.err
    # The command `run` refuses the folder as well, before it writes anything.
    assert call(*run_arguments(run_copy)).code == 2
    assert {path: path.read_bytes() for path in (run_copy / "ledger").rglob("*.json")} == before


def test_a_run_that_is_refused_creates_no_folder(call: Call) -> None:
    assert is_user_error(call("run", "tiny", "--cache", shared_cache(), "--set", "targets=nothing"))
    assert not Path("runs").exists()
