"""A sweep on a cluster of several nodes with a bucket: nodes are drained and killed, and the head is replaced."""

import signal
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from sweeper.records.progress import TrialProgress
from sweeper.run.run import Run
from tests.buckets import bucket, downloads
from tests.cluster.metadata import Metadata, metadata, start_script
from tests.cluster.ray_nodes import SOON, Nodes
from tests.runs import (
    CORNER,
    PATIENCE,
    ROOT,
    content,
    ended,
    run_arguments,
    shared_cache,
    start,
    sweeper,
    tiny_run,
    wait_for,
)

__all__ = ["bucket", "metadata"]
pytestmark = [pytest.mark.slow, pytest.mark.cluster, pytest.mark.timeout(8 * PATIENCE)]
SPACE = str(ROOT / "tests/cluster/sixty_trials.py")


RUN = "s3://sweeps/nodes"


def runs_again(trial: TrialProgress, run: Run) -> bool:
    """Whether another worker has started or ended a trial."""
    workers = {each.pid for each in run.progress.read_all() if each.key == trial.key}
    return bool(workers - {trial.pid}) or run.ledger.training(trial.key) is not None


def test_a_drained_node_a_killed_node_and_a_killed_head_leave_the_ledger_of_an_undisturbed_sweep(
    bucket: Mapping[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in bucket.items():
        monkeypatch.setenv(name, value)
    arguments = ("run", SPACE, "--out", RUN, "--cache", shared_cache())
    run = Run.at(RUN)
    records = run.ledger.folder.child("trainings")

    cluster = Nodes(tmp_path, bucket)
    try:
        drained, killed = cluster.add("drained"), cluster.add("killed")
        cluster.add("kept", num_cpus=2)
        driver = start(*arguments, "--address", cluster.address, env={**bucket, **SOON})
        wait_for(lambda: len(records.names()) >= 8, driver, pause=0.5)
        trial = wait_for(lambda: cluster.pause_trial(drained, run), driver, pause=0.5)
        cluster.drain(drained, seconds=0.1)
        time.sleep(0.2)
        cluster.kill(drained, trial)
        other = wait_for(lambda: cluster.pause_trial(killed, run), driver, pause=0.5)
        cluster.kill(killed, other)
        wait_for(lambda: runs_again(trial, run) and runs_again(other, run), driver, pause=0.5)
        cluster.kill_head()
        first = ended(driver)
    finally:
        cluster.shutdown()
    assert first.returncode == 3, first.stdout + first.stderr
    assert "On a new head, the same command continues the sweep." in first.stderr
    assert len(records.names()) < 60

    cluster = Nodes(tmp_path, bucket)
    try:
        for name in ("first", "second", "third"):
            cluster.add(name)
        second = sweeper(*arguments, "--address", cluster.address, env=bucket)
    finally:
        cluster.shutdown()
    assert second.returncode == 0, second.stdout + second.stderr
    assert "60 of 60 trials are in the ledger" in second.stdout
    # Tune itself repeats the trial of a drained node, if Ray says that the node was preempted.
    assert first.stdout.count("Its worker died, and it runs again.") in (1, 2), first.stdout
    for word in ("FAILED", "LOST", "Traceback"):
        assert word not in first.stdout + second.stdout
    fetched = downloads(bucket, "model.safetensors")
    assert max(fetched.values()) == 1, "an encoder has crossed to a node twice"
    assert len({node for node, _ in fetched}) >= 2, "the encoders have hardly crossed to nodes"
    for method in ("PUT", "GET"):
        assert max(downloads(bucket, ".tar", method).values()) == 1, "tokenised data have crossed to a node twice"
    in_trials = [key for key in run.ledger.trainings() if "sweeper.data.encode: tokenising" in run.logs.read(key)]
    assert in_trials == [], "a trial has tokenised data again"

    undisturbed = tmp_path / "undisturbed"
    done = sweeper("run", SPACE, "--out", str(undisturbed), "--cache", shared_cache(), "--workers", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert content(RUN) == content(undisturbed)


def test_a_sweep_that_starts_on_a_laptop_continues_on_a_cluster_and_back_with_the_same_ledger(
    bucket: Mapping[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in bucket.items():
        monkeypatch.setenv(name, value)
    undisturbed = content(tiny_run())
    arguments = run_arguments("s3://sweeps/moved")
    records = Run.at("s3://sweeps/moved").ledger.folder.child("trainings")

    def run_until(num_records: int, *options: str) -> None:
        driver = start(*arguments, *options, env=bucket)
        wait_for(lambda: len(records.names()) >= num_records, driver, pause=0.5)
        driver.send_signal(signal.SIGTERM)
        stopped = ended(driver)
        assert stopped.returncode == 130, stopped.stdout + stopped.stderr
        assert "The same command continues the sweep" in stopped.stdout

    run_until(2)
    cluster = Nodes(tmp_path, bucket)
    try:
        for name in ("first", "second"):
            cluster.add(name)
        run_until(7, "--address", cluster.address)
    finally:
        cluster.shutdown()
    assert len(records.names()) < 14
    done = sweeper(*arguments, env=bucket)
    assert done.returncode == 0, done.stdout + done.stderr
    assert content("s3://sweeps/moved") == undisturbed


def test_a_training_on_a_spot_machine_is_saved_at_once_after_the_notice_of_the_cloud_and_continues_elsewhere(
    tmp_path: Path, metadata: Metadata
) -> None:
    run = Run.at(str(tmp_path / "run"))
    arguments = ("run", "tiny", "--out", run.url, "--cache", shared_cache(), *CORNER, "--workers", "1")
    cluster = Nodes(tmp_path, {})
    try:
        node = cluster.add("drained")
        rarely = ("--checkpoint-every", "3600", "--set", "targets.names.training.epochs=500")
        driver = start(*arguments, *rarely, "--address", cluster.address)
        wait_for(lambda: any(trial.step for trial in run.progress.read_all()), driver)
        metadata.announce("aws", seconds=3600)
        notice = ("--metadata", metadata.url, "--node", node.node_id, "--lock", str(tmp_path / "lock"))
        with start_script("aws", *notice) as process:
            output, _ = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, output
        wait_for(lambda: list((tmp_path / "run/checkpoints").glob("*.pt")), driver)
        cluster.kill(node)
        cluster.add("other")
        (record,) = wait_for(lambda: list(run.ledger.trainings().values()), driver)
        driver.send_signal(signal.SIGTERM)
        ended(driver)
    finally:
        cluster.shutdown()
    assert int(record.machine["resumed_at"]) > 0
