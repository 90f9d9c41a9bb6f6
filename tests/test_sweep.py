"""Whole sweeps with Ray: the ledger does not depend on workers, kills and stops, and no trial runs twice."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from filelock import FileLock

from sweeper.files.serialize import FORMAT
from tests.runs import (
    PATIENCE,
    content,
    copy_of,
    ended,
    num_records,
    run_arguments,
    session_folder,
    session_members,
    start,
    sweeper,
    tiny_run,
    wait_for,
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


def test_the_command_of_a_finished_sweep_does_nothing_and_starts_no_ray(alone: Path) -> None:
    before = content(alone)
    # Ray cannot start without its folder: a run that starts it would fail.
    begin = time.monotonic()
    done = sweeper(*run_arguments(alone), env={"RAY_TMPDIR": "/dev/null/nowhere", "RAY_ADDRESS": "nowhere:1"})
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == f"14 of 14 trials are in the ledger of {alone}."
    assert content(alone) == before
    assert time.monotonic() - begin < 60


def test_one_worker_makes_the_same_ledger_as_two(alone: Path, tmp_path: Path) -> None:
    done = sweeper(*run_arguments(tmp_path / "run", "--workers", "1"))
    assert done.returncode == 0, done.stderr
    assert content(tmp_path / "run") == content(alone)


def test_a_driver_that_is_killed_three_times_makes_the_same_ledger_as_an_undisturbed_one(
    alone: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    for num in (1, 5, 11):
        driver = start(*run_arguments(run, "--checkpoint-every", "0.1"))
        wait_for(lambda num=num: num_records(run) >= num, driver)
        os.kill(driver.pid, signal.SIGKILL)
        assert ended(driver).returncode == -signal.SIGKILL
    left = 14 - num_records(run)
    assert left > 0
    done = sweeper(*run_arguments(run))
    assert done.returncode == 0, done.stderr
    assert len([line for line in done.stdout.splitlines() if line.startswith("[")]) == left
    assert content(run) == content(alone)


def stopped_by(driver: "subprocess.Popen[str]", number: signal.Signals) -> "subprocess.CompletedProcess[str]":
    """Signal the whole process group of a driver, and check the end of the driver and of its Ray."""
    begin = time.monotonic()
    os.killpg(driver.pid, number)
    out, err = driver.communicate(timeout=PATIENCE)
    assert time.monotonic() - begin < 10
    assert driver.returncode == 130
    assert "Stopped before the end. The same command continues the sweep." in out
    assert "Traceback" not in err
    wait_for(lambda: not session_members(driver.pid))
    return subprocess.CompletedProcess(driver.args, driver.returncode, out, err)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_a_signal_to_the_process_group_ends_a_starting_ray_within_10_seconds(
    tmp_path: Path, number: signal.Signals
) -> None:
    driver = start(*run_arguments(tmp_path / "run"))
    wait_for(lambda: any("gcs_server" in command for command in session_members(driver.pid).values()), driver)
    stopped_by(driver, number)


def test_a_signal_to_the_process_group_during_trials_ends_the_sweep_and_the_same_command_reaches_the_same_ledger(
    alone: Path, tmp_path: Path
) -> None:
    arguments = run_arguments(tmp_path / "run", "--checkpoint-every", "0.1")
    for number, num in ((signal.SIGTERM, 1), (signal.SIGHUP, 6)):
        driver = start(*arguments)
        wait_for(lambda num=num: num_records(tmp_path / "run") >= num, driver)
        assert workers_at_work(driver.pid)
        done = stopped_by(driver, number)
        assert "LOST" not in done.stdout
    assert num_records(tmp_path / "run") < 14
    assert sweeper(*arguments).returncode == 0
    assert content(tmp_path / "run") == content(alone)


def test_a_signal_to_all_processes_ends_the_sweep_although_ray_is_dead(tmp_path: Path) -> None:
    driver = start(*run_arguments(tmp_path / "run", "--set", "targets=names"))
    wait_for(lambda: num_records(tmp_path / "run") >= 1, driver)
    for pid in session_members(driver.pid):
        if pid != driver.pid:
            os.kill(pid, signal.SIGTERM)
    done = stopped_by(driver, signal.SIGTERM)
    assert "LOST" not in done.stdout


def test_ctrl_c_before_ray_starts_ends_in_the_same_way(tmp_path: Path) -> None:
    driver = start(*run_arguments(tmp_path / "run"))
    wait_for((tmp_path / "run" / "site.json").exists, driver)
    stopped_by(driver, signal.SIGINT)


def test_a_damaged_record_is_reported_and_set_aside_and_only_its_trial_runs_again(alone: Path, run_copy: Path) -> None:
    name = "tiny/parts -> names/seed 2"
    records = run_copy / "ledger" / "trainings"
    damaged = next(path for path in records.glob("*.json") if json.loads(path.read_text())["spec"]["name"] == name)
    damaged.write_bytes(damaged.read_bytes()[:-200])
    done = sweeper(*run_arguments(run_copy))
    assert done.returncode == 0, done.stderr
    assert f"trainings/{damaged.name} is not JSON" in done.stdout
    assert damaged.with_name(f"{damaged.name}.damaged").exists()
    lines = [line for line in done.stdout.splitlines() if line.startswith("[")]
    assert len(lines) == 1
    assert lines[0].startswith(f"[14/14] {name}")
    assert content(run_copy) == content(alone)


def test_lost_scores_are_computed_again_from_the_kept_encoder(alone: Path, run_copy: Path) -> None:
    scores = run_copy / "ledger" / "scores"
    gone = next(path for path in scores.glob("*.json") if json.loads(path.read_text())["target"] == "parts")
    gone.unlink()
    done = sweeper(*run_arguments(run_copy))
    assert done.returncode == 0, done.stderr
    assert content(run_copy) == content(alone)


def test_a_second_driver_in_the_same_run_folder_is_refused(alone: Path) -> None:
    with FileLock(alone / ".lock"):
        done = sweeper(*run_arguments(alone))
    assert done.returncode == 2
    assert done.stderr.startswith("error: Another `sweeper run` is working in ")
    assert "Traceback" not in done.stderr


def test_a_space_that_grew_runs_only_the_added_trials(alone: Path, run_copy: Path) -> None:
    done = sweeper(*run_arguments(run_copy, "--set", "seeds=3"))
    assert done.returncode == 0, done.stderr
    assert "19 of 19 trials are in the ledger" in done.stdout
    assert content(alone).items() <= content(run_copy).items()


def test_any_other_change_of_the_space_is_refused_with_the_difference(alone: Path) -> None:
    before = content(alone)
    done = sweeper(*run_arguments(alone, "--set", "epochs=2"))
    assert done.returncode == 2
    assert "targets.names.training.epochs: 10.0 -> 2.0" in done.stderr
    assert content(alone) == before


def test_a_run_folder_of_a_newer_version_is_refused(run_copy: Path) -> None:
    record = next((run_copy / "ledger" / "trainings").glob("*.json"))
    record.write_text(record.read_text().replace(f'"format": {FORMAT}', f'"format": {FORMAT + 1}'))
    for arguments in (run_arguments(run_copy), ("status", str(run_copy))):
        done = sweeper(*arguments)
        assert done.returncode == 2
        assert f"has format {FORMAT + 1}; this version reads format {FORMAT}. Update the sweeper." in done.stderr


def test_a_run_folder_of_an_earlier_version_is_refused_by_every_command_and_stays_unchanged(run_copy: Path) -> None:
    for file in run_copy.rglob("*.json"):
        file.write_text(file.read_text().replace(f'"format": {FORMAT}', f'"format": {FORMAT - 1}'))
    before = {path: path.read_bytes() for path in (run_copy / "ledger").rglob("*.json")}
    export = ("export", str(run_copy), "--target", "names", "--out", str(run_copy / "model"))
    submit = ("submit", str(run_copy), "--best-per-target")
    for command in (("status", str(run_copy)), ("report", str(run_copy)), submit, export):
        done = sweeper(*command)
        assert done.returncode == 2, command
        assert f"space.json has format {FORMAT - 1}, and this version reads format {FORMAT}" in done.stderr
        assert "Start a new run folder with another --out" in done.stderr
    # The command `run` refuses the folder as well, before it writes anything.
    assert sweeper(*run_arguments(run_copy)).returncode == 2
    assert {path: path.read_bytes() for path in (run_copy / "ledger").rglob("*.json")} == before


def test_a_run_that_is_refused_creates_no_folder() -> None:
    done = sweeper("run", "tiny", "--cache", str(session_folder() / "cache"), "--set", "targets=nothing")
    assert done.returncode == 2
    assert not (session_folder() / "runs").exists()
