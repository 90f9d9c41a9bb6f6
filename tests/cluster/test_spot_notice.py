"""`deploy/spot_notice.py`: the notices of a metadata server of the tests, and the drain of a node of a real Ray."""

import runpy
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.metadata import SCRIPT, Metadata, metadata, start_script
from tests.cluster.ray_nodes import Nodes
from tests.runs import PATIENCE, ROOT

__all__ = ["metadata"]


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    return runpy.run_path(str(SCRIPT))


@pytest.mark.parametrize(("cloud", "seconds"), [("aws", 100), ("google", 30)])
def test_the_notice_of_a_cloud_gives_the_seconds_until_the_end(
    metadata: Metadata, script: dict[str, Any], cloud: str, seconds: int
) -> None:
    ask: Callable[[str], float | None] = script["CLOUDS"][cloud]
    assert ask(metadata.url) is None
    metadata.announce(cloud)
    left = ask(metadata.url)
    assert left is not None and seconds - 10 < left <= seconds


def test_an_answer_that_is_cut_off_does_not_end_the_watch(
    metadata: Metadata, script: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(script["wait_for_notice"].__globals__, "PAUSE", 0.0)
    metadata.announce("google")
    metadata.num_broken = 2
    assert script["wait_for_notice"]("google", metadata.url) == 30
    assert metadata.asked == 3


def test_a_drain_that_does_not_return_is_given_up_at_the_end_of_its_time(
    script: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "python").write_text(f"#!/bin/sh\nexec sleep {PATIENCE}\n")
    (tmp_path / "python").chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    start = time.monotonic()
    assert not script["drain"]("abc", "10.0.0.1:6379", 0.5)
    assert time.monotonic() - start < PATIENCE / 2


def test_the_nodes_of_ray_on_this_machine_are_those_of_its_raylets(script: dict[str, Any], tmp_path: Path) -> None:
    commands = {
        "10": ["/venv/ray/raylet", "--node_id=abc", "--gcs-address=10.0.0.1:6379", "--port=0", ""],
        "11": ["python", "agent.py", "--node_id=abc", "--gcs-address=10.0.0.1:6379"],
        "12": ["/venv/ray/gcs_server", "--node_id=abc"],
        "13": [],
    }
    for process, words in commands.items():
        (tmp_path / process).mkdir()
        (tmp_path / process / "cmdline").write_text("\0".join(words))
    (tmp_path / "14").mkdir()
    assert script["ray_nodes"](tmp_path) == {"abc": "10.0.0.1:6379"}


@pytest.mark.seconds
def test_a_second_process_on_a_machine_ends_at_once(metadata: Metadata, tmp_path: Path) -> None:
    arguments = ("aws", "--metadata", metadata.url, "--lock", str(tmp_path / "lock"))
    with start_script(*arguments) as first:
        while not metadata.asked:
            assert first.poll() is None
            time.sleep(0.1)
        with start_script(*arguments) as second:
            assert second.wait(timeout=PATIENCE) == 0
        assert first.poll() is None
        first.kill()


@pytest.mark.slow
@pytest.mark.cluster
@pytest.mark.parametrize("cloud", ["aws", "google"])
def test_a_notice_drains_the_node(metadata: Metadata, tmp_path: Path, cloud: str) -> None:
    cluster = Nodes(tmp_path, {})
    try:
        node = cluster.add("spot")
        arguments = ("--metadata", metadata.url, "--node", node.node_id, "--lock", str(tmp_path / "lock"))
        with start_script(cloud, *arguments) as process:
            while not metadata.asked:
                assert process.poll() is None
                time.sleep(0.1)
            metadata.announce(cloud)
            output, _ = process.communicate(timeout=PATIENCE)
        assert "The cloud takes this machine away in " in output
        assert process.returncode == 0, output
        end = cluster.end_of(node)
        assert end == "draining" or "The cloud takes this machine away." in end
    finally:
        cluster.shutdown()


@pytest.mark.parametrize(("file", "cloud"), [("cluster.yaml", "aws"), ("deploy/gcp.yaml", "google")])
def test_workers_of_the_cluster_files_start_the_script_and_the_head_does_not(file: str, cloud: str) -> None:
    config = yaml.safe_load((ROOT / file).read_text())
    assert config["file_mounts"]["~/transfer-sweeper/deploy/spot_notice.py"] == "deploy/spot_notice.py"
    start = config["worker_start_ray_commands"][-1]
    assert f"python ~/transfer-sweeper/deploy/spot_notice.py {cloud} " in start
    assert "spot_notice" not in str(config["head_start_ray_commands"])
